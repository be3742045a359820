//! An authority of our own, and certificates of every kind by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a server says that it speaks.
pub const HTTP_1: &[&[u8]] = &[b"http/1.1"];
pub const HTTP_2: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Signs certificates; trusted where its own stands among the roots.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: rcgen::Certificate,
}

/// Each has a name of its own, as authorities have.
static NUMBER: AtomicUsize = AtomicUsize::new(1);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = format!("Authority {} for tests", NUMBER.fetch_add(1, Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// Its own certificate, as roots are kept.
    pub fn pem(&self) -> String {
        self.root.pem()
    }

    /// A good certificate for loopback.
    pub fn good(&self, speaks: &[&[u8]]) -> Arc<ServerConfig> {
        self.server(&["127.0.0.1", "localhost", "drift.test"], [2020, 2090], speaks)
    }

    /// A certificate for these names, from the first year to the second.
    pub fn server(&self, names: &[&str], years: [i32; 2], speaks: &[&[u8]]) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        config(certificate.der().clone(), &key, speaks)
    }
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair, speaks: &[&[u8]]) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = speaks.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}
