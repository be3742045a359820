//! One value, and what it becomes in each kind of column. All knowledge about kinds of scalars is here.

use std::borrow::Cow;
use std::ops::Range;

use crate::schema::{Kind, TIME_MS_END, TIME_MS_START};

use super::mend;
use super::skim;
use super::tape::{Node, Parsed, Seat, StaticNode};

/// What a column makes of a value.
#[derive(Debug)]
pub(super) enum Read<T> {
    /// JSON's null.
    Null,
    /// It fits.
    Fits(T),
    /// It fits in a way, but what was sent says more or other: it stands in `_extra`, too.
    Odd(T),
    /// It does not fit: null here, and it stands in `_extra`.
    Misfit,
}

impl<T> Read<T> {
    /// The value, however well it fits.
    pub fn fitting(self) -> Option<T> {
        match self {
            Self::Fits(value) | Self::Odd(value) => Some(value),
            Self::Null | Self::Misfit => None,
        }
    }

    /// The value for the column, and whether it stands in `_extra`.
    pub fn settle(self) -> (Option<T>, bool) {
        let keep = matches!(self, Self::Odd(_) | Self::Misfit);
        (self.fitting(), keep)
    }

    fn from_fit(fit: Option<T>) -> Self {
        fit.map_or(Self::Misfit, Self::Fits)
    }

    fn from_odd(fit: Option<T>) -> Self {
        fit.map_or(Self::Misfit, Self::Odd)
    }
}

/// A value on a page.
#[derive(Clone, Copy)]
pub(super) struct Value<'p> {
    pub page: &'p Parsed<'p>,
    pub at: u32,
    pub seat: Seat,
}

