//! A demo of 100,000 conversations makes 200,000 requests: an answer must cost next to nothing.

use std::time::Instant;

use drift_simulator::{ApiRequest, Simulator, WorldConfig};

#[test]
fn details_and_messages_are_cheap() {
    let config = WorldConfig { megabyte_body: false, ..WorldConfig::new(1, 20_000) };
    let simulator = Simulator::new(config);
    let requests: Vec<ApiRequest> = (0..2_000)
        .map(|row| simulator.with_world(|world| world.conversation_id(row * 10)))
        .flat_map(|id| [format!("/conversations/{id}"), format!("/conversations/{id}/messages")])
        .map(|target| ApiRequest::get(&target).bearer("sim-token"))
        .collect();
    let start = Instant::now();
    assert!(requests.iter().all(|request| simulator.handle(request).status == 200));
    let each = start.elapsed() / requests.len() as u32;
    println!("{each:?} an answer");
    assert!(each.as_millis() < 5, "{each:?} an answer");
}
