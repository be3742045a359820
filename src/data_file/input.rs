//! Where the bytes of an object come from, with the kind of source erased: a file, or bytes in memory.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// A shared source that can be read any number of times; reads of one file share its cursor, so one
/// thread reads at a time.
#[derive(Clone)]
pub(super) struct Input(Arc<dyn Source>);

impl Input {
    pub(super) fn new(reader: impl ChunkReader + 'static) -> Self {
        Self(Arc::new(reader))
    }
}

trait Source: Send + Sync {
    fn size(&self) -> u64;
    fn from(&self, start: u64) -> Result<Box<dyn Read>>;
    fn range(&self, start: u64, length: usize) -> Result<Bytes>;
}

impl<R: ChunkReader + 'static> Source for R {
    fn size(&self) -> u64 {
        self.len()
    }

    fn from(&self, start: u64) -> Result<Box<dyn Read>> {
        self.get_read(start).map(|reader| Box::new(reader) as Box<dyn Read>)
    }

    fn range(&self, start: u64, length: usize) -> Result<Bytes> {
        self.get_bytes(start, length)
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Input {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.0.from(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.range(start, length)
    }
}
