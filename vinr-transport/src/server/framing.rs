//! Where a request begins and ends, read strictly and before hyper sees a byte.
//!
//! hyper takes `Content-Length` beside `Transfer-Encoding`, and the same length twice. Two readers of one
//! stream that disagree about where a request ends are how requests are smuggled, so whatever can be read
//! in two ways is refused here. This is a pure judge of bytes; [`Guard`](super::guard::Guard) is its host.

use vinr_protocol::error_body::{Code, Refusal};

use super::limits::Limits;

/// Longest `1000\r\n`, with room for leading zeros.
const MAX_CHUNK_LINE: usize = 10;

/// The room for headers while they are judged: no limit can be set above it.
const MAX_HEADERS: usize = 64;

/// How a request is refused before it is one. The words are fixed, so that nothing foreign is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not HTTP, or not as strictly as we read it.
    Malformed,
    /// Another version than HTTP/1.1.
    Version,
    /// Its length is told twice, in two ways, or not in digits.
    Length,
    /// Another transfer coding than `chunked`.
    Coding,
    /// Too many headers, or too large.
    Headers,
}

impl Fault {
    pub(crate) const ALL: [Fault; 5] = [
        Fault::Malformed,
        Fault::Version,
        Fault::Length,
        Fault::Coding,
        Fault::Headers,
    ];

    pub(crate) fn refusal(self) -> Refusal {
        let (code, message) = match self {
            Fault::Malformed => (
                Code::InvalidRequest,
                "this is not an HTTP/1.1 request as RFC 9112 writes it",
            ),
            Fault::Version => (Code::InvalidRequest, "only HTTP/1.1 is spoken here"),
            Fault::Length => (
                Code::InvalidRequest,
                "a request has one Content-Length in digits, or one Transfer-Encoding, never both",
            ),
            Fault::Coding => (
                Code::InvalidRequest,
                "the only Transfer-Encoding is chunked",
            ),
            Fault::Headers => (
                Code::HeadersTooLarge,
                "the header block is larger than 8 KiB or has more than 32 headers",
            ),
        };
        Refusal::new(code, message)
    }
}

/// What may be done with the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// This many may be handed on; never none.
    Clear(usize),
    /// More must come first.
    NeedMore,
    /// A head that is refused; the connection ends with the answer.
    Refused(Fault),
    /// A body that cannot be read on; the connection ends.
    Broken,
}

/// Where in the stream of requests we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    Body { left: u64 },
    ChunkSize,
    ChunkData { left: u64 },
    ChunkEnd,
    LastChunkEnd,
}

/// The judge of one connection's requests.
#[derive(Debug)]
pub(crate) struct Framing {
    place: Place,
    head_bytes: usize,
    headers: usize,
}

impl Framing {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            place: Place::Head,
            head_bytes: limits.head_bytes,
            headers: limits.headers.min(MAX_HEADERS),
        }
    }

    /// Between or within heads, not in a body.
    pub(crate) fn is_in_head(&self) -> bool {
        self.place == Place::Head
    }

    /// Judges the bytes that have come and were not handed on.
    pub(crate) fn judge(&mut self, bytes: &[u8]) -> Judgement {
        if bytes.is_empty() {
            return Judgement::NeedMore;
        }
        match self.place {
            Place::Head => self.judge_head(bytes),
            Place::Body { left } => self.pass(bytes, left, |left| match left {
                0 => Place::Head,
                left => Place::Body { left },
            }),
            Place::ChunkSize => self.judge_chunk_size(bytes),
            Place::ChunkData { left } => self.pass(bytes, left, |left| match left {
                0 => Place::ChunkEnd,
                left => Place::ChunkData { left },
            }),
            Place::ChunkEnd => self.judge_line_end(bytes, Place::ChunkSize),
            // No trailers: nobody sends them, and they would be headers that no check has seen.
            Place::LastChunkEnd => self.judge_line_end(bytes, Place::Head),
        }
    }

    fn judge_head(&mut self, bytes: &[u8]) -> Judgement {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers[..self.headers]);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < self.head_bytes => {
                return Judgement::NeedMore;
            }
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Judgement::Refused(Fault::Headers);
            }
            Err(httparse::Error::Version) => return Judgement::Refused(Fault::Version),
            Err(_) => return Judgement::Refused(Fault::Malformed),
        };
        if length > self.head_bytes {
            return Judgement::Refused(Fault::Headers);
        }
        match is_lawful(&request, &bytes[..length]).and_then(|()| place_after(request.headers)) {
            Ok(place) => {
                self.place = place;
                Judgement::Clear(length)
            }
            Err(fault) => Judgement::Refused(fault),
        }
    }

    fn judge_chunk_size(&mut self, bytes: &[u8]) -> Judgement {
        let window = &bytes[..bytes.len().min(MAX_CHUNK_LINE)];
        let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
            return if window.len() == MAX_CHUNK_LINE {
                Judgement::Broken
            } else {
                Judgement::NeedMore
            };
        };
        // Digits alone: a chunk extension has no meaning here.
        self.place = match hexadecimal(&window[..end]) {
            Some(0) => Place::LastChunkEnd,
            Some(left) => Place::ChunkData { left },
            None => return Judgement::Broken,
        };
        Judgement::Clear(end + 2)
    }

    fn judge_line_end(&mut self, bytes: &[u8], next: Place) -> Judgement {
        match bytes {
            [b'\r', b'\n', ..] => {
                self.place = next;
                Judgement::Clear(2)
            }
            [b'\r'] => Judgement::NeedMore,
            _ => Judgement::Broken,
        }
    }

    fn pass(&mut self, bytes: &[u8], left: u64, place: impl Fn(u64) -> Place) -> Judgement {
        let now = left.min(bytes.len() as u64);
        self.place = place(left - now);
        // Not more than there are bytes.
        Judgement::Clear(now as usize)
    }
}

