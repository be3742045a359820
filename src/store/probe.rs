//! Whether a store does what a lake relies on: each right once, and the two refusals without which two runs
//! could overwrite each other. Tried on an object of its own, which is deleted again.

use bytes::Bytes;

use super::{Creation, Etag, Expect, Store};
use crate::error::{Error, ErrorKind, Result};

/// Where the object that is tried on lies.
const FOLDER: &str = "_probe";

const FIRST: Bytes = Bytes::from_static(b"drift2parquet tries whether it may write here\n");
const SECOND: Bytes = Bytes::from_static(b"drift2parquet tries whether what exists is refused\n");
const THIRD: Bytes = Bytes::from_static(b"drift2parquet tries whether it may replace what it has read\n");

/// One thing that a store was asked to do.
#[derive(Debug)]
pub struct Trial {
    /// What, in a few words.
    pub what: &'static str,
    /// Whether it did, and if not, what is wrong and what can be done.
    pub found: Result<()>,
}

/// What has been tried so far.
#[derive(Debug, Default)]
struct Trials(Vec<Trial>);

impl Trials {
    /// Notes how it went, and hands on what came of it.
    fn note<T>(&mut self, what: &'static str, found: Result<T>) -> Option<T> {
        let (found, value) = match found {
            Ok(value) => (Ok(()), Some(value)),
            Err(error) => (Err(error), None),
        };
        self.0.push(Trial { what, found });
        value
    }
}

/// Tries everything, as far as one thing does not need another that has failed. `id` must be fresh, since others
/// may be trying too.
pub async fn probe(store: &dyn Store, id: &str) -> Vec<Trial> {
    let (mut trials, path) = (Trials::default(), format!("{FOLDER}/{id}"));
    trials.note("list", store.list(FOLDER).await);
    if !store.relies_on_conditions() {
        trials.note("lock", lock(store).await);
    }
    let created = trials.note("create", create(store, &path).await);
    if let Some(etag) = created {
        try_object(store, &path, etag, &mut trials).await;
        trials.note("delete", delete(store, &path).await);
    }
    trials.0
}

/// The same for those who only want to know whether all is well; the first thing that is wrong.
///
/// # Errors
/// What [`probe`] found.
pub async fn prove(store: &dyn Store, id: &str) -> Result<()> {
    probe(store, id).await.into_iter().try_for_each(|trial| trial.found)
}

async fn try_object(store: &dyn Store, path: &str, etag: Etag, trials: &mut Trials) {
    trials.note("read", read(store, path).await);
    trials.note("refuse to create what exists", create_again(store, path).await);
    if let Some(newer) = trials.note("replace", replace(store, path, etag.clone()).await) {
        trials.note("refuse to replace what has changed", replace_stale(store, path, &etag, &newer).await);
    }
}

/// That somebody else holds it shows that it works.
async fn lock(store: &dyn Store) -> Result<()> {
    match store.lock().await {
        Err(error) if error.kind() == ErrorKind::Held => Ok(()),
        locked => locked.map(drop),
    }
}

async fn create(store: &dyn Store, path: &str) -> Result<Etag> {
    match store.create(path, FIRST).await? {
        Creation::Created(etag) => Ok(etag),
        Creation::Exists => Err(Error::store("the store says that something exists which does not")
            .at("object", store.uri(path))
            .hint("use another store: this one cannot be relied on")),
    }
}

async fn read(store: &dyn Store, path: &str) -> Result<()> {
    match store.get(path).await? {
        Some(stored) if stored.bytes == FIRST => Ok(()),
        _ => Err(Error::store("the store does not give back what was put there")
            .at("object", store.uri(path))
            .hint("use another store: this one cannot be relied on")),
    }
}

async fn create_again(store: &dyn Store, path: &str) -> Result<()> {
    match store.create(path, SECOND).await? {
        Creation::Exists => Ok(()),
        Creation::Created(_) => Err(ignores(store, path, "If-None-Match")),
    }
}

/// Where a creation was let through, the version that was read is another by now.
async fn replace(store: &dyn Store, path: &str, etag: Etag) -> Result<Etag> {
    let now = store.get(path).await?.map_or(etag, |stored| stored.etag);
    store.replace(path, THIRD, Expect::Version(now)).await
}

