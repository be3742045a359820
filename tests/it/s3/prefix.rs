//! A lake on the S3 server: a prefix of its own, reached straight or through a proxy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use drift2parquet::error::Result;
use drift2parquet::store::{Address, Key, S3, Store};

use super::server::{Server, server};

/// The place of a lake.
#[derive(Debug, Clone)]
pub struct Prefix {
    server: &'static Server,
    endpoint: String,
    name: String,
}

impl Prefix {
    /// A place where nothing is yet.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let server = server();
        let name = format!("lakes/{}-{number}", std::process::id());
        Self { server, endpoint: server.endpoint.clone(), name }
    }

    /// The same place, by another way.
    pub fn through(&self, endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), ..self.clone() }
    }

    /// Where its requests go.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// As a run opens it.
    pub fn store(&self) -> Arc<dyn Store> {
        let variable = |name: &str| self.server.environment[name].clone();
        let key = Key {
            id: variable("AWS_ACCESS_KEY_ID"),
            secret: variable("AWS_SECRET_ACCESS_KEY").into(),
            token: None,
        };
        let s3 = S3 {
            region: variable("AWS_REGION"),
            endpoint: self.endpoint.clone(),
            path_style: true,
            encryption: None,
            storage_class: None,
            checksum: None,
            keys: Arc::new(key),
        };
        let address = Address { bucket: self.server.bucket.clone(), prefix: self.name.clone() };
        Arc::new(s3.open(&address).unwrap())
    }

    /// As people name it.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.server.bucket, self.name)
    }

    /// The variables by which the program finds it, and nothing of whoever runs the tests.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut all = self.server.environment.clone();
        all.insert("AWS_ENDPOINT_URL".into(), self.endpoint.clone());
        for nowhere in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            all.insert(nowhere.into(), "/nowhere".into());
        }
        all.insert("AWS_EC2_METADATA_DISABLED".into(), "true".into());
        all
    }

    /// All objects below a folder, by their paths in the lake; for those who do not wait.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Bytes> {
        let (place, folder) = (self.clone(), folder.to_owned());
        let reading = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(read(&*place.store(), &folder)).unwrap()
        });
        reading.join().unwrap()
    }
}

async fn read(store: &dyn Store, folder: &str) -> Result<BTreeMap<String, Bytes>> {
    let mut found = BTreeMap::new();
    for entry in store.list(folder).await? {
        if let Some(stored) = store.get(&entry.path).await? {
            found.insert(entry.path, stored.bytes);
        }
    }
    Ok(found)
}
