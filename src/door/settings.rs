//! From what was typed to what was meant: validated settings, or one clear line about what is wrong.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use drift2parquet::api::ApiUrl;
use drift2parquet::config::{self, AskedMasking, Selection, Since, SyncSettings};
use drift2parquet::error::{Error, Result};
use drift2parquet::publish;
use drift2parquet::schedule::{EVERY_MAX, EVERY_MIN, Schedule};
use drift2parquet::schema::PartitionBy;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use secrecy::SecretString;

use super::args::{Common, LogFormat, PublishOptions, SyncOptions, VerifyOptions, given};
use super::place::Place;
use super::token::{Credentials, Environment, hash_key};
use super::within::refuse_within_a_lake;

/// More in flight than this only fills queues on both sides.
const CONCURRENCY_MAX: usize = 512;

/// A run slower than one request in 100 s or faster than this is a slip of the finger.
const RATES: std::ops::RangeInclusive<f64> = 0.01..=10_000.0;

/// Conversations that `verify --against-api` asks about: a minute of calls at the slowest rate seen.
const SAMPLE: usize = 100;

/// How stderr sounds.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    /// Only errors.
    pub quiet: bool,
    /// More than usual.
    pub verbose: bool,
    /// For people or for programs.
    pub format: LogFormat,
}

impl Voice {
    /// For programs, before anything else is known.
    pub const JSON: Self = Self { quiet: false, verbose: false, format: LogFormat::Json };

    /// From the arguments and, where it could be read, the file.
    pub fn of(typed: &Common, file: Option<&Common>) -> Self {
        let meant = typed.clone().or(file.cloned().unwrap_or_default());
        Self {
            quiet: meant.quiet && !typed.verbose,
            verbose: meant.verbose && !typed.quiet,
            format: meant.log_format.unwrap_or_default(),
        }
    }
}

/// Where the report of a run goes, besides the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportTo {
    /// stdout.
    Stdout,
    /// This file.
    File(PathBuf),
}

/// Everything a `sync` was asked for.
#[derive(Debug)]
pub struct Order {
    /// The lake.
    pub lake: Place,
    /// The settings of the run.
    pub sync: SyncSettings,
    /// How Drift is asked.
    pub line: Line,
    /// Where the report goes.
    pub report: Option<ReportTo>,
    /// Whether a lake may be begun in a store that ignores conditional puts.
    pub accept_unsafe_store: bool,
    /// Whether exit code 7 becomes 0.
    pub allow_incomplete: bool,
    /// When further runs begin, if they shall.
    pub every: Option<Schedule>,
    /// Where the lake is published after the run, and how.
    pub publication: Option<Publication>,
    /// When the run starts, by this machine's clock.
    pub now: Timestamp,
}

/// How Drift is asked.
#[derive(Debug)]
pub struct Line {
    /// Where it answers.
    pub api_url: ApiUrl,
    /// Who asks.
    pub credentials: Credentials,
    /// The most requests a second.
    pub max_rate: Option<f64>,
    /// Requests in flight.
    pub concurrency: usize,
    /// What chance begins with: no two runs alike.
    pub seed: u64,
    /// The key of hashed columns.
    pub hash_key: Option<SecretString>,
    /// Whether Drift has answered there, in this run or in one before it.
    pub drift_known: AtomicBool,
}

impl Line {
    /// Goes on from the line of the run before: what Drift has given and shown since.
    pub fn follow(&mut self, last: &Self) {
        self.credentials.follow(&last.credentials);
        let same = self.api_url == last.api_url;
        self.drift_known = AtomicBool::new(same && last.drift_known.load(Ordering::Relaxed));
    }
}

/// Everything a `verify` was asked for.
#[derive(Debug)]
pub struct Proof {
    /// The lake.
    pub lake: Place,
    /// Whether rows are left unread.
    pub quick: bool,
    /// How many conversations Drift is asked about, and how it is asked.
    pub against: Option<(usize, Line)>,
}

/// Where a lake is published, and how.
#[derive(Debug)]
pub struct Publication {
    /// Where to.
    pub to: Place,
    /// How.
    pub settings: publish::Settings,
}

