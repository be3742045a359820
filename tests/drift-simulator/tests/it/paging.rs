//! Every form of paging: sizes, ends, order, and what happens when rows move.

use std::collections::BTreeSet;

use drift_simulator::api::{AboveMaximum, CursorKind, LinksEnd, ListOrder};
use drift_simulator::{Mutation, Simulator, WorldConfig};

use crate::caller::{ask, get, ids, messages, walk_new, walk_old};

fn simulator() -> Simulator {
    Simulator::new(WorldConfig::new(3, 330))
}

fn updates(rows: &[serde_json::Value]) -> Vec<i64> {
    rows.iter().map(|row| row["updatedAt"].as_i64().unwrap()).collect()
}

#[test]
fn both_generations_list_every_conversation_once_newest_change_first() {
    let simulator = simulator();
    for pages in [walk_new(&simulator, 100), walk_old(&simulator, 50)] {
        let rows: Vec<_> = pages.concat();
        assert_eq!(rows.len(), 330);
        assert_eq!(ids(&pages).into_iter().collect::<BTreeSet<_>>().len(), 330);
        assert!(updates(&rows).windows(2).all(|pair| pair[0] >= pair[1]));
        assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 6));
    }
}

#[test]
fn limits_have_a_default_and_a_maximum() {
    let simulator = simulator();
    let rows = |target: &str| get(&simulator, target)["data"].as_array().unwrap().len();
    assert_eq!(rows("/conversations/list"), 25);
    assert_eq!(rows("/conversations/list?page_token="), 25);
    assert_eq!(rows("/conversations/list?limit=1000"), 50);
    assert_eq!(rows("/conversations/list?limit=1000&page_token="), 100);
    simulator.set_behaviour(|behaviour| behaviour.above_maximum = AboveMaximum::Refuse);
    assert_eq!(ask(&simulator, "/conversations/list?limit=51").status, 400);
    assert_eq!(ask(&simulator, "/conversations/list?limit=100&page_token=").status, 200);
    assert_eq!(ask(&simulator, "/conversations/list?limit=x").status, 400);
}

#[test]
fn the_end_of_the_list_takes_every_known_form() {
    let simulator = simulator();
    let target = "/conversations/list?limit=100&page_token=pt%2B%2Ff4610a2c.0%3D%3D";
    assert_eq!(get(&simulator, target)["data"].as_array().unwrap().len(), 30);
    assert!(get(&simulator, target)["links"].get("next").is_none());
    simulator.set_behaviour(|behaviour| behaviour.links_end = LinksEnd::EmptyNext);
    assert_eq!(get(&simulator, target)["links"]["next"], "");
    simulator.set_behaviour(|behaviour| behaviour.links_end = LinksEnd::NoLinks);
    assert!(get(&simulator, target).get("links").is_none());
    assert!(get(&simulator, "/conversations/list?next=4100000329").get("pagination").is_none());
}

#[test]
fn a_position_cursor_repeats_rows_when_others_move_to_the_top() {
    let simulator = simulator();
    simulator.set_behaviour(|behaviour| behaviour.bumps_between_pages = 7);
    let pages = walk_new(&simulator, 50);
    let all = ids(&pages);
    assert!(all.iter().collect::<BTreeSet<_>>().len() < all.len());
}

#[test]
fn a_keyset_cursor_never_repeats_and_a_snapshot_never_misses() {
    for kind in [CursorKind::Keyset, CursorKind::Snapshot] {
        let simulator = simulator();
        simulator.set_behaviour(|behaviour| (behaviour.cursor, behaviour.bumps_between_pages) = (kind, 7));
        let all = ids(&walk_new(&simulator, 50));
        let distinct = all.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(distinct, all.len());
        assert_eq!(distinct == 330, kind == CursorKind::Snapshot);
    }
}

