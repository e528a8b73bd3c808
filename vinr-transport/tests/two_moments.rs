//! The answer to `pay` has two moments: the head when it is accepted, the body at the outcome. \[PAY-14\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bytes::Bytes;
use support::{PAYMENT, Pki, Terminal, id, pay_request};
use vinr_protocol::{CancelRequest, Reference, Status};
use vinr_transport::CallError;
use vinr_transport::client::Lost;
use vinr_transport::server::Aborted;

async fn connected(pki: &Pki) -> (Terminal, vinr_transport::Connection) {
    let terminal = Terminal::start(pki.options()).await;
    let connection = pki
        .connector()
        .connect(terminal.addr(), &id(support::TERMINAL))
        .await
        .unwrap();
    (terminal, connection)
}

// [PAY-14]
#[tokio::test]
async fn the_head_arrives_before_the_outcome_is_known() {
    let (mut terminal, mut connection) = connected(&Pki::new()).await;
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    assert_eq!(accepted.activation_ms, Some(1.5));
    // Only now is there an outcome.
    let (_, outcome) = terminal.held.recv().await.unwrap();
    outcome.send(Ok(Bytes::from(PAYMENT))).unwrap();
    let payment = accepted.outcome().await.unwrap();
    assert_eq!(payment.status, Status::Completed);
}

#[tokio::test]
async fn a_body_cut_short_is_indeterminate() {
    let (mut terminal, mut connection) = connected(&Pki::new()).await;
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_, outcome) = terminal.held.recv().await.unwrap();
    outcome.send(Err(Aborted)).unwrap();
    let error = accepted.outcome().await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Indeterminate {
                why: Lost::CutShort(_)
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_before_an_answer_is_indeterminate() {
    let (terminal, mut connection) = connected(&Pki::new()).await;
    let request = CancelRequest {
        terminal_id: id(support::TERMINAL),
        reference: Reference::new("order_8821").unwrap(),
        attempt_key: None,
    };
    let cut = async {
        while terminal.calls() == 0 {
            tokio::task::yield_now().await;
        }
        terminal.server.abort();
    };
    let (outcome, ()) = tokio::join!(connection.cancel(&request), cut);
    let error = outcome.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Indeterminate {
                why: Lost::NoAnswer(_)
            }
        ),
        "{error}"
    );
    assert!(!error.is_definite());
}

#[tokio::test]
async fn a_second_request_waits_for_the_first_answer() {
    let (mut terminal, mut connection) = connected(&Pki::new()).await;
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_, outcome) = terminal.held.recv().await.unwrap();
    assert!(!connection.is_ready());
    outcome.send(Ok(Bytes::from(PAYMENT))).unwrap();
    accepted.outcome().await.unwrap();
    assert!(connection.pay(&pay_request(), None).await.is_ok());
    assert_eq!(terminal.calls(), 2);
}
