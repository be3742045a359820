//! What a table is. Tables are plain data and open for addition; the kinds of columns and the ways to
//! come by rows are closed enums, so that the compiler points at every place that must learn a new one.
//!
//! Knows nothing of HTTP, Parquet or files.

mod arrow;
mod column;
mod ddl;
mod kind;
mod markdown;
mod partition;
mod source;
mod table;

pub use self::arrow::{arrow_type, fingerprint};
pub use self::column::{Column, Origin};
pub use self::ddl::ddl;
pub use self::kind::{Kind, TIME_MS_END, TIME_MS_START};
pub use self::markdown::markdown;
pub use self::partition::{NULL_PARTITION, Partition, PartitionBy, Span};
pub use self::source::{Absence, Call, Paging, Rows, Source};
pub use self::table::Table;