/// What a `publish` was asked for, where it was not typed by what the file says of `sync`.
pub fn publication(common: &Common, options: &PublishOptions, file: &SyncOptions) -> Result<Publication> {
    let to = given(options.to.clone()).or(given(file.publish_delta.clone()));
    let to = to.ok_or_else(|| {
        Error::usage("it is not said where to publish").hint("give a directory or an address by --to")
    })?;
    let retain = retain(options.retain.as_ref().or(file.retain.as_ref()))?;
    let allow_incomplete = options.allow_incomplete || file.allow_incomplete.unwrap_or(false);
    let to = Place::named(to, common)?;
    Ok(Publication { to, settings: publish::Settings { retain, allow_incomplete } })
}

fn publication_after(common: &Common, options: &SyncOptions) -> Result<Option<Publication>> {
    let retain = retain(options.retain.as_ref())?;
    let allow_incomplete = options.allow_incomplete.unwrap_or(false);
    let settings = publish::Settings { retain, allow_incomplete };
    let to = given(options.publish_delta.clone()).map(|to| Place::named(to, common)).transpose()?;
    Ok(to.map(|to| Publication { to, settings }))
}

fn retain(text: Option<&String>) -> Result<Duration> {
    text.map_or(Ok(publish::RETAIN), |text| duration("retain", text))
}

/// What `sync` was asked for.
pub fn order(
    common: &Common,
    options: &SyncOptions,
    environment: Environment,
    now: Timestamp,
) -> Result<Order> {
    let (lake, mut sync) = (Place::of(common)?, sync_settings(options, now)?);
    sync.masking.key = hash_key(environment)?;
    Ok(Order {
        every: options.every.as_deref().map_or(Ok(None), |text| every(text, &lake.name))?,
        lake,
        report: options.report.clone().map(report_to).transpose()?,
        accept_unsafe_store: options.accept_unsafe_store.unwrap_or(false),
        allow_incomplete: options.allow_incomplete.unwrap_or(false),
        publication: publication_after(common, options)?,
        line: line(options.api_url.as_deref(), options.max_rate, sync.concurrency, environment, now)?,
        sync,
        now,
    })
}

/// What `verify` was asked for; the file's options of `sync` say how Drift is asked.
pub fn proof(
    common: &Common,
    options: &VerifyOptions,
    file: &SyncOptions,
    environment: Environment,
    now: Timestamp,
) -> Result<Proof> {
    let sample = options.sample.unwrap_or(SAMPLE);
    let line = || {
        let api_url = given(options.api_url.clone()).or(file.api_url.clone());
        let rate = options.max_rate.or(file.max_rate);
        line(api_url.as_deref(), rate, config::CONCURRENCY, environment, now)
    };
    let against = options.against_api.then(line).transpose()?.map(|line| (sample, line));
    Ok(Proof { lake: Place::of(common)?, quick: options.quick, against })
}

fn line(
    api_url: Option<&str>,
    max_rate: Option<f64>,
    concurrency: usize,
    environment: Environment,
    now: Timestamp,
) -> Result<Line> {
    Ok(Line {
        api_url: api_url.map(ApiUrl::parse).transpose()?.unwrap_or_default(),
        max_rate: max_rate.map(rate).transpose()?,
        credentials: Credentials::read(environment)?,
        hash_key: hash_key(environment)?,
        concurrency,
        seed: seed(now),
        drift_known: AtomicBool::new(false),
    })
}

/// No two alike: two runs of one machine differ in the process, two machines in the nanosecond.
pub fn seed(now: Timestamp) -> u64 {
    let nanoseconds = now.as_nanosecond() as u64;
    nanoseconds.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(std::process::id())
}

/// Whether what a file says of `sync` can be meant, however the rest of it is; nothing on disk is looked at.
///
/// # Errors
/// Those of [`order`] that one value alone brings about.
pub fn check(options: &SyncOptions, now: Timestamp) -> Result<()> {
    sync_settings(options, now)?;
    options.every.as_deref().map_or(Ok(None), |text| every(text, ""))?;
    options.max_rate.map(rate).transpose()?;
    options.api_url.as_deref().map(ApiUrl::parse).transpose()?;
    retain(options.retain.as_ref()).map(drop)
}

