//! `plan`: what it foretells is what a run then does, it costs a handful of calls, and it writes nothing.

use drift_simulator::api::{AboveMaximum, Generation};
use drift_simulator::{Behaviour, Mutation, WorldConfig};
use drift2parquet::config::Selection;
use drift2parquet::forecast::{Forecast, Kind, Meant, forecast};
use drift2parquet::store::Directory;

use crate::account::Account;

/// The most calls that telling may take.
const CALLS_MAX: u64 = 60;

async fn told(account: &Account) -> Forecast {
    let store = Directory::new(account.lake.path());
    let now = jiff::Timestamp::from_millisecond(account.drift.with_world(|world| world.now_ms())).unwrap();
    account.calls();
    let forecast = forecast(&account.settings, None, &account.client(), &store, now).await.unwrap();
    let calls = account.calls()["total"];
    assert_eq!(calls, forecast.requests);
    assert!(calls <= CALLS_MAX, "{calls} calls to tell");
    forecast
}

/// Without contacts, whose number nobody knows beforehand.
fn without_contacts(account: &mut Account) {
    account.settings.tables = Selection::except(&["contacts".to_owned()]).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_first_load_costs_what_was_foretold() {
    let world = WorldConfig { conversations: 400, ..WorldConfig::small(1) };
    let mut account = Account::of(world, Behaviour::default());
    without_contacts(&mut account);
    let forecast = told(&account).await;
    assert_eq!(std::fs::read_dir(account.lake.path()).unwrap().count(), 0, "something was written");
    assert_eq!((forecast.kind, forecast.counted, forecast.stored), (Kind::FirstLoad, Some(400), 0));
    assert_eq!((forecast.fetch.number, forecast.fetch.meant), (400, Meant::About));
    account.run_to_the_end().await;
    let made = account.calls()["total"] as f64;
    let ratio = forecast.total_calls as f64 / made;
    assert!((0.9..=1.1).contains(&ratio), "foretold {}, made {made}", forecast.total_calls);
    let times: Vec<u64> = forecast.lasts.iter().map(|lasts| lasts.seconds).collect();
    assert_eq!(times[0], forecast.total_calls.div_ceil(5));
}

#[tokio::test(start_paused = true)]
async fn a_nightly_run_costs_what_changed() {
    let mut account = Account::small(2);
    without_contacts(&mut account);
    account.wait(5);
    account.run_to_the_end().await;
    account.wait(5);
    account.change([
        Mutation::AddMessage { conversation: 3 },
        Mutation::AddConversations { count: 2 },
        Mutation::Bump { conversation: 7 },
    ]);
    let forecast = told(&account).await;
    assert_eq!(forecast.kind, Kind::Incremental);
    assert!((4..=6).contains(&forecast.fetch.number), "{:?}", forecast.fetch);
    let before = account.objects();
    assert_eq!(account.manifest().await.lease, None);
    assert_eq!(before, account.objects());
}

#[tokio::test(start_paused = true)]
async fn a_refetch_costs_everything_again() {
    let mut account = Account::small(3);
    account.run_to_the_end().await;
    account.settings.refetch = true;
    let forecast = told(&account).await;
    let live = account.true_ids(drift_simulator::Table::Conversations).len() as u64;
    assert_eq!((forecast.kind, forecast.fetch.number), (Kind::FullWalk, live));
}

#[tokio::test(start_paused = true)]
async fn only_what_is_selected_is_foretold() {
    let mut account = Account::small(4);
    account.settings.tables = Selection::only(&["users".to_owned()]).unwrap();
    let forecast = told(&account).await;
    assert_eq!((forecast.total_calls, forecast.requests), (2, 1), "{:?}", forecast.calls);
}

/// Bug: the list was asked for in a way that the older generation may refuse.
#[tokio::test(start_paused = true)]
async fn a_list_that_refuses_more_than_fifty_rows_is_foretold() {
    let behaviour = Behaviour {
        generation: Generation::Old,
        above_maximum: AboveMaximum::Refuse,
        ..Behaviour::default()
    };
    let account = Account::of(WorldConfig { conversations: 400, ..WorldConfig::small(5) }, behaviour);
    assert_eq!(told(&account).await.fetch.number, 400);
}
