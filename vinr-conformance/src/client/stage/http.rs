//! HTTP/1.1 as a server that can go wrong at any byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::server::TlsStream;

use super::hello::Tap;
use crate::journal::Header;

/// No request is longer.
const MOST: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;

/// How long bytes may take to leave before the connection is reset behind them.
const UNDERWAY: Duration = Duration::from_millis(30);

/// A connection on which requests come.
pub(super) struct Wire {
    stream: TlsStream<Tap>,
    buffer: Vec<u8>,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<Header>,
    pub(super) body: Vec<u8>,
}

/// Why there is no further request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoMore {
    /// The till closed or reset the connection.
    Closed(String),
    /// What it sent is no HTTP/1.1.
    Unlawful(String),
}

impl Wire {
    pub(super) fn new(stream: TlsStream<Tap>) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Result<Raw, NoMore> {
        loop {
            if let Some((raw, length)) = parse(&self.buffer).map_err(NoMore::Unlawful)? {
                self.buffer.drain(..length);
                return Ok(raw);
            }
            if self.buffer.len() > MOST {
                return Err(NoMore::Unlawful("a request is longer than 64 KiB".into()));
            }
            self.more().await.map_err(NoMore::Closed)?;
        }
    }

    /// Waits for more bytes, or for the end. Nothing is lost where it is given up.
    pub(super) async fn more(&mut self) -> Result<(), String> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk).await {
            Ok(0) => Err("closed".into()),
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Waits for the end, however much comes before it.
    pub(super) async fn end(&mut self) -> String {
        loop {
            if let Err(how) = self.more().await {
                return how;
            }
            if self.buffer.len() > MOST {
                return "it sent more than 64 KiB".into();
            }
        }
    }

    /// Writes bytes; the error means that the till is gone.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| error.to_string())
    }

    /// Ends it in good order.
    pub(super) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Waits until what was written is through: a reset would eat it.
    pub(super) async fn let_through(&self) {
        tokio::time::sleep(UNDERWAY).await;
    }

    /// Ends it with a reset.
    pub(super) fn reset_at_once(self) {
        reset(&self.stream.get_ref().0.tcp);
    }
}

/// The next byte that the peer gets is a reset, as soon as the socket is dropped.
pub(super) fn reset(tcp: &tokio::net::TcpStream) {
    let _ = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

/// The first request in these bytes and how long it is; `None` where it is not whole.
fn parse(bytes: &[u8]) -> Result<Option<(Raw, usize)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let head = match request.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let headers: Vec<Header> = request
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_owned(), value)
        })
        .collect();
    let is_chunked = headers
        .iter()
        .filter(|header| is(header, "transfer-encoding"))
        .any(|(_, value)| value.eq_ignore_ascii_case("chunked"));
    let (body, length) = if is_chunked {
        match chunked(&bytes[head..])? {
            Some((body, length)) => (body, head + length),
            None => return Ok(None),
        }
    } else {
        let length = match headers.iter().find(|header| is(header, "content-length")) {
            None => 0,
            Some((_, value)) => value
                .trim()
                .parse::<usize>()
                .map_err(|_| "a content-length is no number".to_owned())?,
        };
        match bytes.get(head..head.saturating_add(length)) {
            Some(body) => (body.to_vec(), head + length),
            None if length > MOST => return Err("a body is longer than 64 KiB".into()),
            None => return Ok(None),
        }
    };
    Ok(Some((
        Raw {
            method: request.method.unwrap_or_default().to_owned(),
            path: request.path.unwrap_or_default().to_owned(),
            headers,
            body,
        },
        length,
    )))
}

fn is(header: &Header, name: &str) -> bool {
    header.0.eq_ignore_ascii_case(name)
}

/// A chunked body and how long it is on the wire; `None` where it is not whole.
fn chunked(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk has no size".into()),
            Ok(httparse::Status::Complete((digits, size))) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if size > MOST {
                    return Err("a chunk is longer than 64 KiB".into());
                }
                let end = at + digits + size;
                let Some(chunk) = bytes.get(at + digits..end) else {
                    return Ok(None);
                };
                body.extend_from_slice(chunk);
                if bytes.len() < end + 2 {
                    return Ok(None);
                }
                at = end + 2;
                if size == 0 {
                    return Ok(Some((body, at)));
                }
            }
        }
    }
}

/// The head of an answer whose body comes later.
pub(super) fn late_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nserver-timing: activation;dur=7\r\n\r\n".to_vec()
}

/// The body that follows it.
pub(super) fn late_body(body: &str) -> Vec<u8> {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes()
}

/// A whole answer.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        422 => "Unprocessable Content",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_when_it_is_whole_and_not_before() {
        let bytes = b"POST /v1/pay HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET";
        let (raw, length) = parse(bytes).expect("lawful").expect("whole");
        assert_eq!(raw.body, b"{}");
        assert_eq!(&bytes[length..], b"GET");
        for end in 0..length {
            assert_eq!(parse(&bytes[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn a_chunked_request_is_read_when_it_is_whole_and_not_before() {
        let bytes =
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        let (raw, length) = parse(bytes).expect("lawful").expect("whole");
        assert_eq!(raw.body, b"{}");
        assert_eq!(length, bytes.len());
        for end in 0..length {
            assert_eq!(parse(&bytes[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn what_is_no_http_is_said() {
        assert!(parse(b"\0\0\0\0\r\n\r\n").is_err());
    }
}
