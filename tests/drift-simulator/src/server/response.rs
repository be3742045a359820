//! Writing an answer to the line, and breaking it where a fault says so.

use std::fmt::Write as _;
use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::api::ApiResponse;
use crate::faults::WireFault;

/// In how many parts a dripping body comes.
const DRIPS: usize = 16;

/// Whether the connection can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole,
    Cut,
}

/// Waits as long as the answer says, then writes it.
pub(super) async fn write(stream: &mut TcpStream, answer: &ApiResponse) -> io::Result<Line> {
    if !answer.delay.is_zero() {
        sleep(answer.delay).await;
    }
    let head = head(answer, answer.body.len());
    match answer.fault {
        None => {
            stream.write_all(&[head.as_bytes(), &answer.body].concat()).await?;
            Ok(Line::Whole)
        }
        Some(WireFault::Drip(ms)) => {
            drip(stream, &head, &answer.body, Duration::from_millis(ms.into())).await?;
            Ok(Line::Whole)
        }
        Some(fault) => break_off(stream, &head, &answer.body, fault).await.map(|()| Line::Cut),
    }
}

/// Status line and headers.
pub(super) fn head(answer: &ApiResponse, length: usize) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n").expect("writing to a string cannot fail");
    }
    write!(head, "content-length: {length}\r\n\r\n").expect("writing to a string cannot fail");
    head
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

async fn drip(stream: &mut TcpStream, head: &str, body: &[u8], pause: Duration) -> io::Result<()> {
    stream.write_all(head.as_bytes()).await?;
    for part in body.chunks(body.len().div_ceil(DRIPS).max(1)) {
        sleep(pause).await;
        stream.write_all(part).await?;
    }
    Ok(())
}

async fn break_off(stream: &mut TcpStream, head: &str, body: &[u8], fault: WireFault) -> io::Result<()> {
    let half_of_head = &head.as_bytes()[..head.len() / 2];
    let half_of_body = &body[..body.len() / 2];
    match fault {
        WireFault::Refuse | WireFault::ResetBeforeHeaders => reset(stream),
        WireFault::ResetInHeaders => {
            send(stream, &[half_of_head]).await?;
            reset(stream)
        }
        WireFault::ResetInBody => {
            send(stream, &[head.as_bytes(), half_of_body]).await?;
            reset(stream)
        }
        WireFault::TruncateBody => {
            send(stream, &[head.as_bytes(), half_of_body]).await?;
            stream.shutdown().await
        }
        WireFault::Hang | WireFault::HangOnConnect => pending().await,
        WireFault::HangInBody => {
            send(stream, &[head.as_bytes(), half_of_body]).await?;
            pending().await
        }
        WireFault::Drip(_) => unreachable!("a dripping answer is whole"),
    }
}

/// Sends, and gives the caller a moment to read it before the line breaks.
async fn send(stream: &mut TcpStream, parts: &[&[u8]]) -> io::Result<()> {
    stream.write_all(&parts.concat()).await?;
    stream.flush().await?;
    sleep(Duration::from_millis(20)).await;
    Ok(())
}

/// Makes closing the connection a reset rather than an orderly end.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}
