//! Carries a Drift account into partitioned Parquet.

pub mod api;
pub mod clock;
pub mod config;
pub mod cpu;
pub mod data_file;
pub mod decode;
pub mod error;
pub mod fold;
pub mod forecast;
pub mod lake;
pub mod manifest;
pub mod page;
pub mod progress;
pub mod report;
pub mod schema;
pub mod status;
pub mod stop;
pub mod store;
pub mod sync;
pub mod tables;
pub mod verify;