fn sync_settings(options: &SyncOptions, now: Timestamp) -> Result<SyncSettings> {
    let usual = SyncSettings::default();
    let full_every = options.full_every.as_deref().map(|text| duration("full-every", text)).transpose()?;
    Ok(SyncSettings {
        tables: selection(options)?,
        since: options.since.as_deref().map(|text| since(text, now)).transpose()?,
        full: options.full.unwrap_or(false),
        refetch: options.refetch.unwrap_or(false),
        full_every: full_every.unwrap_or(usual.full_every),
        max_time: options.max_time.as_deref().map(max_time).transpose()?,
        concurrency: options.concurrency.map_or(Ok(usual.concurrency), concurrency)?,
        memory: options.memory.as_deref().map_or(Ok(usual.memory), memory)?,
        partition_by: options.partition_by.as_deref().map_or(Ok(usual.partition_by), partition_by)?,
        accept_deletions: options.accept_deletions.unwrap_or(false),
        takeover: options.takeover.unwrap_or(false),
        raw: options.raw.unwrap_or(false),
        masking: AskedMasking::read(named(&options.exclude_columns), named(&options.hash_columns))?,
        ..usual
    })
}

fn selection(options: &SyncOptions) -> Result<Selection> {
    match (trimmed(&options.tables), trimmed(&options.except)) {
        (tables, except) if tables.is_empty() && except.is_empty() => Ok(Selection::all()),
        (tables, except) if except.is_empty() => Selection::only(&tables),
        (tables, except) if tables.is_empty() => Selection::except(&except),
        _ => Err(Error::usage("`tables` and `except` are both given")
            .hint("name the tables to read, or those to leave out, not both")),
    }
}

/// An empty list says nothing; one empty name (`--exclude-columns ''`) asks for none.
fn named(names: &[String]) -> Option<&[String]> {
    Some(names).filter(|names| !names.is_empty())
}

fn trimmed(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.trim().to_owned()).collect()
}

/// A day, so long before today, or everything.
fn since(text: &str, now: Timestamp) -> Result<Since> {
    let today = TimeZone::UTC.to_datetime(now).date();
    if text == "all" {
        return Ok(Since::All);
    }
    let (day, form): (Date, fn(i64) -> Since) = match (ago(text, today), day(text)) {
        (Some(day), _) => (day, Since::Ago),
        (None, Some(day)) => (day, Since::From),
        (None, None) => return Err(no_date(text)),
    };
    let start = TimeZone::UTC.to_timestamp(day.into()).map_err(|_| no_date(text))?;
    if start > now {
        return Err(Error::usage(format!("--since {text} lies in the future"))
            .hint("give a day up to today, such as --since 1y"));
    }
    Ok(form(start.as_microsecond()))
}

/// Exactly `YYYY-MM-DD`; the calendar's own parser takes more forms than people expect.
fn day(text: &str) -> Option<Date> {
    let form = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    form.then(|| text.parse().ok())?
}

fn ago(text: &str, today: Date) -> Option<Date> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: i32 = count.parse().ok().filter(|count| *count > 0)?;
    today.checked_sub(span(count, unit)?).ok()
}

fn span(count: i32, unit: &str) -> Option<Span> {
    let span = Span::new();
    match unit {
        "y" => span.try_years(count).ok(),
        "m" => span.try_months(count).ok(),
        "w" => span.try_weeks(count).ok(),
        "d" => span.try_days(count).ok(),
        _ => None,
    }
}

fn no_date(text: &str) -> Error {
    Error::usage(format!("--since `{text}` is not a date"))
        .hint("write a day as 2024-01-01, so long before today as 1y, 6m, 2w or 30d, or `all`")
}

fn duration(option: &str, text: &str) -> Result<Duration> {
    humantime::parse_duration(text).map_err(|cause| {
        Error::usage(format!("--{option} `{text}` is not a duration"))
            .caused_by(cause)
            .hint("write it as 90s, 30m, 4h or 7d")
    })
}

/// A run without any time would end before its first call, again and again.
fn max_time(text: &str) -> Result<Duration> {
    match duration("max-time", text)? {
        Duration::ZERO => Err(Error::usage(format!("--max-time {text} leaves a run no time"))
            .hint("give a duration such as 30m or 4h, or leave it out for no limit")),
        some => Ok(some),
    }
}

/// The lake alone decides about chance, so that a restart changes no time, and two lakes seldom share one.
fn every(text: &str, lake: &str) -> Result<Option<Schedule>> {
    if text == "never" {
        return Ok(None);
    }
    let every = duration("every", text)?;
    if (EVERY_MIN..=EVERY_MAX).contains(&every) {
        return Ok(Some(Schedule::new(every, hash(lake))));
    }
    Err(Error::usage(format!("--every {text} cannot be used"))
        .hint("give an interval from 1s to 366d, such as 30m or 24h, or `never`"))
}

