//! Several publishers, and a lake that changes under them, in a bucket: nothing but the creation of a commit
//! decides between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use drift_simulator::Mutation;
use drift2parquet::clock::Clock;
use drift2parquet::error::{ErrorKind, Result};
use drift2parquet::publish::{Settings, publish};
use drift2parquet::store::{
    Bucket, Creation, End, Entry, Etag, Expect, Guard, Opened, Origin, Store, Stored,
};
use drift2parquet::tables;
use futures::StreamExt;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};

use super::delta::{Files, versions, wanted};
use super::{account, is_of, publisher, start};
use crate::account::Account;
use crate::counts::record;
use crate::crash::live;

const SEEDS: u64 = 60;

/// A store whose every operation lets others go first, as often as chance says; and at one of them something
/// else happens.
#[derive(Debug)]
struct Turns {
    inner: Arc<dyn Store>,
    chance: AtomicU64,
}

impl Turns {
    fn new(inner: Arc<dyn Store>, seed: u64) -> Self {
        Self { inner, chance: AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1) }
    }

    async fn turn<T>(&self, work: impl Future<Output = T> + Send) -> T {
        let drawn =
            self.chance.load(Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(7);
        self.chance.store(drawn, Ordering::Relaxed);
        for _ in 0..(drawn >> 33) % 4 {
            tokio::task::yield_now().await;
        }
        work.await
    }
}

#[async_trait]
impl Store for Turns {
    fn uri(&self, path: &str) -> String {
        self.inner.uri(path)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.turn(self.inner.list(prefix)).await
    }

    async fn get(&self, path: &str) -> Result<Option<Stored>> {
        self.turn(self.inner.get(path)).await
    }

    async fn open(&self, path: &str) -> Result<Option<Opened>> {
        self.turn(self.inner.open(path)).await
    }

    async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation> {
        self.turn(self.inner.create(path, bytes)).await
    }

    async fn replace(&self, path: &str, bytes: Bytes, expect: Expect) -> Result<Etag> {
        self.turn(self.inner.replace(path, bytes, expect)).await
    }

    async fn overwrite(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.turn(self.inner.overwrite(path, bytes)).await
    }

    async fn delete(&self, path: &str) -> Result<()> {
        self.turn(self.inner.delete(path)).await
    }

    fn origin(&self, path: &str) -> Option<Origin> {
        self.inner.origin(path)
    }

    async fn copy(&self, origin: &Origin, path: &str) -> Result<Option<Etag>> {
        self.turn(self.inner.copy(origin, path)).await
    }

    async fn end(&self, path: &str, bytes: u64) -> Result<Option<End>> {
        self.turn(self.inner.end(path, bytes)).await
    }

    async fn lock(&self) -> Result<Option<Box<dyn Guard>>> {
        self.inner.lock().await
    }
}

/// One bucket with a lake at `lake` and its publication at `delta`.
struct Scene {
    objects: Arc<InMemory>,
}

impl Scene {
    /// The account's lake, copied into a bucket.
    async fn of(account: &Account) -> Self {
        let scene = Self { objects: Arc::default() };
        scene.copy_lake(account).await;
        scene
    }

    async fn copy_lake(&self, account: &Account) {
        let lake = self.at("lake");
        let mut files: Vec<_> = account.lake.files("").into_iter().collect();
        // The manifests last, as a run puts them.
        files.sort_by_key(|(path, _)| path.starts_with("_manifest"));
        for (path, bytes) in files.into_iter().filter(|(path, _)| !path.starts_with("_tmp")) {
            lake.overwrite(&path, bytes).await.unwrap();
        }
    }

    fn at(&self, prefix: &str) -> Arc<dyn Store> {
        Arc::new(Bucket::new(self.objects.clone(), prefix, format!("s3://bucket/{prefix}")).unwrap())
    }

    /// The exit code.
    async fn publish(&self, number: u64, seed: u64) -> u8 {
        let (lake, target) = (Turns::new(self.at("lake"), seed), Turns::new(self.at("delta"), seed + 99));
        let clock = Clock::starting_at(start());
        let ended = publish(&lake, &target, &publisher(number), clock, Settings::default()).await;
        ended.map_or_else(|error| error.kind().exit_code(), |_| 0)
    }

    async fn files(&self) -> Files {
        let mut files = Files::new();
        let mut listed = self.objects.list(Some(&"delta".into()));
        while let Some(meta) = listed.next().await {
            let location = meta.unwrap().location;
            let bytes = self.objects.get(&location).await.unwrap().bytes().await.unwrap();
            files.insert(location.as_ref().strip_prefix("delta/").unwrap().to_owned(), bytes);
        }
        files
    }
}

async fn change(account: &mut Account) {
    account.change([Mutation::AddMessage { conversation: 3 }, Mutation::AdvanceClock { ms: 7_200_000 }]);
    account.run_to_the_end().await;
}

#[test]
fn of_several_publishers_one_commits_and_the_others_find_it_done() {
    live(async {
        let mut account = account(730);
        account.run_to_the_end().await;
        let manifest = account.manifest().await;
        for seed in 0..SEEDS {
            let scene = Scene::of(&account).await;
            let ends = tokio::join!(
                scene.publish(1, seed),
                scene.publish(2, seed + 1_000),
                scene.publish(3, seed + 2_000)
            );
            assert_eq!(ends, (0, 0, 0), "seed {seed}");
            let files = scene.files().await;
            is_of(&files, &manifest);
            for table in tables::ALL {
                assert_eq!(versions(&files, table.name).len(), 1, "{} was committed twice", table.name);
            }
        }
        record("publications", &[("meetings", SEEDS)]);
    });
}

/// Two loads go on while one publishes: what it commits is always one manifest's, though the objects of the next
/// one are put under its hands.
#[test]
fn a_lake_that_changes_meanwhile_is_never_published_as_a_mix() {
    live(async {
        let mut account = account(731);
        account.run_to_the_end().await;
        let (before, first) = (Scene::of(&account).await, account.manifest().await);
        change(&mut account).await;
        let second = account.manifest().await;
        let (mut old, mut new, mut held) = (0, 0, 0);
        for seed in 0..SEEDS {
            let scene = Scene { objects: Arc::new(before.objects.fork()) };
            let changing = async {
                for _ in 0..seed * 3 {
                    tokio::task::yield_now().await;
                }
                let lake = Turns::new(scene.at("lake"), seed);
                let mut files: Vec<_> = account.lake.files("").into_iter().collect();
                files.sort_by_key(|(path, _)| path.starts_with("_manifest"));
                for (path, bytes) in files {
                    lake.overwrite(&path, bytes).await.unwrap();
                }
            };
            let (code, ()) = tokio::join!(scene.publish(1, seed), changing);
            let files = scene.files().await;
            for table in tables::ALL {
                for version in versions(&files, table.name) {
                    let one =
                        [&first, &second].iter().any(|manifest| wanted(manifest, table.name) == version);
                    assert!(one, "seed {seed}: {} is a mix", table.name);
                }
            }
            match code {
                0 if versions(&files, "messages").last() == Some(&wanted(&second, "messages")) => new += 1,
                0 => old += 1,
                code => {
                    assert_eq!(code, ErrorKind::Held.exit_code(), "seed {seed}");
                    held += 1;
                }
            }
            assert_eq!(scene.publish(2, seed).await, 0);
            is_of(&scene.files().await, &second);
        }
        assert!(old > 0 && new > 0, "{old} {new} {held}");
        record("publications", &[("loads meanwhile", SEEDS)]);
    });
}
