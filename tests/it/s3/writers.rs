//! Two runs at once on one lake of the server: one wins, the other stops with exit code 6, and the lake ends
//! exactly.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use drift2parquet::error::Result;
use drift2parquet::sync::Ended;

use super::proxy::{Mishap, Proxy, Seen};
use super::{Prefix, tiny, unharmed};
use crate::account::Account;
use crate::counts::record;
use crate::faults::{Found, nothing_is};
use crate::lake::Lake;

/// Pairs of runs.
const PAIRS: u64 = 12;

fn code(ended: &Result<Ended>) -> u8 {
    match ended {
        Ok(ended) => ended.report.exit_code,
        Err(error) => error.kind().exit_code(),
    }
}

/// A writer that is slow here and there, and may insist.
async fn writer(account: &mut Account, prefix: &Prefix, mut chance: fastrand::Rng) -> Result<Ended> {
    tokio::time::sleep(Duration::from_millis(chance.u64(0..60))).await;
    account.settings.takeover = chance.u8(0..3) > 0;
    let plan = move |_: usize, _: &Seen| (chance.u8(0..8) == 0).then_some(Mishap::Slow);
    let proxy = Proxy::to(&prefix.endpoint(), Box::new(plan)).await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    account.attempt().await
}

/// Whether one of them was stopped, and did not just come second.
async fn pair(seed: u64, wanted: &BTreeMap<String, Bytes>) -> Found<bool> {
    let (prefix, mut chance) = (Prefix::new(), fastrand::Rng::with_seed(seed));
    let (mut one, mut other) = (tiny(prefix.clone()), tiny(prefix.clone()));
    let (first, second) =
        tokio::join!(writer(&mut one, &prefix, chance.fork()), writer(&mut other, &prefix, chance.fork()),);
    let codes = [code(&first), code(&second)];
    if codes.iter().any(|code| ![0, 6].contains(code)) || !codes.contains(&0) {
        return Err(format!("they ended with {first:?} and {second:?}"));
    }
    one.lake = Lake::Bucket(prefix);
    one.no_key_twice()?;
    one.ends_exactly(wanted).await?;
    Ok(codes.contains(&6))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wins_and_the_other_stops() {
    let wanted = unharmed(false).await;
    let (mut wrong, mut stopped) = (Vec::new(), 0);
    for seed in 0..PAIRS {
        match pair(seed, &wanted).await {
            Ok(was_stopped) => stopped += u64::from(was_stopped),
            Err(found) => wrong.push(format!("seed {seed}: {found}")),
        }
    }
    record("S3 writers", &[("pairs", PAIRS)]);
    nothing_is(&wrong, PAIRS);
    assert!(stopped * 2 > PAIRS, "only {stopped} of {PAIRS} have met");
}

/// Thirty-two at once create the same commit: the server lets one of them win, every time.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_create_one_object_one_wins() {
    use drift2parquet::store::Creation;
    let prefix = Prefix::new();
    for round in 0..2 {
        let path = format!("_manifest/{round}.json");
        let creating: Vec<_> = (0..32_u8)
            .map(|who| {
                let (store, path) = (prefix.store(), path.clone());
                tokio::spawn(async move { store.create(&path, vec![who; 40].into()).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for creation in creating {
            won += u64::from(matches!(creation.await.unwrap(), Creation::Created(_)));
        }
        assert_eq!(won, 1);
    }
    record("S3 writers", &[("races", 2)]);
}
