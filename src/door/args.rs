//! What can be typed. One declaration of each option feeds parsing, help, man page, completions and
//! `docs/cli.md`, and is also what `drift2parquet.toml` may hold. The only place with clap.

mod forget;
mod format;
mod publish;
mod s3;
mod sync;
mod verify;

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand};
use clap_complete::Shell;
use serde::Deserialize;

pub use self::forget::ForgetOptions;
pub use self::format::{Format, LogFormat, Shape, TablesFormat};
pub use self::publish::PublishOptions;
pub use self::s3::{Addressing, S3Checksum, S3Options, Sse};
pub use self::sync::SyncOptions;
pub use self::verify::VerifyOptions;

const AFTER: &str = "\
The token of the Drift account comes from the environment, never from an argument:
  DRIFT_TOKEN         the token itself, or
  DRIFT_TOKEN_FILE    a file that holds it, or
  DRIFT_CLIENT_ID, DRIFT_CLIENT_SECRET and DRIFT_REFRESH_TOKEN    for an OAuth app

Exit codes: 0 done, 1 bug, 2 usage, 3 token refused, 4 Drift unavailable, 5 store failed,
6 lake held by another run, 7 incomplete, 8 --max-time reached, 130/143 interrupted.";

/// Carries a Drift account into partitioned Parquet, incrementally and provably complete.
#[derive(Debug, Parser)]
#[command(name = "drift2parquet", version, after_help = AFTER, max_term_width = 100)]
pub struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Group, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Common {
    /// The lake: a directory, created when it is not there, or `s3://bucket/prefix`. No default; every command
    /// that reads or writes a lake needs it. How a bucket is reached and whose keys are used is told by the AWS
    /// variables and files that other tools know: `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, …
    #[arg(
        long,
        global = true,
        value_name = "DIR|s3://…",
        env = "DRIFT2PARQUET_LAKE",
        hide_env_values = true,
        help_heading = "Common options"
    )]
    pub lake: Option<String>,

    /// A file of options, in TOML, under the names they have here (`max-rate = 10`). Arguments win over the
    /// environment, the environment over the file. Default: `./drift2parquet.toml` if it is there.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Common options")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Only errors on stderr.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Common options")]
    pub quiet: bool,

    /// More on stderr: what is read, decided and written.
    #[arg(short, long, global = true, help_heading = "Common options")]
    pub verbose: bool,

    /// How stderr is written: `text` for people, `json` for one JSON object a line. Default: text.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Common options"
    )]
    pub log_format: Option<LogFormat>,

    /// Only from the file: the `--format` of commands that print data.
    #[arg(skip)]
    pub format: Option<Format>,

    /// For lakes at `s3://` addresses.
    #[command(flatten)]
    #[serde(skip)]
    pub s3: S3Options,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Brings the lake up to date: everything at first, what changed from then on.
    ///
    /// A run that is stopped, at any moment, loses nothing and doubles nothing; the next one goes on from there.
    Sync(Box<SyncOptions>),

    /// Shows what a sync with the same options would do: calls, rows, bytes, and how long it takes at several rates.
    ///
    /// Makes about forty calls, however large the account is, and writes nothing; the lake need not exist.
    Plan {
        #[command(flatten)]
        options: Box<SyncOptions>,
        #[command(flatten)]
        shape: Shape,
    },

    /// Tries everything that a sync with the same options needs: the token, its right to each table, and the store:
    /// list, create, read, replace, delete, and the two refusals that keep two runs apart; and whether a lake that is there
    /// is of the token's organization. Says how to mend what is wrong.
    ///
    /// Makes one call for each right, and puts and deletes one small object. A lake that is there is not touched.
    /// Exit codes: 0 all well, else that of the first thing that failed: 2 lake of another account, 3 token or right,
    /// 4 Drift, 5 store.
    Check {
        #[command(flatten)]
        options: Box<SyncOptions>,
        #[command(flatten)]
        shape: Shape,
    },

    /// Shows what the lake holds: bookmarks, rows, bytes, age, pending and missing rows, last runs.
    Status(Shape),

    /// Proves the lake: every object is as the manifest says, every key stands once, nothing is missing or strange.
    ///
    /// Reads only, needs no token but for --against-api, and may run while a sync does. It cannot prove that
    /// Drift listed everything.
    /// Exit codes: 0 proven, 7 unfinished (run `sync`), 5 broken.
    Verify(VerifyOptions),

    /// Lists the live objects, one URI a line: a list, not a snapshot.
    Files {
        /// Only the objects of this table.
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        #[command(flatten)]
        shape: Shape,
    },

    /// Publishes the lake as Delta tables, one for each table, for readers who need one version of a whole table
    /// while loads go on.
    ///
    /// Asks Drift nothing, needs no token, and changes nothing in the lake. Objects that changed are copied under
    /// names of their own (by the bucket itself, or as a second name of the file in a directory), and one commit
    /// in each Delta table replaces the old by the new. Publishing the same state again writes nothing.
    Publish(PublishOptions),

    /// Erases contacts, conversations, or all that Drift deleted from the lake, physically and for good.
    ///
    /// Asks Drift nothing and needs no token. Rows are removed, not marked, and no later run brings them back:
    /// a keyed hash of each id stays in the manifest. If it is interrupted, the next `sync` or `forget` finishes
    /// it. Backups, snapshots of the file system and older versions that a bucket keeps are out of its reach.
    Forget(ForgetOptions),

    /// Drops a table, data and state, in one commit; the next `sync` reads it from the beginning.
    ///
    /// Asks Drift nothing and needs no token. Rows that Drift itself no longer has do not come back.
    Reset {
        /// The table.
        #[arg(long, value_name = "TABLE")]
        table: String,
        #[command(flatten)]
        shape: Shape,
    },

    /// Makes a lake again from its archive of raw pages (`sync --raw`), with no API at all, in a new place.
    ///
    /// The lake whose archive it is is only read. Needs no token. Data objects come out byte for byte as the same
    /// version of the program has put them; a newer version puts them in its own schema. How far each table was
    /// read is taken over from the old manifest; where that is lost, the next `sync` walks the whole list.
    Rebuild {
        /// Where the lake is made again: a directory or s3:// address with nothing in it.
        #[arg(long, value_name = "DIR|s3://…")]
        into: String,
        /// Leave the archive out of the new lake, which then has none and cannot go on with one.
        #[arg(long)]
        without_archive: bool,
        /// The limit on memory, such as `256MiB` (the default) or `1GiB`. One object, encoded, must fit half of it.
        #[arg(long, value_name = "SIZE")]
        memory: Option<String>,
        #[command(flatten)]
        shape: Shape,
    },

    /// Shows the tables and their columns; needs neither a lake nor a token.
    Tables {
        /// Only these tables. Default: all.
        #[arg(value_name = "TABLE")]
        names: Vec<String>,
        /// How they are written: `text`, `json` or `markdown`. Default: text.
        #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
        format: Option<TablesFormat>,
    },

    /// Prints a completion script for a shell: bash, elvish, fish, powershell or zsh.
    Completions {
        /// The shell.
        shell: Shell,
    },

    /// Prints the man page of the program, or of one of its commands.
    Man {
        /// The command, such as `sync`.
        command: Option<String>,
    },

    /// Writes the generated pages of the documentation.
    #[command(hide = true)]
    Docs {
        /// Where to.
        directory: PathBuf,
    },
}

/// The long names of some options.
pub fn names<T: Group>() -> Vec<String> {
    let command = T::augment_args(clap::Command::new("options"));
    command.get_arguments().filter_map(|option| option.get_long().map(ToOwned::to_owned)).collect()
}

/// What was given, where an empty text (as an empty variable gives) counts as nothing.
pub fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl Common {
    /// These options, and those of `file` where these say nothing.
    pub fn or(self, file: Self) -> Self {
        Self {
            lake: given(self.lake).or(given(file.lake)),
            config: self.config,
            quiet: self.quiet || file.quiet,
            verbose: self.verbose || file.verbose,
            log_format: self.log_format.or(file.log_format),
            format: self.format.or(file.format),
            s3: self.s3.or(file.s3),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn arguments_win_over_the_file() {
        let typed = SyncOptions { full: Some(false), tables: vec!["users".into()], ..Default::default() };
        let file = SyncOptions {
            full: Some(true),
            except: vec!["contacts".into()],
            since: Some("1y".into()),
            ..Default::default()
        };
        let meant = typed.or(file);
        assert_eq!((meant.full, meant.since.as_deref()), (Some(false), Some("1y")));
        assert!(meant.except.is_empty());
    }
}
