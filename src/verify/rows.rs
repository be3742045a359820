//! The rows of one object: each decodes, stands once in order and in its partition, and says what the
//! program's own columns must say. Holds one row group at a time.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use crate::data_file::Reader;
use crate::error::{Error, Result};
use crate::schema::{Partition, Span, Table};

use super::json;

/// What the rows of an object are, and what is wrong with them.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub rows: u64,
    pub deleted: u64,
    /// Whether all of it decodes.
    pub readable: bool,
    pub faults: Vec<String>,
    pub notes: Vec<String>,
}

impl Contents {
    pub(super) fn unreadable(fault: String) -> Self {
        Self { faults: vec![fault], ..Self::default() }
    }
}

/// Rows that break one rule.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    count: u64,
    first: Option<u64>,
}

impl Tally {
    fn add(&mut self, row: u64) {
        self.count += 1;
        self.first.get_or_insert(row);
    }

    fn say(self, what: &str) -> Option<String> {
        let first = self.first?;
        Some(format!("{what} ({} in all, the first is row {first})", self.count))
    }
}

/// Reads an object row group by row group.
///
/// # Errors
/// [`Error::store`] when its rows do not decode.
pub(super) fn read(
    table: &'static Table,
    reader: &Reader,
    partition: Option<&str>,
    span: Option<Span>,
) -> Result<Contents> {
    let mut check = Check::new(table, partition, span)?;
    for batch in reader.batches() {
        check.step(&batch?)?;
    }
    Ok(check.finish())
}

struct Check<'a> {
    table: &'static Table,
    partition: Option<&'a str>,
    span: Span,
    converter: RowConverter,
    last: Option<Vec<u8>>,
    /// Whether a day, in days since 1970, belongs to the partition.
    days: HashMap<Option<i64>, bool>,
    rows: u64,
    deleted: u64,
    disorder: Tally,
    nameless: Tally,
    undated: Tally,
    misplaced: Tally,
    elsewhere: Tally,
    json: BTreeMap<&'static str, Tally>,
}

impl<'a> Check<'a> {
    fn new(table: &'static Table, partition: Option<&'a str>, span: Option<Span>) -> Result<Self> {
        let schema = table.schema();
        let field = |name: &&str| schema.field_with_name(name).map(|f| SortField::new(f.data_type().clone()));
        let converter = table.sort.iter().map(field).collect::<Result<_, _>>().and_then(RowConverter::new);
        Ok(Self {
            table,
            partition,
            span: span.unwrap_or_default(),
            converter: converter.map_err(unexpected)?,
            last: None,
            days: HashMap::new(),
            rows: 0,
            deleted: 0,
            disorder: Tally::default(),
            nameless: Tally::default(),
            undated: Tally::default(),
            misplaced: Tally::default(),
            elsewhere: Tally::default(),
            json: BTreeMap::new(),
        })
    }

    fn step(&mut self, batch: &RecordBatch) -> Result<()> {
        self.check_order(batch)?;
        self.check_run_columns(batch);
        self.check_partition(batch);
        self.check_json(batch);
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn check_order(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns: Vec<ArrayRef> = self.table.sort.iter().map(|name| column(batch, name).clone()).collect();
        let identities = self.converter.convert_columns(&columns).map_err(unexpected)?;
        for (row, identity) in identities.iter().enumerate() {
            let follows = match row.checked_sub(1) {
                Some(before) => identities.row(before) < identity,
                None => self.last.as_deref().is_none_or(|last| last < identity.data()),
            };
            if !follows {
                self.disorder.add(self.rows + row as u64);
            }
            if columns.iter().any(|column| column.is_null(row)) {
                self.nameless.add(self.rows + row as u64);
            }
        }
        if let Some(last) = batch.num_rows().checked_sub(1) {
            self.last = Some(identities.row(last).data().to_owned());
        }
        Ok(())
    }

    fn check_run_columns(&mut self, batch: &RecordBatch) {
        let deleted = column(batch, "_deleted_at");
        self.deleted += (deleted.len() - deleted.null_count()) as u64;
        let synced = column(batch, "_synced_at");
        (0..batch.num_rows())
            .filter(|row| synced.is_null(*row))
            .for_each(|row| self.undated.add(self.rows + row as u64));
    }

    fn check_partition(&mut self, batch: &RecordBatch) {
        match self.table.partition {
            Partition::Bucket(count) => self.check_bucket(batch, count),
            Partition::Time(name) => self.check_time(batch, name),
            Partition::Whole | Partition::OfConversation => {}
        }
    }

    fn check_bucket(&mut self, batch: &RecordBatch, count: u16) {
        let keys = column(batch, self.table.key[0]).as_primitive::<Int64Type>();
        let bucket =
            (0..i64::from(count)).find(|key| self.partition == Some(Partition::bucket(count, *key).as_str()));
        for (row, key) in keys.values().iter().enumerate() {
            if bucket != Some(key.rem_euclid(i64::from(count))) {
                self.misplaced.add(self.rows + row as u64);
            }
        }
    }

    /// The partition is fixed when a key is first stored, so a time that has moved since is no fault.
    fn check_time(&mut self, batch: &RecordBatch, name: &str) {
        let times = column(batch, name).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let time = times.is_valid(row).then(|| times.value(row));
            let (span, partition) = (self.span, self.partition);
            let day = time.map(|us| us.div_euclid(DAY_US));
            let belongs = *self.days.entry(day).or_insert_with(|| Some(span.of(time).as_str()) == partition);
            if !belongs {
                self.elsewhere.add(self.rows + row as u64);
            }
        }
    }

    fn check_json(&mut self, batch: &RecordBatch) {
        for known in self.table.all_columns() {
            let array = column(batch, known.name);
            for row in json::faults(known, array) {
                self.json.entry(known.name).or_default().add(self.rows + row as u64);
            }
        }
    }

    fn finish(self) -> Contents {
        let sort = self.table.sort.join(", ");
        let partition = self.partition.unwrap_or_default();
        let mut faults = Vec::new();
        faults.extend(self.disorder.say(&format!("rows do not stand in order of {sort}, each once")));
        faults.extend(self.nameless.say(&format!("{sort} may not be null")));
        faults.extend(self.undated.say("_synced_at may not be null"));
        faults.extend(self.misplaced.say(&format!("rows do not belong to {partition}")));
        let json = self.json.into_iter();
        faults.extend(
            json.filter_map(|(name, tally)| tally.say(&format!("{name} is not the JSON it must be"))),
        );
        let moved =
            "Drift has given another time since the rows were first stored, so they stay in this partition";
        Contents {
            rows: self.rows,
            deleted: self.deleted,
            readable: true,
            faults,
            notes: self.elsewhere.say(moved).into_iter().collect(),
        }
    }
}

const DAY_US: i64 = 24 * 3600 * 1_000_000;

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    batch.column_by_name(name).expect("a reader hands out every declared column")
}

fn unexpected(error: ArrowError) -> Error {
    Error::internal("rows cannot be compared").caused_by(error)
}
