//! The line to Drift: a client from what was meant.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use drift2parquet::api::{Client, ClientSettings, HttpTransport, Timeouts};
use drift2parquet::error::Result;

use super::settings::Line;

/// A client that asks over the network.
pub fn client(line: &Line) -> Result<Client> {
    let mut settings = ClientSettings::new(line.credentials.token(), fastrand::Rng::with_seed(line.seed));
    settings.max_rate = line.max_rate;
    settings.concurrency = line.concurrency;
    settings.drift_known = line.drift_known.load(Ordering::Relaxed);
    let transport = HttpTransport::new(line.api_url.clone(), Timeouts::default(), settings.body_bytes_max)?;
    Ok(Client::new(settings, Arc::new(transport)))
}
