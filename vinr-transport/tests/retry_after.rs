//! When a terminal says to try again reaches whoever asked, with the error that it came with. \[GRP-6\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use vinr_protocol::{Amount, Currency, PayRequest, Reference, TerminalId};
use vinr_transport::CallError;
use vinr_transport::client::{Lost, fuzz};

/// What comes of a payment that is answered so.
async fn paid(status: &str, header: &str) -> CallError {
    let body = r#"{"error":{"type":"conflict_error","code":"terminal_busy","message":"busy"}}"#;
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\n\r\n{body}");
    let terminal = TerminalId::new("term_1").unwrap();
    let reference = Reference::new("order_8821").unwrap();
    let (amount, currency) = (Amount::new(2500).unwrap(), Currency::new("USD").unwrap());
    let request = PayRequest::new(terminal.clone(), amount, currency, reference.clone());
    let (paid, _) = fuzz::answers(&request, &reference, terminal, answer.as_bytes()).await;
    paid.unwrap_err()
}

#[tokio::test]
async fn a_busy_terminal_says_when_to_try_again() {
    match paid("409 Conflict", "retry-after: 3\r\n").await {
        CallError::Refused(409, error) => assert_eq!(error.retry_after_ms, Some(3000)),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_terminal_that_is_not_available_says_when_to_try_again() {
    match paid("503 Service Unavailable", "retry-after: 5\r\n").await {
        CallError::Indeterminate {
            why:
                Lost::Failed {
                    status: 503,
                    error: Some(error),
                },
        } => assert_eq!(error.retry_after_ms, Some(5000)),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_terminal_that_does_not_say_is_not_made_to() {
    match paid("409 Conflict", "").await {
        CallError::Refused(409, error) => assert_eq!(error.retry_after_ms, None),
        other => panic!("{other}"),
    }
}
