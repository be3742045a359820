//! What can be typed. One declaration of each option feeds parsing, help, man page, completions and
//! `docs/cli.md`, and is also what `drift2parquet.toml` may hold. The only place with clap.

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use drift2parquet::erase::Wanted;
use serde::Deserialize;

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

/// How the bucket of a lake is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Group, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[allow(clippy::struct_field_names, reason = "the names are those of the options")]
pub struct S3Options {
    /// Where the name of the bucket stands: `virtual` before the host, `path` behind it. Default: before the
    /// host at AWS, behind it where an endpoint is set.
    #[arg(
        long,
        global = true,
        value_name = "STYLE",
        hide_short_help = true,
        hide_possible_values = true,
        help_heading = "S3 options"
    )]
    pub s3_addressing: Option<Addressing>,

    /// How the store encrypts what is put: `AES256` (SSE-S3), `aws:kms` or `aws:kms:dsse`. Default: as the
    /// bucket does it.
    #[arg(
        long,
        global = true,
        value_name = "SSE",
        hide_short_help = true,
        hide_possible_values = true,
        help_heading = "S3 options"
    )]
    pub s3_sse: Option<Sse>,

    /// The KMS key to encrypt with: its id, alias or ARN. Default: the account's own for S3.
    #[arg(long, global = true, value_name = "KEY", hide_short_help = true, help_heading = "S3 options")]
    pub s3_sse_kms_key_id: Option<String>,

    /// The storage class of data objects, such as `STANDARD_IA` or `INTELLIGENT_TIERING`; one that can be read
    /// at once, since each fold reads. Default: the bucket's own.
    #[arg(long, global = true, value_name = "CLASS", hide_short_help = true, help_heading = "S3 options")]
    pub s3_storage_class: Option<String>,

    /// A checksum that the store verifies and keeps with each object, `sha256` or `crc64nvme`, beside the
    /// signature, which covers the bytes anyway. Default: none.
    #[arg(
        long,
        global = true,
        value_name = "ALGORITHM",
        hide_short_help = true,
        hide_possible_values = true,
        help_heading = "S3 options"
    )]
    pub s3_checksum: Option<S3Checksum>,
}

/// Where the name of the bucket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// As the endpoint suggests.
    Auto,
    /// Behind the host.
    Path,
    /// Before the host.
    Virtual,
}

/// How the store encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
pub enum Sse {
    /// By keys of the store.
    #[value(name = "AES256")]
    #[serde(rename = "AES256")]
    Aes256,
    /// By a key of KMS.
    #[value(name = "aws:kms")]
    #[serde(rename = "aws:kms")]
    Kms,
    /// Twice, by a key of KMS.
    #[value(name = "aws:kms:dsse")]
    #[serde(rename = "aws:kms:dsse")]
    Dsse,
}

/// A checksum that the store verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum S3Checksum {
    /// SHA-256.
    Sha256,
    /// CRC-64/NVME.
    Crc64nvme,
}

/// How stderr is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How the declared tables are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TablesFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// The page `docs/tables.md`.
    Markdown,
}

impl From<Format> for TablesFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

/// The `--format` of a command that prints data.
#[derive(Debug, Clone, Copy, Group)]
pub struct Shape {
    /// How the data on stdout is written: `text` or `json`. Default: text.
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Format>,
}

impl Shape {
    /// The format that was typed, else the one given here, else text.
    pub fn or(self, other: Option<Format>) -> Format {
        self.format.or(other).unwrap_or_default()
    }
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

/// The options of `publish`.
#[derive(Debug, Group)]
pub struct PublishOptions {
    /// Where the Delta tables lie: a directory, or an address such as the lake's own, outside of every lake. Each
    /// table is a folder in there. Default: `publish-delta` of the file.
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,

    /// How long files that were replaced are kept, for readers that are still at them and for time travel.
    /// Default: 7d. `0s` deletes them at once, and the log of earlier versions too: after `forget`.
    #[arg(long, value_name = "DURATION")]
    pub retain: Option<String>,

    /// Publish although the last run left rows pending or set aside.
    #[arg(long)]
    pub allow_incomplete: bool,

    /// How it is told.
    #[command(flatten)]
    pub shape: Shape,
}

/// The options of `forget`.
#[derive(Debug, Clone, Group)]
pub struct ForgetOptions {
    #[command(flatten)]
    what: Forgettable,

    /// Only say what would be erased; nothing is changed.
    #[arg(long)]
    pub dry_run: bool,

    /// How it is told.
    #[command(flatten)]
    pub shape: Shape,
}

/// What can be forgotten: one kind at a time.
#[derive(Debug, Clone, Group)]
#[group(required = true, multiple = false)]
struct Forgettable {
    /// This contact, with all their conversations, messages and meetings, also those to come. May be given
    /// several times.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    contact: Vec<i64>,

    /// This conversation, with its messages and meetings; its contact stays. May be given several times.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    conversation: Vec<i64>,

