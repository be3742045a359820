//! How a table is cut into objects, and what a partition is called on disk.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What Hive, Spark and DuckDB call the partition of a null.
pub const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// How a table is cut into objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// One object for the whole table.
    Whole,
    /// By the month (or day) of this time column, as it was when the key was first stored.
    Time(&'static str),
    /// In the partition of the conversation it belongs to.
    OfConversation,
    /// By the key modulo this many buckets.
    Bucket(u16),
}

/// The span of time that one partition covers: chosen at the first walk of a lake, then kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// `month=2025-03`
    #[default]
    Month,
    /// `day=2025-03-07`
    Day,
}

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionBy {
    /// By month, or by day for accounts with very many conversations in one month.
    #[default]
    Auto,
    /// By month.
    Month,
    /// By day.
    Day,
}

impl Span {
    /// The name of the partition column.
    pub fn column(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Day => "day",
        }
    }

    /// The partition of an instant in epoch microseconds, such as `month=2025-03`; null has one of its own.
    pub fn of(self, time_us: Option<i64>) -> String {
        let day = time_us.and_then(|us| Timestamp::from_microsecond(us).ok());
        let value = day.map_or_else(|| NULL_PARTITION.to_owned(), |at| self.value(at));
        format!("{}={value}", self.column())
    }

    fn value(self, at: Timestamp) -> String {
        let date = TimeZone::UTC.to_datetime(at).date();
        match self {
            Self::Month => format!("{:04}-{:02}", date.year(), date.month()),
            Self::Day => format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        }
    }
}

impl Partition {
    /// The name of the partition column of a table that is cut this way, if it is cut at all.
    pub fn column(self, span: Span) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Time(_) | Self::OfConversation => Some(span.column()),
            Self::Bucket(_) => Some("bucket"),
        }
    }

    /// Whether a table that is cut this way may have this partition, such as `month=2025-03`.
    pub fn has(self, partition: Option<&str>) -> bool {
        let Some(partition) = partition else { return self == Self::Whole };
        match (self, partition.split_once('=')) {
            (Self::Time(_) | Self::OfConversation, Some(("month" | "day", value))) => {
                value == NULL_PARTITION || is_date(value)
            }
            (Self::Bucket(count), Some(("bucket", value))) => value
                .parse()
                .is_ok_and(|number: u16| number < count && partition == Self::bucket(count, number.into())),
            _ => false,
        }
    }

    /// The bucket of a key, such as `bucket=07`.
    pub fn bucket(buckets: u16, key: i64) -> String {
        format!("bucket={:02}", key.rem_euclid(i64::from(buckets)))
    }
}

/// Digits and dashes; years may be of any length, and lie before the first.
fn is_date(text: &str) -> bool {
    text.contains('-') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_hand_has_named_is_no_partition() {
        let cut = [Partition::Time("created_at"), Partition::OfConversation];
        for good in ["month=2025-03", "day=2025-03-07", "month=__HIVE_DEFAULT_PARTITION__"] {
            assert!(cut.iter().all(|partition| partition.has(Some(good))), "{good}");
        }
        for bad in
            ["backup", "month=2025-03.bak", "month=2025-03 (copy)", "month=old", "bucket=07", "month=", ""]
        {
            assert!(cut.iter().all(|partition| !partition.has(Some(bad))), "{bad}");
        }
        assert!(
            !cut[0].has(None) && Partition::Whole.has(None) && !Partition::Whole.has(Some("month=2025-03"))
        );
        let buckets = Partition::Bucket(16);
        assert!(buckets.has(Some("bucket=07")) && buckets.has(Some("bucket=15")));
        assert!(["bucket=16", "bucket=7", "bucket=+7", "bucket=x"].iter().all(|bad| !buckets.has(Some(bad))));
    }

    #[test]
    fn months_days_and_nulls_have_their_names() {
        let at = Some(1_741_305_600_000_000); // 2025-03-07T00:00:00Z
        assert_eq!(Span::Month.of(at), "month=2025-03");
        assert_eq!(Span::Day.of(at), "day=2025-03-07");
        assert_eq!(Span::Month.of(None), "month=__HIVE_DEFAULT_PARTITION__");
    }

    #[test]
    fn buckets_are_never_negative() {
        assert_eq!(Partition::bucket(16, 23), "bucket=07");
        assert_eq!(Partition::bucket(16, -1), "bucket=15");
    }
}