#[test]
fn the_order_can_be_right_at_the_head_only() {
    let simulator = simulator();
    simulator.apply(Mutation::Bump { conversation: 4 });
    simulator.set_behaviour(|behaviour| behaviour.order = ListOrder::UpdatedAtHeadOnly(150));
    let pages = walk_old(&simulator, 50);
    assert_eq!(ids(&pages).into_iter().collect::<BTreeSet<_>>().len(), 330);
    let rows = pages.concat();
    assert!(updates(&rows[..150]).windows(2).all(|pair| pair[0] >= pair[1]));
    assert!(updates(&rows[150..]).windows(2).any(|pair| pair[0] < pair[1]));
}

#[test]
fn filters_are_kept_or_lost_in_links() {
    let simulator = simulator();
    let target = "/conversations/list?limit=5&statusId=1&statusId=3&page_token=";
    let page = get(&simulator, target);
    assert!(
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["status"] == "open" || row["status"] == "pending")
    );
    assert!(page["links"]["next"].as_str().unwrap().contains("statusId=1&statusId=3"));
    simulator.set_behaviour(|behaviour| behaviour.links_keep_filters = false);
    assert!(!get(&simulator, target)["links"]["next"].as_str().unwrap().contains("statusId"));
}

#[test]
fn page_tokens_can_expire() {
    let simulator = simulator();
    simulator.set_behaviour(|behaviour| behaviour.page_token_lifetime_ms = Some(3_600_000));
    let page = get(&simulator, "/conversations/list?page_token=");
    let next = page["links"]["next"].as_str().unwrap().strip_prefix("https://api.drift.com").unwrap();
    assert_eq!(ask(&simulator, next).status, 200);
    simulator.apply(Mutation::AdvanceClock { ms: 3_600_000 });
    assert_eq!(ask(&simulator, next).status, 400);
    assert_eq!(ask(&simulator, "/conversations/list?page_token=nonsense").status, 400);
}

#[test]
fn messages_come_fifty_a_page_oldest_first() {
    let simulator = simulator();
    let mut sizes = BTreeSet::new();
    for id in ids(&walk_new(&simulator, 100)) {
        let pages = messages(&simulator, id);
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == 50));
        let times: Vec<i64> =
            pages.concat().iter().map(|message| message["createdAt"].as_i64().unwrap()).collect();
        assert!(times.is_sorted());
        sizes.insert(times.len());
    }
    assert!(sizes.contains(&0) && sizes.contains(&50) && sizes.iter().any(|size| *size > 100));
}

#[test]
fn the_last_page_of_messages_says_so_or_says_nothing() {
    let simulator = simulator();
    let id = simulator.with_world(|world| world.conversation_id(0));
    let target = format!("/conversations/{id}/messages");
    assert_eq!(get(&simulator, &target)["pagination"]["more"], false);
    simulator.set_behaviour(|behaviour| behaviour.messages_end_pagination = false);
    assert!(get(&simulator, &target).get("pagination").is_none());
    assert_eq!(ask(&simulator, "/conversations/17/messages").status, 404);
}

#[test]
fn accounts_come_in_pages_of_at_most_65_with_relative_links() {
    let simulator = simulator();
    let mut target = "/accounts?index=0&size=100".to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = get(&simulator, &target)["data"].clone();
        sizes.push(page["accounts"].as_array().unwrap().len());
        let Some(next) = page["next"].as_str() else { break };
        assert!(next.starts_with("/accounts?index="));
        next.clone_into(&mut target);
    }
    assert_eq!(sizes, [65, 65, 17]);
    assert_eq!(get(&simulator, "/accounts")["data"]["accounts"].as_array().unwrap().len(), 10);
}

#[test]
fn meetings_need_both_bounds_and_end_at_thirty_days() {
    let simulator = simulator();
    assert_eq!(ask(&simulator, "/users/meetings/org?min_start_time=0").status, 400);
    let target = "/users/meetings/org?min_start_time=0&max_start_time=9999999999999";
    let starts = |target: &str| -> Vec<i64> {
        let page = get(&simulator, target);
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|meeting| meeting["slotStart"].as_i64().unwrap())
            .collect()
    };
    let oldest = WorldConfig::default().now_ms - 30 * 86_400_000;
    let all = starts(&format!("{target}&limit=1000"));
    assert!(all.is_sorted() && all[0] >= oldest && all.len() < 120);
    assert_eq!(starts(&format!("{target}&limit=3")), all[..3]);
}
