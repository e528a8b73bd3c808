//! The LAN's part of a payment, in the words of the hybrid machine.
//!
//! The pay holds lines of its own ([`copies`](crate::copies)). Questions go on a second one, which is kept while it
//! answers and dialled anew when it does not.

use vinr_protocol::client::attempt::{Lost, NotSent, StoredAttempt};
use vinr_protocol::client::hybrid::{Input, Path, Unasked};
use vinr_protocol::{AttemptKey, CancelRequest};
use vinr_transport::CallError;
use vinr_transport::client::Lost as Cut;

use crate::error::Error;
use crate::hands::{Call, Done};
use crate::line::{Line, in_words};
use crate::terminals::Taken;
use crate::vinr::Inner;

const PATH: Path = Path::Lan;

/// What there is to send a pay on.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each call, and mostly it is a line"
)]
pub(crate) enum Way {
    Line(Taken),
    /// It was tried, and nobody was reached.
    Dead(NotSent),
    /// Nothing was tried.
    Dial,
}

/// Asks for the attempts of the sale.
pub(crate) fn look_up<'a>(inner: &'a Inner, stored: StoredAttempt, line: Option<Line>) -> Call<'a> {
    Box::pin(async move {
        let mut line = match question_line(inner, line, &stored).await {
            Ok(line) => line,
            Err(why) => return Done::with(Input::LookUpFailed(PATH, why)),
        };
        match line.connection.payments(&stored.reference).await {
            Ok(list) => Done {
                input: Input::LookedUp(list),
                line: Some(line),
                then: None,
            },
            Err(error) => {
                tracing::debug!(reference = %stored.reference, %error, "a look-up was not answered");
                Done::with(Input::LookUpFailed(PATH, unasked(&error)))
            }
        }
    })
}

/// Has the attempt with this key cancelled.
pub(crate) fn cancel<'a>(
    inner: &'a Inner,
    stored: StoredAttempt,
    key: AttemptKey,
    line: Option<Line>,
) -> Call<'a> {
    Box::pin(async move {
        let mut line = match question_line(inner, line, &stored).await {
            Ok(line) => line,
            Err(why) => return Done::with(Input::CancelFailed(PATH, why)),
        };
        let request = CancelRequest {
            terminal_id: stored.terminal_id.clone(),
            reference: stored.reference.clone(),
            attempt_key: Some(key),
        };
        match line.connection.cancel(&request).await {
            Ok(cancellation) => Done {
                input: Input::CancelAnswered(PATH, cancellation),
                line: Some(line),
                then: None,
            },
            Err(error) => {
                tracing::debug!(reference = %stored.reference, %error, "a cancel was not answered");
                Done::with(Input::CancelFailed(PATH, unasked(&error)))
            }
        }
    })
}

async fn question_line(
    inner: &Inner,
    line: Option<Line>,
    stored: &StoredAttempt,
) -> Result<Line, Unasked> {
    if let Some(line) = line.filter(|line| line.connection.is_ready()) {
        return Ok(line);
    }
    inner
        .terminals
        .dial(&stored.terminal_id)
        .await
        .map_err(|error| {
            tracing::debug!(reference = %stored.reference, %error, "nobody to ask");
            match error {
                // [HYB-6]
                Error::Identity { .. } | Error::CertificateRefused { .. } => Unasked::Identity,
                _ => Unasked::Dead,
            }
        })
}

fn unasked(error: &CallError) -> Unasked {
    match error {
        // [HYB-6]
        CallError::Identity { .. }
        | CallError::CertificateRefused { .. }
        | CallError::Refused(403, _) => Unasked::Identity,
        _ => Unasked::Dead,
    }
}

/// What the failure of a pay means.
pub(crate) fn failed(error: CallError) -> Input {
    match error {
        CallError::Refused(status, error) => Input::Refused {
            path: PATH,
            status,
            error: *error,
        },
        CallError::NotSent => Input::NeverSent(PATH, NotSent::ConnectionClosed),
        error @ CallError::Identity { .. } => {
            Input::NeverSent(PATH, NotSent::Identity(error.to_string()))
        }
        CallError::CertificateRefused { alert } => {
            Input::NeverSent(PATH, NotSent::CertificateRefused(in_words(alert)))
        }
        CallError::Indeterminate {
            why:
                Cut::Failed {
                    status,
                    error: Some(error),
                },
        } => Input::Refused {
            path: PATH,
            status,
            error: *error,
        },
        CallError::Indeterminate { why } => Input::Lost(PATH, Lost::Broken(why.to_string())),
        CallError::BadAnswer { what } => Input::Lost(PATH, Lost::BadAnswer(what)),
        // A kind of failure from a newer transport is not known to be definite.
        other => Input::Lost(PATH, Lost::Broken(other.to_string())),
    }
}

/// Why there is no line for a pay.
pub(crate) fn never_sent(error: Error) -> NotSent {
    match error {
        Error::Identity { why, .. } => NotSent::Identity(why),
        Error::CertificateRefused { why, .. } => NotSent::CertificateRefused(why),
        Error::Unreachable { why, .. } => NotSent::Unreachable(why),
        other => NotSent::Unreachable(other.what()),
    }
}

#[cfg(test)]
mod tests {
    use vinr_transport::Check;

    use super::*;

    fn trusted_no_longer() -> CallError {
        let check = Check::Expired;
        CallError::Identity { check }
    }

    // [HYB-6]
    #[test]
    fn a_pay_to_a_terminal_that_is_trusted_no_longer_was_never_sent_for_its_identity() {
        match failed(trusted_no_longer()) {
            Input::NeverSent(Path::Lan, NotSent::Identity(why)) => {
                assert!(why.contains("time: it has expired"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }

    // [HYB-6]
    #[test]
    fn a_question_to_a_terminal_that_is_trusted_no_longer_is_unasked_for_its_identity() {
        assert_eq!(unasked(&trusted_no_longer()), Unasked::Identity);
    }

    #[test]
    fn a_line_that_was_closed_before_is_not_about_identity() {
        assert_eq!(unasked(&CallError::NotSent), Unasked::Dead);
        let input = failed(CallError::NotSent);
        let expected = Input::NeverSent(Path::Lan, NotSent::ConnectionClosed);
        assert_eq!(input, expected);
    }
}
