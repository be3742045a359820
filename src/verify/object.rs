//! One object: its bytes against the manifest, then its contents against the declared table.

use std::io::Read;

use crate::data_file::ChunkReader;
use sha2::{Digest, Sha256};

use crate::cpu;
use crate::data_file::{self, Reader};
use crate::error::{Error, Result};
use crate::manifest::ObjectState;
use crate::schema::{Span, Table};
use crate::store::{Etag, Opened, Store};

use super::files::{Subject, partition_fault};
use super::rows::{Contents, read};
use super::verdict::{Finding, ObjectVerdict, Verdict};

const RESTORE: &str = "restore this object from a backup; to fetch its table again from Drift, run `reset --table` for it, then `sync`";
const LATE: &str = "if a run that was overtaken put it late, the next `sync` adopts it; if not, restore this object from a backup, or run `sync`, which asks Drift again for what should be in it";
const DOUBTED: &str = "was changed by another hand, and is not known to be right again";
const ASK_AGAIN: &str = "run `sync`, which asks Drift again for what should be in it";
const SYNC: &str = "run `sync`, which adopts it and goes on from there";

/// What all objects are judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Whether rows are left undecoded.
    pub quick: bool,
    /// Whether the last run said the last word.
    pub ended_cleanly: bool,
    /// What a partition of time spans.
    pub span: Option<Span>,
}

/// An object that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub table: &'static Table,
    pub verdict: ObjectVerdict,
    pub findings: Vec<Finding>,
    pub notes: Vec<String>,
    /// Whether its rows decode, in order.
    pub readable: bool,
}

/// How an object's bytes stand to the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bytes {
    Same,
    Changed,
    /// It was not replaced, and yet its bytes are others.
    Altered,
    Unnamed,
}

/// What was learned from an object.
struct Examined {
    bytes: Bytes,
    size: u64,
    contents: Contents,
}

/// Judges one object; whatever is wrong with it is a finding, never an error.
pub(super) async fn judge(store: &dyn Store, subject: Subject, rules: Rules) -> Judged {
    let examined = match store.open(&subject.path).await {
        Ok(Some(opened)) => examine(opened, &subject, rules).await,
        Ok(None) => return lost(&subject, "is named in the manifest, but missing".to_owned()),
        Err(error) => return lost(&subject, format!("cannot be read: {error}")),
    };
    match examined {
        Ok(examined) => conclude(&subject, &examined, rules),
        Err(error) => lost(&subject, format!("cannot be read: {error}")),
    }
}

async fn examine(opened: Opened, subject: &Subject, rules: Rules) -> Result<Examined> {
    let subject = subject.clone();
    let bytes = subject.known.as_ref().map_or(u64::MAX, |known| known.bytes);
    cpu::run_on(bytes, move || match opened {
        Opened::File(file, etag) => examine_source(file, &etag, &subject, rules),
        Opened::Bytes(bytes, etag) => examine_source(bytes, &etag, &subject, rules),
    })
    .await
}

fn examine_source<R: ChunkReader + 'static>(
    source: R,
    etag: &Etag,
    subject: &Subject,
    rules: Rules,
) -> Result<Examined> {
    let size = source.len();
    let bytes = match &subject.known {
        None => Bytes::Unnamed,
        Some(known) if known.bytes == size && rules.quick && known.etag == *etag => Bytes::Same,
        Some(known) if checksum(&source)? == known.sha256 => Bytes::Same,
        Some(known) if known.etag == *etag => Bytes::Altered,
        Some(_) => Bytes::Changed,
    };
    let partition = crate::lake::partition_of(&subject.path);
    let read = data_file::open(subject.table, source)
        .and_then(|reader| contents(subject.table, &reader, partition.as_deref(), rules));
    let mut contents = read.unwrap_or_else(|error| Contents::unreadable(error.to_string()));
    contents.faults.extend(partition_fault(subject.table, &subject.path, rules.span));
    Ok(Examined { bytes, size, contents })
}

fn contents(
    table: &'static Table,
    reader: &Reader,
    partition: Option<&str>,
    rules: Rules,
) -> Result<Contents> {
    let differences: Vec<String> = reader.differences().iter().map(ToString::to_string).collect();
    let mut contents = if rules.quick {
        Contents { rows: reader.rows(), readable: true, ..Contents::default() }
    } else {
        read(table, reader, partition, rules.span)?
    };
    if contents.rows != reader.rows() {
        contents.faults.push(format!("{} rows decode, its footer promises {}", contents.rows, reader.rows()));
    }
    if !differences.is_empty() {
        contents.faults.push(format!("its schema is not the declared one: {}", differences.join("; ")));
    }
    Ok(contents)
}

