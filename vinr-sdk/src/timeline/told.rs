//! The steps that the machines' inputs and effects are.

use vinr_protocol::client::attempt::{Lost, NotSent, StoredAttempt};
use vinr_protocol::client::hybrid::{Effect, Input};
use vinr_protocol::{Cancellation, Payment, Reader, Reference};

use super::{Step, Timelines, short};
use crate::attempts::Resolution;
use crate::error::Error;
use crate::result::PaymentResult;

impl Timelines {
    /// The machine wants something done.
    pub(crate) fn effect(&self, stored: &StoredAttempt, effect: &Effect) {
        let step = match effect {
            Effect::Store(attempt) => {
                // The span of the call that is about to send it.
                let span = tracing::Span::current();
                span.record("attempt", short(&attempt.key));
                span.record("reader", attempt.terminal_id.as_str());
                Step::of("storing the attempt").of_attempt(attempt)
            }
            Effect::SendPay { path, .. } => {
                Step::of("sending the pay").over(*path).of_attempt(stored)
            }
            Effect::LookUp(path) => Step::of("looking up").over(*path),
            Effect::Cancel { path, .. } => Step::of("cancelling").over(*path).of_attempt(stored),
            Effect::FellBack(why) => Step::of("falling back to the cloud").why(why.to_string()),
            Effect::Forget { .. } => Step::of("forgetting the attempt").of_attempt(stored),
            Effect::Arm(..) | Effect::Disarm(_) | Effect::Settled(_) => return,
        };
        self.add(&stored.reference, step);
    }

    /// Something happened to the attempt.
    pub(crate) fn input(&self, stored: &StoredAttempt, input: &Input) {
        let own = |listed: &[Payment]| {
            let is_own = |it: &&Payment| it.attempt_key.as_ref() == Some(&stored.key);
            let step = Step::of("looked up").answered();
            match listed.iter().find(is_own) {
                Some(own) => step.of_payment(own),
                None => step.why(format!("not listed, among {} attempts", listed.len())),
            }
        };
        let step = match input {
            Input::Begin | Input::Resume { .. } | Input::Stored => return,
            Input::StoreFailed(_) => Step::of("the attempt store failed"),
            Input::Head(path) => Step::of("accepted").over(*path).answered(),
            Input::Answered(path, payment) => Step::of("answered")
                .over(*path)
                .answered()
                .of_payment(payment),
            Input::Refused {
                path,
                status,
                error,
            } => Step::of("refused").over(*path).refused(*status, error),
            Input::CopyRefused {
                path,
                status,
                error,
            } => Step::of("a copy was refused")
                .over(*path)
                .refused(*status, error),
            Input::NeverSent(path, why) => Step::of("not sent").over(*path).why(not_sent(why)),
            Input::Lost(path, why) => lost(Step::of("the answer was lost").over(*path), why),
            Input::LookedUp(list) => own(&list.data),
            Input::CloudLookedUp { list, undelivered } => {
                let mut step = own(&list.data);
                step.path = Some("cloud");
                if *undelivered {
                    let so_far = step.why.take().unwrap_or_default();
                    step.why = Some(format!("{so_far}; a command is not acknowledged"));
                }
                step
            }
            Input::LookUpFailed(path, why) => Step::of("the look-up was not answered")
                .over(*path)
                .why(format!("{why:?}")),
            Input::CancelAnswered(path, word) => cancelled(word).over(*path),
            Input::CancelFailed(path, why) => Step::of("the cancel was not answered")
                .over(*path)
                .why(format!("{why:?}")),
            Input::GiveUp | Input::CallOff => Step::of("the caller gave up"),
            Input::Elapsed(timer) => Step::of("a timer ran out").why(format!("{timer:?}")),
        };
        self.add(&stored.reference, step);
    }

    /// The terminal that a payment is about to be sent to said who it is.
    pub(crate) fn met(&self, reference: &Reference, reader: &Reader) {
        let version = reader.software_version.as_deref().unwrap_or("unknown");
        let api = reader.api.as_deref().unwrap_or("an unknown wire");
        let words = format!("{}, software {version}, {api}", reader.model);
        self.add(
            reference,
            Step::of("the terminal is there")
                .at_reader(&reader.id)
                .why(words),
        );
    }

