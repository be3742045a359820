//! Reading a request from the line.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

use crate::api::ApiRequest;

const LONGEST_LINE: usize = 64 << 10;
const MOST_HEADERS: usize = 128;
const LONGEST_BODY: u64 = 16 << 20;

/// A request, and whether the connection stays open after it.
pub(super) struct Received {
    pub(super) call: ApiRequest,
    pub(super) keep_alive: bool,
}

/// Reads the next request; none when the caller has hung up between two.
pub(super) async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let Some(first) = read_line(stream).await? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Err(malformed("request line"));
    };
    let mut call = ApiRequest::new(method, path_and_query(target));
    let keep_alive_by_default = version == "HTTP/1.1";
    read_headers(stream, &mut call).await?;
    call.body = read_body(stream, &call).await?.into();
    let asked = call.header_value("connection").map(str::to_ascii_lowercase);
    let keep_alive = asked.map_or(keep_alive_by_default, |asked| !asked.contains("close"));
    Ok(Some(Received { call, keep_alive }))
}

/// Callers that take this server for a proxy send a whole URL.
fn path_and_query(target: &str) -> &str {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    if rest.len() == target.len() { target } else { rest.find('/').map_or("/", |slash| &rest[slash..]) }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = stream.take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(malformed("line"));
    }
    let line = String::from_utf8(line).map_err(|_| malformed("line"))?;
    Ok(Some(line.trim_end_matches('\r').to_owned()))
}

async fn read_headers(stream: &mut BufReader<TcpStream>, call: &mut ApiRequest) -> io::Result<()> {
    for _ in 0..MOST_HEADERS {
        let line = read_line(stream).await?.ok_or_else(|| malformed("header"))?;
        if line.is_empty() {
            return Ok(());
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("header"))?;
        call.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    Err(malformed("number of headers"))
}

async fn read_body(stream: &mut BufReader<TcpStream>, call: &ApiRequest) -> io::Result<Vec<u8>> {
    let length = call.header_value("content-length").map_or(Ok(0), str::parse::<u64>);
    let length = length.ok().filter(|length| *length <= LONGEST_BODY).ok_or_else(|| malformed("length"))?;
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body).await?;
    Ok(body)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}
