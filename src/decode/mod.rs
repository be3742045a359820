//! From pages of JSON to Arrow: one batch per table, column by column, with no row type in between.
//!
//! Nothing of a record is lost. What a column cannot hold as it was sent, and every field that the table
//! does not name, stands in `_extra` (`extra.rs` says how). A record without a usable key is set aside as it
//! came. One odd value never costs a page (`mend.rs`); a page that is not JSON, or whose records do not
//! stand where they should, is an error.
//!
//! The way of a page: `tape.rs` parses it, `locate.rs` learns where the values are, `column.rs` fills each
//! column for all its rows. Knows no HTTP, no Parquet, no files, and does not wait.

mod batch;
mod column;
mod escape;
mod extra;
mod group;
mod layout;
mod locate;
mod mend;
mod notes;
pub mod skim;
mod tape;
mod token;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use crate::error::{Error, Result};
use crate::page::Page;
use crate::schema::{Rows, Table};

/// How many bytes of pages are decoded at once: text of arrays is counted in 31 bits, and `_extra` may take
/// several times the space of what was sent.
const BYTES_MAX: usize = 256 << 20;

/// From the first pages, one part in so many, it is told how long the columns become.
const SAMPLE: usize = 64;

/// How many distinct unknown fields are counted one by one; the rest are counted under [`OTHERS`].
const UNKNOWN_MAX: usize = 1000;

/// Where unknown fields beyond the first thousand are counted together.
const OTHERS: &str = "…";

/// What the pages of a table held.
#[derive(Debug)]
pub struct Decoded {
    /// The records, in the order in which they came. Columns that the run fills are null.
    pub batch: RecordBatch,
    /// For each row, the index of its page.
    pub page_of_row: Vec<u32>,
    /// For each column, how many values stand in `_extra` because they did not fit it, fit it only as text,
    /// or were repeated. A value of a nested field is counted under the column of the table.
    pub misfits: BTreeMap<&'static str, u64>,
    /// For each field that no column is meant for, by API names with dots, how often it came. At most a
    /// thousand; the rest are counted under `…`.
    pub unknown: BTreeMap<String, u64>,
    /// Records that no row can stand for.
    pub set_aside: Vec<SetAside>,
}

/// A record that cannot be stored, because it is no object or has no usable key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The index of its page.
    pub page: u32,
    /// Why.
    pub reason: String,
    /// Its JSON text as it came, lossy only where it is not UTF-8.
    pub record: String,
}

/// All records of `pages` as one batch with the full schema of `table`.
///
/// Fails with `Unavailable` when a page is not JSON or has no records where `rows` says; with `Internal` when
/// the table is not one that is read, or the pages are more than 256 MiB.
pub fn decode<P: Borrow<Page>>(table: &Table, rows: Rows, pages: &[P]) -> Result<Decoded> {
    let length = |page: &P| page.borrow().body.len();
    let bytes: usize = pages.iter().map(length).sum();
    if bytes > BYTES_MAX {
        return Err(Error::internal(format!("{bytes} bytes of pages at once")).at("table", table.name));
    }
    let mut reading = batch::Reading::new(table, rows);
    let (mut next, mut read, mut is_roomy) = (0, 0, false);
    while next < pages.len() {
        let run = reading.run(&pages[next..]);
        let added = reading.pages(next as u32, &pages[next..next + run]);
        added.map_err(|error| error.at("table", table.name))?;
        read += pages[next..next + run].iter().map(length).sum::<usize>();
        next += run;
        if !is_roomy && read >= bytes / SAMPLE {
            reading.make_room(bytes / read.max(1));
            is_roomy = true;
        }
    }
    reading.finish()
}
