//! Defects of the wire itself: what the terminal decided is right, and what it says of it is not.
//!
//! An answer is bent after the machine gave it, as JSON: that it is wrong on the wire is the whole defect.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Defect, Wire};
use crate::terminal::{Asked, Said, fresh_payment_id};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const ANY_ORIGIN: HeaderName = HeaderName::from_static("access-control-allow-origin");

/// Which request an answer is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Pay,
    LookUp,
    Cancel,
    Other,
}

impl Wire {
    /// The defects of this file; a terminal without them says what it means.
    const OF_ANSWERS: &[Defect] = &[
        Defect::AnswersWithAccepted,
        Defect::AnswersWithAPage,
        Defect::AmountWithAFraction,
        Defect::FieldLeftOut,
        Defect::CompletedWithoutItsDate,
        Defect::CompletedWithoutItsCard,
        Defect::CurrencyAltered,
        Defect::ReferenceAltered,
        Defect::RefusesWithoutACode,
        Defect::RefusesAllAlike,
        Defect::RefusesWithASuccess,
        Defect::RefusesAsItsOwnFault,
        Defect::ReplaysAsANewPayment,
        Defect::OneIdForAll,
        Defect::NoActivationTime,
        Defect::FinalChanges,
        Defect::FinalComesBack,
        Defect::AnotherBrand,
        Defect::AnotherDeclineCode,
        Defect::EntryAlwaysChip,
        Defect::CapturableToo,
        Defect::ManualIsAutomatic,
        Defect::FieldNotNamed,
        Defect::KeyNotNamed,
        Defect::LookUpsFail,
        Defect::CancelledByNobody,
        Defect::CancelUnanswered,
        Defect::CancelWithoutAnOutcome,
        Defect::CancelContradictsItself,
        Defect::CancelAlwaysDone,
        Defect::OldestFirst,
        Defect::ListedTwice,
        Defect::NewestOnly,
        Defect::ListsAStranger,
        Defect::LookUpWithoutAList,
        Defect::EmptyAfterDamage,
        Defect::CardNumberShown,
        Defect::PaymentFromNowhere,
        Defect::NoRetryAfter,
        Defect::RetryAfterAnHour,
        Defect::PermitsBrowsers,
        Defect::ErrorIdOfItsOwn,
        Defect::PlaceNotNamed,
        Defect::QueuedIsPending,
        Defect::AnotherPlace,
        Defect::EchoesWhatItRefuses,
    ];

