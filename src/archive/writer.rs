//! Writing a segment: bodies are gathered into frames of about a megabyte, in the order they came.

use std::io::Write as _;

use super::segment::{FrameAt, INDEX_MAGIC, Index, MAGIC, Segment, StepAt};
use super::{Head, Step};
use crate::error::{Error, Result};

/// A frame is closed once it holds so many bytes: enough for a good ratio, little enough to be read by itself.
const FRAME_BYTES: usize = 1 << 20;

/// Fast enough that the archive costs a sync next to nothing; higher levels save little of JSON that repeats
/// itself as much as this.
const LEVEL: i32 = 1;

/// A segment that is being written.
pub struct SegmentWriter {
    bytes: Vec<u8>,
    frame: Vec<u8>,
    index: Index,
    zstd: zstd::bulk::Compressor<'static>,
}

impl SegmentWriter {
    /// An empty segment.
    ///
    /// # Errors
    /// Internal, when there is no memory for the compressor.
    pub fn new() -> Result<Self> {
        let zstd = zstd::bulk::Compressor::new(LEVEL).map_err(failed)?;
        let (bytes, frame) = (MAGIC.to_vec(), Vec::with_capacity(FRAME_BYTES));
        Ok(Self { bytes, frame, index: Index::default(), zstd })
    }

    /// Adds a step.
    ///
    /// # Errors
    /// Internal, when it cannot be compressed.
    pub fn push(&mut self, step: &Step) -> Result<()> {
        let mut bodies = Vec::with_capacity(step.bodies.len());
        for body in &step.bodies {
            if !self.frame.is_empty() && self.frame.len() + body.len() > FRAME_BYTES {
                self.end_frame()?;
            }
            bodies.push((self.index.frames.len() as u32, self.frame.len() as u32, body.len() as u32));
            self.frame.extend_from_slice(body);
        }
        self.index.steps.push(StepAt { head: step.head.clone(), bodies });
        Ok(())
    }

    /// The segment's bytes.
    ///
    /// # Errors
    /// Internal, when it cannot be compressed.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.end_frame()?;
        end(self.bytes, &self.index, &mut self.zstd)
    }

    fn end_frame(&mut self) -> Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let frame = self.zstd.compress(&self.frame).map_err(failed)?;
        let at = FrameAt(self.bytes.len() as u64, frame.len() as u32, self.frame.len() as u32);
        self.index.frames.push(at);
        self.bytes.extend_from_slice(&frame);
        self.frame.clear();
        Ok(())
    }
}

/// Several segments as one, their steps one after the other; no frame is compressed anew.
///
/// # Errors
/// Those of segments that are damaged.
pub fn join(segments: &[Segment]) -> Result<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    let mut index = Index::default();
    for segment in segments {
        let first = index.frames.len() as u32;
        for at in &segment.index.frames {
            let frame = segment.compressed(*at)?;
            index.frames.push(FrameAt(bytes.len() as u64, at.1, at.2));
            bytes.write_all(&frame).map_err(failed)?;
        }
        for step in &segment.index.steps {
            let moved = step.bodies.iter().map(|(frame, start, len)| (first + frame, *start, *len));
            index.steps.push(StepAt { head: step.head.clone(), bodies: moved.collect() });
        }
    }
    end(bytes, &index, &mut zstd::bulk::Compressor::new(LEVEL).map_err(failed)?)
}

fn end(mut bytes: Vec<u8>, index: &Index, zstd: &mut zstd::bulk::Compressor<'_>) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(index).map_err(|cause| failed(cause.into()))?;
    let packed = zstd.compress(&text).map_err(failed)?;
    let at = bytes.len() as u64;
    bytes.extend_from_slice(&packed);
    bytes.extend_from_slice(&at.to_le_bytes());
    bytes.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(INDEX_MAGIC);
    Ok(bytes)
}

impl std::fmt::Debug for SegmentWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentWriter").field("steps", &self.index.steps.len()).finish_non_exhaustive()
    }
}

impl Head {
    /// What people call it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Listed(_) => "listed",
            Self::Conversations(_) => "conversations",
            Self::Lookup(_) => "lookup",
            Self::List(_) => "list",
            Self::Derived { .. } => "derived",
            Self::Empty { .. } => "empty",
            Self::Strays { .. } => "strays",
            Self::Reset { .. } => "reset",
        }
    }
}

fn failed(cause: std::io::Error) -> Error {
    Error::internal("pages cannot be compressed").caused_by(cause)
}
