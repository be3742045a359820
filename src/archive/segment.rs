//! Reading a segment: the trailer, the index, then whichever frames are asked for. A segment may be a file, of
//! which only what is needed is in memory.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use zstd::bulk::Decompressor;

use super::{Conversation, Head, Step};
use crate::cpu;
use crate::error::{Error, Result};

/// How a segment begins; the byte after the letters is the version of the form.
pub(super) const MAGIC: &[u8; 8] = b"D2PRAW\x01\n";
/// How it ends.
pub(super) const INDEX_MAGIC: &[u8; 8] = b"D2PRAWIX";
/// Offset of the index, its length packed and unpacked, and the magic.
const TRAILER: u64 = 8 + 4 + 4 + 8;
/// No frame and no index is longer: what another hand has written must not take all memory.
const UNPACKED_MAX: u32 = 512 << 20;
/// So many bytes of a file are read at a time where all of it is read.
const PIECE_BYTES: usize = 256 << 10;

/// Where a frame lies: offset, length, length of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FrameAt(pub u64, pub u32, pub u32);

/// A step, and where its bodies lie: number of the frame, start, length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepAt {
    /// What it was.
    pub head: Head,
    /// Where its bodies lie.
    pub(super) bodies: Vec<(u32, u32, u32)>,
}

/// What a segment holds, and where.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Index {
    pub frames: Vec<FrameAt>,
    pub steps: Vec<StepAt>,
}

/// The index as its text, with heads that are not read yet.
#[derive(Deserialize)]
struct IndexText<'t> {
    frames: Vec<FrameAt>,
    #[serde(borrow)]
    steps: Vec<StepText<'t>>,
}

#[derive(Deserialize)]
struct StepText<'t> {
    #[serde(borrow)]
    head: &'t RawValue,
    bodies: Vec<(u32, u32, u32)>,
}

impl Index {
    fn read(text: &[u8]) -> serde_json::Result<Self> {
        let IndexText { frames, steps } = serde_json::from_slice(text)?;
        let step =
            |StepText { head, bodies }: StepText<'_>| Ok(StepAt { head: read_head(head.get())?, bodies });
        Ok(Self { frames, steps: steps.into_iter().map(step).collect::<serde_json::Result<_>>()? })
    }
}

/// A head whose kind is known is read at once; else serde makes a tree of it to learn the kind first, which takes
/// long for the ids of many conversations.
fn read_head(text: &str) -> serde_json::Result<Head> {
    if text.starts_with(r#"{"step":"conversations","#) {
        return serde_json::from_str(text).map(Head::Conversations);
    }
    serde_json::from_str(text)
}

/// A segment, opened.
#[derive(Debug)]
pub struct Segment {
    input: Input,
    pub(super) index: Index,
}

/// Where its bytes are.
#[derive(Debug)]
pub enum Input {
    /// In memory.
    Bytes(Bytes),
    /// In a file.
    File(File),
}

impl From<Bytes> for Input {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<File> for Input {
    fn from(file: File) -> Self {
        Self::File(file)
    }
}

impl StepAt {
    /// How long its bodies are together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bodies.iter().map(|(_, _, len)| u64::from(*len)).sum()
    }

    /// How many bodies it has.
    pub fn pages(&self) -> u64 {
        self.bodies.len() as u64
    }
}

impl Segment {
    /// Opens a segment by its trailer and index.
    ///
    /// # Errors
    /// [`Error::store`] when it is no whole segment.
    pub fn open(input: impl Into<Input>) -> Result<Self> {
        let input = input.into();
        let index = input.index()?;
        Ok(Self { input, index })
    }

    /// Opens a segment and answers the SHA-256 of all its bytes, in hex.
    ///
    /// # Errors
    /// The sum fails when the bytes cannot be read; the segment with [`Error::store`] when it is no whole one.
    pub fn open_and_sum(input: impl Into<Input>) -> Result<(String, Result<Self>)> {
        let input = input.into();
        let (sum, index) = cpu::both(input.length()?, || input.sum(), || input.index());
        Ok((sum?, index.map(|index| Self { input, index })))
    }

    /// About how much memory it takes, in bytes.
    pub fn held(&self) -> u64 {
        let bytes = if let Input::Bytes(bytes) = &self.input { bytes.len() } else { 0 };
        let step = |step: &StepAt| {
            let keys = if let Head::Conversations(head) = &step.head { head.with.len() } else { 0 };
            size_of_val(&step.bodies[..]) + keys * size_of::<Conversation>()
        };
        (bytes + self.index.steps.iter().map(step).sum::<usize>()) as u64
    }

    /// Its steps, without their bodies.
    pub fn steps(&self) -> &[StepAt] {
        &self.index.steps
    }