    /// The answer as it is said.
    pub(crate) fn said(&self, asked: &Asked, said: Said) -> Said {
        if !Self::OF_ANSWERS.iter().any(|own| self.has(*own)) {
            return said;
        }
        let to = match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/v1/pay") => To::Pay,
            ("POST", "/v1/cancel") => To::Cancel,
            ("GET", path) if path.starts_with("/v1/payments") => To::LookUp,
            _ => To::Other,
        };
        match said {
            Said::Held { .. } if self.has(Defect::AnswersWithAccepted) => Said::Full {
                status: StatusCode::ACCEPTED,
                headers: HeaderMap::new(),
                json: Bytes::from_static(br#"{"status":"pending"}"#),
            },
            Said::Held { mut headers, body } => {
                self.bend_headers(&mut headers);
                Said::Held {
                    headers,
                    body: self.bend_later(to, body),
                }
            }
            Said::Full {
                mut status,
                mut headers,
                json,
            } => {
                self.bend_headers(&mut headers);
                self.bend_status(to, &mut status);
                let is_failed = status == StatusCode::INTERNAL_SERVER_ERROR;
                if is_failed && to == To::LookUp && self.has(Defect::EmptyAfterDamage) {
                    let json =
                        Bytes::from_static(br#"{"object":"list","data":[],"journalId":"jrn_new"}"#);
                    let status = StatusCode::OK;
                    return Said::Full {
                        status,
                        headers,
                        json,
                    };
                }
                let json = self.echo(asked, self.bend_json(to, &json));
                Said::Full {
                    status,
                    headers,
                    json,
                }
            }
        }
    }

    /// The error with all that was asked in its message.
    fn echo(&self, asked: &Asked, json: Bytes) -> Bytes {
        if !self.has(Defect::EchoesWhatItRefuses) {
            return json;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&json) else {
            return json;
        };
        let Some(message) = value.pointer_mut("/error/message") else {
            return json;
        };
        let said = message.as_str().unwrap_or_default();
        let path = &asked.path;
        let body = String::from_utf8_lossy(&asked.body);
        *message = json!(format!("{said}: {path} {body} {:?}", asked.headers));
        serde_json::to_vec(&value).map_or(json, Bytes::from)
    }

    /// The body that is still to come; a till that hangs up meanwhile is noticed as before.
    fn bend_later<E: Send + 'static>(
        &self,
        to: To,
        body: oneshot::Receiver<Result<Bytes, E>>,
    ) -> oneshot::Receiver<Result<Bytes, E>> {
        let (mut sender, receiver) = oneshot::channel();
        let wire = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                Ok(said) = body => {
                    let _ = sender.send(said.map(|json| wire.bend_json(to, &json)));
                }
            }
        });
        receiver
    }

    fn bend_headers(&self, headers: &mut HeaderMap) {
        if self.has(Defect::NoActivationTime) {
            headers.remove(SERVER_TIMING);
        }
        if self.has(Defect::NoRetryAfter) {
            headers.remove(RETRY_AFTER);
        }
        if self.has(Defect::RetryAfterAnHour) && headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("3600"));
        }
        if self.has(Defect::PermitsBrowsers) {
            headers.insert(ANY_ORIGIN, HeaderValue::from_static("*"));
        }
    }

    fn bend_status(&self, to: To, status: &mut StatusCode) {
        let fails = self.has(Defect::LookUpsFail) && to == To::LookUp
            || self.has(Defect::CancelUnanswered) && to == To::Cancel
            || self.has(Defect::RefusesAsItsOwnFault) && status.is_client_error();
        if fails {
            *status = StatusCode::INTERNAL_SERVER_ERROR;
        } else if self.has(Defect::RefusesWithASuccess) && status.is_client_error() {
            *status = StatusCode::OK;
        }
    }

    fn bend_json(&self, to: To, bytes: &Bytes) -> Bytes {
        let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
            return bytes.clone();
        };
        if to == To::Pay && self.has(Defect::AnswersWithAPage) && value.get("error").is_none() {
            return Bytes::from_static(br#""<html>Approved</html>""#);
        }
        if let Some(error) = value.get_mut("error") {
            self.bend_error(error);
        }
        match to {
            To::Pay => self.bend_payment(to, &mut value),
            To::LookUp => self.bend_list(&mut value),
            To::Cancel => self.bend_cancellation(&mut value),
            To::Other => {}
        }
        serde_json::to_vec(&value).map_or_else(|_| bytes.clone(), Bytes::from)
    }

    fn bend_error(&self, error: &mut Value) {
        if self.has(Defect::RefusesWithoutACode)
            && let Some(members) = error.as_object_mut()
        {
            members.remove("code");
        }
        for (defect, member, value) in [
            (Defect::RefusesAllAlike, "code", json!("invalid_request")),
            (Defect::FieldNotNamed, "param", Value::Null),
            (
                Defect::ErrorIdOfItsOwn,
                "request_id",
                json!("req_of_its_own"),
            ),
        ] {
            if self.has(defect) {
                error[member] = value;
            }
        }
    }

    fn bend_list(&self, list: &mut Value) {
        if self.has(Defect::LookUpWithoutAList) && list.get("data").is_some() {
            list["data"] = json!({});
        }
        let Some(payments) = list.get_mut("data").and_then(Value::as_array_mut) else {
            return;
        };
        if self.has(Defect::OldestFirst) {
            payments.reverse();
        }
        if self.has(Defect::NewestOnly) {
            payments.truncate(1);
        }
        if let Some(first) = payments.first().cloned() {
            if self.has(Defect::ListedTwice) {
                payments.push(first.clone());
            }
            if self.has(Defect::ListsAStranger) {
                let mut stranger = first;
                stranger["reference"] = json!("sale.of.somebody.else");
                stranger["id"] = json!(fresh_payment_id().as_str());
                payments.push(stranger);
            }
        }
        for payment in payments {
            self.bend_payment(To::LookUp, payment);
        }
    }

    fn bend_cancellation(&self, answer: &mut Value) {
        if let Some(payment) = answer.get_mut("payment").filter(|it| it.is_object()) {
            self.bend_payment(To::Cancel, payment);
            if self.has(Defect::CancelContradictsItself) {
                payment["status"] = json!("pending");
            }
        } else if self.has(Defect::PaymentFromNowhere) && answer.get("outcome").is_some() {
            answer["payment"] = json!({ "id": fresh_payment_id().as_str(), "status": "cancelled" });
        }
        let Some(members) = answer.as_object_mut() else {
            return;
        };
        if self.has(Defect::CancelWithoutAnOutcome) {
            members.remove("outcome");
        }
        if self.has(Defect::CancelAlwaysDone)
            && let Some(outcome) = members.get_mut("outcome")
        {
            *outcome = json!("cancelled");
        }
    }

    fn bend_payment(&self, to: To, payment: &mut Value) {
        let Some(members) = payment
            .as_object_mut()
            .filter(|it| it.contains_key("amount"))
        else {
            return;
        };
        let is = |members: &serde_json::Map<String, Value>, status: &str| {
            members.get("status").is_some_and(|own| own == status)
        };
        let mut set = |defect: Defect, member: &str, value: Value| {
            if self.has(defect) && members.contains_key(member) {
                members.insert(member.to_owned(), value);
            }
        };
        set(Defect::CurrencyAltered, "currency", json!("USD"));
        set(Defect::CompletedWithoutItsDate, "completedAt", Value::Null);
        set(
            Defect::ManualIsAutomatic,
            "captureMethod",
            json!("automatic"),
        );
        let number = json!("paid with 4242424242424242");
        set(Defect::CardNumberShown, "description", number);
        set(Defect::KeyNotNamed, "attemptKey", Value::Null);
        set(Defect::OneIdForAll, "id", json!("tpay_the_only_one"));
        if to == To::Pay {
            let fresh = json!(fresh_payment_id().as_str());
            set(Defect::ReplaysAsANewPayment, "id", fresh);
        }
        if to == To::LookUp {
            set(Defect::FinalChanges, "entryMode", json!("swipe"));
        }
        for (defect, member, value) in [
            (Defect::AnotherBrand, "brand", json!("amex")),
            (
                Defect::AnotherDeclineCode,
                "declineCode",
                json!("do_not_honor"),
            ),
            (Defect::EntryAlwaysChip, "entryMode", json!("chip")),
            (Defect::CancelledByNobody, "cancelReason", json!("customer")),
        ] {
            let is_there = members.get(member).is_some_and(|own| !own.is_null());
            if self.has(defect) && is_there {
                members.insert(member.to_owned(), value);
            }
        }
        if self.has(Defect::FieldLeftOut) {
            members.remove("description");
        }
        if is(members, "completed") {
            if self.has(Defect::CompletedWithoutItsCard) {
                members.insert("last4".into(), Value::Null);
            }
            if self.has(Defect::CapturableToo) {
                let amount = members["amount"].clone();
                members.insert("amountCapturable".into(), amount);
            }
            if self.has(Defect::FinalComesBack) && to == To::LookUp {
                members.insert("status".into(), json!("processing"));
            }
        }
        if let Some(amount) = members["amount"]
            .as_u64()
            .filter(|_| self.has(Defect::AmountWithAFraction))
        {
            #[expect(clippy::cast_precision_loss, reason = "no amount has so many digits")]
            members.insert("amount".into(), json!(amount as f64));
        }
        if self.has(Defect::ReferenceAltered)
            && let Some(reference) = members["reference"].as_str().map(str::to_uppercase)
        {
            members.insert("reference".into(), json!(reference));
        }
        self.bend_queued(to, members);
    }

    fn bend_queued(&self, to: To, members: &mut serde_json::Map<String, Value>) {
        let Some(mark) = members.get_mut("offline").filter(|it| it.is_object()) else {
            return;
        };
        if self.has(Defect::AnotherPlace)
            && to == To::LookUp
            && let Some(place) = mark["sequence"].as_u64()
        {
            mark["sequence"] = json!(place + 1);
        }
        if self.has(Defect::PlaceNotNamed) {
            *mark = Value::Null;
        }
        if self.has(Defect::QueuedIsPending) && members["status"] == "processing" {
            members.insert("status".into(), json!("pending"));
        }
    }
}
