//! Reading answers: bounded, and lenient only where the specification is.

use bytes::Bytes;
use http::Response;
use http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use vinr_protocol::Payment;
use vinr_protocol::error_body::{ErrorBody, ErrorEnvelope};
use vinr_protocol::id::RequestId;

use super::error::{CallError, Lost, innermost};

/// The largest single object.
pub(super) const OBJECT_LIMIT: usize = 64 * 1024;

/// The largest list: lists are never paged.
pub(super) const LIST_LIMIT: usize = 4 * 1024 * 1024;

/// Whoever says more means no time that a sale waits for.
const LONGEST_REST_S: u32 = 3600;

static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-vinr-request-id");

/// A payment that the terminal accepted: it is durable there and on the screen. The outcome follows.
///
/// Dropping it hangs up; the payment goes on.
#[derive(Debug)]
#[must_use = "the outcome of the payment is still to come"]
#[non_exhaustive]
pub struct Accepted {
    /// How long the terminal took to put it on the screen, where it says so; a replay does not.
    pub activation_ms: Option<f64>,
    /// The id of the answer, for support.
    pub request_id: Option<RequestId>,
    body: Incoming,
}

impl Accepted {
    pub(super) async fn read(response: Response<Incoming>) -> Result<Self, CallError> {
        let response = refused_or(response).await?;
        let text = |name| response.headers().get(name)?.to_str().ok();
        Ok(Self {
            activation_ms: text(&SERVER_TIMING).and_then(activation),
            request_id: text(&REQUEST_ID).and_then(|id| RequestId::new(id).ok()),
            body: response.into_body(),
        })
    }

    /// Waits for the outcome: at most 90 s at a conforming terminal, and without a limit here.
    pub async fn outcome(self) -> Result<Payment, CallError> {
        json(self.body, OBJECT_LIMIT).await
    }
}

/// The response if it is a `200`, else what its status says.
pub(super) async fn refused_or(
    response: Response<Incoming>,
) -> Result<Response<Incoming>, CallError> {
    let status = response.status();
    if status == http::StatusCode::OK {
        return Ok(response);
    }
    let retry_after_ms = retry_after_ms(response.headers());
    let envelope = json::<ErrorEnvelope>(response.into_body(), OBJECT_LIMIT).await;
    let error = envelope.map(|it| {
        Box::new(ErrorBody {
            retry_after_ms,
            ..it.error
        })
    });
    match (status.as_u16(), error) {
        (status @ 400..=499, Ok(error)) => Err(CallError::Refused(status, error)),
        (status @ 500..=599, error) => Err(CallError::Indeterminate {
            why: Lost::Failed {
                status,
                error: error.ok(),
            },
        }),
        (status, _) => Err(CallError::bad(format!(
            "status {status} without an error object"
        ))),
    }
}

/// Reads a whole body as JSON.
pub(super) async fn json<T: DeserializeOwned>(
    body: Incoming,
    limit: usize,
) -> Result<T, CallError> {
    let bytes = whole(body, limit).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        CallError::bad(format!(
            "its JSON is not of this API, line {line}, column {column}"
        ))
    })
}

async fn whole(body: Incoming, limit: usize) -> Result<Bytes, CallError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(CallError::bad(format!("larger than {limit} bytes")))
        }
        Err(error) => Err(CallError::Indeterminate {
            why: Lost::CutShort(innermost(&*error)),
        }),
    }
}

/// `activation;dur=12.3` among the metrics.
fn activation(header: &str) -> Option<f64> {
    header.split(',').find_map(|metric| {
        let mut parts = metric.split(';').map(str::trim);
        (parts.next()? == "activation").then_some(())?;
        parts.find_map(|part| part.strip_prefix("dur=")?.parse().ok())
    })
}

/// Whole seconds, as a terminal says them; the form with a date is for clocks that agree. \[GRP-6\]
fn retry_after_ms(headers: &HeaderMap) -> Option<u32> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // What is too large for the type is too large for us.
    let seconds: u32 = is_number.then(|| text.parse().unwrap_or(u32::MAX))?;
    Some(seconds.min(LONGEST_REST_S) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(header: &'static str) -> Option<u32> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, http::HeaderValue::from_static(header));
        retry_after_ms(&headers)
    }

    // [GRP-6]
    #[test]
    fn when_to_try_again_is_read_in_whole_seconds() {
        assert_eq!((rest("0"), rest("3")), (Some(0), Some(3000)));
        for other in [
            "",
            "-1",
            "+1",
            "1.5",
            "2 s",
            "Thu, 26 Nov 2026 04:00:00 GMT",
        ] {
            assert_eq!(rest(other), None, "{other}");
        }
        assert_eq!(retry_after_ms(&HeaderMap::new()), None);
    }

    #[test]
    fn when_to_try_again_is_at_most_an_hour() {
        assert_eq!(
            (rest("3599"), rest("3600")),
            (Some(3_599_000), Some(3_600_000))
        );
        assert_eq!(rest("3601"), Some(3_600_000));
        assert_eq!(rest("99999999999999999999999"), Some(3_600_000));
    }

    #[test]
    fn activation_is_found_among_other_metrics() {
        assert_eq!(activation("activation;dur=12.3"), Some(12.3));
        assert_eq!(activation("db;dur=1, activation;desc=x;dur=4"), Some(4.0));
        assert_eq!(activation("db;dur=1"), None);
        assert_eq!(activation("activation"), None);
    }
}
