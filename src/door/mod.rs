//! The door: arguments in, exit code out. Only here is the command line parsed, the environment and the
//! clock read, and anything printed. stdout is data, stderr is talk.
//!
//! What was typed ([`args`], [`file`]) becomes what was meant ([`settings`]) before anything is done.

#![allow(clippy::disallowed_methods, reason = "the door is where the clock and the environment are read")]

mod args;
mod aws;
mod check;
mod docs;
mod every;
mod exit;
mod figures;
mod file;
mod files;
mod forget;
mod line;
mod meter;
mod panic;
mod place;
mod plan;
mod publish;
mod rebuild;
mod reset;
mod run_id;
mod settings;
mod signals;
mod status;
mod stdout;
mod summary;
mod sync;
mod tables;
mod talk;
mod token;
mod verify;
mod watch;
mod within;

use std::process::ExitCode;

use clap::Parser;
use drift2parquet::error::{Error, Result};
use jiff::Timestamp;

use self::args::{Args, Command};
use self::exit::Exit;
use self::file::{File, Flaws};
use self::place::Place;
use self::settings::Voice;
use self::talk::Talk;

/// Runs the command and returns its exit code.
pub fn run() -> ExitCode {
    panic::install();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(refused) => return refuse(&refused).into(),
    };
    // A panic has been reported by its hook; what is left is the exit code.
    std::panic::catch_unwind(|| obey(args)).unwrap_or(Exit::Internal).into()
}

/// Help and version are data; anything else the parser says is a mistake of usage.
fn refuse(refused: &clap::Error) -> Exit {
    if refused.use_stderr() && wants_json() {
        Talk::start(Voice::JSON).error(&mistake(refused));
    } else {
        // Nobody is left to tell when the stream that would tell it is closed.
        let _ = refused.print();
    }
    if refused.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// The arguments could not be parsed, yet whoever reads stderr as JSON still does.
fn wants_json() -> bool {
    let typed: Vec<_> = std::env::args_os().collect();
    typed.iter().any(|argument| argument == "--log-format=json")
        || typed.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json")
}

fn mistake(refused: &clap::Error) -> Error {
    let said = refused.to_string();
    let line = said.lines().next().unwrap_or_default();
    Error::usage(line.trim_start_matches("error: ")).hint("`drift2parquet --help` shows what can be typed")
}

fn obey(args: Args) -> Exit {
    let file = File::load(args.common.config.as_deref());
    let voice = Voice::of(&args.common, file.as_ref().ok().map(|file| &file.common));
    let talk = Talk::start(voice);
    match file.and_then(|file| dispatch(args, file, &talk)) {
        Ok(exit) => exit,
        Err(error) => {
            talk.error(&error);
            Exit::of(&error)
        }
    }
}

fn dispatch(args: Args, mut file: File, talk: &Talk) -> Result<Exit> {
    let flaws = std::mem::take(&mut file.flaws);
    fulfil(args, file, &flaws, talk).map_err(|error| flaws.locate(error))
}

fn fulfil(args: Args, file: File, flaws: &Flaws, talk: &Talk) -> Result<Exit> {
    let now = Timestamp::now();
    let common = args.common.or(file.common);
    match args.command {
        Command::Sync(options) => {
            let options = options.or(file.sync);
            let order = |now| settings::order(&common, &options, &environment, now);
            sync::run(|now| order(now).map_err(|error| flaws.locate(error)), talk)
        }
        Command::Plan { options, shape } => {
            let order = settings::order(&common, &options.or(file.sync), &environment, now)?;
            plan::run(&order, shape.or(common.format), talk)
        }
        Command::Check { options, shape } => {
            let order = settings::order(&common, &options.or(file.sync), &environment, now)?;
            check::run(&order, shape.or(common.format))
        }
        Command::Status(shape) => status::run(&Place::of(&common)?, shape.or(common.format), now),
        Command::Verify(options) => {
            let shape = options.shape.or(common.format);
            verify::run(&settings::proof(&common, &options, &file.sync, &environment, now)?, shape, talk)
        }
        Command::Files { table, shape } => {
            files::run(&Place::of(&common)?, table.as_deref(), shape.or(common.format))
        }
        Command::Publish(options) => {
            let shape = options.shape.or(common.format);
            let publication = settings::publication(&common, &options, &file.sync)?;
            publish::run(&Place::of(&common)?, &publication, shape, now)
        }
        Command::Forget(options) => {
            let shape = options.shape.or(common.format);
            forget::run(&Place::of(&common)?, &options.wanted(), options.dry_run, shape, now, talk)
        }
        Command::Reset { table, shape } => {
            reset::run(&Place::of(&common)?, &table, shape.or(common.format), now)
        }
        Command::Rebuild { into, without_archive, memory, shape } => {
            let memory = memory.as_deref().map_or(Ok(drift2parquet::config::MEMORY), settings::memory)?;
            let (from, into) = (Place::of(&common)?, Place::named(into, &common)?);
            let order = rebuild::Order { from, into, memory, without_archive, now };
            rebuild::run(&order, shape.or(common.format), talk)
        }
        Command::Tables { names, format } => {
            tables::run(&names, format.or(common.format.map(Into::into)).unwrap_or_default())
        }
        Command::Completions { shell } => docs::completions(shell),
        Command::Man { command } => docs::man(command.as_deref()),
        Command::Docs { directory } => docs::write(&directory),
    }
}

/// A variable of the environment; an empty one counts as not set.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Runs a future to its end on a runtime of its own.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::internal("cannot start the runtime").caused_by(cause))?
        .block_on(work)
}
