//! Carries a Drift account into partitioned Parquet.

pub mod api;
pub mod clock;
pub mod columns;
pub mod config;
pub mod cpu;
pub mod data_file;
pub mod decode;
pub mod erase;
pub mod error;
pub mod fold;
pub mod forecast;
pub mod forget;
pub mod lake;
pub mod manifest;
pub mod page;
pub mod progress;
pub mod report;
pub mod reset;
pub mod schema;
pub mod seen;
pub mod status;
pub mod stop;
pub mod store;
pub mod sync;
pub mod tables;
pub mod verify;
