//! Worlds: equal recipes make equal worlds, size costs next to nothing, and what happens is seen.

use std::time::Instant;

use drift_simulator::{Mutation, MutationCounts, Simulator, Table, World, WorldConfig};

use crate::caller::{ask, get, ids, messages, record_text, walk_new};

fn everything(simulator: &Simulator) -> Vec<String> {
    Table::ALL.into_iter().flat_map(|table| simulator.truth(table)).collect()
}

const MIX: MutationCounts = MutationCounts {
    added: 5,
    messages: 9,
    edited: 12,
    bumped: 6,
    erased: 3,
    erased_contacts: 1,
    others: 15,
    advance_ms: 60_000,
};

#[test]
fn equal_seeds_make_equal_worlds_also_after_equal_mutations() {
    let [one, two, other] = [1, 1, 2].map(|seed| Simulator::new(WorldConfig::new(seed, 150)));
    assert_eq!(everything(&one), everything(&two));
    assert_ne!(everything(&one), everything(&other));
    assert_eq!(one.mutate(9, MIX), two.mutate(9, MIX));
    assert_eq!(everything(&one), everything(&two));
    assert_ne!(one.mutate(10, MIX), two.mutate(11, MIX));
}

#[test]
fn every_size_from_nothing_on_works() {
    for conversations in [0, 1, 2, 3, 10, 60] {
        let simulator = Simulator::new(WorldConfig::new(1, conversations));
        assert_eq!(ids(&walk_new(&simulator, 10)).len() as u32, conversations);
        simulator.mutate(1, MutationCounts { erased: 0, erased_contacts: 0, ..MIX });
        assert_eq!(ids(&walk_new(&simulator, 10)).len() as u32, conversations + 5);
        everything(&simulator);
    }
}

#[test]
fn some_ids_of_each_kind_lie_beyond_floats() {
    let simulator = Simulator::new(WorldConfig { conversations: 50, ..WorldConfig::small(8) });
    for table in [Table::Conversations, Table::Messages, Table::Contacts] {
        let big = simulator.truth(table).filter(|text| {
            let record: serde_json::Value = serde_json::from_str(text).unwrap();
            let id = record["id"].as_i64().unwrap();
            id > 1 << 53 && id as f64 as i64 != id
        });
        assert!(big.count() >= 1, "{table}");
    }
}

#[test]
fn a_million_conversations_are_made_quickly_and_listed_deeply() {
    let start = Instant::now();
    let simulator = Simulator::new(WorldConfig::new(1, 1_000_000));
    simulator.set_behaviour(|behaviour| behaviour.gzip = false);
    let page = get(&simulator, "/conversations/list?limit=50&next=4100900000");
    assert_eq!(page["data"].as_array().unwrap().len(), 50);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    const { assert!(World::BYTES_PER_CONVERSATION <= 64) };
}

#[test]
fn no_time_lies_in_the_future_and_none_runs_backward() {
    let simulator = Simulator::new(WorldConfig::new(6, 400));
    let now_ms = simulator.with_world(|world| world.now_ms());
    for row in walk_new(&simulator, 100).concat() {
        let (created, updated) = (row["createdAt"].as_i64().unwrap(), row["updatedAt"].as_i64().unwrap());
        assert!(created <= updated && updated <= now_ms);
        for message in messages(&simulator, row["id"].as_i64().unwrap()).concat() {
            let sent = message["createdAt"].as_i64().unwrap();
            assert!(created <= sent && sent <= updated, "{row} {message}");
        }
    }
}

struct Seen {
    simulator: Simulator,
    id: i64,
}

impl Seen {
    fn new(row: u32) -> Self {
        let simulator = Simulator::new(WorldConfig::small(2));
        let id = simulator.with_world(|world| world.conversation_id(row));
        Self { simulator, id }
    }

    fn detail(&self) -> String {
        record_text(&self.simulator, &format!("/conversations/{}", self.id))
    }

    fn messages(&self) -> Vec<serde_json::Value> {
        messages(&self.simulator, self.id).concat()
    }

    fn top(&self) -> i64 {
        ids(&walk_new(&self.simulator, 100))[0]
    }
}

#[test]
fn a_bump_moves_the_time_and_nothing_else() {
    let seen = Seen::new(20);
    let (before, messages) = (seen.detail(), seen.messages());
    seen.simulator.apply(Mutation::Bump { conversation: 20 });
    assert_eq!(seen.top(), seen.id);
    let time = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["updatedAt"].to_string();
    assert_eq!(seen.detail().replace(&time(&seen.detail()), ""), before.replace(&time(&before), ""));
    assert_eq!(seen.messages(), messages);
}

