//! Everything that can go wrong, as values: listable, printable, and read back from what was printed.
//!
//! A fault is chosen by a rule of a [`FaultScript`]; the script of a failing seed can be printed and run again.

mod flip;
mod script;
mod surgery;

use std::fmt;
use std::str::FromStr;

pub use flip::{FieldFlip, Flip};
pub use script::{FaultRule, FaultScript, When};

pub(crate) use script::Injector;

/// What goes wrong on the line; carried out by the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// The connection is refused; a server closes it unread, which is the nearest it can do.
    Refuse,
    /// The connection is never made; a server accepts it and then does nothing.
    HangOnConnect,
    /// Reset before the first byte.
    ResetBeforeHeaders,
    /// Reset in the middle of the headers.
    ResetInHeaders,
    /// Reset in the middle of the body.
    ResetInBody,
    /// The line ends in the middle of the body, before the length that was announced.
    TruncateBody,
    /// The body comes in sixteen parts with so many milliseconds between them.
    Drip(u32),
    /// The request is read and never answered.
    Hang,
    /// Half of the body comes, then nothing more.
    HangInBody,
}

/// The body of an error answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorBody {
    /// As documented.
    Json,
    /// A gateway's page.
    Html,
    /// Nothing.
    Empty,
}

/// The `Retry-After` of an error answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// None.
    None,
    /// In seconds.
    Seconds(u32),
    /// As a date that many seconds ahead.
    Date(u32),
    /// A year.
    Absurd,
}

/// One thing that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another status.
    Status {
        /// The status.
        status: u16,
        /// Its body.
        body: ErrorBody,
        /// Its `Retry-After`.
        retry_after: RetryAfter,
    },
    /// Something on the line.
    Wire(WireFault),
    /// Half of the body, with the length that matches it.
    ShortBody,
    /// 200 with a page for humans.
    HtmlPage,
    /// 200 with `errors[]` and no data.
    ErrorsList,
    /// 200 whose body is no UTF-8.
    InvalidUtf8,
    /// 200 with nothing.
    EmptyBody,
    /// 200 with a list where an object belongs, or the other way round.
    SwappedEnvelope,
    /// Compressed, asked for or not.
    Gzip,
    /// Announced as compressed, but cut.
    BrokenGzip,
    /// Some kilobytes that unpack to so many megabytes.
    DeflateBomb(u32),
    /// A body of so many megabytes, still valid JSON.
    Oversize(u32),
    /// A redirect to another host.
    Redirect,
    /// The link to the next page leads to a foreign host.
    NextOnOtherHost,
    /// The link to the next page loses `statusId`.
    NextDropsFilter,
    /// The next page is this page.
    NextIsSame,
    /// The next page is the one before this.
    NextIsPrevious,
    /// No rows, yet a next page.
    EmptyPage,
    /// Rows, but no word about a next page.
    NoPagination,
    /// The rows of the page before come again in front.
    RepeatedRows,
    /// The rows of this page in reverse.
    ReversedRows,
    /// So many conversations move to the top before the answer.
    Bump(u32),
    /// So many conversations are erased before the answer.
    Erase(u32),
    /// So many conversations begin before the answer.
    Begin(u32),
    /// What the request asks for by id is erased before the answer.
    EraseAsked,
    /// A message arrives in the conversation asked for, right after the answer.
    MessageAfter,
    /// As `MessageAfter`, but it shows up only that many seconds later.
    LateMessageAfter(u32),
    /// Every OAuth access token ends.
    ExpireTokens,
}

impl Fault {
    /// Every kind of fault, with usual arguments.
    pub fn all() -> Vec<Self> {
        let statuses = [500, 502, 503, 504].into_iter().flat_map(|status| {
            [ErrorBody::Json, ErrorBody::Html, ErrorBody::Empty].map(|body| Self::status(status, body))
        });
        let waits = [RetryAfter::None, RetryAfter::Seconds(2), RetryAfter::Date(3), RetryAfter::Absurd];
        let limits =
            waits.map(|retry_after| Self::Status { status: 429, body: ErrorBody::Json, retry_after });
        let rights = [401, 403, 404].map(|status| Self::status(status, ErrorBody::Json));
        let plain = PLAIN.iter().map(|(_, fault)| *fault);
        let counted = COUNTED.iter().map(|(_, usual, make)| make(*usual));
        statuses.chain(limits).chain(rights).chain(plain).chain(counted).collect()
    }

    /// An error status without `Retry-After`.
    pub fn status(status: u16, body: ErrorBody) -> Self {
        Self::Status { status, body, retry_after: RetryAfter::None }
    }

    /// Whether the fault changes the world or the tokens, not the answer itself.
    pub(crate) fn is_event(self) -> bool {
        use Fault as F;
        matches!(
            self,
            F::Bump(_)
                | F::Erase(_)
                | F::Begin(_)
                | F::EraseAsked
                | F::MessageAfter
                | F::LateMessageAfter(_)
                | F::ExpireTokens
        )
    }
}

