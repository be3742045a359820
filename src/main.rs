//! The command `drift2parquet`: everything it does stands in [`door`] and, below that, in the library.

mod door;

use std::process::ExitCode;

/// Gives memory back that was freed, which the system's own allocator keeps: a first load of a million conversations
/// takes a sixth less with it. `.cargo/config.toml` sets it up.
#[cfg(all(unix, not(target_env = "musl")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    door::run()
}