impl<'p> Value<'p> {
    pub fn node(self) -> Node<'p> {
        self.page.node(self.at)
    }

    pub fn is_null(self) -> bool {
        matches!(self.node(), Node::Static(StaticNode::Null))
    }

    pub fn span(self) -> Range<usize> {
        self.page.span(self.at, self.seat)
    }

    /// The value as it was sent.
    pub fn raw(self) -> &'p str {
        self.page.text(self.span())
    }

    /// Where it stands, if anything in it was replaced before it was parsed.
    fn altered_span(self) -> Option<Range<usize>> {
        if self.page.is_sound() {
            return None;
        }
        Some(self.span()).filter(|span| !self.page.altered(span).is_empty())
    }

    /// What is an integer as it stands. This, like all that is usual, holds only on a page where nothing was replaced.
    pub fn usual_int(self) -> Option<i64> {
        if let Node::Static(StaticNode::I64(number)) = self.node() { Some(number) } else { None }
    }

    pub fn usual_time(self) -> Option<i64> {
        self.usual_int().and_then(time_us)
    }

    pub fn usual_flag(self) -> Option<bool> {
        if let Node::Static(StaticNode::Bool(flag)) = self.node() { Some(flag) } else { None }
    }

    pub fn usual_number(self) -> Option<f64> {
        if let Node::Static(StaticNode::F64(number)) = self.node() { Some(number) } else { None }
    }

    pub fn usual_text(self) -> Option<&'p str> {
        if let Node::String(text) = self.node() { Some(text) } else { None }
    }

    pub fn int(self) -> Read<i64> {
        match self.node() {
            Node::Static(StaticNode::Null) => Read::Null,
            Node::Static(StaticNode::I64(number)) => Read::Fits(number),
            Node::Static(StaticNode::U64(number)) => Read::from_fit(i64::try_from(number).ok()),
            Node::String(text) => Read::from_odd(canonical(text)),
            _ => Read::Misfit,
        }
    }

    /// Epoch milliseconds in the span that is taken for times, as microseconds.
    pub fn time(self) -> Read<i64> {
        match self.int() {
            Read::Fits(ms) => Read::from_fit(time_us(ms)),
            Read::Odd(ms) => Read::from_odd(time_us(ms)),
            other => other,
        }
    }

    pub fn flag(self) -> Read<bool> {
        match self.node() {
            Node::Static(StaticNode::Null) => Read::Null,
            Node::Static(StaticNode::Bool(flag)) => Read::Fits(flag),
            _ => Read::Misfit,
        }
    }

    pub fn number(self) -> Read<f64> {
        match self.node() {
            Node::Static(StaticNode::Null) => Read::Null,
            Node::Static(StaticNode::I64(number)) => Read::Fits(number as f64),
            Node::Static(StaticNode::U64(number)) => Read::Fits(number as f64),
            Node::Static(StaticNode::F64(number)) if self.altered_span().is_none() => Read::Fits(number),
            Node::Static(StaticNode::F64(_)) => Read::from_fit(self.replaced_number()),
            _ => Read::Misfit,
        }
    }

    /// An integer too large for the parser is a number all the same; `NaN` is none.
    fn replaced_number(self) -> Option<f64> {
        self.raw().parse().ok().filter(|number: &f64| number.is_finite())
    }

    pub fn text(self) -> Read<Cow<'p, str>> {
        match self.node() {
            Node::Static(StaticNode::Null) => Read::Null,
            Node::String(text) => match self.altered_span() {
                None => Read::Fits(Cow::Borrowed(text)),
                Some(span) => Read::from_odd(skim::text(self.page.text(span).as_bytes())),
            },
            _ => Read::Misfit,
        }
    }

    /// Text as it is, numbers and booleans as they were sent.
    pub fn scalar(self) -> Read<Cow<'p, str>> {
        match self.node() {
            Node::Object { .. } | Node::Array { .. } => Read::Misfit,
            Node::Static(StaticNode::Null) | Node::String(_) => self.text(),
            Node::Static(_) if self.is_broken() => Read::Misfit,
            Node::Static(_) => Read::Fits(Cow::Borrowed(self.raw())),
        }
    }

    /// The value's own text, byte for byte. Where that is not JSON, the nearest text that is.
    pub fn json(self) -> Read<Cow<'p, str>> {
        if self.is_null() {
            return Read::Null;
        }
        if !self.is_broken() {
            return Read::Fits(Cow::Borrowed(self.raw()));
        }
        let span = self.span();
        let broken: Vec<_> = self.page.altered(&span).iter().filter(|altered| altered.broken).collect();
        Read::Odd(Cow::Owned(mend::as_json(self.raw(), span.start, &broken)))
    }

    fn is_broken(self) -> bool {
        !self.page.is_sound() && self.page.is_broken(&self.span())
    }

    /// Whether this can be a key of that kind: a value that is neither null nor guessed.
    pub fn is_key(self, kind: Kind) -> bool {
        match kind {
            Kind::Int => matches!(self.int(), Read::Fits(_) | Read::Odd(_)),
            Kind::Time => matches!(self.time(), Read::Fits(_) | Read::Odd(_)),
            Kind::Text => matches!(self.text(), Read::Fits(_)),
            Kind::Scalar => matches!(self.scalar(), Read::Fits(_)),
            _ => !self.is_null(),
        }
    }
}

/// Microseconds of milliseconds in the span that is taken for times.
fn time_us(ms: i64) -> Option<i64> {
    (TIME_MS_START..TIME_MS_END).contains(&ms).then(|| ms * 1000)
}

/// The integer that `text` writes in the one canonical way: no plus, blanks, or leading zeros.
fn canonical(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.starts_with('0') || text == "0";
    let starts_well = digits.starts_with(|first: char| first.is_ascii_digit());
    if plain && starts_well { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn only_canonical_integers_are_read_from_text() {
        assert_eq!(canonical("9223372036854775807"), Some(i64::MAX));
        assert_eq!(canonical("-9223372036854775808"), Some(i64::MIN));
        assert_eq!((canonical("0"), canonical("-3")), (Some(0), Some(-3)));
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "00",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "9223372036854775808",
            "--1",
            "-+1",
            "１",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
    }
}
