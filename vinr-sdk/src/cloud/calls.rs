//! The cloud's part of a payment, in the words of the hybrid machine.

use ::http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use vinr_protocol::client::attempt::{Lost, NotSent};
use vinr_protocol::client::hybrid::{Input, Path, Unasked};
use vinr_protocol::cloud::{CloudPayRequest, CloudPaymentList};
use vinr_protocol::error_body::ErrorEnvelope;
use vinr_protocol::{AttemptKey, Cancellation, Payment, PaymentList, Reference};

use super::Cloud;
use super::http::{Answer, Failed};

const PATH: Path = Path::Cloud;
const PAYMENTS: &str = "/v1/terminal/payments";

/// Has it paid, and waits for the outcome.
pub(crate) async fn pay(cloud: &Cloud, request: &CloudPayRequest, key: &AttemptKey) -> Input {
    let body = serde_json::to_vec(request)
        .expect("a request is names, numbers and text, which is always JSON");
    let asked = cloud
        .http
        .ask(Method::POST, PAYMENTS, Some(key), Some(body));
    let answer = match asked.await {
        Ok(answer) => answer,
        Err(Failed::NotSent(why)) => return Input::NeverSent(PATH, NotSent::Unreachable(why)),
        Err(Failed::Lost(why)) => return Input::Lost(PATH, Lost::Broken(why)),
    };
    if answer.status == StatusCode::OK {
        return match json::<Payment>(&answer) {
            Some(payment) => Input::Answered(PATH, payment),
            None => Input::Lost(PATH, Lost::BadAnswer("it is no payment".to_owned())),
        };
    }
    let status = answer.status.as_u16();
    match json::<ErrorEnvelope>(&answer) {
        Some(ErrorEnvelope { error }) if (400..600).contains(&status) => Input::Refused {
            path: PATH,
            status,
            error,
        },
        _ => {
            let what = format!("status {status} without an error object");
            Input::Lost(PATH, Lost::BadAnswer(what))
        }
    }
}

/// Asks for the attempts of a sale.
pub(crate) async fn look_up(cloud: &Cloud, reference: &Reference) -> Input {
    match list(cloud, reference).await {
        Some(list) => Input::CloudLookedUp {
            undelivered: list.undelivered,
            list: PaymentList {
                object: list.object,
                data: list.data,
                journal_id: None,
            },
        },
        None => Input::LookUpFailed(PATH, Unasked::Dead),
    }
}

/// Has the attempt with this key cancelled. The cloud cancels by its own id, so it is asked for that first; what it does
/// not list it cannot cancel.
pub(crate) async fn cancel(cloud: &Cloud, reference: &Reference, key: &AttemptKey) -> Input {
    match try_cancel(cloud, reference, key).await {
        Some(cancellation) => Input::CancelAnswered(PATH, cancellation),
        None => Input::CancelFailed(PATH, Unasked::Dead),
    }
}

async fn try_cancel(
    cloud: &Cloud,
    reference: &Reference,
    key: &AttemptKey,
) -> Option<Cancellation> {
    let listed = list(cloud, reference).await?;
    let own = |payment: &&Payment| payment.attempt_key.as_ref() == Some(key);
    let id = &listed.data.iter().find(own)?.id;
    let path = format!("{PAYMENTS}/{id}/cancel");
    said(cloud.http.ask(Method::POST, &path, None, None).await)
}

async fn list(cloud: &Cloud, reference: &Reference) -> Option<CloudPaymentList> {
    // Every character of a reference is lawful in a query as it stands (RFC 3986 §3.4).
    let path = format!("{PAYMENTS}?reference={reference}");
    said(cloud.http.ask(Method::GET, &path, None, None).await)
}

fn said<T: DeserializeOwned>(asked: Result<Answer, Failed>) -> Option<T> {
    let why = match asked {
        Ok(answer) if answer.status == StatusCode::OK => match json(&answer) {
            Some(said) => return Some(said),
            None => "its answer cannot be understood".to_owned(),
        },
        Ok(answer) => answer.status.to_string(),
        Err(Failed::NotSent(why) | Failed::Lost(why)) => why,
    };
    tracing::debug!(%why, "a question to the cloud was not answered");
    None
}

fn json<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    serde_json::from_slice(&answer.body).ok()
}