    /// A cancel was answered.
    pub(crate) fn cancelled(&self, reference: &Reference, answer: &Result<Cancellation, Error>) {
        self.add(
            reference,
            match answer {
                Ok(word) => cancelled(word),
                Err(error) => failed(error),
            },
        );
    }

    /// Somebody wanted to know what became of the sale. A sale that has no timeline gets none by that.
    pub(crate) fn retrieved(&self, reference: &Reference, word: &Result<Payment, Error>) {
        let step = match word {
            Ok(payment) => Step::of("retrieved").of_payment(payment),
            Err(error) => failed(error),
        };
        self.add_to_known(reference, step);
    }

    /// A call for a payment has come to its end.
    pub(crate) fn ended(&self, reference: &Reference, result: &Result<PaymentResult, Error>) {
        self.add(
            reference,
            match result {
                Ok(PaymentResult::AcceptedOffline(payment)) => {
                    Step::of("the result: accepted offline").of_payment(payment)
                }
                Ok(result) => Step::of("the result").of_payment(result),
                Err(error) => failed(error),
            },
        );
    }

    /// An attempt was found out about, or not.
    pub(crate) fn resolved(&self, attempt: &StoredAttempt, resolution: &Resolution) {
        let step = match resolution {
            Resolution::Result(result) => Step::of("recovered").of_payment(result),
            Resolution::NeverCharged { why, .. } => lost(Step::of("recovered: voided"), why),
            Resolution::StillUnknown(_) => Step::of("still unknown"),
        };
        self.add(&attempt.reference, step.of_attempt(attempt));
    }
}

fn cancelled(word: &Cancellation) -> Step {
    let step = Step::of("the cancel was answered").answered();
    match &word.payment {
        Some(payment) => step.of_payment(payment),
        None => step,
    }
    .code(if word.outcome.is_known() {
        word.outcome.as_str()
    } else {
        "unknown word"
    })
}

/// What the error says, but for what a peer wrote for people.
fn failed(error: &Error) -> Step {
    let step = Step::of("the error").code(error.kind());
    let step = match error {
        Error::Refused { status, error, .. } | Error::CloudRefused { status, error, .. } => {
            step.refused(*status, error)
        }
        // The till's own database may say more than it should.
        Error::Store { .. } => step,
        Error::OutcomeUnknown(unknown) => {
            let mut step = step.at_reader(&unknown.reader);
            step.attempt = Some(short(&unknown.key));
            step.why(error.what())
        }
        error => step.why(error.what()),
    };
    let so_far = step.why.clone().map(|why| why + "; ").unwrap_or_default();
    step.why(format!("{so_far}{}", error.charged()))
}

fn not_sent(why: &NotSent) -> String {
    match why {
        NotSent::StoreFailed(_) => "the attempt could not be stored".to_owned(),
        other => other.to_string(),
    }
}

