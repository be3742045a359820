//! The simulator behind TLS: HTTP/1.1 as it speaks it itself, or HTTP/2 if the caller wants that. Counts
//! connections, and the requests on each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use drift_simulator::{ApiRequest, Simulator};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A running server.
pub struct Server {
    pub addr: SocketAddr,
    tally: Arc<Tally>,
    /// The simulator's own server, which ends when it is dropped.
    #[allow(dead_code, reason = "it is held, not used")]
    plain: Option<drift_simulator::Server>,
}

/// What has come.
#[derive(Default)]
pub struct Tally {
    /// Connections, whether or not TLS came about.
    tcp: AtomicUsize,
    /// How many requests each connection of HTTP/2 carried.
    http_2: Mutex<Vec<usize>>,
    /// Connections of HTTP/1.1.
    http_1: AtomicUsize,
    flying: AtomicUsize,
    /// The most requests that were being answered at once.
    most_flying: AtomicUsize,
}

/// What becomes of a connection of HTTP/2.
#[derive(Clone, Copy)]
pub enum Fate {
    Endless,
    /// It is ended in good order after so many requests.
    EndedAfter(usize),
    /// The first one falls silent with this request, and stays open: nothing is read from it and nothing written any
    /// more, as when a line between the two is cut.
    SilentAfter(usize),
}

impl Server {
    /// Starts one.
    pub async fn start(drift: &Simulator, config: Arc<ServerConfig>, fate: Fate) -> Self {
        let plain = drift.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let (drift, acceptor, behind) = (drift.clone(), TlsAcceptor::from(config), plain.addr);
        let server = Self::listen(move |stream, tally| {
            let (drift, acceptor) = (drift.clone(), acceptor.clone());
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    converse(&drift, stream, &tally, fate).await;
                } else {
                    tally.http_1.fetch_add(1, Relaxed);
                    pass_on(stream, behind).await;
                }
            }
        })
        .await;
        Self { plain: Some(plain), ..server }
    }

    /// Starts one that never heard of TLS, and says so, or whatever else, once something has come.
    pub async fn saying(words: &'static [u8]) -> Self {
        Self::listen(move |mut stream, _| async move {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(words).await;
            let _ = stream.shutdown().await;
            // Closed at once, what is still unread would take the words with it.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await
    }

    async fn listen<T>(behave: impl Fn(TcpStream, Arc<Tally>) -> T + Send + 'static) -> Self
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, tally) = (listener.local_addr().unwrap(), Arc::<Tally>::default());
        let server = Self { addr, tally: tally.clone(), plain: None };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tally.tcp.fetch_add(1, Relaxed);
                stream.set_nodelay(true).unwrap();
                tokio::spawn(behave(stream, tally.clone()));
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.addr)
    }

    pub fn connections(&self) -> usize {
        self.tally.tcp.load(Relaxed)
    }

    pub fn http_1_connections(&self) -> usize {
        self.tally.http_1.load(Relaxed)
    }

    /// Requests by connection of HTTP/2.
    pub fn http_2_requests(&self) -> Vec<usize> {
        self.tally.http_2.lock().unwrap().clone()
    }

    pub fn most_flying(&self) -> usize {
        self.tally.most_flying.load(Relaxed)
    }
}

/// HTTP/1.1 goes to the simulator's own server, byte for byte.
async fn pass_on(mut stream: TlsStream<TcpStream>, plain: SocketAddr) {
    let mut behind = TcpStream::connect(plain).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut behind).await;
}

async fn converse(drift: &Simulator, stream: TlsStream<TcpStream>, tally: &Arc<Tally>, fate: Fate) {
    let number = {
        let mut connections = tally.http_2.lock().unwrap();
        connections.push(0);
        connections.len() - 1
    };
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let count = {
            let mut connections = tally.http_2.lock().unwrap();
            connections[number] += 1;
            connections[number]
        };
        match fate {
            Fate::EndedAfter(requests) if count == requests => connection.graceful_shutdown(),
            Fate::SilentAfter(requests) if number == 0 && count == requests => std::future::pending().await,
            _ => {}
        }
        let (drift, tally) = (drift.clone(), tally.clone());
        tokio::spawn(async move { answer(&drift, request, respond, &tally).await });
    }
}

async fn answer(
    drift: &Simulator,
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<bytes::Bytes>,
    tally: &Tally,
) {
    tally.most_flying.fetch_max(tally.flying.fetch_add(1, Relaxed) + 1, Relaxed);
    let asked = asked(request).await;
    let answer = drift.handle(&asked);
    tokio::time::sleep(answer.delay).await;
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let mut body = respond.send_response(response.body(()).unwrap(), false).unwrap();
    body.send_data(answer.body, true).unwrap();
    tally.flying.fetch_sub(1, Relaxed);
}

async fn asked(request: http::Request<h2::RecvStream>) -> ApiRequest {
    let (head, mut stream) = request.into_parts();
    let mut asked = ApiRequest::new(head.method.as_str(), head.uri.path_and_query().unwrap().as_str());
    for (name, value) in &head.headers {
        asked = asked.header(name.as_str(), value.to_str().unwrap());
    }
    let mut body = Vec::new();
    while let Some(Ok(piece)) = stream.data().await {
        let _ = stream.flow_control().release_capacity(piece.len());
        body.extend_from_slice(&piece);
    }
    asked.body = body.into();
    asked
}
