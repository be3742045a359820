//! Carries a Drift account into partitioned Parquet.
