//! A copy that costs no bytes: a second name for a file. Files of a lake are replaced and never written to, so
//! what bears two names stays as it is under each of them.

use std::path::Path;

use super::complaint::cannot_write;
use super::{Directory, Etag, folder_of};
use crate::error::Result;

impl Directory {
    /// Gives a file of another directory a name here, if both lie on one file system that has such names.
    pub(super) async fn link(&self, file: &Path, path: &str) -> Result<Option<Etag>> {
        let place = self.place(path)?;
        self.exists().await?;
        self.settle_folder(folder_of(&place)).await.map_err(|cause| cannot_write(&place, cause))?;
        if let Err(cause) = self.disk.link(file, &place).await {
            tracing::debug!(path, %cause, "no second name for a file; its bytes are copied");
            return Ok(None);
        }
        self.sync_name(&place).await.map_err(|cause| cannot_write(&place, cause))?;
        self.etag(&place).await
    }
}
