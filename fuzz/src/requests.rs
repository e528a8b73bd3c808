//! What a till may send: it is read or refused, and a refusal is one that the specification knows.

use vinr_protocol::command::{Command, RawRequest};
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::timing::{TIMEOUT_MAX, TIMEOUT_MIN};
use vinr_protocol::{CancelRequest, PayRequest};

/// The body of `POST /v1/pay`.
pub(crate) fn pay_request(data: &[u8]) {
    match PayRequest::parse(data) {
        Ok(request) => {
            assert!((TIMEOUT_MIN..=TIMEOUT_MAX).contains(&request.timeout()));
            let written = serde_json::to_vec(&request).expect("a request can be written");
            assert_eq!(
                PayRequest::parse(&written),
                Ok(request),
                "what is written is read back"
            );
        }
        Err(refusal) => bad_request(&refusal, data),
    }
}

/// The body of `POST /v1/cancel`.
pub(crate) fn cancel_request(data: &[u8]) {
    match CancelRequest::parse(data) {
        Ok(request) => {
            let written = serde_json::to_vec(&request).expect("a request can be written");
            assert_eq!(
                CancelRequest::parse(&written),
                Ok(request),
                "what is written is read back"
            );
        }
        Err(refusal) => bad_request(&refusal, data),
    }
}

/// A whole request, in a form that reads like HTTP/1.1: `METHOD PATH?QUERY`, `name: value` lines, an
/// empty line, the body.
pub(crate) fn command(data: &[u8]) {
    let (head, body) = split_once(data, b"\n\n").unwrap_or((data, b""));
    let mut lines = head.split(|byte| *byte == b'\n');
    let Ok(request_line) = std::str::from_utf8(lines.next().unwrap_or_default()) else {
        return; // a host hands over text
    };
    let (method, target) = request_line.split_once(' ').unwrap_or((request_line, ""));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let headers: Vec<_> = lines.filter_map(|line| split_once(line, b": ")).collect();
    let values = |name: &[u8]| -> Vec<&[u8]> {
        headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
            .collect()
    };
    let (content_types, keys) = (values(b"content-type"), values(b"idempotency-key"));
    let raw = RawRequest {
        method,
        path,
        query,
        content_types: &content_types,
        keys: &keys,
        body,
    };
    if let Err(no_endpoint) = Command::read(&raw) {
        let status = no_endpoint.refusal.code.status();
        assert!([400, 404, 405, 415].contains(&status), "{no_endpoint:?}");
        assert_eq!(
            no_endpoint.allow.is_some(),
            status == 405,
            "{no_endpoint:?}"
        );
    }
}

fn bad_request(refusal: &Refusal, data: &[u8]) {
    assert_eq!(refusal.code.status(), 400, "{refusal:?}");
    assert!(!matches!(refusal.code, Code::Unknown(_)), "{refusal:?}");
    assert!(
        refusal.message.len() < 300,
        "a message is a sentence, not {} bytes of input",
        data.len()
    );
}

fn split_once<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..place], &bytes[place + at.len()..]))
}
