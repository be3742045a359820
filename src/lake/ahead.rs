//! Puts that are on their way while the next objects are folded already. Only for a run that makes a lake anew, since
//! nothing counts there before its last commit, so that it does not matter which of them ends first.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

use super::Lake;
use crate::error::{Error, Result};
use crate::schema::Table;
use crate::store::Etag;

/// So many puts may be on their way: an object of few bytes takes as long as a large one to be made durable, and
/// another is folded by then.
const PUTS_MAX: usize = 4;

/// Their objects together are of no more bytes than this, unless there is only one.
const BYTES_MAX: u64 = 16 << 20;

/// A put on its way.
#[derive(Debug)]
struct Flying {
    table: &'static Table,
    path: String,
    bytes: u64,
    put: JoinHandle<Result<(String, Etag)>>,
}

/// The puts that are on their way, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Puts {
    flying: VecDeque<Flying>,
}

impl Puts {
    fn has_room_for(&self, bytes: u64) -> bool {
        let held: u64 = self.flying.iter().map(|put| put.bytes).sum();
        self.flying.is_empty() || self.flying.len() < PUTS_MAX && held + bytes <= BYTES_MAX
    }
}

impl Lake {
    /// From now on, puts need not have ended before the next object is folded. Has no effect where the store has no
    /// lock: there, each put may have to be answered by another fold.
    pub fn put_ahead(&mut self) {
        self.puts_ahead = self.is_locked();
    }

    /// Sends a put of an object of so many bytes on its way, as soon as there is room for it; the lock lasts until it
    /// has ended, whatever becomes of the run.
    ///
    /// # Errors
    /// Those of an earlier put.
    pub(super) async fn send(
        &mut self,
        table: &'static Table,
        path: String,
        bytes: u64,
        put: impl Future<Output = Result<(String, Etag)>> + Send + 'static,
    ) -> Result<()> {
        while !self.on_their_way.has_room_for(bytes) {
            self.land_first().await?;
        }
        let guard = self.guard.clone();
        let put = tokio::spawn(async move {
            let ended = put.await;
            drop(guard);
            ended
        });
        self.on_their_way.flying.push_back(Flying { table, path, bytes, put });
        Ok(())
    }

    /// Waits until no put is on its way any more.
    ///
    /// # Errors
    /// The first one of these puts; the others are waited for all the same.
    pub async fn land(&mut self) -> Result<()> {
        let mut landed = Ok(());
        while !self.on_their_way.flying.is_empty() {
            landed = landed.and(self.land_first().await);
        }
        landed
    }

    /// Waits for the put of this object, if it is on its way, and for those before it.
    pub(super) async fn land_at(&mut self, path: &str) -> Result<()> {
        while self.on_their_way.flying.iter().any(|flying| flying.path == path) {
            self.land_first().await?;
        }
        Ok(())
    }

    async fn land_first(&mut self) -> Result<()> {
        let Some(Flying { table, path, put, .. }) = self.on_their_way.flying.pop_front() else {
            return Ok(());
        };
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
}
