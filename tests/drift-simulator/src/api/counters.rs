//! What was asked for, so that a test can say how many calls a run made.

use std::collections::BTreeMap;

use super::endpoint::EndpointKind;

/// Counts of requests since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// All requests.
    pub total: u64,
    /// By endpoint.
    pub by_endpoint: BTreeMap<EndpointKind, u64>,
    /// By status that was answered.
    pub by_status: BTreeMap<u16, u64>,
    /// By endpoint, those answered with 200.
    pub answered: BTreeMap<EndpointKind, u64>,
    /// Faults that were injected.
    pub faults: u64,
    /// Bytes of all bodies, as sent.
    pub body_bytes: u64,
}

impl Counters {
    /// How often an endpoint was asked.
    pub fn of(&self, kind: EndpointKind) -> u64 {
        self.by_endpoint.get(&kind).copied().unwrap_or(0)
    }

    /// How often a status was answered.
    pub fn status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    pub(super) fn record(&mut self, kind: EndpointKind, status: u16, bytes: usize) {
        self.total += 1;
        *self.by_endpoint.entry(kind).or_default() += 1;
        *self.by_status.entry(status).or_default() += 1;
        if status == 200 {
            *self.answered.entry(kind).or_default() += 1;
        }
        self.body_bytes += bytes as u64;
    }

    /// As a JSON object.
    pub fn to_json(&self) -> String {
        let endpoints: Vec<_> =
            self.by_endpoint.iter().map(|(kind, count)| format!("\"{kind}\":{count}")).collect();
        let statuses: Vec<_> =
            self.by_status.iter().map(|(status, count)| format!("\"{status}\":{count}")).collect();
        format!(
            r#"{{"total":{},"by_endpoint":{{{}}},"by_status":{{{}}},"faults":{},"body_bytes":{}}}"#,
            self.total,
            endpoints.join(","),
            statuses.join(","),
            self.faults,
            self.body_bytes
        )
    }
}

/// One request and the status it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The answer's status; 0 when the line broke before one was sent.
    pub status: u16,
}
