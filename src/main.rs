//! The command `drift2parquet`: everything it does stands in [`door`] and, below that, in the library.

mod door;

use std::process::ExitCode;

fn main() -> ExitCode {
    door::run()
}
