//! Between a run and the S3 server: passes requests on, one at a time a connection, and lets a chosen one meet
//! with misfortune: refused, cut off before or after it was done, answered slowly or by half.

use std::hash::{DefaultHasher, Hasher as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::server::server;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is not passed on, and this is answered.
    Status(u16, &'static str),
    /// The connection ends before it is passed on.
    Reset,
    /// It is done, but the connection ends before it is answered.
    LoseAnswer,
    /// It is done and answered, but the answer ends in its middle.
    HalfAnswer,
    /// It is put whatever its condition says, by the server's other side.
    Careless(SocketAddr),
    /// The answer comes in little pieces.
    Slow,
    /// It is not passed on, and never answered; whoever waits for [`Proxy::stopped`] hears of it.
    StopBefore,
    /// The same, but it is done.
    StopAfter,
}

/// A request as the plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The bytes of the body.
    pub bytes: usize,
    /// Whether it is to be done under a condition alone.
    pub is_conditional: bool,
    /// Whether only a part of the object is wanted.
    pub is_partial: bool,
}

/// What becomes of each request, by its number and what is seen of it.
pub type Plan = Box<dyn FnMut(usize, &Seen) -> Option<Mishap> + Send>;

struct State {
    plan: Plan,
    seen: Vec<Seen>,
}

/// The proxy; it ends with whoever holds it.
pub struct Proxy {
    endpoint: String,
    state: Arc<Mutex<State>>,
    stopped: Arc<Notify>,
    serving: AbortHandle,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Proxy {
    /// Begins to pass on to the server at `endpoint`.
    pub async fn to(endpoint: &str, plan: Plan) -> Self {
        let server = address(endpoint);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let (state, stopped) =
            (Arc::new(Mutex::new(State { plan, seen: Vec::new() })), Arc::new(Notify::new()));
        let (told, heard) = (state.clone(), stopped.clone());
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server, told.clone(), heard.clone()));
            }
        });
        Self { endpoint: own, state, stopped, serving: serving.abort_handle() }
    }

    /// One mishap, at the request of this number, counted from 0.
    pub async fn once(endpoint: &str, at: usize, mishap: Mishap) -> Self {
        Self::to(endpoint, Box::new(move |number, _| (number == at).then_some(mishap))).await
    }

    /// A server that ignores conditions. They are signed, so what is put under one goes into the same place by
    /// another way that the server has.
    pub async fn careless(endpoint: &str) -> Self {
        let filer = address(&server().filer);
        Self::to(endpoint, Box::new(move |_, seen| seen.is_conditional.then_some(Mishap::Careless(filer))))
            .await
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What has been asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Waits until a request was stopped.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }
}

/// One request of a client, whole.
struct Request {
    seen: Seen,
    head: Vec<u8>,
    body: Vec<u8>,
}

async fn pass_on(mut client: TcpStream, server: SocketAddr, state: Arc<Mutex<State>>, stopped: Arc<Notify>) {
    let Some(request) = read(&mut client).await else { return };
    let mishap = {
        let mut state = state.lock().unwrap();
        let number = state.seen.len();
        state.seen.push(request.seen.clone());
        (state.plan)(number, &request.seen)
    };
    let answer = match mishap {
        Some(Mishap::Status(..) | Mishap::Reset | Mishap::StopBefore) => Vec::new(),
        Some(Mishap::Careless(filer)) => put(filer, &request).await.unwrap_or_default(),
        _ => ask(server, &request.head, &request.body).await.unwrap_or_default(),
    };
    let done = match mishap {
        None | Some(Mishap::Careless(_)) => client.write_all(&answer).await,
        Some(Mishap::Status(status, code)) => client.write_all(&refusal(status, code)).await,
        Some(Mishap::Reset | Mishap::LoseAnswer) => client.set_zero_linger(),
        Some(Mishap::HalfAnswer) => client.write_all(&answer[..answer.len() / 2]).await,
        Some(Mishap::Slow) => trickle(&mut client, &answer).await,
        Some(Mishap::StopBefore | Mishap::StopAfter) => {
            stopped.notify_one();
            std::future::pending().await
        }
    };
    // A client that has gone has had enough.
    drop(done);
}

async fn read(client: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(end);
    let text = String::from_utf8(bytes).ok()?;
    let mut words = text.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let length: usize = header(&text, "content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        if client.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let kept = text.trim_end().lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = kept.fold(String::new(), |head, line| head + line + "\r\n") + "connection: close\r\n\r\n";
    let is_conditional = ["if-match", "if-none-match"].iter().any(|name| header(&text, name).is_some());
    let is_partial = header(&text, "range").is_some();
    Some(Request {
        seen: Seen { method, path, bytes: length, is_conditional, is_partial },
        head: head.into_bytes(),
        body,
    })
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The server's answer, to its end, after which it closes the connection.
async fn ask(server: SocketAddr, head: &[u8], body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(head).await?;
    upstream.write_all(body).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Puts the object through the server's own file system, which knows no conditions.
async fn put(filer: SocketAddr, request: &Request) -> std::io::Result<Vec<u8>> {
    let (path, length) = (request.seen.path.split('?').next().unwrap_or_default(), request.body.len());
    let head = format!(
        "PUT /buckets{path} HTTP/1.1\r\nhost: filer\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    ask(filer, head.as_bytes(), &request.body).await?;
    let mut version = DefaultHasher::new();
    version.write(&request.body);
    let etag = version.finish();
    Ok(format!("HTTP/1.1 200 OK\r\netag: \"{etag:016x}\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .into_bytes())
}

/// Where an endpoint listens.
pub fn address(endpoint: &str) -> SocketAddr {
    endpoint.trim_start_matches("http://").parse().unwrap()
}

fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>told to</Message></Error>");
    let length = body.len();
    format!("HTTP/1.1 {status} {code}\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

async fn trickle(client: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
    for piece in answer.chunks(answer.len().div_ceil(20).max(1)) {
        client.write_all(piece).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
