//! The server on a real loopback socket, spoken to byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use drift_simulator::faults::{FaultScript, When};
use drift_simulator::{EndpointKind, Fault, Simulator, WireFault, WorldConfig};

const USERS: &str = "GET /users/list HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sim-token\r\n\r\n";

/// What comes back until the line ends, and how it ended.
fn talk(addr: SocketAddr, text: &str) -> (Vec<u8>, std::io::Result<()>) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut received = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return (received, Ok(())),
            Ok(count) => received.extend_from_slice(&part[..count]),
            Err(error) => return (received, Err(error)),
        }
    }
}

async fn with_server<T: Send + 'static>(
    simulator: &Simulator,
    work: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    let server = simulator.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let addr = server.addr;
    let result = tokio::task::spawn_blocking(move || work(addr)).await.unwrap();
    server.shutdown().await;
    result
}

fn struck(fault: WireFault) -> Simulator {
    let simulator = Simulator::new(WorldConfig::small(1));
    simulator.set_faults(FaultScript::one(Some(EndpointKind::UserList), When::First(1), Fault::Wire(fault)));
    simulator
}

#[tokio::test]
async fn several_requests_share_a_connection() {
    let simulator = Simulator::new(WorldConfig::small(1));
    let script = format!("{USERS}{USERS}{}", USERS.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
    let (received, end) = with_server(&simulator, move |addr| talk(addr, &script)).await;
    let text = String::from_utf8(received).unwrap();
    assert!(end.is_ok());
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3);
    assert_eq!(simulator.stats().of(EndpointKind::UserList), 3);
}

#[tokio::test]
async fn other_than_loopback_is_refused() {
    let simulator = Simulator::new(WorldConfig::small(1));
    assert!(simulator.serve("0.0.0.0:0".parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn resets_end_the_line_where_they_should() {
    for (fault, sees_head) in [
        (WireFault::Refuse, false),
        (WireFault::ResetBeforeHeaders, false),
        (WireFault::ResetInHeaders, false),
        (WireFault::ResetInBody, true),
    ] {
        let (received, end) = with_server(&struck(fault), |addr| talk(addr, USERS)).await;
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "{fault:?}");
        assert_eq!(String::from_utf8_lossy(&received).contains("\r\n\r\n"), sees_head, "{fault:?}");
    }
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_announced() {
    let (received, end) = with_server(&struck(WireFault::TruncateBody), |addr| talk(addr, USERS)).await;
    let text = String::from_utf8_lossy(&received).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let announced: usize = head.split("content-length: ").nth(1).unwrap().trim().parse().unwrap();
    assert!(end.is_ok() && body.len() < announced);
}

#[tokio::test]
async fn a_hanging_line_stays_open_and_silent() {
    let (received, end) = with_server(&struck(WireFault::Hang), |addr| talk(addr, USERS)).await;
    assert!(received.is_empty() && end.is_err());
}

#[tokio::test]
async fn a_dripping_body_is_whole() {
    let close = USERS.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let (received, end) = with_server(&struck(WireFault::Drip(5)), move |addr| talk(addr, &close)).await;
    let text = String::from_utf8(received).unwrap();
    assert!(end.is_ok() && text.ends_with("}]}"));
}

#[tokio::test]
async fn control_calls_move_the_world_and_tell_the_truth() {
    let simulator = Simulator::new(WorldConfig::small(1));
    let call =
        |method: &str, target: &str| format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n\r\n");
    let mutate = call("POST", "/_sim/mutate?seed=3&new=4&bumped=2&advance_ms=1000");
    let truth = call("GET", "/_sim/truth/conversations.ndjson");
    let (answers, truth) =
        with_server(&simulator, move |addr| (talk(addr, &mutate).0, talk(addr, &truth).0)).await;
    assert!(String::from_utf8(answers).unwrap().contains(r#""conversations":64"#));
    assert_eq!(String::from_utf8(truth).unwrap().matches(r#"{"id":"#).count(), 64);
}

#[tokio::test]
async fn a_caller_that_goes_away_harms_nobody() {
    let simulator = Simulator::new(WorldConfig::small(1));
    let alive = with_server(&simulator, |addr| {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(b"GET /users/li").unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
        talk(addr, USERS).0
    });
    assert!(!alive.await.is_empty());
}

#[test]
fn the_program_tells_its_address_and_stops_when_asked() {
    let file = std::env::temp_dir().join(format!("drift-simulator-{}.addr", std::process::id()));
    let mut program = Command::new(env!("CARGO_BIN_EXE_drift-simulator"))
        .args(["--port", "0", "--conversations", "30", "--faults", "users nth=2 503-empty", "--port-file"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let addr = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(25));
        std::fs::read_to_string(&file).ok()
    });
    let addr: SocketAddr = addr.unwrap().parse().unwrap();
    let received = String::from_utf8(talk(addr, &USERS.repeat(2)).0).unwrap();
    assert_eq!((received.matches("200 OK").count(), received.matches("503 ").count()), (1, 1));
    assert!(Command::new("kill").arg(program.id().to_string()).status().unwrap().success());
    assert!(program.wait().unwrap().success());
    let mut said = String::new();
    program.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, format!("simulated Drift of 30 conversations at http://{addr}\n"));
    std::fs::remove_file(file).unwrap();
}
