//! The way to Drift: one GET from the asking to the page.
//!
//! ```text
//! get ─► request ─► limit ─► transport ─► answer ─► Page, Envelope
//!         path,      when     HTTP         opened, judged:
//!         query                            page · missing · again (retry) · stop (error)
//! ```
//!
//! Promises that what is returned as a page is the whole JSON that was asked for, that everything else ends
//! in another try or in one clear error, and that the token reaches one host and no message. Knows the
//! declared calls and the envelopes around rows, but not what is inside the rows, and nothing of Arrow,
//! files or the environment.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that unwraps says what it expects"))]

mod answer;
mod ask;
mod auth;
mod client;
mod complaint;
mod envelope;
mod gzip;
mod limit;
mod obstacle;
mod pace;
mod request;
mod retry;
mod scan;
mod settings;
mod traffic;
mod transport;
mod verdict_error;

pub use self::auth::{OAuth, OnRotation, Token, TokenInfo};
pub use self::client::{Answer, Client, Edit};
pub use self::envelope::{Cursor, Envelope};
pub use self::obstacle::Obstacle;
pub use self::request::{Broken, HEADERS, Method, Request, Response, Transport, TransportError};
pub use self::settings::{ApiUrl, ClientSettings, RetryPolicy, Timeouts};
pub use self::traffic::Traffic;
pub use self::transport::HttpTransport;
