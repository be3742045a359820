//! Delta tables on the server: copies that the server makes itself, commits by creation alone, publishers that meet,
//! die or are harmed, and what is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use drift_simulator::Mutation;
use drift2parquet::clock::Clock;
use drift2parquet::error::Result;
use drift2parquet::publish::{Published, Settings, publish};
use drift2parquet::tables;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::door::{says_of, served};
use super::faults::{AT_ONCE, PASSING, refusing};
use super::proxy::{Mishap, Proxy, Seen};
use super::{Prefix, prepared};
use crate::account::Account;
use crate::counts::record;
use crate::faults::{Found, nothing_is};
use crate::publish::delta::{versions, wanted};
use crate::publish::{is_of, publisher, retaining, start};

/// So many requests of a publication are each once the last, spread over it.
const MOMENTS: usize = 16;

/// A lake, and where it is published.
struct Scene {
    account: Account,
    lake: Prefix,
    to: Prefix,
}

impl Scene {
    async fn new() -> Self {
        let (mut account, lake) = prepared(false).await;
        account.run_to_the_end().await;
        Self { account, lake, to: Prefix::new() }
    }

    /// The same, published once, and changed since.
    async fn changed() -> Self {
        let mut scene = Self::new().await;
        scene.publish(&scene.to, 1).await.unwrap();
        scene.next().await;
        scene
    }

    async fn next(&mut self) {
        self.account
            .change([Mutation::AddMessage { conversation: 1 }, Mutation::AdvanceClock { ms: 7_200_000 }]);
        self.account.run_to_the_end().await;
    }

    /// Publishes by this way to the place.
    async fn publish(&self, way: &Prefix, number: u64) -> Result<Published> {
        self.publish_at(way, number, start(), Settings::default()).await
    }

    async fn publish_at(
        &self,
        way: &Prefix,
        number: u64,
        now: Timestamp,
        how: Settings,
    ) -> Result<Published> {
        let (lake, target) = (self.lake.store(), way.store());
        publish(&*lake, &*target, &publisher(number), Clock::starting_at(now), how).await
    }

    fn files(&self) -> BTreeMap<String, Bytes> {
        self.to.files("")
    }

    async fn is_published(&self) {
        is_of(&self.files(), &self.account.manifest().await);
    }
}

