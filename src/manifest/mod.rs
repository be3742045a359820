//! The manifest: immutable, numbered, the one truth about what a lake holds. Creating the next number if
//! it is absent is the commit. `docs/manifest.md` describes it for readers.
//!
//! It holds never a secret and never personal data. Knows nothing of JSON pages, Arrow, Parquet or HTTP.

mod check;
mod forgotten;
mod format;
mod log;

pub use self::forgotten::{Forgotten, Subject};
pub use self::format::{
    Archive, ArchiveSegment, Erasing, FORMAT, FullWalk, Lease, Manifest, ObjectState, Pending, RunState,
    RunStatus, TableState, TodoChunk, WalkState,
};
pub use self::log::{Log, MANIFESTS_KEPT, number_of};
