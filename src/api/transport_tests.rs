//! The real transport against sockets that behave badly.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Listens once per connection and lets `behave` do the rest; the address to ask.
async fn server<F, T>(behave: F) -> ApiUrl
where
    F: Fn(TcpStream, String) -> T + Send + 'static,
    T: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = ApiUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                request.push(byte);
            }
            behave(stream, String::from_utf8(request).unwrap()).await;
        }
    });
    url
}

fn transport(url: ApiUrl) -> HttpTransport {
    let timeouts = Timeouts { connect: Duration::from_millis(500), read: Duration::from_millis(300) };
    HttpTransport::new(url, timeouts, 1000).unwrap()
}

async fn ask(url: ApiUrl) -> Result<Response, TransportError> {
    transport(url).send(Request::get("/x?y=1".to_owned(), "tok-CANARY".to_owned().into())).await
}

/// What the transport makes of exactly these bytes and a closed connection.
async fn on(bytes: &'static str) -> Result<Response, TransportError> {
    ask(server(move |mut stream, _| async move { stream.write_all(bytes.as_bytes()).await.unwrap() }).await)
        .await
}

#[tokio::test]
async fn sends_what_is_asked_and_keeps_what_is_read() {
    let url = server(|mut stream, request| async move {
        let head = "HTTP/1.1 429 x\r\nRetry-After: 7\r\nSet-Cookie: a=b\r\n";
        let body = format!("{head}Content-Length: {}\r\n\r\n{request}", request.len());
        stream.write_all(body.as_bytes()).await.unwrap();
    });
    let response = ask(url.await).await.unwrap();
    assert_eq!((response.status, response.header("retry-after")), (429, Some("7")));
    assert_eq!(response.headers.len(), 1);
    let echoed = String::from_utf8(response.body.to_vec()).unwrap();
    assert!(echoed.starts_with("GET /x?y=1 HTTP/1.1\r\n"), "{echoed}");
    for line in ["authorization: Bearer tok-CANARY", "accept-encoding: gzip", "user-agent: drift2parquet/"] {
        assert!(echoed.contains(line), "{echoed}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let response =
        on("HTTP/1.1 302 x\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert_eq!((response.status, response.header("location")), (302, Some("https://evil.test/")));
}

#[tokio::test]
async fn broken_connections_are_told_apart() {
    let broken = |answer: Result<Response, TransportError>| answer.unwrap_err().broken;
    assert_eq!(broken(on("").await), Broken::Cut);
    assert_eq!(broken(on("HTTP/1.1 200 OK\r\nContent-Le").await), Broken::Cut);
    assert_eq!(broken(on("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"data\":").await), Broken::Cut);
    assert_eq!(
        broken(on("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc").await),
        Broken::Cut
    );
    assert_eq!(broken(on("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n").await), Broken::TooLarge);
    // Without a length, a cut looks like the end; the envelope notices.
    assert_eq!(on("HTTP/1.1 200 OK\r\n\r\n{\"data\":").await.unwrap().body, "{\"data\":");
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    let url = server(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b' '; 300]).await.is_ok() {}
    });
    assert_eq!(ask(url.await).await.unwrap_err().broken, Broken::TooLarge);
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let url = server(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{").await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    assert_eq!(ask(url.await).await.unwrap_err().broken, Broken::Timeout);
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_shows_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = ApiUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = ask(url).await.unwrap_err();
    assert_eq!(
        (error.broken, error.to_string()),
        (Broken::Unreachable, "no connection: connection refused".to_owned())
    );
    assert!(!format!("{error:?}").contains("CANARY"));
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = ApiUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let connections = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..5 {
            let mut request = [0; 2048];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
        }
    });
    let transport = transport(url);
    for _ in 0..5 {
        let request = Request::get("/".to_owned(), "t".to_owned().into());
        assert_eq!(transport.send(request).await.unwrap().body, "{}");
    }
    connections.await.unwrap();
}
