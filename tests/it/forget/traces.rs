//! Looks for somebody in every byte of a lake: in the raw bytes of each file, as text and as a number of eight
//! bytes (which is how footers and statistics hold ids), and in every decoded value of every Parquet file.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use arrow::array::Array;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use drift_simulator::Table as Truth;
use drift2parquet::archive::Segment;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::account::Account;

/// What would betray somebody: numbers and words.
#[derive(Debug, Clone, Default)]
pub struct Needles {
    numbers: Vec<i64>,
    words: Vec<String>,
}

impl Needles {
    /// The contact, their address, their conversations and all messages of these, as they are now.
    pub fn of_contact(account: &Account, contact: u32) -> Self {
        let conversations: Vec<u32> =
            account.drift.with_world(|world| world.conversations_of(contact).collect());
        let mut needles = Self::default();
        for row in conversations {
            needles.add(&Self::of_conversation(account, row));
        }
        let id = account.contact_id(contact);
        needles.numbers.push(id);
        needles.words.extend(email(account, id));
        needles
    }

    /// The conversation and all its messages, as they are now.
    pub fn of_conversation(account: &Account, row: u32) -> Self {
        let messages = account.drift.messages_of(row);
        let ids = messages.iter().filter_map(|text| value(text)["id"].as_i64());
        let numbers = ids.chain([account.conversation_id(row)]).collect();
        Self { numbers, words: Vec::new() }
    }

    /// This id alone.
    pub fn of_id(id: i64) -> Self {
        Self { numbers: vec![id], words: Vec::new() }
    }

    /// These words.
    pub fn of_words(words: impl IntoIterator<Item = String>) -> Self {
        Self { numbers: Vec::new(), words: words.into_iter().collect() }
    }

    pub fn add(&mut self, other: &Self) {
        self.numbers.extend(&other.numbers);
        self.words.extend(other.words.clone());
    }

    /// Where in the lake any of them stands; each is found at most once a file.
    pub fn traces(&self, account: &Account) -> Vec<String> {
        self.traces_below(account.lake.path())
    }

    /// The same for any folder.
    pub fn traces_below(&self, folder: &Path) -> Vec<String> {
        let mut files = BTreeMap::new();
        read(folder, &mut files);
        let mut found = Vec::new();
        for (path, bytes) in &files {
            let mut text = vec![String::from_utf8_lossy(bytes).into_owned()];
            if path.ends_with(".parquet") {
                text.extend(values(bytes));
            }
            if Path::new(path).extension().is_some_and(|kind| kind == "raw") {
                text.extend(pages(bytes));
            }
            found.extend(self.held(bytes).map(|number| format!("{path}: {number} as bytes")));
            let texts = self.numbers.iter().map(ToString::to_string).chain(self.words.iter().cloned());
            let standing = texts.filter(|needle| text.iter().any(|text| text.contains(needle.as_str())));
            found.extend(standing.map(|needle| format!("{path}: {needle} as text")));
        }
        found
    }
}

impl Needles {
    /// The numbers that stand among the bytes as eight bytes.
    fn held(&self, bytes: &[u8]) -> impl Iterator<Item = i64> {
        let numbers: HashSet<i64> = self.numbers.iter().copied().collect();
        let first: HashSet<u8> = numbers.iter().map(|number| number.to_le_bytes()[0]).collect();
        let mut found = BTreeSet::new();
        for (place, _) in bytes.iter().enumerate().filter(|(_, byte)| first.contains(byte)) {
            let Some(eight) = bytes.get(place..place + 8) else { break };
            let number = i64::from_le_bytes(eight.try_into().unwrap());
            found.extend(numbers.get(&number));
        }
        found.into_iter()
    }
}

/// The address, unless others have it too.
fn email(account: &Account, id: i64) -> Option<String> {
    let contacts = account.drift.truth(Truth::Contacts).map(|text| value(&text));
    let contact = contacts.into_iter().find(|contact| contact["id"].as_i64() == Some(id))?;
    let email = contact["attributes"]["email"].as_str()?;
    (!email.starts_with("shared-")).then(|| email.to_owned())
}

fn value(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn read(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            read(&entry.path(), files);
        } else {
            files.insert(entry.path().display().to_string(), std::fs::read(entry.path()).unwrap());
        }
    }
}

/// All that a segment of the archive holds, as text.
fn pages(bytes: &[u8]) -> Vec<String> {
    let segment = Segment::open(bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let mut texts = Vec::new();
    for number in 0..segment.steps().len() {
        let step = segment.step(number).unwrap();
        texts.push(serde_json::to_string(&step.head).unwrap());
        for body in step.bodies {
            let is_parquet = body.starts_with(b"PAR1");
            texts.extend(if is_parquet {
                values(&body)
            } else {
                vec![String::from_utf8_lossy(&body).into_owned()]
            });
        }
    }
    texts
}

/// Every value of a Parquet file as text, one text a column.
fn values(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let batches = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let mut texts = Vec::new();
    for batch in batches.map(Result::unwrap) {
        for column in batch.columns() {
            // Times as numbers, since without a database of time zones not even UTC can be shown.
            let is_time = matches!(column.data_type(), DataType::Timestamp(..));
            let column = if is_time { cast(column, &DataType::Int64).unwrap() } else { column.clone() };
            let options = FormatOptions::default();
            let column = ArrayFormatter::try_new(&column, &options).unwrap();
            let values: Vec<String> =
                (0..batch.num_rows()).map(|row| column.value(row).to_string()).collect();
            texts.push(values.join("\n"));
        }
    }
    texts
}