fn lost(step: Step, why: &Lost) -> Step {
    match why {
        Lost::Failed { status, error } => step.refused(*status, error),
        // What cannot be read is not repeated.
        Lost::BadAnswer(_) => step.why("the answer cannot be read"),
        Lost::NotFinal(status) if !status.is_known() => step.why("a status that is not known"),
        other => step.why(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use vinr_protocol::client::hybrid::Path;
    use vinr_protocol::id::RequestId;
    use vinr_protocol::payment::DeclineCode;
    use vinr_protocol::{
        Amount, AttemptKey, Code, Currency, ErrorBody, PayRequest, Status, TerminalId,
    };

    use super::*;
    use crate::tally::Counters;
    use crate::timeline::SupportPacket;

    const CANARY: &str = "canary";

    // A terminal that repeats what it was told wherever it may write.
    #[test]
    fn what_a_peer_writes_is_not_repeated() {
        let (timelines, stored) = (Timelines::default(), stored());
        let bad = CANARY.to_owned();
        let error = || ErrorBody {
            kind: CANARY.into(),
            code: Code::from(CANARY),
            message: bad.clone(),
            param: Some(bad.clone()),
            request_id: None,
            next: Some(CANARY.into()),
            retry_after_ms: None,
        };
        let lost = |why| Input::Lost(Path::Lan, why);
        for input in [
            Input::Answered(Path::Lan, payment()),
            Input::Refused {
                path: Path::Lan,
                status: 409,
                error: error(),
            },
            lost(Lost::BadAnswer(bad.clone())),
            lost(Lost::NotFinal(Status::from(CANARY))),
            lost(Lost::Failed {
                status: 500,
                error: Box::new(error()),
            }),
            Input::StoreFailed(bad.clone()),
            Input::NeverSent(Path::Lan, NotSent::StoreFailed(bad.clone())),
        ] {
            timelines.input(&stored, &input);
        }
        for error in [
            Error::Refused {
                reader: stored.terminal_id.clone(),
                status: 409,
                error: Box::new(error()),
                attempts: vec![payment()],
            },
            Error::CloudRefused {
                status: 401,
                error: Box::new(error()),
                attempts: Vec::new(),
            },
            Error::Store {
                source: bad.clone().into(),
            },
        ] {
            timelines.ended(&stored.reference, &Err(error));
        }
        let (packet, shown) = shown(&timelines);
        assert_eq!(packet.steps.len(), 10);
        assert!(!shown.contains(CANARY), "{shown}");
        assert!(
            shown.contains("409") && shown.contains("unknown word"),
            "{shown}"
        );
    }

    // An error's own text quotes a terminal that refuses this till.
    #[test]
    fn what_the_shop_said_of_the_sale_is_not_repeated_by_an_error() {
        let (timelines, stored) = (Timelines::default(), stored());
        let mut request = request();
        request.description = Some(CANARY.to_owned());
        timelines.called("create", &request);
        let why = format!("not for {CANARY} (certificate_revoked)");
        let reader = stored.terminal_id.clone();
        timelines.ended(
            &stored.reference,
            &Err(Error::CertificateRefused { reader, why }),
        );
        let (_, shown) = shown(&timelines);
        assert!(!shown.contains(CANARY), "{shown}");
        assert!(shown.contains("certificate_revoked"), "{shown}");
    }

    #[test]
    fn a_request_id_is_shown() {
        let (timelines, stored) = (Timelines::default(), stored());
        let mut error = ErrorBody {
            kind: "conflict_error".into(),
            code: Code::TerminalBusy,
            message: String::new(),
            param: None,
            request_id: None,
            next: None,
            retry_after_ms: None,
        };
        error.request_id = RequestId::new("req_17").ok();
        let refused = Input::Refused {
            path: Path::Cloud,
            status: 409,
            error,
        };
        timelines.input(&stored, &refused);
        let (packet, _) = shown(&timelines);
        let step = packet.steps[0].to_string();
        let words = "refused over cloud, HTTP 409, terminal_busy, request req_17";
        assert!(step.ends_with(words), "{step}");
    }

    #[test]
    fn a_question_about_a_sale_without_a_timeline_makes_none() {
        let timelines = Timelines::default();
        let reference = stored().reference;
        timelines.retrieved(&reference, &Ok(payment()));
        assert!(shown(&timelines).0.steps.is_empty());
        timelines.called("create", &request());
        timelines.retrieved(&reference, &Ok(payment()));
        assert_eq!(shown(&timelines).0.steps.len(), 2);
    }

    fn shown(timelines: &Timelines) -> (SupportPacket, String) {
        let reference = stored().reference;
        let packet = SupportPacket::of(timelines, &reference, None, Counters::default());
        let json = serde_json::to_string(&packet).unwrap();
        let shown = format!("{packet}\n{packet:?}\n{json}");
        (packet, shown)
    }

    fn request() -> PayRequest {
        PayRequest::new(
            TerminalId::new("term_1").unwrap(),
            Amount::new(2500).unwrap(),
            Currency::USD,
            Reference::new("order_1").unwrap(),
        )
    }

    fn stored() -> StoredAttempt {
        let key = AttemptKey::new("01JD7GZK3QWXYZABCDEFGHJKMN").unwrap();
        StoredAttempt::new(&request(), key, crate::vinr::now())
    }

    /// With the canary in every field that takes any text.
    fn payment() -> Payment {
        let json = r#"{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":2500,"currency":"USD",
            "reference":"order_1","description":"canary","status":"canary","last4":"canary","brand":"canary",
            "entryMode":"canary","cancelReason":"canary","metadata":{"connectionMode":"canary","a":"canary"},
            "createdAt":"2026-05-31T14:23:00.000Z"}"#;
        Payment {
            decline_code: Some(DeclineCode::from(CANARY)),
            ..serde_json::from_str(json).unwrap()
        }
    }
}
