//! A host on loopback that answers as it is told and remembers every byte that it was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drift_simulator::{ApiRequest, ApiResponse, Simulator};

/// A running host; its thread ends with the process.
pub struct Host {
    pub addr: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// What becomes of the simulator's answer to a request.
pub type Edit = dyn Fn(&ApiRequest, &mut ApiResponse) + Send + Sync;

impl Host {
    /// A host that answers each request, given as it came, with these bytes.
    pub fn start(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (log, answer) = (seen.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || converse(stream, &log, &*answer));
            }
        });
        Self { addr, seen }
    }

    /// A host that nobody should ever talk to.
    pub fn forbidden() -> Self {
        Self::start(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_vec())
    }

    /// The simulator, whose answers `edit` may change.
    pub fn of(
        drift: &Simulator,
        edit: impl Fn(&ApiRequest, &mut ApiResponse) + Send + Sync + 'static,
    ) -> Self {
        let drift = drift.clone();
        Self::start(move |request| simulated(&drift, &edit, request))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Everything that came, one entry a connection.
    pub fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().clone()
    }
}

fn converse(
    mut stream: TcpStream,
    log: &Mutex<Vec<Vec<u8>>>,
    answer: &(dyn Fn(&[u8]) -> Vec<u8> + Send + Sync),
) {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let request = read(&mut stream);
    log.lock().unwrap().push(request.clone());
    if !request.is_empty() {
        let _ = stream.write_all(&answer(&request));
    }
}

/// One request, with the body that its head announces.
fn read(stream: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !is_whole(&request) {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => request.extend_from_slice(&piece[..count]),
            _ => break,
        }
    }
    request
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn simulated(drift: &Simulator, edit: &Edit, request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let mut call = ApiRequest::new(words.next().unwrap_or_default(), words.next().unwrap_or_default());
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        // Answers are not compressed, so that they can be edited.
        if !name.eq_ignore_ascii_case("accept-encoding") {
            call = call.header(name, value.trim());
        }
    }
    call.body = body.to_owned().into();
    let mut answer = drift.handle(&call);
    edit(&call, &mut answer);
    let mut text = format!("HTTP/1.1 {} Status\r\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        text.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    text.extend_from_slice(
        format!("content-length: {}\r\nconnection: close\r\n\r\n", answer.body.len()).as_bytes(),
    );
    [text, answer.body.to_vec()].concat()
}
