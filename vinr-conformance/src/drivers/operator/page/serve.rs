//! The page's few requests: three files, what is asked, and the answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Board, Refused};

const HTML: &str = include_str!("index.html");
const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");

/// How long a request may take to arrive, and an answer to be read.
const WITHIN: Duration = Duration::from_secs(10);

/// A page that has seen all waits for so long, and asks again.
const POLL: Duration = Duration::from_secs(20);

const MAX_REQUEST: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;

/// So many at once: a few phones, and a stranger who holds connections open keeps nobody else out for long.
const AT_ONCE: usize = 64;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves the page until it is aborted.
pub(super) async fn serve(listener: TcpListener, board: Arc<Board>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((tcp, _)) => {
                let board = board.clone();
                tokio::spawn(async move {
                    connection(tcp, &board).await;
                    drop(place);
                });
            }
            // Out of descriptors, such as: a moment later there may be some.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(mut tcp: TcpStream, board: &Board) {
    let Ok(Some(request)) = timeout(WITHIN, read(&mut tcp)).await else {
        return;
    };
    let bytes = respond(&request, board).await.bytes();
    // Who does not wait for the response asks again.
    let _ = timeout(WITHIN, async {
        tcp.write_all(&bytes).await?;
        tcp.shutdown().await
    })
    .await;
}

struct Request {
    method: String,
    target: String,
    authorization: Option<String>,
    content_type: Option<String>,
    body: Vec<u8>,
}

/// One request; none for what is no HTTP, or too long.
async fn read(tcp: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = whole(&bytes)? {
            return Some(request);
        }
        if bytes.len() > MAX_REQUEST || tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Outer: is it lawful? Inner: is it whole?
fn whole(bytes: &[u8]) -> Option<Option<Request>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else {
        return Some(None);
    };
    let value = |name: &str| {
        let own = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        let header = request.headers.iter().find(own)?;
        String::from_utf8(header.value.to_vec()).ok()
    };
    let length = match value("content-length") {
        Some(length) => length.parse().ok()?,
        None => 0,
    };
    if length > MAX_REQUEST {
        return None;
    }
    let Some(body) = bytes[head..].get(..length) else {
        return Some(None);
    };
    Some(Some(Request {
        method: request.method?.to_owned(),
        target: request.path?.to_owned(),
        authorization: value("authorization"),
        content_type: value("content-type"),
        body: body.to_vec(),
    }))
}

struct Response {
    status: &'static str,
    kind: &'static str,
    body: Vec<u8>,
}

impl Response {
    fn file(kind: &'static str, text: &str) -> Self {
        Self {
            status: "200 OK",
            kind,
            body: text.into(),
        }
    }

    fn json(value: &Value) -> Self {
        Self::file("application/json", &value.to_string())
    }

    fn refused(status: &'static str, why: &str) -> Self {
        Self {
            status,
            ..Self::file("text/plain; charset=utf-8", why)
        }
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = format!(
            "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncontent-security-policy: {POLICY}\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n\
             connection: close\r\n\r\n",
            self.status,
            self.kind,
            self.body.len()
        )
        .into_bytes();
        bytes.extend(self.body);
        bytes
    }
}

async fn respond(request: &Request, board: &Board) -> Response {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    match (request.method.as_str(), path) {
        ("GET", "/") => Response::file("text/html; charset=utf-8", HTML),
        ("GET", "/page.css") => Response::file("text/css; charset=utf-8", CSS),
        ("GET", "/page.js") => Response::file("text/javascript; charset=utf-8", JS),
        (_, "/v1/board" | "/v1/answer") if !is_let_in(request, board) => {
            Response::refused("401 Unauthorized", "this link opens nothing")
        }
        ("GET", "/v1/board") => {
            let seen = query
                .strip_prefix("seen=")
                .and_then(|seen| seen.parse().ok());
            let changed = timeout(POLL, board.after(seen)).await;
            Response::json(&changed.unwrap_or_else(|_| board.now()))
        }
        // A form of another page cannot send this type without being asked first.
        ("POST", "/v1/answer") if request.content_type.as_deref() != Some("application/json") => {
            Response::refused(
                "415 Unsupported Media Type",
                "an answer is application/json",
            )
        }
        ("POST", "/v1/answer") => {
            let said = serde_json::from_slice(&request.body).unwrap_or_default();
            match board.answer(&said) {
                Ok(()) => Response::json(&board.now()),
                Err(Refused::Gone) => {
                    Response::refused("409 Conflict", "this question is no longer asked")
                }
                Err(Refused::Unlawful(why)) => Response::refused("422 Unprocessable Content", why),
            }
        }
        (_, "/" | "/page.css" | "/page.js" | "/v1/board" | "/v1/answer") => {
            Response::refused("405 Method Not Allowed", "not so")
        }
        _ => Response::refused("404 Not Found", "there is nothing here"),
    }
}

fn is_let_in(request: &Request, board: &Board) -> bool {
    let token = request
        .authorization
        .as_deref()
        .and_then(|text| text.strip_prefix("Bearer "));
    token.is_some_and(|token| {
        aws_lc_rs::constant_time::verify_slices_are_equal(token.as_bytes(), board.token.as_bytes())
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::super::Page;
    use super::*;

    async fn sent(page: &Page, request: &str) -> String {
        let mut tcp = TcpStream::connect(page.address).await.expect("it listens");
        tcp.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.expect("it answers");
        answer
    }

    fn page() -> Page {
        Page::open(([127, 0, 0, 1], 0).into()).expect("a port")
    }

    #[tokio::test]
    async fn without_the_token_nothing_is_shown_and_nothing_taken() {
        let page = page();
        for request in [
            "GET /v1/board HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /v1/board HTTP/1.1\r\nhost: x\r\nauthorization: Bearer 0\r\n\r\n",
            "POST /v1/answer HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
        ] {
            let answer = sent(&page, request).await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        }
    }

    #[tokio::test]
    async fn an_answer_of_a_foreign_form_is_not_taken() {
        let page = page();
        let request = format!(
            "POST /v1/answer HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{{}}",
            page.board.token.as_str()
        );
        let answer = sent(&page, &request).await;
        assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
    }

    #[tokio::test]
    async fn the_page_may_load_nothing_from_elsewhere() {
        let answer = sent(&page(), "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.contains("default-src 'none'"), "{answer}");
        for text in [HTML, CSS, JS] {
            assert!(
                !text.contains("http://") && !text.contains("https://"),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_request_beyond_all_bounds_is_hung_up_on() {
        let page = page();
        let mut tcp = TcpStream::connect(page.address).await.expect("it listens");
        let endless = vec![b'x'; 2 * MAX_REQUEST];
        // It may hang up while we still write.
        let _ = tcp.write_all(b"GET / HTTP/1.1\r\nx: ").await;
        let _ = tcp.write_all(&endless).await;
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer).await;
        assert!(answer.is_empty());
    }
}
