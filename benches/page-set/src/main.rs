//! Makes the pages that the benchmarks read. The same seed, shape and size make the same bytes.
//!
//! The records of one set stand there in up to three forms: an archive of raw pages that `drift2parquet rebuild`
//! turns into a lake, the bodies of the pages for programs that read those, and ready NDJSON of each table, which is
//! a head start for those who read that: nobody has taken the records out of the pages for `rebuild`.

mod files;
mod pages;
mod plan;
mod raw;
mod record;
mod words;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;

use self::plan::{Plan, Shape};

/// Makes the pages that the benchmarks read, into DIR: `lake`, `bodies`, `ndjson` and `about.json`.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the set goes; what stood there under these names is replaced.
    #[arg(value_name = "DIR")]
    into: PathBuf,
    /// Size of the JSON, in megabytes of 1,000,000 bytes.
    #[arg(long, default_value_t = 500)]
    megabytes: u64,
    /// How the records are spread over pages.
    #[arg(long, value_enum, default_value = "dense")]
    shape: Shape,
    /// Seed of everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Months over which the conversations were begun.
    #[arg(long, default_value_t = 36)]
    months: u32,
    /// Only the archive.
    #[arg(long)]
    only_lake: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let plan = Plan::new(arguments.seed, arguments.shape, arguments.megabytes, arguments.months.max(1));
    let [lake, bodies, ndjson] = ["lake", "bodies", "ndjson"].map(|name| arguments.into.join(name));
    [&lake, &bodies, &ndjson].into_iter().try_for_each(|place| cleared(place))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(raw::write(&plan, &lake))?;
    if arguments.only_lake {
        return Ok(());
    }
    let (pages, records) = (files::bodies(&plan, &bodies)?, files::ndjson(&plan, &ndjson)?);
    let about = format!(
        concat!(
            "{{\"shape\":\"{:?}\",\"seed\":{},\"megabytes\":{},\"months\":{},\"pages\":{},\"body_bytes\":{},",
            "\"conversations\":{},\"conversation_bytes\":{},\"messages\":{},\"message_bytes\":{}}}\n"
        ),
        plan.shape,
        plan.seed,
        arguments.megabytes,
        plan.months,
        pages.pages,
        pages.body_bytes,
        records.conversations,
        records.conversation_bytes,
        records.messages,
        records.message_bytes
    );
    std::fs::write(arguments.into.join("about.json"), &about)?;
    print!("{about}");
    Ok(())
}

fn cleared(place: &Path) -> std::io::Result<()> {
    if place.exists() { std::fs::remove_dir_all(place) } else { Ok(()) }
}