/// FNV-1a, which no version of anything changes.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A size of memory, in bytes.
pub fn memory(text: &str) -> Result<u64> {
    let size: bytesize::ByteSize = text.trim().parse().map_err(|_| {
        Error::usage(format!("--memory `{text}` is not a size such as 256MiB"))
            .hint("write a number and its unit, as in 256MiB or 1GiB")
    })?;
    if size.as_u64() < config::MEMORY_MIN {
        return Err(Error::usage(format!("--memory {text} is too little"))
            .hint("give at least 64MiB; the default is 256MiB"));
    }
    Ok(size.as_u64())
}

fn concurrency(requests: usize) -> Result<usize> {
    if (1..=CONCURRENCY_MAX).contains(&requests) {
        return Ok(requests);
    }
    Err(Error::usage(format!("--concurrency {requests} cannot be used"))
        .hint(format!("give a number from 1 to {CONCURRENCY_MAX}; the default is {}", config::CONCURRENCY)))
}

fn rate(requests: f64) -> Result<f64> {
    if RATES.contains(&requests) {
        return Ok(requests);
    }
    Err(Error::usage(format!("--max-rate {requests} cannot be used"))
        .hint("give requests a second, from 0.01 to 10000"))
}

fn partition_by(text: &str) -> Result<PartitionBy> {
    match text {
        "auto" => Ok(PartitionBy::Auto),
        "month" => Ok(PartitionBy::Month),
        "day" => Ok(PartitionBy::Day),
        _ => Err(Error::usage(format!("--partition-by `{text}` is unknown"))
            .hint("write auto, month or day; the default is auto")),
    }
}

fn report_to(text: String) -> Result<ReportTo> {
    if text == "-" {
        return Ok(ReportTo::Stdout);
    }
    let path = PathBuf::from(text);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !path.is_dir() {
        refuse_within_a_lake(&path, "the report")?;
        return Ok(ReportTo::File(path));
    }
    Err(Error::usage("the report cannot be written there")
        .at("file", path.display())
        .hint("give a file in a directory that exists to --report, or `-` for stdout"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2024-02-29T13:00:00Z".parse().unwrap()
    }

    fn from(text: &str) -> String {
        match since(text, now()).unwrap() {
            Since::From(us) | Since::Ago(us) => Timestamp::from_microsecond(us).unwrap().to_string(),
            Since::All => "all".into(),
        }
    }

    #[test]
    fn days_and_spans_are_midnights_in_utc() {
        assert_eq!(from("2024-01-01"), "2024-01-01T00:00:00Z");
        assert_eq!(from("1y"), "2023-02-28T00:00:00Z");
        assert_eq!(from("6m"), "2023-08-29T00:00:00Z");
        assert_eq!(from("30d"), "2024-01-30T00:00:00Z");
        assert_eq!(from("all"), "all");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "y",
            "-1y",
            "0d",
            "1x",
            "2024-13-01",
            "2024-02-30",
            "24-1-1",
            "2024-01-01T00",
            "9999999y",
            "é",
        ] {
            assert!(since(text, now()).is_err(), "{text} was taken");
        }
        assert!(since("2024-03-01", now()).unwrap_err().to_string().contains("future"));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(memory("63MiB").is_err() && memory("lots").is_err());
        assert_eq!(memory("1GiB").unwrap(), 1 << 30);
        assert!(concurrency(0).is_err() && concurrency(100_000).is_err());
        assert!(rate(0.0).is_err() && rate(f64::NAN).is_err() && rate(50.0).is_ok());
    }

    #[test]
    fn an_interval_is_taken_within_reason() {
        assert_eq!(every("never", "lake").unwrap(), None);
        assert_eq!(every("30m", "a").unwrap(), every("1800s", "a").unwrap());
        assert_ne!(every("30m", "a").unwrap(), every("30m", "b").unwrap());
        for text in ["", "0s", "10ms", "2y", "-1m", "30"] {
            assert!(every(text, "lake").is_err(), "{text} was taken");
        }
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let settings = sync_settings(&SyncOptions::default(), now()).unwrap();
        assert_eq!(settings.memory, config::MEMORY);
        assert_eq!(settings.tables, Selection::all());
    }
}