fn data(files: &BTreeMap<String, Bytes>, table: &str) -> Vec<String> {
    let paths = files.keys().filter(|path| path.starts_with(table) && !path.contains("_delta_log"));
    paths.cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_copied_by_the_server_and_commits_are_created_and_what_is_old_goes() {
    let mut scene = Scene::new().await;
    let proxy = Proxy::to(&scene.to.endpoint(), Box::new(|_, _| None)).await;
    let way = scene.to.through(proxy.endpoint());
    scene.publish(&way, 1).await.unwrap();
    scene.is_published().await;
    let seen = proxy.seen();
    let of = |method: &'static str, part: &'static str| {
        seen.iter().filter(move |seen| seen.method == method && seen.path.contains(part))
    };
    let copies: Vec<&Seen> = of("PUT", ".parquet").collect();
    let objects: usize = tables::ALL.iter().map(|table| data(&scene.files(), table.name).len()).sum();
    assert!(copies.len() == objects && copies.iter().all(|copy| copy.bytes == 0), "{copies:?}");
    assert!(of("GET", ".parquet").all(|read| read.is_partial), "only footers are read");
    let commits: Vec<&Seen> = of("PUT", "_delta_log/0").collect();
    assert!(commits.len() == tables::ALL.len() && commits.iter().all(|put| put.is_conditional));

    let before = data(&scene.files(), "messages");
    scene.next().await;
    let told = scene.publish(&scene.to, 2).await.unwrap();
    let messages = told.tables.iter().find(|table| table.table == "messages").unwrap();
    assert_eq!((messages.version, messages.added, messages.removed), (Some(1), 1, 1));
    assert!(before.iter().all(|path| scene.files().contains_key(path)), "it is kept for a week");
    let later = start() + SignedDuration::from_hours(8 * 24);
    scene.publish_at(&scene.to, 3, later, retaining(Duration::from_hours(7 * 24))).await.unwrap();
    assert_eq!(before.iter().filter(|path| !scene.files().contains_key(*path)).count(), 1);
    scene.is_published().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_publishers_at_once_one_commits_each_version() {
    const ROUNDS: u64 = 4;
    let mut scene = Scene::new().await;
    for round in 0..ROUNDS {
        let (one, two, three) = tokio::join!(
            scene.publish(&scene.to, round * 3),
            scene.publish(&scene.to, round * 3 + 1),
            scene.publish(&scene.to, round * 3 + 2)
        );
        assert!(one.is_ok() && two.is_ok() && three.is_ok(), "{one:?} {two:?} {three:?}");
        scene.is_published().await;
        assert_eq!(versions(&scene.files(), "messages").len() as u64, round + 1);
        scene.next().await;
    }
    record("S3 publications", &[("meetings", ROUNDS)]);
}

/// How the requests of a publication go that nothing disturbs.
async fn requests() -> usize {
    let scene = Scene::changed().await;
    let proxy = Proxy::to(&scene.to.endpoint(), Box::new(|_, _| None)).await;
    scene.publish(&scene.to.through(proxy.endpoint()), 2).await.unwrap();
    proxy.seen().len()
}

async fn dies(at: usize, mishap: Mishap) -> Found {
    let scene = Scene::changed().await;
    let before = scene.files();
    let proxy = Proxy::once(&scene.to.endpoint(), at, mishap).await;
    let way = scene.to.through(proxy.endpoint());
    tokio::select! {
        biased;
        () = proxy.stopped() => {}
        ended = scene.publish(&way, 2) => return Err(format!("it ended by itself: {ended:?}")),
    }
    let (left, manifest) = (scene.files(), scene.account.manifest().await);
    for table in tables::ALL {
        let now = versions(&left, table.name);
        if now != versions(&before, table.name) && now.last() != Some(&wanted(&manifest, table.name)) {
            return Err(format!("{} is a mix: {now:?}", table.name));
        }
    }
    scene.publish(&scene.to, 3).await.map_err(|error| error.to_string())?;
    scene.is_published().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_request_each_table_is_whole_and_the_next_publication_ends_it() {
    let requests = requests().await;
    let moments = (0..MOMENTS).map(|moment| moment * requests / MOMENTS);
    let cases = moments.flat_map(|at| [(at, Mishap::StopBefore), (at, Mishap::StopAfter)]);
    let tried = stream::iter(cases).map(|(at, mishap)| async move {
        dies(at, mishap).await.map_err(|found| format!("{mishap:?} at {at}: {found}"))
    });
    let tried: Vec<Found> = tried.buffer_unordered(AT_ONCE).collect().await;
    let cases = tried.len() as u64;
    record("S3 publications", &[("stops", cases)]);
    nothing_is(&tried.into_iter().filter_map(std::result::Result::err).collect::<Vec<_>>(), cases);
}

/// Every kind of misfortune at the copy of an object and at a commit. Bug: a 409 at a copy ended the publication.
#[tokio::test(flavor = "multi_thread")]
async fn what_requests_meet_with_is_survived() {
    let places = ["messages/month", "messages/_delta_log/0"];
    let cases = places.into_iter().flat_map(|place| PASSING.map(|mishap| (place, mishap)));
    let tried = stream::iter(cases).map(|(place, mishap)| async move {
        let scene = Scene::changed().await;
        let mut is_over = false;
        let plan = move |_, seen: &Seen| {
            let now = !is_over && seen.method == "PUT" && seen.path.contains(place);
            is_over |= now;
            now.then_some(mishap)
        };
        let proxy = Proxy::to(&scene.to.endpoint(), Box::new(plan)).await;
        let ended = scene.publish(&scene.to.through(proxy.endpoint()), 2).await;
        ended.map_err(|error| format!("{mishap:?} at {place}: {error:?}"))?;
        scene.is_published().await;
        let twice = versions(&scene.files(), "messages").len() != 2;
        if twice { Err(format!("{mishap:?} at {place}: committed twice")) } else { Ok(()) }
    });
    let tried: Vec<Found> = tried.buffer_unordered(AT_ONCE).collect().await;
    let cases = tried.len() as u64;
    record("S3 publications", &[("cases", cases)]);
    nothing_is(&tried.into_iter().filter_map(std::result::Result::err).collect::<Vec<_>>(), cases);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named() {
    let scene = Scene::new().await;
    for (method, part, right) in [
        ("PUT", "", "s3:PutObject"),
        ("GET", "list-type", "s3:ListBucket"),
        ("GET", ".parquet", "s3:GetObject"),
    ] {
        let proxy = refusing(&scene.to, method, part).await;
        let error = scene.publish(&scene.to.through(proxy.endpoint()), 1).await.unwrap_err();
        assert!(error.advice().unwrap().contains(right), "{right}: {error}; {:?}", error.advice());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_publishes_to_the_bucket_and_publish_alone_finds_it_done() {
    let (served, prefix) = served().await;
    let to = Prefix::new();
    let says = |arguments: &[&str]| says_of(&served, &prefix, arguments);
    let (code, said) = says(&["sync", "--lake", &prefix.uri(), "--publish-delta", &to.uri()]);
    assert!(code == 0 && said.contains("12 of 12 tables changed"), "{said}");
    is_of(&to.files(""), &served.account.manifest().await);
    let (code, said) = says(&["publish", "--lake", &prefix.uri(), "--to", &to.uri()]);
    assert!(code == 0 && said.contains("0 of 12 tables changed"), "{said}");
}