async fn replace_stale(store: &dyn Store, path: &str, stale: &Etag, newer: &Etag) -> Result<()> {
    if stale == newer {
        return Err(Error::store("the store gives two versions of an object the same name (ETag)")
            .at("object", store.uri(path))
            .hint(UNSAFE));
    }
    match store.replace(path, SECOND, Expect::Version(stale.clone())).await {
        Err(error) if error.kind() == ErrorKind::Held => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(ignores(store, path, "If-Match")),
    }
}

async fn delete(store: &dyn Store, path: &str) -> Result<()> {
    store.delete(path).await?;
    match store.get(path).await? {
        None => store.remove_folder(FOLDER).await,
        Some(_) => Err(Error::store("the store still has what was deleted")
            .at("object", store.uri(path))
            .hint("look whether the bucket forbids deleting (object lock, retention)")),
    }
}

const UNSAFE: &str = "use a store with conditional puts, as S3 has them; if you are sure that never more than one \
                      run writes, --accept-unsafe-store makes do without";

fn ignores(store: &dyn Store, path: &str, condition: &str) -> Error {
    Error::store(format!("the store ignores `{condition}`, so two runs could overwrite each other's data"))
        .at("object", store.uri(path))
        .hint(UNSAFE)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use object_store::memory::InMemory;

    use super::super::{Bucket, Directory, Entry, Guard, Opened, Stored};
    use super::*;

    fn bucket() -> Bucket {
        Bucket::new(Arc::new(InMemory::new()), "lake", "s3://bucket/lake").unwrap()
    }

    /// Puts whatever the condition says, as some servers do.
    #[derive(Debug)]
    struct Careless(Bucket);

    #[async_trait]
    impl Store for Careless {
        fn uri(&self, path: &str) -> String {
            self.0.uri(path)
        }
        fn relies_on_conditions(&self) -> bool {
            true
        }
        async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
            self.0.list(prefix).await
        }
        async fn get(&self, path: &str) -> Result<Option<Stored>> {
            self.0.get(path).await
        }
        async fn open(&self, path: &str) -> Result<Option<Opened>> {
            self.0.open(path).await
        }
        async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation> {
            self.replace(path, bytes, Expect::Absent).await.map(Creation::Created)
        }
        async fn replace(&self, path: &str, bytes: Bytes, _: Expect) -> Result<Etag> {
            self.0.overwrite(path, bytes).await?;
            Ok(self.get(path).await?.unwrap().etag)
        }
        async fn overwrite(&self, path: &str, bytes: Bytes) -> Result<()> {
            self.0.overwrite(path, bytes).await
        }
        async fn delete(&self, path: &str) -> Result<()> {
            self.0.delete(path).await
        }
        async fn lock(&self) -> Result<Option<Box<dyn Guard>>> {
            self.0.lock().await
        }
    }

    #[tokio::test]
    async fn a_store_that_keeps_to_its_conditions_passes_and_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let stores: [Box<dyn Store>; 2] = [Box::new(bucket()), Box::new(Directory::new(root.path()))];
        for store in stores {
            for trial in probe(&*store, "a").await {
                assert!(trial.found.is_ok(), "{trial:?}");
            }
            assert!(store.list(FOLDER).await.unwrap().is_empty());
        }
        // Bug: the folder itself stayed.
        assert!(!root.path().join(FOLDER).exists());
    }

    #[tokio::test]
    async fn a_store_that_ignores_conditions_is_named() {
        let trials = probe(&Careless(bucket()), "a").await;
        let wrong: Vec<_> = trials.iter().filter_map(|trial| trial.found.as_ref().err()).collect();
        assert_eq!(wrong.len(), 2, "{trials:?}");
        for (error, condition) in wrong.iter().zip(["If-None-Match", "If-Match"]) {
            assert!(error.to_string().contains(condition) && error.kind() == ErrorKind::Store, "{error}");
            assert!(error.advice().unwrap().contains("--accept-unsafe-store"));
        }
        assert!(prove(&Careless(bucket()), "a").await.is_err());
    }
}
