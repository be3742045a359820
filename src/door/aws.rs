//! What AWS users have set up, as every tool of theirs reads it: variables, the shared files with profiles, SSO,
//! assumed roles, `credential_process`, web identity, and the roles of containers and instances. The only place
//! with `aws_config`; it stands at the door because it reads the environment.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_types::service_config::ServiceConfigKey;
use drift2parquet::error::{Error, Result};
use drift2parquet::store::{Address, Encryption, Key, Keys, S3, StoreChecksum, region_of};
use tokio::sync::Mutex;

use super::args::{Addressing, S3Checksum, S3Options, Sse};

/// Where stores that are not AWS, and services that hand out keys, are said to stand when nobody named a region.
const NOWHERE: &str = "us-east-1";

/// A key is renewed so long before it expires: longer than one request may take.
const RENEWED_BEFORE: Duration = Duration::from_secs(6 * 60);

/// How the bucket at this address is reached.
///
/// # Errors
/// [`Error::usage`] when there are no keys or a setting is not right, [`Error::store`] when keys cannot be got.
pub async fn reach(address: &Address, options: &S3Options) -> Result<S3> {
    let named = named_region().await;
    let config = settings(named.clone()).await;
    let endpoint = endpoint(&config)?;
    let region = match (named, &endpoint) {
        (Some(region), _) => region.to_string(),
        (None, Some(_)) => NOWHERE.to_owned(),
        (None, None) => region_of(&address.bucket).await?,
    };
    Ok(S3 {
        path_style: is_path_style(options.s3_addressing, endpoint.is_some(), &address.bucket),
        endpoint: endpoint.unwrap_or_else(|| at_aws(&region, &config)),
        region,
        encryption: encryption(options),
        storage_class: options.s3_storage_class.clone(),
        checksum: options.s3_checksum.map(checksum),
        keys: Arc::new(Chain::of(&config).await?),
    })
}

/// The region that somebody has set. The metadata service is not asked, which only machines at AWS have: where the
/// bucket is, S3 knows better.
async fn named_region() -> Option<Region> {
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
    chain.or_else(ProfileFileRegionProvider::new()).region().await
}

/// Everything else, as told by variables and files; keys are not asked for yet.
async fn settings(region: Option<Region>) -> SdkConfig {
    let region = region.unwrap_or(Region::from_static(NOWHERE));
    let http = Builder::new().build_with_connector_fn(|settings, runtime| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(runtime) = runtime {
            connector.set_sleep_impl(runtime.sleep_impl());
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    });
    aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region).http_client(http).load().await
}

/// The endpoint that was set for S3 alone, or else for all services.
fn endpoint(config: &SdkConfig) -> Result<Option<String>> {
    let key = ServiceConfigKey::builder()
        .service_id("s3")
        .profile("endpoint_url")
        .env("AWS_ENDPOINT_URL")
        .build()
        .map_err(|cause| Error::internal("cannot ask for the endpoint").caused_by(cause))?;
    let own = config.service_config().and_then(|all| all.load_config(key));
    let endpoint = own.or_else(|| config.endpoint_url().map(ToOwned::to_owned));
    Ok(endpoint.filter(|endpoint| !endpoint.trim().is_empty()))
}

/// Where S3 answers in a region.
fn at_aws(region: &str, config: &SdkConfig) -> String {
    let fips = if config.use_fips().unwrap_or(false) { "-fips" } else { "" };
    let dual = if config.use_dual_stack().unwrap_or(false) { ".dualstack" } else { "" };
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://s3{fips}{dual}.{region}.amazonaws.com{china}")
}

/// The certificates of AWS cover no bucket whose name has dots.
fn is_path_style(asked: Option<Addressing>, has_endpoint: bool, bucket: &str) -> bool {
    match asked {
        Some(Addressing::Path) => true,
        Some(Addressing::Virtual) => false,
        Some(Addressing::Auto) | None => has_endpoint || bucket.contains('.'),
    }
}

fn encryption(options: &S3Options) -> Option<Encryption> {
    let kms_key = options.s3_sse_kms_key_id.clone();
    options.s3_sse.map(|sse| Encryption { algorithm: sse.name().to_owned(), kms_key })
}

impl Sse {
    fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms => "aws:kms",
            Self::Dsse => "aws:kms:dsse",
        }
    }

    /// Whether a key of KMS has a part in it.
    pub fn is_kms(self) -> bool {
        self != Self::Aes256
    }
}

fn checksum(checksum: S3Checksum) -> StoreChecksum {
    match checksum {
        S3Checksum::Sha256 => StoreChecksum::Sha256,
        S3Checksum::Crc64nvme => StoreChecksum::Crc64Nvme,
    }
}

/// The keys that the chain of AWS finds, kept until shortly before they expire.
#[derive(Debug)]
struct Chain {
    provider: SharedCredentialsProvider,
    held: Mutex<Credentials>,
}

impl Chain {
    async fn of(config: &SdkConfig) -> Result<Self> {
        let provider = config.credentials_provider().ok_or_else(|| no_keys("nowhere to look for them"))?;
        let held = Mutex::new(fresh(&provider).await?);
        Ok(Self { provider, held })
    }
}

#[async_trait]
impl Keys for Chain {
    async fn key(&self) -> Result<Key> {
        let mut held = self.held.lock().await;
        if expires_soon(&held) {
            match fresh(&self.provider).await {
                Ok(renewed) => *held = renewed,
                // What is still valid is used until the end.
                Err(error) if is_over(&held) => return Err(error),
                Err(error) => tracing::warn!(%error, "the keys for S3 could not be renewed yet"),
            }
        }
        Ok(Key {
            id: held.access_key_id().to_owned(),
            secret: held.secret_access_key().into(),
            token: held.session_token().map(Into::into),
        })
    }
}

fn expires_soon(held: &Credentials) -> bool {
    held.expiry().is_some_and(|expiry| expiry <= SystemTime::now() + RENEWED_BEFORE)
}

fn is_over(held: &Credentials) -> bool {
    held.expiry().is_some_and(|expiry| expiry <= SystemTime::now())
}

async fn fresh(provider: &SharedCredentialsProvider) -> Result<Credentials> {
    provider.provide_credentials().await.map_err(|cause| match cause {
        CredentialsError::CredentialsNotLoaded(_) => no_keys(cause),
        cause => Error::store("the keys for S3 could not be got")
            .caused_by(cause)
            .hint("look at the AWS profile or role that is named; for SSO run `aws sso login`"),
    })
}

fn no_keys(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::usage("there are no keys for S3").caused_by(cause).hint(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is given \
         (container, instance, web identity)",
    )
}