/// Everything that hyper would refuse by itself, so that every answer is ours.
fn is_lawful(request: &httparse::Request<'_, '_>, head: &[u8]) -> Result<(), Fault> {
    if request.version != Some(1) {
        return Err(Fault::Version);
    }
    let has_bare_newline = head
        .iter()
        .zip([&0].into_iter().chain(head))
        .any(|(&byte, &before)| byte == b'\n' && before != b'\r');
    let method = request.method.unwrap_or_default();
    let target = request.path.unwrap_or_default();
    if has_bare_newline
        || method == super::guard::REFUSED_METHOD
        || http::Method::from_bytes(method.as_bytes()).is_err()
        || target.parse::<http::Uri>().is_err()
    {
        return Err(Fault::Malformed);
    }
    Ok(())
}

/// Where the request's body ends. Either one length, or one `chunked`, or neither.
fn place_after(headers: &[httparse::Header<'_>]) -> Result<Place, Fault> {
    let named = |name: &'static str| {
        headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let mut lengths = named("content-length");
    let mut codings = named("transfer-encoding");
    match (
        (lengths.next(), lengths.next()),
        (codings.next(), codings.next()),
    ) {
        ((None, _), (None, _)) => Ok(Place::Head),
        ((Some(length), None), (None, _)) => match decimal(length).ok_or(Fault::Length)? {
            0 => Ok(Place::Head),
            left => Ok(Place::Body { left }),
        },
        ((None, _), (Some(coding), None)) if coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Place::ChunkSize)
        }
        ((None, _), _) => Err(Fault::Coding),
        _ => Err(Fault::Length),
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    // `parse` would take a sign.
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().ok())?
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_digits.then(|| u64::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing() -> Framing {
        Framing::new(&Limits::default())
    }

    fn head(lines: &[&str]) -> Vec<u8> {
        format!("POST /v1/pay HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n")).into_bytes()
    }

    fn judged(lines: &[&str]) -> Judgement {
        framing().judge(&head(lines))
    }

    /// Feeds a stream in pieces of `step` bytes and says how many heads began and how it ended.
    fn run(stream: &[u8], step: usize) -> (usize, Judgement) {
        let (mut framing, mut heads, mut done) = (framing(), 0, 0);
        for seen in (step..stream.len()).step_by(step).chain([stream.len()]) {
            loop {
                let was_in_head = framing.is_in_head();
                match framing.judge(&stream[done..seen]) {
                    Judgement::Clear(length) => {
                        done += length;
                        heads += usize::from(was_in_head);
                    }
                    Judgement::NeedMore => break,
                    ended => return (heads, ended),
                }
            }
        }
        (heads, Judgement::NeedMore)
    }

    #[test]
    fn a_request_with_one_length_or_one_chunked_is_clear() {
        for lines in [
            &["a: b"][..],
            &["content-length: 5"],
            &["Transfer-Encoding: Chunked"],
        ] {
            let bytes = head(lines);
            assert_eq!(framing().judge(&bytes), Judgement::Clear(bytes.len()));
        }
    }

    #[test]
    fn a_length_beside_a_coding_is_refused_in_either_order() {
        for lines in [
            ["content-length: 5", "transfer-encoding: chunked"],
            ["transfer-encoding: chunked", "content-length: 5"],
        ] {
            assert_eq!(judged(&lines), Judgement::Refused(Fault::Length));
        }
    }

    #[test]
    fn two_lengths_are_refused_even_where_they_agree() {
        for second in ["content-length: 5", "Content-Length: 6"] {
            let lines = ["content-length: 5", second];
            assert_eq!(judged(&lines), Judgement::Refused(Fault::Length));
        }
    }

    #[test]
    fn a_length_is_digits() {
        for wrong in ["+5", "-5", "5, 5", "0x5", "5 5", "", "99999999999999999999"] {
            let line = format!("content-length: {wrong}");
            assert_eq!(
                judged(&[&line]),
                Judgement::Refused(Fault::Length),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_coding_is_chunked_once() {
        for lines in [
            &["transfer-encoding: gzip"][..],
            &["transfer-encoding: gzip, chunked"],
            &["transfer-encoding: chunked, chunked"],
            &["transfer-encoding: chunked", "transfer-encoding: chunked"],
            &["transfer-encoding: xchunked"],
        ] {
            assert_eq!(
                judged(lines),
                Judgement::Refused(Fault::Coding),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn lax_spellings_are_malformed() {
        for head in [
            &b"GET /v1/reader HTTP/1.1\nhost: a\n\n"[..],
            b"GET /v1/reader HTTP/1.1\r\nhost : a\r\n\r\n",
            b"GET /v1/reader HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n",
            b"GET  /v1/reader HTTP/1.1\r\n\r\n",
            b"VINR-REFUSED /0 HTTP/1.1\r\n\r\n",
            b"GET http:// HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01",
        ] {
            let judgement = framing().judge(head);
            assert_eq!(
                judgement,
                Judgement::Refused(Fault::Malformed),
                "{}",
                head.escape_ascii()
            );
        }
    }

    #[test]
    fn only_http_1_1_is_spoken() {
        for version in ["HTTP/1.0", "HTTP/2.0"] {
            let head = format!("GET / {version}\r\n\r\n");
            assert_eq!(
                framing().judge(head.as_bytes()),
                Judgement::Refused(Fault::Version)
            );
        }
    }

    // [NET-5]
    #[test]
    fn a_head_has_at_most_32_headers() {
        assert!(matches!(judged(&["a: b"; 32]), Judgement::Clear(_)));
        assert_eq!(judged(&["a: b"; 33]), Judgement::Refused(Fault::Headers));
    }

    // [NET-5]
    #[test]
    fn a_head_has_at_most_8_kib() {
        let bare = head(&["a: "]).len();
        let of = |length: usize| head(&[&format!("a: {}", "x".repeat(length - bare))]);
        assert_eq!(framing().judge(&of(8192)), Judgement::Clear(8192));
        assert_eq!(
            framing().judge(&of(8193)),
            Judgement::Refused(Fault::Headers)
        );
        assert_eq!(
            framing().judge(&of(9000)[..8191]),
            Judgement::NeedMore,
            "it may still end"
        );
        assert_eq!(
            framing().judge(&of(9000)[..8192]),
            Judgement::Refused(Fault::Headers)
        );
    }

    #[test]
    fn the_next_head_is_found_after_any_body_however_it_is_cut() {
        let mut stream = head(&["content-length: 3"]);
        stream.extend(b"abc");
        stream.extend(head(&["transfer-encoding: chunked"]));
        stream.extend(b"3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n");
        stream.extend(head(&["a: b"]));
        for step in 1..=stream.len() {
            assert_eq!(run(&stream, step), (3, Judgement::NeedMore), "{step}");
        }
    }

    #[test]
    fn a_chunked_body_that_can_be_read_in_two_ways_is_broken() {
        for body in [
            "3;ext=1\r\nabc\r\n0\r\n\r\n",
            "3\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            "0\r\ntrailer: x\r\n\r\n",
            "\r\n",
            "00000000003\r\n",
        ] {
            let mut stream = head(&["transfer-encoding: chunked"]);
            stream.extend(body.as_bytes());
            for step in [1, 7, stream.len()] {
                assert_eq!(run(&stream, step), (1, Judgement::Broken), "{body:?}");
            }
        }
    }
}
