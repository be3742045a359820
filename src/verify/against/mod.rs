//! `verify --against-api`: asks Drift about a sample of what is stored and compares the answers with it, row
//! by row and column by column.
//!
//! Promises: only reads, on both sides; what changed in Drift since the last sync is counted, and is no
//! finding; what differs although nothing says that it changed is one. A sample proves nothing about the
//! conversations that were not asked about.

mod asked;
mod compare;
mod sample;

use futures::{StreamExt, stream};
use secrecy::SecretString;
use serde::Serialize;

use self::asked::{Asked, ask, head};
use self::compare::{Compared, compare};
use self::sample::{Sample, Stored};
use super::Verification;
use super::verdict::Finding;
use crate::api::Client;
use crate::error::Result;
use crate::lake::check_account;
use crate::manifest::{Forgotten, Log, Manifest};
use crate::mask::Mask;
use crate::progress::{Phase, Progress};
use crate::store::Store;
use crate::tables::{CONVERSATIONS, MESSAGES};

/// Conversations asked about side by side.
const AT_ONCE: usize = 8;

const SYNC: &str = "run `sync --full`; if it stays, run `sync --refetch`, which fetches again also what says of itself that it did not change";

/// What came of asking Drift about a sample.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Against {
    /// Conversations asked about.
    pub asked: u64,
    /// Of those, equal in every column, with all their messages.
    pub equal: u64,
    /// Of those, changed in Drift since they were stored, or not settled yet, and so not compared.
    pub changed_since: u64,
    /// Of those, stored as live, but unknown to Drift by now.
    pub gone_since: u64,
    /// Of those, different although nothing says that they changed.
    pub differing: u64,
    /// Messages compared.
    pub messages: u64,
    /// Conversations at the head of Drift's list that the lake must have.
    pub listed: u64,
    /// Of those, not in the lake.
    pub not_stored: u64,
}

/// Compares `sample` conversations, chosen by `random`, with what Drift answers, and adds to `found`. `key` is that of
/// hashed columns.
///
/// # Errors
/// [`crate::error::Error::usage`] when the token belongs to another account or columns are hashed and the key is not
/// theirs, and what the client fails with.
pub async fn against(
    client: Client,
    key: Option<&SecretString>,
    store: &dyn Store,
    sample: usize,
    random: fastrand::Rng,
    progress: &Progress,
    found: &mut Verification,
) -> Result<()> {
    let Some(manifest) = Log::new(store).newest().await? else { return Ok(()) };
    let org = client.token_info().await?.org_id.map(|org| org.to_string());
    check_account(Some(&manifest), org.as_deref())?;
    let client = &Mask::over(Mask::of(&manifest.masking, key, &manifest.lake_id)?, client);
    let listed = head(client, &manifest).await?;
    let mut sample = Sample::new(sample, random, listed.iter().copied().collect());
    sample.read(store, &manifest).await?;
    let mut told = Told { against: Against::default(), findings: Vec::new() };
    told.judge_head(&listed, &sample, &manifest);
    progress.begin(Phase::Comparing, sample.chosen.len() as u64);
    for (path, chosen) in sample.by_object() {
        let with_messages = manifest.tables.get(MESSAGES.name).is_some_and(|table| !table.objects.is_empty());
        let answers = ask_all(client, chosen, with_messages, progress).await?;
        for compared in compare(store, &path, answers, Forgotten::of(&manifest)).await? {
            told.take(compared);
        }
    }
    found.add(told.findings);
    found.against = Some(told.against);
    Ok(())
}

async fn ask_all(
    client: &Client,
    chosen: Vec<Stored>,
    with_messages: bool,
    progress: &Progress,
) -> Result<Vec<Asked>> {
    let asking = chosen.into_iter().map(|stored| async move {
        let asked = ask(client, stored, with_messages).await;
        progress.advance(1);
        asked
    });
    let answers: Vec<Result<Asked>> = stream::iter(asking).buffered(AT_ONCE).collect().await;
    answers.into_iter().collect()
}

/// What is told in the end.
struct Told {
    against: Against,
    findings: Vec<Finding>,
}

impl Told {
    fn judge_head(&mut self, listed: &[i64], sample: &Sample, manifest: &Manifest) {
        for id in listed {
            let key = id.to_string();
            let is_pending = |pending: &&crate::manifest::Pending| {
                pending.table == CONVERSATIONS.name && pending.key == key
            };
            self.against.listed += 1;
            if !sample.known.contains(id) && !manifest.pending.iter().any(|pending| is_pending(&pending)) {
                self.against.not_stored += 1;
                let what = "is listed by Drift, had changed before the last complete walk, and is not stored";
                self.findings.push(Finding::unfinished(&place(*id), what, SYNC));
            }
        }
    }

    fn take(&mut self, (id, compared): (i64, Compared)) {
        let counts = &mut self.against;
        counts.asked += 1;
        match compared {
            Compared::Equal { messages } => {
                counts.equal += 1;
                counts.messages += messages;
            }
            Compared::ChangedSince => counts.changed_since += 1,
            Compared::GoneSince => counts.gone_since += 1,
            Compared::Differs(what) => {
                counts.differing += 1;
                self.findings.push(Finding::unfinished(&place(id), what, SYNC));
            }
        }
    }
}

fn place(id: i64) -> String {
    format!("conversation {id}")
}
