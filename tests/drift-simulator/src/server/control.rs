//! The paths below `/_sim/`, by which a demo or a test in another process moves the world and asks what it is.
//!
//! | call | does |
//! |---|---|
//! | `POST /_sim/mutate?seed=&new=&messages=&edited=&bumped=&erased=&erased_contacts=&others=&advance_ms=` | a seeded mix of mutations |
//! | `POST /_sim/clock?advance_ms=` | moves the world's time |
//! | `POST /_sim/faults` with a script as body | starts a fault script; an empty one ends it |
//! | `GET /_sim/stats`, `POST /_sim/stats/reset` | the counters |
//! | `GET /_sim/requests` | the requests, when they are recorded |
//! | `GET /_sim/truth/{table}.ndjson` | the ground truth, a record a line |

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::response::head;
use crate::api::{ApiRequest, ApiResponse, Query, Simulator};
use crate::faults::FaultScript;
use crate::json::JsonText;
use crate::table::Table;
use crate::world::{Mutation, MutationCounts};

/// How much of the truth is sent at once.
const CHUNK: usize = 256 << 10;

pub(super) async fn answer(
    simulator: &Simulator,
    call: &ApiRequest,
    stream: &mut TcpStream,
) -> io::Result<()> {
    if let Some(table) = truth_table(call) {
        return send_truth(simulator, table, stream).await;
    }
    let answer = plain_answer(simulator, call).unwrap_or_else(|problem| {
        let mut json = JsonText::new();
        json.open('{').text_field("error", &problem).close('}');
        ApiResponse::new(400, "application/json", json.into_string())
    });
    stream.write_all(&[head(&answer, answer.body.len()).as_bytes(), &answer.body].concat()).await
}

fn plain_answer(simulator: &Simulator, call: &ApiRequest) -> Result<ApiResponse, String> {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/_sim/mutate") => mutate(simulator, &call.query),
        ("POST", "/_sim/clock") => {
            let ms = number(&Query::parse(&call.query), "advance_ms")?;
            simulator.apply(Mutation::AdvanceClock { ms });
            let now_ms = simulator.with_world(|world| world.now_ms());
            Ok(ApiResponse::json(format!(r#"{{"now_ms":{now_ms}}}"#)))
        }
        ("POST", "/_sim/faults") => {
            let script: FaultScript = String::from_utf8_lossy(&call.body).parse()?;
            let shown = script.to_string();
            simulator.set_faults(script);
            Ok(ApiResponse::new(200, "text/plain", shown))
        }
        ("GET", "/_sim/stats") => Ok(ApiResponse::json(simulator.stats().to_json())),
        ("POST", "/_sim/stats/reset") => {
            simulator.reset_stats();
            Ok(ApiResponse::json("{}".into()))
        }
        ("GET", "/_sim/requests") => Ok(ApiResponse::new(200, "text/plain", requests(simulator))),
        (method, path) => Err(format!("{method} {path} is no control call")),
    }
}

fn number<T: std::str::FromStr + Default>(query: &Query, name: &str) -> Result<T, String> {
    query
        .get(name)
        .map_or(Ok(T::default()), |text| text.parse().map_err(|_| format!("{name} is not a number")))
}

fn mutate(simulator: &Simulator, query: &str) -> Result<ApiResponse, String> {
    let query = Query::parse(query);
    let counts = MutationCounts {
        added: number(&query, "new")?,
        messages: number(&query, "messages")?,
        edited: number(&query, "edited")?,
        bumped: number(&query, "bumped")?,
        erased: number(&query, "erased")?,
        erased_contacts: number(&query, "erased_contacts")?,
        others: number(&query, "others")?,
        advance_ms: number(&query, "advance_ms")?,
    };
    let done = simulator.mutate(number(&query, "seed")?, counts);
    let (now_ms, listed) = simulator.with_world(|world| (world.now_ms(), world.listed_conversations()));
    Ok(ApiResponse::json(format!(
        r#"{{"mutations":{},"new":{},"messages":{},"edited":{},"bumped":{},"erased":{},"erased_contacts":{},"others":{},"now_ms":{now_ms},"conversations":{listed}}}"#,
        done.len(),
        counts.added,
        counts.messages,
        counts.edited,
        counts.bumped,
        counts.erased,
        counts.erased_contacts,
        counts.others,
    )))
}

fn requests(simulator: &Simulator) -> String {
    let line = |request: crate::api::LoggedRequest| {
        format!("{} {} {}?{}\n", request.status, request.method, request.path, request.query)
    };
    simulator.requests().into_iter().map(line).collect()
}

fn truth_table(call: &ApiRequest) -> Option<Table> {
    call.path
        .strip_prefix("/_sim/truth/")?
        .strip_suffix(".ndjson")?
        .parse()
        .ok()
        .filter(|_| call.method == "GET")
}

/// Streams in chunks, since nobody knows the length beforehand.
async fn send_truth(simulator: &Simulator, table: Table, stream: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut chunk = String::new();
    for record in simulator.truth(table) {
        chunk.push_str(&record);
        chunk.push('\n');
        if chunk.len() > CHUNK {
            send_chunk(stream, &std::mem::take(&mut chunk)).await?;
        }
    }
    if !chunk.is_empty() {
        send_chunk(stream, &chunk).await?;
    }
    stream.write_all(b"0\r\n\r\n").await
}

async fn send_chunk(stream: &mut TcpStream, chunk: &str) -> io::Result<()> {
    stream.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).await
}
