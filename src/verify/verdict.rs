//! What a verification says: one verdict an object, and every finding with what to do about it.

use serde::Serialize;

use super::against::Against;

/// How far something can be relied on; the greater is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As the manifest says, and right in itself.
    #[default]
    Proven,
    /// Not as the manifest says, because a run did not end cleanly; the next `sync` sets it right.
    Unfinished,
    /// Missing, unreadable, or not what a run can have left.
    Broken,
}

impl Verdict {
    /// The exit code that says so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Proven => 0,
            Self::Unfinished => 7,
            Self::Broken => 5,
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// The object, file or table.
    pub place: String,
    /// What was expected and what was found.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// The verdict on one data object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectVerdict {
    /// Its path in the lake.
    pub path: String,
    /// Its table.
    pub table: String,
    /// Its rows as they were counted, or as the manifest has them when it cannot be read.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// The worst finding, in one sentence.
    pub finding: Option<String>,
}

/// The numbers of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Objects judged.
    pub objects: u64,
    /// Of those, proven.
    pub proven: u64,
    /// Of those, unfinished.
    pub unfinished: u64,
    /// Of those, broken.
    pub broken: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verification {
    /// The worst of all.
    pub verdict: Verdict,
    /// Whether rows were left undecoded.
    pub quick: bool,
    /// The number of the manifest it was judged by; 0 when none can be read.
    pub manifest: u64,
    /// Every data object, by path.
    pub objects: Vec<ObjectVerdict>,
    /// What is not as it should be, the worst first.
    pub findings: Vec<Finding>,
    /// What a person may want to know and nothing needs to be done about.
    pub notes: Vec<String>,
    /// The numbers.
    pub counts: Counts,
    /// What Drift answered, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
}

impl Finding {
    pub(super) fn broken(place: &str, what: impl Into<String>, hint: &str) -> Self {
        Self { verdict: Verdict::Broken, place: place.to_owned(), what: what.into(), hint: hint.to_owned() }
    }

    pub(super) fn unfinished(place: &str, what: impl Into<String>, hint: &str) -> Self {
        Self { verdict: Verdict::Unfinished, ..Self::broken(place, what, hint) }
    }
}

impl Verification {
    /// Sorts the findings, puts each object's worst one beside it, and adds up.
    pub(super) fn conclude(mut self) -> Self {
        self.rank();
        self.objects.sort_by(|one, other| one.path.cmp(&other.path));
        for object in &mut self.objects {
            if let Some(worst) = self.findings.iter().find(|finding| finding.place == object.path) {
                object.verdict = object.verdict.max(worst.verdict);
                object.finding = Some(worst.what.clone());
            }
            self.counts.add(object);
        }
        self
    }

    /// Adds findings that concern no single object.
    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.rank();
    }

    fn rank(&mut self) {
        self.findings
            .sort_by(|one, other| other.verdict.cmp(&one.verdict).then_with(|| one.place.cmp(&other.place)));
        self.verdict = self.findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
    }
}

impl Counts {
    fn add(&mut self, object: &ObjectVerdict) {
        self.objects += 1;
        self.rows += object.rows;
        self.bytes += object.bytes;
        match object.verdict {
            Verdict::Proven => self.proven += 1,
            Verdict::Unfinished => self.unfinished += 1,
            Verdict::Broken => self.broken += 1,
        }
    }
}
