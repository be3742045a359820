//! Carries a Drift account into partitioned Parquet.

pub mod cpu;
pub mod data_file;
pub mod error;
pub mod fold;
pub mod page;
pub mod schema;
pub mod tables;
