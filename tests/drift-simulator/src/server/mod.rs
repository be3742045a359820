//! The simulator on a loopback socket, speaking HTTP/1.1 by hand.
//!
//! A library would keep its promises about HTTP, and half of the faults consist in breaking them: a reset within the
//! headers, a length that is not true, a line that goes silent. So the bytes are written here. It listens on 127.0.0.1
//! and nowhere else.

mod control;
mod request;
mod response;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::Simulator;
use response::Line;

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: Arc<watch::Sender<bool>>,
    accepting: JoinHandle<()>,
}

impl Simulator {
    /// Starts a server at a loopback address; port 0 takes a free one. Must be called within a tokio runtime.
    pub async fn serve(&self, addr: SocketAddr) -> io::Result<Server> {
        if !addr.ip().is_loopback() {
            let why = "the simulator listens on loopback addresses only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(self.clone(), listener, stopped));
        Ok(Server { addr, stop: Arc::new(stop), accepting })
    }
}

impl Server {
    /// The address as the base of URLs.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops at once; open connections are cut.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // Nothing is left to do if accepting has ended in another way.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn accept(simulator: Simulator, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        // A failed accept (too many open files, say) passes; the next caller may succeed.
        let Ok((stream, _)) = accepted else { continue };
        let (simulator, mut stopped) = (simulator.clone(), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                // Callers that go away in the middle are no concern of the server.
                _ = converse(&simulator, stream) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// Answers the requests of one connection, one after the other.
async fn converse(simulator: &Simulator, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = request::read(&mut stream).await? {
        let keep_alive = request.keep_alive;
        if request.call.path.starts_with("/_sim/") {
            control::answer(simulator, &request.call, stream.get_mut()).await?;
        } else {
            let answer = simulator.handle(&request.call);
            if response::write(stream.get_mut(), &answer).await? == Line::Cut {
                return Ok(());
            }
        }
        stream.get_mut().flush().await?;
        if !keep_alive {
            break;
        }
    }
    stream.get_mut().shutdown().await
}
