//! A lake is verified while a run writes to it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::world::*;
use crate::error::Result;
use crate::manifest::RunStatus;
use crate::progress::Progress;
use crate::store::{Creation, Directory, Entry, Etag, Expect, Guard, Opened, Store, Stored};
use crate::tables::{CONVERSATIONS, MESSAGES};
use crate::verify::{Verdict, verify};

/// A store whose lake is taken over by a later state of it right after the manifests were listed.
#[derive(Debug)]
struct Busy {
    files: Directory,
    world: World,
    later: World,
    is_over: AtomicBool,
}

#[async_trait]
impl Store for Busy {
    fn uri(&self, path: &str) -> String {
        self.files.uri(path)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        if prefix.is_empty() && !self.is_over.swap(true, Ordering::Relaxed) {
            self.world.take_over(&self.later);
        }
        self.files.list(prefix).await
    }

    async fn get(&self, path: &str) -> Result<Option<Stored>> {
        self.files.get(path).await
    }

    async fn open(&self, path: &str) -> Result<Option<Opened>> {
        self.files.open(path).await
    }

    async fn create(&self, _: &str, _: Bytes) -> Result<Creation> {
        panic!("a verification writes nothing")
    }

    async fn replace(&self, _: &str, _: Bytes, _: Expect) -> Result<Etag> {
        panic!("a verification writes nothing")
    }

    async fn overwrite(&self, _: &str, _: Bytes) -> Result<()> {
        panic!("a verification writes nothing")
    }

    async fn delete(&self, _: &str) -> Result<()> {
        panic!("a verification writes nothing")
    }

    async fn lock(&self) -> Result<Option<Box<dyn Guard>>> {
        panic!("a verification takes no lock")
    }
}

#[tokio::test]
async fn a_run_beside_the_verification_breaks_nothing() {
    for (status, verdict) in [(None, Verdict::Unfinished), (Some(RunStatus::Done), Verdict::Proven)] {
        let world = World::healthy().await;
        let later = world.copy();
        let mut lake = later.open("r2").await;
        fold(&mut lake, &MESSAGES, Some(JANUARY), messages(100..105)).await;
        fold(&mut lake, &CONVERSATIONS, Some(JANUARY), conversations(JANUARY, 100..105)).await;
        if let Some(status) = status {
            lake.close(status).await.unwrap();
        }
        drop(lake);
        let busy = Busy { files: world.store(), world, later, is_over: AtomicBool::new(false) };
        let found = verify(&busy, false, &Progress::default()).await.unwrap();
        assert_eq!(found.verdict, verdict, "{found:#?}");
    }
}
