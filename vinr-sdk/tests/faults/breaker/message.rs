//! How much of an HTTP message is there.

use super::fault::Call;

/// Bytes of one message, as they come.
#[derive(Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    /// Where the head ends, once it is there.
    pub(super) fn head(&self) -> Option<usize> {
        find(&self.0, b"\r\n\r\n").map(|at| at + 4)
    }

    /// Is the whole message there?
    pub(super) fn is_whole(&self) -> bool {
        let Some(head) = self.head() else {
            return false;
        };
        let (words, body) = self.0.split_at(head);
        let words = String::from_utf8_lossy(words).to_ascii_lowercase();
        if words.contains("transfer-encoding: chunked") {
            return body.ends_with(b"0\r\n\r\n");
        }
        let length = words
            .split("content-length:")
            .nth(1)
            .and_then(|rest| rest.lines().next())
            .and_then(|number| number.trim().parse().ok())
            .unwrap_or(0);
        body.len() >= length
    }

    pub(super) fn call(&self) -> Call {
        let starts = |words: &str| self.0.starts_with(words.as_bytes());
        let line = self.0.split(|byte| *byte == b'\r').next();
        let line = line.unwrap_or_default();
        if starts("POST /v1/cancel") || (starts("POST ") && find(line, b"/cancel ").is_some()) {
            Call::Cancel
        } else if starts("POST /v1/pay ") || starts("POST /v1/terminal/payments ") {
            Call::Pay
        } else if find(line, b"payments?reference=").is_some() {
            Call::LookUp
        } else {
            Call::Other
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|it| it == what)
}
