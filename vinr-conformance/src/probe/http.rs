//! HTTP/1.1 as strict as a till may be: what is not lawful is not an answer.

use crate::journal::Header;

/// A request to write.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `POST`, `GET`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Beside `Host`, and what the framing adds.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
    /// How the body is announced.
    pub framing: Framing,
}

/// How a request announces its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// By its length, where there is one.
    #[default]
    Lawful,
    /// The caller's headers say all; nothing is added.
    AsWritten,
    /// The head is begun and never ended.
    NeverEnds,
}

impl Request {
    /// A `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET".into(),
            path: path.into(),
            ..Self::default()
        }
    }

    /// A `POST` of JSON text, lawful or not.
    pub fn post(path: &str, json: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST".into(),
            path: path.into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: json.into(),
            ..Self::default()
        }
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Another framing.
    #[must_use]
    pub fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    pub(super) fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.framing == Framing::Lawful && (self.method == "POST" || !self.body.is_empty()) {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        let mut bytes = head.into_bytes();
        if self.framing != Framing::NeverEnds {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// As they came, names in lower case.
    pub headers: Vec<Header>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, `null` where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Reads an answer that is all there, such as one after which the connection was closed.
pub(crate) fn read_whole(bytes: &[u8]) -> Result<Answer, String> {
    let (used, head) = head(bytes)?.ok_or("half an answer")?;
    let (_, body) = body(head.length()?, &bytes[used..])?.ok_or("half an answer")?;
    Ok(Answer {
        status: head.status,
        body,
    })
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Fixed(u64),
    Chunked,
}

/// The largest head that is read: twice what the protocol lets a till send.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// Reads a head off the front of `bytes`: its own length and the head; `None` while it is not whole.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<(usize, Head)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => Err("an endless head".into()),
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => {
            if response.version != Some(1) {
                return Err("not HTTP/1.1".into());
            }
            let headers = response
                .headers
                .iter()
                .map(|header| {
                    (
                        header.name.to_ascii_lowercase(),
                        String::from_utf8_lossy(header.value).into_owned(),
                    )
                })
                .collect();
            let status = response.code.unwrap_or_default();
            Ok(Some((length, Head { status, headers })))
        }
        Err(error) => Err(format!("not an HTTP answer: {error}")),
    }
}

impl Head {
    /// The only value of this header.
    pub fn value(&self, name: &str) -> Option<&str> {
        let own = |(own, _): &&Header| own == name;
        self.headers
            .iter()
            .find(own)
            .map(|(_, value)| value.as_str())
    }

    fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(super) fn length(&self) -> Result<Length, String> {
        if matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(Length::Fixed(0));
        }
        let codings = self.values("transfer-encoding");
        let lengths = self.values("content-length");
        match (codings.as_slice(), lengths.as_slice()) {
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Length::Chunked),
            ([], [length]) => length
                .parse()
                .map(Length::Fixed)
                .map_err(|_| "a content-length that is no number".into()),
            ([], []) => Err("an answer without content-length or chunked".into()),
            _ => Err("an answer whose length can be read in two ways".into()),
        }
    }
}

/// Reads a body off the front of `bytes`: what was used and the body; `None` while it is not whole.
pub(super) fn body(length: Length, bytes: &[u8]) -> Result<Option<(usize, Vec<u8>)>, String> {
    match length {
        Length::Fixed(length) => {
            let length = usize::try_from(length).map_err(|_| "a body beyond all bounds")?;
            Ok(bytes.get(..length).map(|body| (length, body.to_vec())))
        }
        Length::Chunked => chunked(bytes),
    }
}

fn chunked(bytes: &[u8]) -> Result<Option<(usize, Vec<u8>)>, String> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((start, size))) => (start, size),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk without a lawful size".into()),
        };
        let size = usize::try_from(size).map_err(|_| "a chunk beyond all bounds")?;
        let end = start.saturating_add(size);
        let Some(tail) = rest.get(end..end.saturating_add(2)) else {
            return Ok(None);
        };
        if tail != b"\r\n" {
            return Err("a chunk that does not end where it said".into());
        }
        body.extend_from_slice(&rest[start..end]);
        at += end + 2;
        if size == 0 {
            return Ok(Some((at, body)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Head {
        head(text.as_bytes()).expect("lawful").expect("whole").1
    }

    #[test]
    fn a_head_is_read_when_it_is_whole_and_not_before() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(head(&text.as_bytes()[..20]), Ok(None));
        let (length, head) = head(text.as_bytes()).expect("lawful").expect("whole");
        assert_eq!(&text[length..], "{}");
        assert_eq!(
            (head.status, head.value("content-length")),
            (200, Some("2"))
        );
    }

    #[test]
    fn a_chunked_body_ends_with_its_last_chunk() {
        let text = b"2\r\n{\"\r\n4\r\na\":1\r\n0\r\n\r\n";
        assert_eq!(body(Length::Chunked, &text[..text.len() - 1]), Ok(None));
        let (used, whole) = body(Length::Chunked, text).expect("lawful").expect("whole");
        assert_eq!((used, whole.as_slice()), (text.len(), &b"{\"a\":1"[..]));
    }

    #[test]
    fn a_chunk_that_is_longer_than_it_said_is_no_answer() {
        assert!(body(Length::Chunked, b"1\r\nabc\r\n").is_err());
    }

    #[test]
    fn a_length_that_can_be_read_in_two_ways_is_no_answer() {
        let both =
            parsed("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n");
        assert!(both.length().is_err());
        let two = parsed("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n");
        assert!(two.length().is_err());
        let none = parsed("HTTP/1.1 200 OK\r\n\r\n");
        assert!(none.length().is_err());
    }

    #[test]
    fn an_older_version_is_no_answer() {
        assert!(head(b"HTTP/1.0 200 OK\r\n\r\n").is_err());
        assert!(head(b"SSH-2.0-x\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_announces_its_body_once() {
        let bytes = Request::post("/v1/pay", "{}").bytes("term_1");
        let text = String::from_utf8(bytes).expect("text");
        assert!(text.ends_with("content-length: 2\r\n\r\n{}"), "{text}");
        assert!(
            text.starts_with("POST /v1/pay HTTP/1.1\r\nhost: term_1\r\n"),
            "{text}"
        );
    }
}
