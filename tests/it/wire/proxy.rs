//! A proxy on loopback that connects callers to one server whatever host they ask for, or refuses, and
//! remembers every byte that callers sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy.
pub struct Proxy {
    pub addr: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Proxy {
    /// Answers the first asks with these statuses, and connects to `server` from then on; where the last one is no
    /// 200, it stays.
    pub async fn start(server: SocketAddr, statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, seen) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let proxy = Self { addr, seen: seen.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                let status = statuses[number.min(statuses.len() - 1)];
                tokio::spawn(serve(stream, server, status, seen.clone(), number));
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What came on each connection.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

async fn serve(
    mut caller: TcpStream,
    server: SocketAddr,
    status: u16,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    number: usize,
) {
    while !seen.lock().unwrap()[number].ends_with(b"\r\n\r\n") {
        let Ok(byte) = caller.read_u8().await else { return };
        seen.lock().unwrap()[number].push(byte);
    }
    let head = format!("HTTP/1.1 {status} so\r\n\r\n");
    if caller.write_all(head.as_bytes()).await.is_err() || status != 200 {
        return;
    }
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut from_caller, mut to_caller) = caller.split();
    let (mut from_server, mut to_server) = server.split();
    let there = async {
        let mut piece = [0; 16 << 10];
        while let Ok(count) = from_caller.read(&mut piece).await {
            if count == 0 || to_server.write_all(&piece[..count]).await.is_err() {
                break;
            }
            seen.lock().unwrap()[number].extend_from_slice(&piece[..count]);
        }
        let _ = to_server.shutdown().await;
    };
    let _ = tokio::join!(there, copy(&mut from_server, &mut to_caller));
}
