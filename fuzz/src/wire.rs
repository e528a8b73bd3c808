//! Bytes on a connection, in both directions: how a terminal reads requests, and a till answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use vinr_protocol::{Amount, Currency, PayRequest, Reference, TerminalId};
use vinr_transport::server::{Handler, Limits, Reply, Request, serve_anybody};

/// Larger streams take longer and show nothing more: every limit is below it.
const SIZE_MAX: usize = 64 * 1024;

/// Nothing that is held by then is still going on.
const BEYOND_EVERY_LIMIT: Duration = Duration::from_secs(60);

/// What a handler was given of a request: method, target, body.
type Asked = (String, String, Vec<u8>);

/// A stream of requests, whole and in small pieces: the handler is given the same ones, they are those that a reader
/// without any leniency finds, and every answer is well formed.
pub(crate) fn http_requests(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else {
        return;
    };
    if stream.len() > SIZE_MAX {
        return;
    }
    let (whole, answers) = served(stream, stream.len().max(1));
    let (in_pieces, _) = served(stream, usize::from(piece % 16) + 1);
    assert_eq!(whole, in_pieces, "a request does not depend on how it came");
    let mut lawful = strictly(stream).into_iter();
    for asked in &whole {
        assert!(
            lawful.any(|other| other == *asked),
            "read in two ways: {asked:?}"
        );
    }
    let count = well_formed(&answers);
    assert!(count >= whole.len(), "each request has its answer");
}

/// What the handler of a terminal was given, and what came back.
fn served(stream: &[u8], piece: usize) -> (Vec<Asked>, Vec<u8>) {
    runtime().block_on(async {
        let (mut peer, ours) = duplex(piece);
        let handler = Arc::new(Remember::default());
        let peer_addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let serving = serve_anybody(
            ours,
            peer_addr,
            Limits::default(),
            handler.clone(),
            CancellationToken::new(),
        );
        let till = async {
            let (mut reading, mut writing) = tokio::io::split(&mut peer);
            let mut answers = Vec::new();
            let write = async {
                // A terminal that hangs up does not want the rest.
                let _ = writing.write_all(stream).await;
                // A till that hung up at once would take its last request back.
                sleep(BEYOND_EVERY_LIMIT).await;
                let _ = writing.shutdown().await;
            };
            let read = reading.read_to_end(&mut answers);
            let (_, read) = tokio::join!(write, read);
            read.expect("a duplex has no errors");
            answers
        };
        let (_, answers) = tokio::join!(serving, till);
        let asked = handler.0.lock().unwrap_or_else(PoisonError::into_inner);
        (asked.clone(), answers)
    })
}

#[derive(Default)]
struct Remember(Mutex<Vec<Asked>>);

impl Handler for Remember {
    async fn handle(&self, request: Request) -> Reply {
        let target = match &request.query {
            Some(query) => format!("{}?{query}", request.path),
            None => request.path.clone(),
        };
        let asked = (request.method.to_string(), target, request.body.to_vec());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(asked);
        Reply::full(200.try_into().expect("a status"), "{}")
    }
}

/// A second reader of requests, as RFC 9112 writes them and not one step further.
fn strictly(mut stream: &[u8]) -> Vec<Asked> {
    let mut found = Vec::new();
    while let Some((asked, rest)) = one(stream) {
        found.push(asked);
        stream = rest;
    }
    found
}

fn one(stream: &[u8]) -> Option<(Asked, &[u8])> {
    // An empty line before a request line is to be forgiven (RFC 9112 §2.2).
    let stream = match stream {
        [b'\r', b'\n', rest @ ..] => return one(rest),
        other => other,
    };
    let (head, mut rest) = split_at(stream, b"\r\n\r\n")?;
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.next()?;
    let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let mut length = 0;
    let mut is_chunked = false;
    for line in lines {
        let place = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..place], line[place + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value).ok()?.parse().ok()?;
        }
        is_chunked |= name.eq_ignore_ascii_case(b"transfer-encoding");
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            let (size, after) = split_at(rest, b"\r\n")?;
            let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
            body.extend(after.get(..size)?);
            rest = after.get(size..)?.strip_prefix(b"\r\n")?;
            if size == 0 {
                break;
            }
        }
    } else {
        body.extend(rest.get(..length)?);
        rest = &rest[length..];
    }
    Some(((method.to_owned(), path_of(target), body), rest))
}

/// The path and query of a target in any of its forms.
fn path_of(target: &str) -> String {
    let uri: http::Uri = target.parse().unwrap_or_default();
    match uri.query() {
        Some(query) => format!("{}?{query}", uri.path()),
        None => uri.path().to_owned(),
    }
}

fn split_at<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..place], &bytes[place + at.len()..]))
}

/// How many answers these bytes are, to the last byte.
fn well_formed(mut answers: &[u8]) -> usize {
    let mut count = 0;
    while !answers.is_empty() {
        let (head, rest) = split_at(answers, b"\r\n\r\n").expect("an answer has a head");
        let head = std::str::from_utf8(head).expect("ours is text");
        assert!(head.starts_with("HTTP/1.1 "), "{head}");
        if head.starts_with("HTTP/1.1 100 ") {
            answers = rest;
            continue;
        }
        let value = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        assert!(value("x-vinr-request-id").is_some(), "no id: {head}");
        let length: usize = value("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or_default();
        // The body of an answer to HEAD is left out.
        answers = rest.get(length..).unwrap_or_default();
        if rest.starts_with(b"HTTP/1.1 ") {
            answers = rest;
        }
        count += 1;
    }
    count
}

/// An answer as a till reads it: only a 4xx with an error object says that nobody was charged, and no error carries
/// what a screen could be fooled with.
pub(crate) fn http_answer(data: &[u8]) {
    if data.len() > SIZE_MAX {
        return;
    }
    let reference = Reference::new("order_1").expect("lawful");
    let terminal = TerminalId::new("term_1").expect("lawful");
    let request = PayRequest::new(
        terminal.clone(),
        Amount::new(2_500).expect("lawful"),
        Currency::USD,
        reference.clone(),
    );
    let (paid, listed) = runtime().block_on(vinr_transport::client::fuzz::answers(
        &request, &reference, terminal, data,
    ));
    if let Err(error) = &paid
        && error.is_definite()
    {
        let text = String::from_utf8_lossy(data);
        assert!(
            text.contains(" 4") && text.contains("error"),
            "nothing says that nobody was charged: {error:?}"
        );
    }
    let _ = listed;
}

/// One thread, whose clock stands until nothing else can happen.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets can be built")
}
