//! Every fault does what its name says, and a printed script is the script.

use drift_simulator::faults::{ErrorBody, FaultScript, FieldFlip, Flip, When};
use drift_simulator::{ApiRequest, EndpointKind, Fault, Simulator, Table, WorldConfig};

use crate::caller::{ask, get, ids, json, messages, walk_new};

fn struck(endpoint: EndpointKind, when: When, fault: Fault) -> Simulator {
    let simulator = Simulator::new(WorldConfig::new(1, 120));
    simulator.set_faults(FaultScript::one(Some(endpoint), when, fault));
    simulator
}

fn first_page(fault: Fault) -> serde_json::Value {
    let simulator = struck(EndpointKind::ConversationList, When::From(1), fault);
    get(&simulator, "/conversations/list?page_token=&limit=50&statusId=2")
}

#[test]
fn every_fault_and_every_random_script_is_read_back_from_its_print() {
    for fault in Fault::all() {
        assert_eq!(fault.to_string().parse(), Ok(fault), "{fault}");
    }
    for seed in 0..500 {
        let script = FaultScript::random_with_flips(seed);
        assert_eq!(script.to_string().parse(), Ok(script.clone()), "{script}");
        assert_eq!(FaultScript::random_with_flips(seed), script);
    }
    assert!("users nth=1 unheard-of".parse::<FaultScript>().is_err());
}

#[test]
fn no_fault_breaks_the_simulator_on_any_endpoint() {
    let id = Simulator::new(WorldConfig::small(1)).with_world(|world| world.conversation_id(9));
    let targets = [
        "/conversations/list?page_token=",
        "/conversations/list",
        "/users/list",
        "/accounts",
        "/playbooks/list",
    ];
    for fault in
        Fault::all().into_iter().filter(|fault| !matches!(fault, Fault::DeflateBomb(_) | Fault::Oversize(_)))
    {
        let simulator = Simulator::new(WorldConfig::small(1));
        simulator.set_faults(FaultScript::one(None, When::Every(2), fault));
        for target in targets.iter().map(ToString::to_string).chain([format!("/conversations/{id}/messages")])
        {
            for _ in 0..4 {
                ask(&simulator, &target);
            }
        }
        assert_eq!(simulator.stats().faults, 12, "{fault}");
    }
}

#[test]
fn rules_count_the_requests_of_their_endpoint() {
    let simulator = Simulator::new(WorldConfig::small(1));
    simulator.set_faults(
        "users window=2..3 503-html; any nth=6 401-json; teams every=2 times=1 500-empty".parse().unwrap(),
    );
    let calls = [
        "/users/list",
        "/users/list",
        "/users/list",
        "/users/list",
        "/teams/org",
        "/teams/org",
        "/teams/org",
        "/teams/org",
    ];
    let statuses: Vec<u16> = calls.iter().map(|target| ask(&simulator, target).status).collect();
    assert_eq!(statuses, [200, 503, 503, 200, 200, 401, 200, 500]);
}

#[test]
fn retry_after_comes_in_every_form() {
    for (fault, header) in [
        ("429-json", None),
        ("429-json-seconds:7", Some("7")),
        ("429-empty-date:60", Some("Sun, 01 Nov 2026 00:01:00 GMT")),
        ("503-html-absurd", Some("31536000")),
    ] {
        let simulator = struck(EndpointKind::Teams, When::First(1), fault.parse().unwrap());
        assert_eq!(ask(&simulator, "/teams/org").header("retry-after"), header, "{fault}");
        assert_eq!(ask(&simulator, "/teams/org").status, 200);
    }
}

