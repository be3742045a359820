//! The promises of the whole, tested from outside: one binary, so that it is linked once.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]
#![allow(clippy::disallowed_methods, reason = "the environment tells how long the suites run")]

mod account;
mod against;
mod archive;
mod check;
mod cli;
mod cost;
mod counts;
mod crash;
mod docs;
mod doubts;
mod every;
mod faults;
mod fixtures;
mod forget;
mod kill;
mod lake;
mod lost;
mod masking;
mod plan;
mod poor_disk;
mod publish;
mod reliability;
mod s3;
mod security;
mod sync;
mod tidy;
mod wire;
mod writers;
