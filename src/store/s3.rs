//! A bucket of S3, or of a server that speaks like it: the one place that knows how it is addressed, signed and
//! tried again. Where settings and keys come from is told by whoever opens it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, Checksum, resolve_bucket_region};
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, CredentialProvider, RetryConfig};
use secrecy::{ExposeSecret, SecretString};

use super::{Address, Bucket};
use crate::error::{Error, Result};

/// What we call ourselves.
const USER_AGENT: &str = concat!("drift2parquet/", env!("CARGO_PKG_VERSION"));

/// How long one request may take, body included: the largest object that half a GiB of memory admits, over a
/// line of 7 Mbit/s, and well below the length of a lease.
const REQUEST: Duration = Duration::from_secs(5 * 60);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a store that fails or says `SlowDown` is asked again, before the outcome is looked at from outside.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub struct S3 {
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// Where the store answers, without the bucket, such as `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    /// Whether the bucket stands in the path, and not before the host.
    pub path_style: bool,
    /// How objects are encrypted by the store; nothing for what the bucket does by itself.
    pub encryption: Option<Encryption>,
    /// The storage class of data objects; nothing for the bucket's own.
    pub storage_class: Option<String>,
    /// A checksum that the store verifies and keeps with each object, beside the signature over its bytes.
    pub checksum: Option<StoreChecksum>,
    /// Who signs.
    pub keys: Arc<dyn Keys>,
}

/// How the store encrypts objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub algorithm: String,
    /// The KMS key; nothing for the account's own.
    pub kms_key: Option<String>,
}

/// A checksum that the store verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreChecksum {
    /// SHA-256.
    Sha256,
    /// CRC-64/NVME.
    Crc64Nvme,
}

/// What requests are signed with.
#[derive(Debug, Clone)]
pub struct Key {
    /// The id, which is no secret.
    pub id: String,
    /// The secret.
    pub secret: SecretString,
    /// The session's token, where the key is a temporary one.
    pub token: Option<SecretString>,
}

/// Where keys come from. Asked before every request, so it keeps what it has as long as that is valid.
#[async_trait]
pub trait Keys: Debug + Send + Sync {
    /// The key that is valid now.
    async fn key(&self) -> Result<Key>;
}

/// A key that never changes.
#[async_trait]
impl Keys for Key {
    async fn key(&self) -> Result<Key> {
        Ok(self.clone())
    }
}

/// As the client of the bucket asks for them.
#[derive(Debug)]
struct Signer(Arc<dyn Keys>);

#[async_trait]
impl CredentialProvider for Signer {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let key = self.0.key().await;
        let Key { id, secret, token } =
            key.map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        let shown = |secret: SecretString| secret.expose_secret().to_owned();
        Ok(Arc::new(AwsCredential { key_id: id, secret_key: shown(secret), token: token.map(shown) }))
    }
}

/// The region of a bucket at AWS, which S3 tells everyone.
///
/// # Errors
/// [`Error::store`] when there is no such bucket, or no answer.
pub async fn region_of(bucket: &str) -> Result<String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(CONNECT * 3);
    resolve_bucket_region(bucket, &options).await.map_err(|cause| {
        Error::store("the region of the bucket cannot be found")
            .caused_by(cause)
            .at("bucket", bucket)
            .hint("set AWS_REGION; for another store than AWS set AWS_ENDPOINT_URL")
    })
}

impl S3 {
    /// Opens the lake at this address.
    ///
    /// # Errors
    /// [`Error::usage`] when the settings do not fit together. Nothing is asked yet.
    pub fn open(&self, address: &Address) -> Result<Bucket> {
        // Whoever came first has installed one; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&address.bucket)
            .with_region(&self.region)
            .with_endpoint(self.bucket_endpoint(&address.bucket)?)
            // The endpoint holds the bucket already.
            .with_virtual_hosted_style_request(true)
            .with_credentials(Arc::new(Signer(self.keys.clone())))
            .with_client_options(self.client_options())
            .with_retry(retries())
            .with_disable_tagging(true)
            // Objects are deleted one by one anyway, and some stores know nothing else.
            .with_disable_bulk_delete(true);
        if let Some(checksum) = self.checksum {
            builder = builder.with_checksum_algorithm(checksum.into());
        }
        for (name, value) in self.encryption.iter().flat_map(Encryption::settings) {
            let key: AmazonS3ConfigKey = name.parse().map_err(|cause| unfit(cause, address))?;
            builder = builder.with_config(key, value);
        }
        let objects = builder.build().map_err(|cause| unfit(cause, address))?;
        let bucket = Bucket::new(Arc::new(objects), &address.prefix, address.uri())?;
        Ok(bucket.with_storage_class(self.storage_class.clone()))
    }

