//! The suite of the simulator: it keeps what the fact sheet says, and nothing depends on chance or on time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod auth;
mod caller;
mod faults;
mod paging;
mod reports;
mod server;
mod shapes;
mod speed;
mod truth;
mod world;
