//! The archive of raw pages: every segment that the manifest names is there, has the bytes that its name tells,
//! and can be read to its last page.

use crate::cpu;
use crate::error::Result;
use crate::lake::{open_segment, read_segment};
use crate::manifest::{ArchiveSegment, Manifest};
use crate::store::Store;

use super::verdict::{Finding, Verification};

const RESTORE: &str = "restore it from a backup; the tables do not depend on it, but `rebuild` does";

/// Segments are put before the commit that names them and never change, so one that is missing or other is
/// broken, however the last run ended. A quick look reads only their indexes.
pub(super) async fn check(store: &dyn Store, manifest: &Manifest, quick: bool, found: &mut Verification) {
    for segment in manifest.archive.iter().flat_map(|archive| &archive.segments) {
        let fault = fault(store, segment, quick).await.unwrap_or_else(|error| Some(error.found().to_owned()));
        found.findings.extend(fault.map(|fault| Finding::broken(&segment.path, fault, RESTORE)));
    }
}

async fn fault(store: &dyn Store, named: &ArchiveSegment, quick: bool) -> Result<Option<String>> {
    if quick {
        open_segment(store, &named.path).await?;
        return Ok(None);
    }
    let (segment, _) = read_segment(store, &named.path).await?;
    let pages = cpu::run_on(named.raw_bytes, move || {
        let mut pages = 0;
        for number in 0..segment.steps().len() {
            pages += segment.step(number)?.bodies.len() as u64;
        }
        Ok(pages)
    })
    .await?;
    Ok((pages != named.pages).then(|| format!("has {pages} pages, the manifest says {}", named.pages)))
}
