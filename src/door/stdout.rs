//! stdout is data. A reader that has seen enough and closed the pipe is no error.

use std::io::{self, ErrorKind, Write};

use drift2parquet::error::{Error, Result};
use serde::Serialize;

/// Writes the text, whole.
pub fn text(text: &str) -> Result<()> {
    bytes(text.as_bytes())
}

/// Writes the value as JSON, for people too.
pub fn json(value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|cause| Error::internal("cannot write JSON").caused_by(cause))?;
    text.push(b'\n');
    bytes(&text)
}

/// Writes the bytes, whole.
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => Err(Error::store("cannot write to stdout")
            .caused_by(cause)
            .hint("check where stdout goes, and the space there")),
        _ => Ok(()),
    }
}
