//! Reports: filters, positional metrics, NaN, and their own limit.

use drift_simulator::{ApiRequest, Simulator, WorldConfig};

use crate::caller::{ids, json, walk_old};

fn report(simulator: &Simulator, body: &str) -> drift_simulator::ApiResponse {
    simulator.handle(&ApiRequest::post("/reports/conversations", body.to_owned()).bearer("sim-token"))
}

#[test]
fn a_time_range_selects_what_the_list_shows_in_it() {
    let simulator = Simulator::new(WorldConfig::new(4, 200));
    let rows = walk_old(&simulator, 50).concat();
    let (from, to) = (rows[120]["updatedAt"].as_i64().unwrap(), rows[20]["updatedAt"].as_i64().unwrap());
    let body = format!(
        r#"{{"filters":[{{"property":"updatedAt","operation":"BETWEEN","values":[{from},{to}]}}],"metrics":["updatedAt","numBotMessages"]}}"#
    );
    let answer = json(&report(&simulator, &body));
    let within = |row: &&serde_json::Value| (from..=to).contains(&row["updatedAt"].as_i64().unwrap());
    let expected: Vec<i64> = ids(&[rows.iter().filter(within).cloned().collect()]);
    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.iter().map(|row| row["conversationId"].as_i64().unwrap()).collect::<Vec<_>>(), expected);
    assert_eq!(answer["count"], expected.len());
    assert!(data.iter().all(|row| row["metrics"].as_array().unwrap().len() == 2));
}

#[test]
fn a_missing_metric_is_not_a_number_quoted_or_bare() {
    let simulator = Simulator::new(WorldConfig::small(4));
    let body = r#"{"filters":[],"metrics":["unheardOf"]}"#;
    assert!(String::from_utf8_lossy(&report(&simulator, body).body).contains("[NaN]"));
    simulator.set_behaviour(|behaviour| behaviour.quoted_nan = true);
    assert!(String::from_utf8_lossy(&report(&simulator, body).body).contains(r#"["NaN"]"#));
}

#[test]
fn sixty_calls_a_minute_and_no_more() {
    let simulator = Simulator::new(WorldConfig::small(4));
    let body = r#"{"filters":[],"metrics":[]}"#;
    assert!((0..60).all(|_| report(&simulator, body).status == 200));
    assert_eq!(report(&simulator, body).status, 429);
    simulator.set_behaviour(|behaviour| (behaviour.report_limit, behaviour.reports_retired) = (None, true));
    assert_eq!(report(&simulator, body).status, 404);
}