    fn client_options(&self) -> ClientOptions {
        ClientOptions::new()
            .with_config(ClientConfigKey::UserAgent, USER_AGENT)
            .with_allow_http(self.endpoint.starts_with("http://"))
            .with_connect_timeout(CONNECT)
            .with_timeout(REQUEST)
    }

    /// Where the bucket answers.
    fn bucket_endpoint(&self, bucket: &str) -> Result<String> {
        let endpoint = self.endpoint.trim_end_matches('/');
        let (scheme, host) = endpoint.split_once("://").ok_or_else(|| no_endpoint(endpoint))?;
        if !matches!(scheme, "http" | "https") || host.is_empty() {
            return Err(no_endpoint(endpoint));
        }
        Ok(if self.path_style {
            format!("{endpoint}/{bucket}")
        } else {
            format!("{scheme}://{bucket}.{host}")
        })
    }
}

impl Encryption {
    fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        let algorithm = ("server_side_encryption", self.algorithm.clone());
        std::iter::once(algorithm).chain(self.kms_key.clone().map(|key| ("sse_kms_key_id", key)))
    }
}

impl From<StoreChecksum> for Checksum {
    fn from(checksum: StoreChecksum) -> Self {
        match checksum {
            StoreChecksum::Sha256 => Self::SHA256,
            StoreChecksum::Crc64Nvme => Self::CRC64NVME,
        }
    }
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(15),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 10, retry_timeout: PATIENCE }
}

fn no_endpoint(endpoint: &str) -> Error {
    Error::usage("the endpoint of the store is no address").at("endpoint", endpoint).hint(
        "set AWS_ENDPOINT_URL (or endpoint_url in the profile) to an address such as https://s3.example.com",
    )
}

fn unfit(cause: object_store::Error, address: &Address) -> Error {
    Error::usage("the settings of the bucket do not fit together")
        .caused_by(cause)
        .at("lake", address.uri())
        .hint("look at the --s3-… options and the AWS variables")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(endpoint: &str, path_style: bool) -> S3 {
        let key = Key { id: "id".into(), secret: "canary".into(), token: None };
        S3 {
            region: "us-east-1".into(),
            endpoint: endpoint.into(),
            path_style,
            encryption: None,
            storage_class: None,
            checksum: None,
            keys: Arc::new(key),
        }
    }

    #[test]
    fn the_bucket_stands_in_the_path_or_before_the_host() {
        let endpoint = |endpoint, path_style| s3(endpoint, path_style).bucket_endpoint("lake").unwrap();
        assert_eq!(endpoint("http://127.0.0.1:8333/", true), "http://127.0.0.1:8333/lake");
        assert_eq!(endpoint("https://s3.example.com", false), "https://lake.s3.example.com");
        for wrong in ["127.0.0.1:8333", "ftp://a", "https://", ""] {
            assert_eq!(s3(wrong, true).bucket_endpoint("lake").unwrap_err().kind().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn every_setting_is_understood_and_no_secret_is_shown() {
        let address = Address { bucket: "lake".into(), prefix: "a/b".into() };
        for algorithm in ["AES256", "aws:kms", "aws:kms:dsse"] {
            for checksum in [None, Some(StoreChecksum::Sha256), Some(StoreChecksum::Crc64Nvme)] {
                let kms_key = algorithm.starts_with("aws").then(|| "key".to_owned());
                let encryption = Some(Encryption { algorithm: algorithm.into(), kms_key });
                let s3 = S3 { encryption, checksum, ..s3("https://s3.example.com", true) };
                let bucket = s3.open(&address).unwrap();
                assert!(!format!("{s3:?} {bucket:?}").contains("canary"));
            }
        }
    }
}