#[test]
fn messages_come_change_and_go() {
    let seen = Seen::new(11);
    let before = seen.messages();
    seen.simulator.apply(Mutation::AddMessage { conversation: 11 });
    let after = seen.messages();
    assert_eq!((after.len(), &after[..before.len()]), (before.len() + 1, &before[..]));
    assert_eq!(seen.top(), seen.id);
    seen.simulator.apply(Mutation::EditMessage { conversation: 11, message: 2, silent: true });
    let edited = seen.messages();
    assert_eq!(edited.iter().zip(&after).filter(|(new, old)| new != old).count(), 1);
    seen.simulator.apply(Mutation::DeleteMessage { conversation: 11, message: 3 });
    assert_eq!(seen.messages().len(), after.len() - 1);
}

#[test]
fn a_late_message_shows_up_late() {
    let seen = Seen::new(20);
    let before = seen.messages().len();
    seen.simulator.apply(Mutation::AddLateMessage { conversation: 20, after_ms: 300_000 });
    assert_eq!((seen.messages().len(), seen.top()), (before, seen.id));
    seen.simulator.apply(Mutation::AdvanceClock { ms: 300_000 });
    assert_eq!(seen.messages().len(), before + 1);
}

#[test]
fn erased_and_unlisted_conversations_vanish_in_their_own_ways() {
    let seen = Seen::new(20);
    let target = format!("/conversations/{}", seen.id);
    seen.simulator.apply(Mutation::UnlistConversation { conversation: 20 });
    assert!(!ids(&walk_new(&seen.simulator, 100)).contains(&seen.id));
    assert_eq!(ask(&seen.simulator, &target).status, 200);
    seen.simulator.apply(Mutation::EraseConversation { conversation: 20 });
    assert_eq!(ask(&seen.simulator, &target).status, 404);
    assert_eq!(ask(&seen.simulator, &format!("{target}/messages")).status, 404);
}

#[test]
fn an_erased_contact_takes_their_conversations_along() {
    let simulator = Simulator::new(WorldConfig::small(2));
    let (contact, id) =
        simulator.with_world(|world| (world.contact_of(30), world.contact_id(world.contact_of(30))));
    simulator.apply(Mutation::EraseContact { contact });
    assert_eq!(ask(&simulator, &format!("/contacts/{id}")).status, 404);
    let rows = walk_new(&simulator, 100).concat();
    assert!(rows.iter().all(|row| row["contactId"].as_i64() != Some(id)));
}

#[test]
fn stats_count_what_is_listed() {
    let simulator = Simulator::new(WorldConfig::new(2, 300));
    simulator.mutate(4, MIX);
    let counts = get(&simulator, "/conversations/stats")["conversationCount"].clone();
    let rows = walk_new(&simulator, 100).concat();
    for (status, count) in counts.as_object().unwrap() {
        let listed =
            rows.iter().filter(|row| row["status"].as_str().unwrap().to_uppercase() == *status).count();
        assert_eq!(count.as_u64().unwrap() as usize, listed, "{status}");
    }
}

#[test]
fn users_accounts_and_playbooks_leave_their_lists_in_their_own_ways() {
    let simulator = Simulator::new(WorldConfig::small(2));
    let status = |target: String| ask(&simulator, &target).status;
    assert_eq!(status(format!("/users/{}", World::user_id(3))), 200);
    assert_eq!(status(format!("/users/{}", World::user_id(5))), 404);
    simulator.apply(Mutation::RemoveUser { user: 1 });
    assert_eq!(status(format!("/users/{}", World::user_id(1))), 404);
    simulator.apply(Mutation::DeleteAccount { account: 0 });
    let account = get(&simulator, &format!("/accounts/{}", World::account_id(0)));
    assert_eq!(account["data"]["deleted"], true);
    let listed = get(&simulator, "/playbooks/list").as_array().unwrap().len();
    simulator.apply(Mutation::UnlistPlaybook { playbook: 0 });
    assert_eq!(get(&simulator, "/playbooks/list").as_array().unwrap().len(), listed - 1);
}

#[test]
fn a_strict_world_has_no_nulls_and_misses_nothing() {
    let config = WorldConfig { strict: true, megabyte_body: false, ..WorldConfig::new(4, 300) };
    let simulator = Simulator::new(config);
    for text in simulator.truth(Table::Conversations) {
        assert!(
            !text.contains("null") && text.contains("participants") && text.contains("conversationTags"),
            "{text}"
        );
    }
    for text in simulator.truth(Table::Messages) {
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(message["body"].is_string() && message["author"]["bot"].is_boolean(), "{text}");
        assert!(message["conversationId"].is_i64(), "{text}");
    }
}
