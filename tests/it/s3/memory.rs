//! The largest object that `--memory` admits, folded by the real binary on the server: how much memory that takes.

use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drift_simulator::{Behaviour, Mutation, WorldConfig};
use drift2parquet::api::{Request, Response};
use drift2parquet::tables::MESSAGES;
use drift2parquet::verify::Verdict;
use serde_json::Value;

use super::Prefix;
use crate::account::{Account, Edit};
use crate::kill::{Served, finish};
use crate::lake::Lake;

const MEMORY: u64 = 256 << 20;

/// Texts that do not compress well, of a length that fills an object up to the limit.
const BODY_BYTES: usize = 265_000;

/// Replaces the text of each message by one that says nothing.
fn noise() -> Edit {
    let chance = Mutex::new(fastrand::Rng::with_seed(91));
    Arc::new(move |request: &Request, response: &mut Response| {
        if !request.path_and_query().contains("/messages") {
            return;
        }
        let Ok(mut answer) = serde_json::from_slice::<Value>(&response.body) else { return };
        let mut chance = chance.lock().unwrap();
        for message in answer["data"]["messages"].as_array_mut().into_iter().flatten() {
            message["body"] = (0..BODY_BYTES).map(|_| chance.alphanumeric()).collect::<String>().into();
        }
        response.body = answer.to_string().into();
    })
}

/// The most memory that a run has had, in bytes, as far as the system told it while it went on.
async fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak = kib.map_or(peak, |kib| kib.trim().parse::<u64>().unwrap() << 10).max(peak);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    peak
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_macros, reason = "the figure is for whoever asks the tests for it")]
async fn the_largest_object_that_the_memory_admits_is_folded_within_it() {
    let world = WorldConfig { conversations: 60, months: 1, megabyte_body: false, ..WorldConfig::small(5) };
    let mut account = Account::of(world, Behaviour { gzip: false, ..Behaviour::default() });
    account.lake = Lake::Bucket(Prefix::new());
    account.hurries = true;
    account.edit = Some(noise());
    account.settings.memory = MEMORY;
    // One fold is enough.
    account.settings.checkpoint_bytes = MEMORY;
    account.run_to_the_end().await;
    let largest = async |account: &Account| {
        account.manifest().await.tables[MESSAGES.name]
            .objects
            .values()
            .map(|object| object.bytes)
            .max()
            .unwrap()
    };
    let before = largest(&account).await;
    assert!((MEMORY / 2 * 9 / 10..MEMORY / 2).contains(&before), "{before}: change BODY_BYTES");

    account.change([Mutation::AddMessage { conversation: 1 }, Mutation::AdvanceClock { ms: 48 * 3_600_000 }]);
    let served = Served::on(account).await;
    let mut child = served.start(&["--memory", "256MiB"]);
    let peak = peak(&mut child).await;
    assert_eq!(finish(child), (Some(0), String::new()));
    let after = largest(&served.account).await;
    assert!(after > before / 2 && after != before, "it was folded: {before}, {after}");
    eprintln!("folded {} MiB with a peak of {} MiB", after >> 20, peak >> 20);
    assert!(peak > 0 && peak < MEMORY, "{} MiB", peak >> 20);
    assert_eq!(served.verdict().await, Verdict::Proven);
}