/// SHA-256 of the whole object, in hex, read by pieces.
fn checksum(source: &impl ChunkReader) -> Result<String> {
    let failed =
        |cause: Box<dyn std::error::Error + Send + Sync>| Error::store("cannot read it").caused_by(cause);
    let mut reader = source.get_read(0).map_err(|cause| failed(cause.into()))?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match reader.read(&mut piece).map_err(|cause| failed(cause.into()))? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(&piece[..count]),
        }
    }
}

fn conclude(subject: &Subject, examined: &Examined, rules: Rules) -> Judged {
    let contents = &examined.contents;
    let place = subject.path.as_str();
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(bytes_finding(place, examined, rules));
    findings.extend(subject.doubted.then(|| Finding::unfinished(place, DOUBTED, ASK_AGAIN)));
    let doubted = subject.doubted && contents.readable;
    findings.extend(contents.faults.iter().map(|fault| {
        if doubted {
            Finding::unfinished(place, fault.clone(), ASK_AGAIN)
        } else {
            Finding::broken(place, fault.clone(), RESTORE)
        }
    }));
    if let (Bytes::Same, Some(known), true) = (examined.bytes, &subject.known, contents.readable) {
        let faults = disagreements(known, examined, rules);
        findings.extend(faults.into_iter().map(|fault| Finding::broken(place, fault, RESTORE)));
    }
    let notes = contents.notes.iter().map(|note| format!("{place}: {note}")).collect();
    let rows = if contents.readable { contents.rows } else { known_rows(subject) };
    Judged {
        table: subject.table,
        verdict: object_verdict(subject, rows, examined.size, &findings),
        findings,
        notes,
        readable: contents.readable,
    }
}

fn bytes_finding(place: &str, examined: &Examined, rules: Rules) -> Option<Finding> {
    let what = match examined.bytes {
        Bytes::Same => return None,
        Bytes::Changed => "has other bytes than the manifest says (SHA-256 differs)",
        Bytes::Altered => {
            "has other bytes than were written (SHA-256 differs), though nothing has replaced it"
        }
        Bytes::Unnamed => "is not named in the manifest",
    };
    let decodes = examined.contents.faults.is_empty() && examined.bytes != Bytes::Altered;
    Some(match (decodes, rules.ended_cleanly) {
        (true, false) => {
            Finding::unfinished(place, format!("{what}; the last run did not end cleanly"), SYNC)
        }
        (true, true) => Finding::broken(place, format!("{what}, though the last run ended cleanly"), LATE),
        (false, _) => Finding::broken(place, what, RESTORE),
    })
}

fn disagreements(known: &ObjectState, examined: &Examined, rules: Rules) -> Vec<String> {
    let contents = &examined.contents;
    let mut pairs = vec![("rows", known.rows, contents.rows), ("bytes", known.bytes, examined.size)];
    if !rules.quick {
        pairs.push(("deleted rows", known.deleted, contents.deleted));
    }
    let unequal = pairs.into_iter().filter(|(_, stated, found)| stated != found);
    unequal.map(|(what, stated, found)| format!("has {found} {what}, the manifest says {stated}")).collect()
}

fn lost(subject: &Subject, what: String) -> Judged {
    let findings = vec![Finding::broken(&subject.path, what, RESTORE)];
    let size = subject.entry.as_ref().map_or(0, |entry| entry.bytes);
    Judged {
        table: subject.table,
        verdict: object_verdict(subject, known_rows(subject), size, &findings),
        findings,
        notes: Vec::new(),
        readable: false,
    }
}

fn known_rows(subject: &Subject) -> u64 {
    subject.known.as_ref().map_or(0, |known| known.rows)
}

fn object_verdict(subject: &Subject, rows: u64, bytes: u64, findings: &[Finding]) -> ObjectVerdict {
    ObjectVerdict {
        path: subject.path.clone(),
        table: subject.table.name.to_owned(),
        rows,
        bytes,
        verdict: findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Proven),
        finding: None,
    }
}
