//! The ground truth is, byte for byte, what the API gives to whoever reads it correctly.

use drift_simulator::{MutationCounts, Simulator, Table, World, WorldConfig};

use crate::caller::{ask, ids, record_text, walk_new};

fn simulator() -> Simulator {
    let simulator = Simulator::new(WorldConfig::new(12, 230));
    let counts = MutationCounts {
        added: 4,
        messages: 8,
        edited: 8,
        bumped: 3,
        erased: 4,
        ..MutationCounts::default()
    };
    simulator.mutate(1, counts);
    simulator
}

fn body(simulator: &Simulator, target: &str) -> String {
    String::from_utf8(ask(simulator, target).body.to_vec()).unwrap()
}

#[test]
fn conversations_and_messages_are_those_of_their_endpoints() {
    let simulator = simulator();
    let mut details: Vec<String> = simulator.truth(Table::Conversations).collect();
    let mut messages: Vec<String> = simulator.truth(Table::Messages).collect();
    let ids = ids(&walk_new(&simulator, 100));
    let mut read: Vec<String> =
        ids.iter().map(|id| record_text(&simulator, &format!("/conversations/{id}"))).collect();
    let mut said: Vec<String> = Vec::new();
    for id in ids {
        let row = simulator.with_world(|world| world.conversation_row(id)).unwrap();
        let texts = simulator.messages_of(row);
        let transcript = body(&simulator, &format!("/conversations/{id}/json_transcript"));
        assert_eq!(transcript, format!(r#"{{"data":{{"messages":[{}]}}}}"#, texts.join(",")));
        said.extend(texts);
    }
    for texts in [&mut details, &mut read, &mut messages, &mut said] {
        texts.sort_unstable();
    }
    assert_eq!(details, read);
    assert_eq!(messages, said);
}

#[test]
fn plain_lists_are_those_of_their_endpoints() {
    let simulator = simulator();
    let joined = |table| simulator.truth(table).collect::<Vec<_>>().join(",");
    for (table, target) in [(Table::Users, "/users/list"), (Table::Teams, "/teams/org")] {
        assert_eq!(body(&simulator, target), format!(r#"{{"data":[{}]}}"#, joined(table)));
    }
    for (table, target) in [(Table::Playbooks, "/playbooks/list"), (Table::LandingPages, "/playbooks/clp")] {
        assert_eq!(body(&simulator, target), format!("[{}]", joined(table)));
    }
}

#[test]
fn contacts_are_those_that_resolve() {
    let simulator = simulator();
    let contacts: Vec<String> = simulator.truth(Table::Contacts).collect();
    assert!(contacts.len() > 100);
    for text in contacts {
        let id = serde_json::from_str::<serde_json::Value>(&text).unwrap()["id"].as_i64().unwrap();
        assert_eq!(record_text(&simulator, &format!("/contacts/{id}")), text);
    }
    let missing =
        (0..230).filter(|row| simulator.with_world(|world| !world.contact_resolves(world.contact_of(*row))));
    assert!(missing.count() > 0);
}

#[test]
fn attachments_named_in_messages_can_be_fetched() {
    let simulator = simulator();
    let mut fetched = 0;
    for text in simulator.truth(Table::Messages) {
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        for attachment in message["attachments"].as_array().into_iter().flatten() {
            let answer = ask(&simulator, &format!("/attachments/{}/data", attachment["id"]));
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, attachment["mimeType"].as_str())
            );
            fetched += 1;
        }
    }
    assert!(fetched > 10);
    assert_eq!(ask(&simulator, "/attachments/640021/data").status, 404);
}

#[test]
fn a_megabyte_stands_in_one_body_and_curious_text_in_many() {
    let all = simulator().truth(Table::Messages).collect::<Vec<_>>();
    assert_eq!(all.iter().filter(|text| text.len() > 1 << 20).count(), 1);
    for sign in [
        "\\u0000",
        "\\ud83c",
        "🎉",
        "\\/",
        "مرحبا",
        "&amp;",
        "\"body\":null",
        "\"preMessages\":{",
        "\"preMessages\":[",
    ] {
        assert!(all.iter().any(|text| text.contains(sign)), "{sign}");
    }
    assert!(
        all.iter().any(|text| !text.contains("\"body\""))
            && all.iter().any(|text| !text.contains("\"author\""))
    );
    assert!(World::new(WorldConfig::small(1)).conversation_rows() == 60);
}
