//! The end of an object, which is where its footer lies: enough to know what is in it, without its rows.

use std::io::Read;

use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// The last bytes of an object, read as if it were whole. What lies before them is not there.
#[derive(Debug, Clone)]
pub struct End {
    bytes: Bytes,
    size: u64,
}

impl End {
    /// These last bytes of an object of `size` bytes.
    pub fn new(bytes: Bytes, size: u64) -> Self {
        Self { bytes, size }
    }

    /// The place among the bytes of an offset in the object.
    fn place(&self, start: u64) -> Result<usize> {
        let before = self.size.saturating_sub(self.bytes.len() as u64);
        let place = start.checked_sub(before).map(|place| place as usize);
        place.filter(|place| *place <= self.bytes.len()).ok_or_else(|| {
            ParquetError::General("the footer begins before what was read of the object".into())
        })
    }
}

impl Length for End {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for End {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(Box::new(self.bytes.slice(self.place(start)?..).reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let place = self.place(start)?;
        match place.checked_add(length).filter(|end| *end <= self.bytes.len()) {
            Some(end) => Ok(self.bytes.slice(place..end)),
            None => Err(ParquetError::EOF("the object ends before its footer does".into())),
        }
    }
}