    /// All that Drift itself deleted: conversations, with all that hangs on them, contacts and messages that
    /// bear `_deleted_at`. Conversations that Drift still has stay, also those of a contact it no longer shows.
    #[arg(long)]
    deleted: bool,
}

impl ForgetOptions {
    /// What is to be forgotten.
    pub fn wanted(&self) -> Wanted {
        let Forgettable { contact, conversation, deleted } = self.what.clone();
        match (deleted, conversation.is_empty()) {
            (true, _) => Wanted::Deleted,
            (false, false) => Wanted::Conversations(conversation),
            (false, true) => Wanted::Contacts(contact),
        }
    }
}

/// The options of `verify`.
#[derive(Debug, Group)]
pub struct VerifyOptions {
    /// Compare sizes and footers only; rows are not read. Seconds instead of minutes for large lakes.
    #[arg(long)]
    pub quick: bool,

    /// Also ask Drift about a sample of the stored conversations and their messages, and about the head of
    /// its list, and compare. Needs the token; two calls or more for each conversation of the sample.
    #[arg(long)]
    pub against_api: bool,

    /// How many conversations --against-api asks about, chosen by chance. Default: 100.
    #[arg(long, value_name = "N", requires = "against_api")]
    pub sample: Option<usize>,

    /// The most requests a second. Default: none; the rate is found by itself and gives way to Drift's limit.
    #[arg(long, value_name = "REQUESTS/S", requires = "against_api")]
    pub max_rate: Option<f64>,

    /// Where Drift answers. Default: <https://driftapi.com>.
    #[arg(long, value_name = "URL", env = "DRIFT_API_URL", hide_env_values = true)]
    pub api_url: Option<String>,

    /// How the result is written.
    #[command(flatten)]
    pub shape: Shape,
}

/// The options of `sync`.
#[derive(Debug, Clone, Default, Group, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SyncOptions {
    /// Read only these tables, separated by commas, and what they need: `messages`, `contacts` and the
    /// derived tables bring `conversations`. Default: all twelve. Tables left out keep what they have.
    #[arg(long, value_name = "TABLE,…", value_delimiter = ',', conflicts_with = "except")]
    pub tables: Vec<String>,

    /// Read all tables but these, separated by commas. `--except contacts` saves one call per contact.
    #[arg(long, value_name = "TABLE,…", value_delimiter = ',')]
    pub except: Vec<String>,

    /// Read only conversations that changed on or after this day (UTC), with all that hangs on them:
    /// `2024-01-01`, or so long before today: `1y`, `6m`, `2w`, `30d`. Kept by the lake from the first run
    /// on; an earlier day later on fetches what is missing; `all` removes the bound. Default: all history.
    #[arg(long, value_name = "DATE|1y|all")]
    pub since: Option<String>,

    /// Walk the whole list of conversations, not only down to the bookmark: finds what vanished or changed
    /// without a trace. Costs one call per 100 conversations, and the calls for what it finds.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub full: Option<bool>,

    /// Walk the whole list at least this often. Default: 7d. Shorter finds vanished rows sooner; one call
    /// per 100 conversations each time.
    #[arg(long, value_name = "DURATION")]
    pub full_every: Option<String>,

    /// Fetch conversations, messages and contacts again although they seem settled: brings in changes that
    /// leave no trace in the list, such as edited tags. Costs as much as the first load.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub refetch: Option<bool>,

    /// Requests in flight. Default: 32, enough for every rate limit seen; more costs memory.
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,

    /// The most requests a second. Default: none; the rate is found by itself and gives way to Drift's limit.
    /// Give one when other programs share the account's limit.
    #[arg(long, value_name = "REQUESTS/S")]
    pub max_rate: Option<f64>,

    /// Stay, and sync at every multiple of this interval by the clock in UTC: `30m` at :00 and :30, `24h` at
    /// midnight; each time up to a tenth of it later, at most a minute, by chance, so that not all ask at once. The
    /// first run begins at once. A run that takes longer skips what it missed. SIGTERM and Ctrl-C end it, and so
    /// do the codes 1, 2, 3 and 5 of a run; after all others the next run tries again. Tokens and their files
    /// are read anew for each run. From 1s to 366d, or `never`. Default: never, so that one run is all.
    #[arg(long, value_name = "DURATION")]
    pub every: Option<String>,

    /// Commit and stop after this long, with exit code 8; the next run goes on. With --every, each run may take
    /// so long. Default: no limit.
    #[arg(long, value_name = "DURATION")]
    pub max_time: Option<String>,

    /// The limit on memory, such as `256MiB` (the default) or `1GiB`; at least 64MiB. One object, encoded,
    /// must fit half of it; a run that would not is refused before it fetches.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,

    /// What one object spans: `month`, `day`, or `auto`: days for accounts with more than about 50,000
    /// conversations a month. Chosen at the first run and kept. Default: auto.
    #[arg(long, value_name = "auto|month|day")]
    pub partition_by: Option<String>,

    /// Keep every page as it came, too, below `_raw`, so that `rebuild` can make the lake again without Drift:
    /// about as many bytes again as the data. Only from a lake's first run on, and then kept by the lake.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub raw: Option<bool>,

