//! The archive of raw pages: what each step of a run got from Drift, as it came, so that the lake can be made
//! again from it with no API at all. This is its form as bytes: steps in segments.
//!
//! ```text
//!  Step = Head (what was asked, in which walk, what answered 404) + bodies
//!  segment = magic │ zstd frames of bodies │ zstd frame of the index │ trailer
//! ```
//!
//! Promises: bodies come out byte for byte as they went in; a segment that was cut off or changed is an error,
//! never other steps; segments are joined without being compressed anew. A step is all that one fold needs, so
//! replaying steps in order is folding what was folded. Pure computing: knows nothing of stores, of tables, or
//! of what is inside a body. The only place with zstd.

mod head;
mod segment;
mod writer;

use bytes::Bytes;

pub use self::head::{
    Absent, Conversation, Conversations, Head, Home, List, Looked, Lookup, Pages, Thread, Window,
};
pub use self::segment::{Input, Segment, StepAt};
pub use self::writer::{SegmentWriter, join};

/// What one step of a run got, or did.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it was.
    pub head: Head,
    /// The bodies, in the order that the head implies.
    pub bodies: Vec<Bytes>,
}

impl Step {
    /// A step without pages.
    pub fn bare(head: Head) -> Self {
        Self { head, bodies: Vec::new() }
    }

    /// How long its bodies are together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bodies.iter().map(|body| body.len() as u64).sum()
    }
}
