//! Carries a Drift account into partitioned Parquet.

pub mod cpu;
pub mod decode;
pub mod error;
pub mod page;
pub mod schema;
pub mod tables;
