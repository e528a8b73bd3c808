//! Questions outside a payment: what is there, and give it up.

use tokio::time::timeout;
use vinr_protocol::{CancelRequest, Cancellation, Payment, Reference, TerminalId};
use vinr_transport::CallError;

use crate::error::Error;
use crate::line::{ANSWER_WITHIN, NoLine};
use crate::vinr::Inner;

/// The attempts of a sale at one terminal, or why they are not known.
pub(crate) async fn list(
    inner: &Inner,
    terminal: &TerminalId,
    reference: &Reference,
) -> Result<Vec<Payment>, String> {
    let mut line = inner
        .terminals
        .dial(terminal)
        .await
        .map_err(|error| error.what())?;
    let list = timeout(ANSWER_WITHIN, line.connection.payments(reference))
        .await
        .map_err(|_| "no answer in time".to_owned())?
        .map_err(|error| told(&error))?;
    inner.terminals.keep(line);
    let about = |payment: &Payment| {
        payment.reference == *reference && payment.terminal_id == *terminal // [REC-19]
    };
    if list.data.iter().all(about) {
        Ok(list.data)
    } else {
        Err("its answer is about something else".to_owned())
    }
}

pub(crate) async fn cancel(inner: &Inner, request: CancelRequest) -> Result<Cancellation, Error> {
    let mut line = inner.terminals.dial(&request.terminal_id).await?;
    let why = match timeout(ANSWER_WITHIN, line.connection.cancel(&request)).await {
        Ok(Ok(answer)) if answer.reference == request.reference => {
            inner.terminals.keep(line);
            return Ok(answer);
        }
        Ok(Ok(_)) => "its answer is about something else".to_owned(), // [REC-19]
        // A certificate is why this till is not answered, and not the sale.
        Ok(Err(
            error @ (CallError::Identity { .. }
            | CallError::CertificateRefused { .. }
            | CallError::Refused(403, _)),
        )) => {
            return Err(NoLine::Call(error).into_error(&request.terminal_id));
        }
        Ok(Err(CallError::Refused(status, error))) => {
            return Err(Error::Refused {
                reader: request.terminal_id,
                status,
                error,
                attempts: Vec::new(),
            });
        }
        Ok(Err(error)) => told(&error),
        Err(_) => "no answer in time".to_owned(),
    };
    Err(Error::Unanswered {
        reference: request.reference,
        found: None,
        unanswered: vec![(request.terminal_id, why)],
        cloud: None,
    })
}

/// A question's failure, without the transport's warning of a charge: questions charge nobody.
pub(crate) fn told(error: &CallError) -> String {
    match error {
        CallError::Indeterminate { why } => why.to_string(),
        CallError::BadAnswer { what } => format!("its answer cannot be understood ({what})"),
        error => error.to_string(),
    }
}
