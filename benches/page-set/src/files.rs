//! The same records as files: page bodies, one a line, and ready NDJSON of each table, one record a line.

use std::fs::{File, create_dir_all};
use std::io::{BufWriter, Result, Write as _};
use std::path::Path;

use crate::pages;
use crate::plan::{Conversation, Plan, Shape};
use crate::record::Records;

/// A file is followed by the next once it holds so many bytes, so that every reader may share them among cores.
const FILE_BYTES: u64 = 16 << 20;

/// What a set holds.
#[derive(Debug, Default)]
pub struct Sums {
    /// Pages that were written as bodies.
    pub pages: u64,
    /// Bytes of their bodies.
    pub body_bytes: u64,
    /// Conversations.
    pub conversations: u64,
    /// Bytes of their records.
    pub conversation_bytes: u64,
    /// Messages.
    pub messages: u64,
    /// Bytes of their records.
    pub message_bytes: u64,
}

/// Lines of one kind, in as many files as they need.
struct Lines<'a> {
    folder: &'a Path,
    kind: &'a str,
    number: u32,
    bytes: u64,
    file: Option<BufWriter<File>>,
}

impl<'a> Lines<'a> {
    fn new(folder: &'a Path, kind: &'a str) -> Result<Self> {
        create_dir_all(folder)?;
        Ok(Self { folder, kind, number: 0, bytes: 0, file: None })
    }

    fn push(&mut self, line: &[u8]) -> Result<()> {
        if self.bytes >= FILE_BYTES || self.file.is_none() {
            self.end()?;
            let path = self.folder.join(format!("{}-{:04}.ndjson", self.kind, self.number));
            self.file = Some(BufWriter::with_capacity(1 << 20, File::create(path)?));
            (self.number, self.bytes) = (self.number + 1, 0);
        }
        if let Some(file) = &mut self.file {
            file.write_all(line)?;
            file.write_all(b"\n")?;
        }
        self.bytes += line.len() as u64 + 1;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.file.take().map_or(Ok(()), |mut file| file.flush())
    }
}

/// Writes page bodies: of whole conversations, many a page where pages are full, and of messages.
pub fn bodies(plan: &Plan, folder: &Path) -> Result<Sums> {
    let records = Records::new(plan);
    let mut conversations = Lines::new(folder, "conversations")?;
    let mut messages = Lines::new(folder, "messages")?;
    let mut sums = Sums::default();
    let mut push = |lines: &mut Lines<'_>, body: &[u8]| {
        sums.pages += 1;
        sums.body_bytes += body.len() as u64;
        lines.push(body)
    };
    let rows: Vec<u32> = (0..plan.conversations).collect();
    for page in rows.chunks(pages::LISTED_A_PAGE) {
        let page: Vec<Conversation> = page.iter().map(|row| plan.conversation(*row)).collect();
        match plan.shape {
            Shape::Dense | Shape::Full => push(&mut conversations, &pages::gathered(&records, &page))?,
            Shape::Real => {
                page.iter().try_for_each(|one| push(&mut conversations, &pages::detail(&records, one)))?;
            }
        }
        for one in &page {
            pages::thread(&records, one).iter().try_for_each(|body| push(&mut messages, body))?;
        }
    }
    conversations.end()?;
    messages.end()?;
    Ok(sums)
}

/// Writes the ready records of each table.
pub fn ndjson(plan: &Plan, folder: &Path) -> Result<Sums> {
    let records = Records::new(plan);
    let mut conversations = Lines::new(folder, "conversations")?;
    let mut messages = Lines::new(folder, "messages")?;
    let (mut sums, mut text) = (Sums::default(), Vec::new());
    for one in (0..plan.conversations).map(|row| plan.conversation(row)) {
        text.clear();
        records.conversation(&one, &mut text);
        sums.conversations += 1;
        sums.conversation_bytes += text.len() as u64;
        conversations.push(&text)?;
        for index in 0..one.messages {
            text.clear();
            records.message(&one, index, &mut text);
            sums.messages += 1;
            sums.message_bytes += text.len() as u64;
            messages.push(&text)?;
        }
    }
    conversations.end()?;
    messages.end()?;
    Ok(sums)
}
