//! Data files: one Parquet object per partition, encoded in memory and read back by row group.
//! The only place with Parquet.
//!
//! Promises: the same rows give the same bytes, however they were cut into batches and however many
//! threads encoded them, since row groups are cut by the rows alone ([`Encoder`]) and nothing of the run
//! is in the file. Every object that [`open`] accepts is read under the table's present schema, also one
//! that an older version wrote.
//!
//! Knows nothing of JSON, HTTP, or where objects go.

mod conform;
mod encoder;
mod end;
mod guard;
mod input;
mod picked;
mod plain;
mod properties;
mod reader;
#[cfg(test)]
pub(crate) mod samples;
mod sizes;
mod summary;
#[cfg(test)]
mod tests;

/// What an object is read from: a file, or bytes in memory.
pub use parquet::file::reader::ChunkReader;

pub use self::conform::{Difference, conform};
pub use self::encoder::{Encoded, Encoder};
pub use self::end::End;
pub use self::guard::is_guarded;
pub use self::plain::{decode_plain, encode_plain};
pub use self::reader::{Batches, Reader, open};
pub use self::sizes::bytes_of;
pub use self::summary::ColumnSummary;
