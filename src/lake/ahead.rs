//! Puts that are on their way while the next object is folded already. Only for a run that makes a lake anew, since
//! nothing counts there before its last commit; puts keep their order all the same, one being on its way at a time.

use tokio::task::JoinHandle;

use super::Lake;
use crate::error::{Error, Result};
use crate::schema::Table;
use crate::store::Etag;

/// A put on its way.
#[derive(Debug)]
pub(super) struct Flying {
    table: &'static Table,
    path: String,
    put: JoinHandle<Result<(String, Etag)>>,
}

impl Lake {
    /// From now on, puts need not have ended before the next object is folded. Has no effect where the store has no
    /// lock: there, each put may have to be answered by another fold.
    pub fn put_ahead(&mut self) {
        self.puts_ahead = self.is_locked();
    }

    /// Sends a put on its way; the lock lasts until it has ended, whatever becomes of the run.
    pub(super) fn send(
        &mut self,
        table: &'static Table,
        path: String,
        put: impl Future<Output = Result<(String, Etag)>> + Send + 'static,
    ) {
        let guard = self.guard.clone();
        let put = tokio::spawn(async move {
            let ended = put.await;
            drop(guard);
            ended
        });
        self.flying = Some(Flying { table, path, put });
    }

    /// Waits for the put that is on its way, if there is one.
    pub async fn land(&mut self) -> Result<()> {
        let Some(Flying { table, path, put }) = self.flying.take() else { return Ok(()) };
        let put = put.await.unwrap_or_else(|cause| Err(Error::internal("a put failed").caused_by(cause)));
        match put {
            Ok((sha256, etag)) => {
                let object = self.table(table).objects.entry(path);
                object.and_modify(|object| (object.sha256, object.etag) = (sha256, etag));
                Ok(())
            }
            Err(error) => {
                self.table(table).objects.remove(&path);
                self.recount(table);
                Err(error)
            }
        }
    }

    /// Waits for the put of this object, if it is on its way.
    pub(super) async fn land_at(&mut self, path: &str) -> Result<()> {
        if self.flying.as_ref().is_some_and(|flying| flying.path == path) {
            self.land().await
        } else {
            Ok(())
        }
    }
}
