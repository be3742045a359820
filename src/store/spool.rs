//! A copy on the local disk of one version of an object, so that parts of it can be read without holding it
//! in memory. The file has no name: the system removes it when it is closed, however the run ends.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use tokio::io::AsyncWriteExt;

use crate::error::{Error, Result};

/// Writes the pieces of an object to a file without a name.
pub(super) async fn spool(pieces: impl Stream<Item = Result<Bytes>> + Send) -> Result<File> {
    let mut pieces = std::pin::pin!(pieces);
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(no_room)?);
    while let Some(piece) = pieces.try_next().await? {
        file.write_all(&piece).await.map_err(no_room)?;
    }
    file.flush().await.map_err(no_room)?;
    let mut file = file.into_std().await;
    file.seek(SeekFrom::Start(0)).map_err(no_room)?;
    Ok(file)
}

fn no_room(cause: std::io::Error) -> Error {
    Error::store("cannot keep a copy of an object while it is read")
        .caused_by(cause)
        .hint("name a folder with enough room by TMPDIR; the largest objects of the lake must fit")
}
