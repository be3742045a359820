//! What `sync` can be told, and `plan` and `check` with it; each of it may stand in `drift2parquet.toml`, too.

use clap::Args as Group;
use serde::Deserialize;

use super::given;

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

/// A list that was given, or that of the file.
fn either(given: Vec<String>, file: Vec<String>) -> Vec<String> {
    if given.is_empty() { file } else { given }
}