#[test]
fn bodies_are_spoiled_in_every_way() {
    let body = |fault| ask(&struck(EndpointKind::Teams, When::First(1), fault), "/teams/org").body;
    assert!(serde_json::from_slice::<serde_json::Value>(&body(Fault::ShortBody)).is_err());
    assert!(std::str::from_utf8(&body(Fault::InvalidUtf8)).is_err());
    assert!(body(Fault::EmptyBody).is_empty());
    assert!(body(Fault::HtmlPage).starts_with(b"<!DOCTYPE html>"));
    assert!(body(Fault::ErrorsList).starts_with(br#"{"errors":["#));
    assert!(body(Fault::SwappedEnvelope).starts_with(br#"[{"data":["#));
    assert!(serde_json::from_slice::<serde_json::Value>(&body(Fault::Oversize(2))).is_ok());
    assert_eq!(body(Fault::Oversize(2)).len() >> 21, 1);
}

#[test]
fn compressed_bodies_unpack_to_the_plain_ones() {
    let unpack = |packed: &[u8], size: usize| {
        let mut plain = vec![0; size];
        let length = libdeflater::Decompressor::new().gzip_decompress(packed, &mut plain);
        length.map(|length| plain[..length].to_vec())
    };
    let simulator = struck(EndpointKind::Teams, When::Nth(2), Fault::Gzip);
    let plain = ask(&simulator, "/teams/org").body;
    let forced = ask(&simulator, "/teams/org");
    assert_eq!(forced.header("content-encoding"), Some("gzip"));
    assert_eq!(unpack(&forced.body, plain.len()).unwrap(), plain);
    let asked = ApiRequest::get("/teams/org").bearer("sim-token").header("accept-encoding", "gzip");
    assert_eq!(unpack(&simulator.handle(&asked).body, plain.len()).unwrap(), plain);
    let simulator = struck(EndpointKind::Teams, When::First(1), Fault::DeflateBomb(16));
    let bomb = ask(&simulator, "/teams/org").body;
    assert!(bomb.len() < 200_000);
    assert_eq!(unpack(&bomb, 16 << 20).unwrap().len(), 16 << 20);
    let simulator = struck(EndpointKind::Teams, When::First(1), Fault::BrokenGzip);
    assert!(unpack(&ask(&simulator, "/teams/org").body, 1 << 20).is_err());
}

#[test]
fn a_redirect_leads_to_another_host() {
    let answer = ask(&struck(EndpointKind::Teams, When::First(1), Fault::Redirect), "/teams/org");
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("https://elsewhere.example.test/steal"))
    );
}

#[test]
fn pages_of_the_list_are_twisted_in_every_way() {
    let next = |page: &serde_json::Value| page["links"]["next"].as_str().unwrap_or("").to_owned();
    assert!(next(&first_page(Fault::NextOnOtherHost)).starts_with("https://elsewhere.example.test/"));
    assert!(!next(&first_page(Fault::NextDropsFilter)).contains("statusId"));
    let same = first_page(Fault::NextIsSame);
    assert_eq!(same["links"]["next"], same["links"]["self"]);
    let empty = first_page(Fault::EmptyPage);
    assert!(empty["data"].as_array().unwrap().is_empty() && empty["links"]["next"] != empty["links"]["self"]);
    assert!(first_page(Fault::NoPagination).get("links").is_none());
}

#[test]
fn two_pages_can_point_at_each_other() {
    let simulator = struck(EndpointKind::ConversationList, When::From(1), Fault::NextIsPrevious);
    let mut cursors = vec![String::new()];
    for _ in 0..4 {
        let page = get(&simulator, &format!("/conversations/list?limit=50&next={}", cursors.last().unwrap()));
        cursors.push(page["pagination"]["next"].as_str().unwrap().to_owned());
    }
    assert_eq!(cursors[1], cursors[3]);
    assert_eq!(cursors[2], cursors[4]);
    assert_ne!(cursors[1], cursors[2]);
}

#[test]
fn patient_readers_lose_nothing_to_empty_pages_repeats_and_disorder() {
    for fault in [Fault::EmptyPage, Fault::RepeatedRows, Fault::ReversedRows] {
        let simulator = struck(EndpointKind::ConversationList, When::Every(2), fault);
        let mut all = ids(&walk_new(&simulator, 25));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 120, "{fault}");
        let simulator = struck(EndpointKind::Messages, When::Every(2), fault);
        let id = simulator.with_world(|world| world.conversation_id(13));
        let mut said: Vec<i64> =
            messages(&simulator, id).concat().iter().map(|said| said["id"].as_i64().unwrap()).collect();
        said.sort_unstable();
        said.dedup();
        assert!(said.len() > 100, "{fault}");
    }
}

#[test]
fn events_change_the_world_around_an_answer() {
    let simulator = struck(EndpointKind::Conversation, When::Nth(1), Fault::MessageAfter);
    let id = simulator.with_world(|world| world.conversation_id(20));
    let before = messages(&simulator, id).concat().len();
    get(&simulator, &format!("/conversations/{id}"));
    assert_eq!(messages(&simulator, id).concat().len(), before + 1);
    let simulator = struck(EndpointKind::Conversation, When::Nth(1), Fault::EraseAsked);
    assert_eq!(ask(&simulator, &format!("/conversations/{id}")).status, 404);
    assert_eq!(ids(&walk_new(&simulator, 100)).len(), 119);
    let simulator = struck(EndpointKind::ConversationList, When::Nth(2), Fault::Begin(3));
    assert_eq!(ids(&walk_new(&simulator, 100)).len(), 123);
}

#[test]
fn errors_can_be_plural() {
    let simulator = struck(EndpointKind::Teams, When::From(1), Fault::status(500, ErrorBody::Json));
    simulator.set_behaviour(|behaviour| behaviour.plural_errors = true);
    assert_eq!(json(&ask(&simulator, "/teams/org"))["errors"][0]["type"], "internal_error");
}

#[test]
fn a_flip_strikes_the_same_records_in_answers_and_in_truth() {
    let simulator = Simulator::new(WorldConfig::small(3));
    let sound: Vec<String> = simulator.truth(Table::Users).collect();
    for flip in Flip::ALL {
        let flip = FieldFlip { table: Table::Users, path: "createdAt".into(), flip, every: 2 };
        simulator.set_faults(FaultScript::flip(flip.clone()));
        let flipped: Vec<String> = simulator.truth(Table::Users).collect();
        let changed = flipped.iter().zip(&sound).filter(|(new, old)| new != old).count();
        assert!(changed > 0 && changed < sound.len(), "{flip}");
        let body = ask(&simulator, "/users/list").body;
        assert_eq!(body, format!(r#"{{"data":[{}]}}"#, flipped.join(",")), "{flip}");
    }
}

#[test]
fn every_declared_path_is_met_in_some_record() {
    let simulator = Simulator::new(WorldConfig { strict: false, ..WorldConfig::new(1, 400) });
    for table in Table::ALL {
        for path in table.paths() {
            let flip = FieldFlip { table, path: (*path).to_owned(), flip: Flip::Missing, every: 1 };
            let sound = simulator.truth(table);
            let other = Simulator::new(WorldConfig::new(1, 400));
            other.set_faults(FaultScript::flip(flip));
            assert!(sound.zip(other.truth(table)).any(|(sound, flipped)| sound != flipped), "{table} {path}");
        }
    }
}