    /// Leave these columns out, separated by commas, such as `contacts.phone,messages.body`: their values are taken
    /// out of every page before anything is written, and the columns stay null. Only before a table is first read;
    /// the lake keeps it, and `''` asks for none. Not with --raw. See docs/columns.md. Default: none.
    #[arg(long, value_name = "TABLE.COLUMN", value_delimiter = ',')]
    pub exclude_columns: Vec<String>,

    /// Hash these text columns: HMAC-SHA256 in hex, under the key in `DRIFT2PARQUET_HASH_KEY` (or the file that
    /// `DRIFT2PARQUET_HASH_KEY_FILE` names), so that equal values stay equal. Kept like --exclude-columns.
    /// Default: none.
    #[arg(long, value_name = "TABLE.COLUMN", value_delimiter = ',')]
    pub hash_columns: Vec<String>,

    /// Write the report of the run, as JSON, to this file, `-` for stdout. Default: only into the lake. With
    /// --every, each run replaces the file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<String>,

    /// End with exit code 0 instead of 7 when rows are pending or were set aside. They stay named in the
    /// report, and the next run tries them again. Never hides codes 4 and 5.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub allow_incomplete: Option<bool>,

    /// Overtake a run whose lease on the lake has not run out. A lake in a directory never needs it: there
    /// the system ends the hold of a run together with its process, and a run that lives is not overtaken.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub takeover: Option<bool>,

    /// Go on although more than 5 % and more than 100 of the stored conversations vanished from Drift, and
    /// mark them as deleted. Without it such a run commits all else and ends with exit code 4.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub accept_deletions: Option<bool>,

    /// Begin a lake in a bucket whose store ignores conditional puts, as some servers that speak S3 do. Dangerous:
    /// if ever two runs write at once, by a schedule that overlaps or by hand, one can destroy what the other has
    /// put, and nothing notices. Without it the first run on such a store ends with exit code 5.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub accept_unsafe_store: Option<bool>,
    /// After a run that left nothing pending, publish the lake as Delta tables there: a directory, or an address
    /// such as the lake's own, outside of every lake. See `publish`. Default: none.
    #[arg(long, value_name = "URL")]
    pub publish_delta: Option<String>,

    /// How long files that were replaced in the Delta tables are kept. Default: 7d.
    #[arg(long, value_name = "DURATION")]
    pub retain: Option<String>,

    /// Where Drift answers. Default: <https://driftapi.com>. For the simulator, or a proxy. The token is sent
    /// there and to no other host.
    #[arg(long, value_name = "URL", env = "DRIFT_API_URL", hide_env_values = true)]
    pub api_url: Option<String>,
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

impl S3Options {
    /// These options, and those of `file` where these say nothing.
    fn or(self, file: Self) -> Self {
        Self {
            s3_addressing: self.s3_addressing.or(file.s3_addressing),
            s3_sse: self.s3_sse.or(file.s3_sse),
            s3_sse_kms_key_id: given(self.s3_sse_kms_key_id).or(given(file.s3_sse_kms_key_id)),
            s3_storage_class: given(self.s3_storage_class).or(given(file.s3_storage_class)),
            s3_checksum: self.s3_checksum.or(file.s3_checksum),
        }
    }
}

/// A list that was given, or that of the file.
fn either(given: Vec<String>, file: Vec<String>) -> Vec<String> {
    if given.is_empty() { file } else { given }
}

impl SyncOptions {
    /// These options, and those of `file` where these say nothing.
    pub fn or(self, file: Self) -> Self {
        let chosen = !(self.tables.is_empty() && self.except.is_empty());
        let (tables, except) = if chosen { (self.tables, self.except) } else { (file.tables, file.except) };
        Self {
            tables,
            except,
            since: self.since.or(file.since),
            full: self.full.or(file.full),
            full_every: self.full_every.or(file.full_every),
            refetch: self.refetch.or(file.refetch),
            concurrency: self.concurrency.or(file.concurrency),
            max_rate: self.max_rate.or(file.max_rate),
            every: self.every.or(file.every),
            max_time: self.max_time.or(file.max_time),
            memory: self.memory.or(file.memory),
            partition_by: self.partition_by.or(file.partition_by),
            raw: self.raw.or(file.raw),
            exclude_columns: either(self.exclude_columns, file.exclude_columns),
            hash_columns: either(self.hash_columns, file.hash_columns),
            report: self.report.or(file.report),
            allow_incomplete: self.allow_incomplete.or(file.allow_incomplete),
            takeover: self.takeover.or(file.takeover),
            accept_deletions: self.accept_deletions.or(file.accept_deletions),
            accept_unsafe_store: self.accept_unsafe_store.or(file.accept_unsafe_store),
            publish_delta: given(self.publish_delta).or(given(file.publish_delta)),
            retain: self.retain.or(file.retain),
            api_url: given(self.api_url).or(given(file.api_url)),
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