const PLAIN: [(&str, Fault); 26] = [
    ("refuse", Fault::Wire(WireFault::Refuse)),
    ("hang-on-connect", Fault::Wire(WireFault::HangOnConnect)),
    ("reset-before-headers", Fault::Wire(WireFault::ResetBeforeHeaders)),
    ("reset-in-headers", Fault::Wire(WireFault::ResetInHeaders)),
    ("reset-in-body", Fault::Wire(WireFault::ResetInBody)),
    ("truncate-body", Fault::Wire(WireFault::TruncateBody)),
    ("hang", Fault::Wire(WireFault::Hang)),
    ("hang-in-body", Fault::Wire(WireFault::HangInBody)),
    ("short-body", Fault::ShortBody),
    ("html-page", Fault::HtmlPage),
    ("errors-list", Fault::ErrorsList),
    ("invalid-utf8", Fault::InvalidUtf8),
    ("empty-body", Fault::EmptyBody),
    ("swapped-envelope", Fault::SwappedEnvelope),
    ("gzip", Fault::Gzip),
    ("broken-gzip", Fault::BrokenGzip),
    ("redirect", Fault::Redirect),
    ("next-on-other-host", Fault::NextOnOtherHost),
    ("next-drops-filter", Fault::NextDropsFilter),
    ("next-is-same", Fault::NextIsSame),
    ("next-is-previous", Fault::NextIsPrevious),
    ("empty-page", Fault::EmptyPage),
    ("no-pagination", Fault::NoPagination),
    ("repeated-rows", Fault::RepeatedRows),
    ("reversed-rows", Fault::ReversedRows),
    ("erase-asked", Fault::EraseAsked),
];

/// Name, usual argument, and how to make the fault from an argument.
type Counted = (&'static str, u32, fn(u32) -> Fault);

const COUNTED: [Counted; 9] = [
    ("drip", 100, |ms| Fault::Wire(WireFault::Drip(ms))),
    ("deflate-bomb", 256, Fault::DeflateBomb),
    ("oversize", 80, Fault::Oversize),
    ("bump", 30, Fault::Bump),
    ("erase", 2, Fault::Erase),
    ("begin", 3, Fault::Begin),
    ("late-message-after", 120, Fault::LateMessageAfter),
    ("message-after", 1, |_| Fault::MessageAfter),
    ("expire-tokens", 1, |_| Fault::ExpireTokens),
];

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = PLAIN.iter().find(|(_, fault)| fault == self) {
            return formatter.write_str(name);
        }
        match self {
            Self::Status { status, body, retry_after } => write!(formatter, "{status}-{body}{retry_after}"),
            Self::Wire(WireFault::Drip(ms)) => write!(formatter, "drip:{ms}"),
            Self::DeflateBomb(size) => write!(formatter, "deflate-bomb:{size}"),
            Self::Oversize(size) => write!(formatter, "oversize:{size}"),
            Self::Bump(count) => write!(formatter, "bump:{count}"),
            Self::Erase(count) => write!(formatter, "erase:{count}"),
            Self::Begin(count) => write!(formatter, "begin:{count}"),
            Self::LateMessageAfter(seconds) => write!(formatter, "late-message-after:{seconds}"),
            Self::MessageAfter => formatter.write_str("message-after"),
            Self::ExpireTokens => formatter.write_str("expire-tokens"),
            other => unreachable!("{other:?} is in the table of plain faults"),
        }
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Empty => "empty",
        })
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Seconds(seconds) => write!(formatter, "-seconds:{seconds}"),
            Self::Date(seconds) => write!(formatter, "-date:{seconds}"),
            Self::Absurd => formatter.write_str("-absurd"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, fault)) = PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(*fault);
        }
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        if let Some((_, usual, make)) = COUNTED.iter().find(|(known, _, _)| *known == name) {
            return Ok(make(if argument.is_empty() { *usual } else { number(argument)? }));
        }
        parse_status(name, argument).ok_or_else(|| format!("no fault is called `{text}`"))
    }
}

fn parse_status(name: &str, argument: &str) -> Option<Fault> {
    let mut parts = name.split('-');
    let status = parts.next()?.parse().ok()?;
    let body = match parts.next()? {
        "json" => ErrorBody::Json,
        "html" => ErrorBody::Html,
        "empty" => ErrorBody::Empty,
        _ => return None,
    };
    let retry_after = match parts.next() {
        None => RetryAfter::None,
        Some("seconds") => RetryAfter::Seconds(argument.parse().ok()?),
        Some("date") => RetryAfter::Date(argument.parse().ok()?),
        Some("absurd") => RetryAfter::Absurd,
        Some(_) => return None,
    };
    Some(Fault::Status { status, body, retry_after })
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}