    /// The step of this number, with its bodies; its frames are unpacked on the pool.
    ///
    /// # Errors
    /// [`Error::store`] when a frame is damaged.
    pub fn step(&self, number: usize) -> Result<Step> {
        let at = self.index.steps.get(number).ok_or_else(|| damaged("it has no such step"))?;
        // A step's bodies follow each other, so a frame is needed by neighbours only.
        let mut numbers: Vec<u32> = at.bodies.iter().map(|(frame, _, _)| *frame).collect();
        numbers.dedup();
        let frames = cpu::map(at.bytes(), numbers, |number| Ok((number, self.frame(number)?)))?;
        let (mut frames, mut open) = (frames.into_iter(), None);
        let mut bodies = Vec::with_capacity(at.bodies.len());
        for (frame, start, len) in &at.bodies {
            if open.as_ref().is_none_or(|(number, _)| number != frame) {
                open = frames.next();
            }
            let (_, within) = open.as_ref().ok_or_else(|| damaged("it has no such frame"))?;
            let end = (*start as usize) + (*len as usize);
            if end > within.len() {
                return Err(damaged("a page ends beyond its frame"));
            }
            bodies.push(within.slice(*start as usize..end));
        }
        Ok(Step { head: at.head.clone(), bodies })
    }

    fn frame(&self, number: u32) -> Result<Bytes> {
        let at = *self.index.frames.get(number as usize).ok_or_else(|| damaged("it has no such frame"))?;
        unpack(&self.compressed(at)?, at.2).map(Bytes::from)
    }

    pub(super) fn compressed(&self, at: FrameAt) -> Result<Bytes> {
        self.input.compressed(at)
    }
}

impl Input {
    fn index(&self) -> Result<Index> {
        let length = self.length()?;
        if length < MAGIC.len() as u64 + TRAILER || self.read(0, MAGIC.len())?.as_ref() != MAGIC {
            return Err(damaged("it does not begin as a segment does"));
        }
        let trailer = self.read(length - TRAILER, TRAILER as usize)?;
        if &trailer[16..] != INDEX_MAGIC {
            return Err(damaged("it does not end as a segment does"));
        }
        let at = u64::from_le_bytes(trailer[..8].try_into().unwrap_or_default());
        let word =
            |range: std::ops::Range<usize>| u32::from_le_bytes(trailer[range].try_into().unwrap_or_default());
        let at = FrameAt(at, word(8..12), word(12..16));
        Index::read(&unpack(&self.compressed(at)?, at.2)?).map_err(damaged)
    }

    /// SHA-256 of all bytes, in hex. A file is read piece by piece, so that it is never in memory as a whole.
    fn sum(&self) -> Result<String> {
        let mut sum = Sha256::new();
        match self {
            Self::Bytes(bytes) => sum.update(bytes),
            Self::File(file) => {
                let mut file = file;
                file.rewind().map_err(damaged)?;
                std::io::copy(&mut BufReader::with_capacity(PIECE_BYTES, file), &mut sum).map_err(damaged)?;
            }
        }
        Ok(hex::encode(sum.finalize()))
    }

    fn length(&self) -> Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => file.metadata().map(|known| known.len()).map_err(damaged),
        }
    }

    fn compressed(&self, at: FrameAt) -> Result<Bytes> {
        let end = at.0.checked_add(u64::from(at.1)).filter(|end| self.length().is_ok_and(|all| *end <= all));
        if end.is_none() || at.2 > UNPACKED_MAX {
            return Err(damaged("a frame ends beyond it"));
        }
        self.read(at.0, at.1 as usize)
    }

    fn read(&self, at: u64, length: usize) -> Result<Bytes> {
        match self {
            Self::Bytes(bytes) => {
                let start = at as usize;
                let inside = start.checked_add(length).filter(|end| *end <= bytes.len());
                inside.map(|end| bytes.slice(start..end)).ok_or_else(|| damaged("it is cut off"))
            }
            Self::File(file) => {
                let mut buffer = vec![0; length];
                file.read_exact_at(&mut buffer, at).map_err(damaged)?;
                Ok(Bytes::from(buffer))
            }
        }
    }
}

thread_local! {
    /// To set it up takes as long as to unpack some KiB.
    static UNPACKER: RefCell<Decompressor<'static>> = RefCell::default();
}

fn unpack(packed: &[u8], length: u32) -> Result<Vec<u8>> {
    let text = UNPACKER.with_borrow_mut(|zstd| zstd.decompress(packed, length as usize)).map_err(damaged)?;
    if text.len() == length as usize { Ok(text) } else { Err(damaged("a frame has another length")) }
}

fn damaged(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::store("a segment of the archive is damaged").caused_by(cause)
}
