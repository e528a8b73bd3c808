//! Every refusal and failure on the wire: code, HTTP status, what a till may do next.

use serde::{Deserialize, Serialize};

use crate::id::RequestId;
use crate::open_enum::open_enum;

open_enum! {
    /// The stable name of what went wrong.
    Code {
        /// Not JSON, not UTF-8, a name twice, too deep.
        InvalidJson = "invalid_json",
        /// A required field is absent; `param` names it.
        MissingField = "missing_field",
        /// Not a whole number of minor units from 1 to 99 999 999.
        InvalidAmount = "invalid_amount",
        /// Not a currency that the terminal knows.
        InvalidCurrency = "invalid_currency",
        /// Not 1 to 64 of the allowed characters.
        InvalidReference = "invalid_reference",
        /// Another field is wrong or unknown; `param` names it.
        InvalidField = "invalid_field",
        /// The command is addressed to another terminal. \[PAY-9\]
        WrongTerminal = "wrong_terminal",
        /// The framing of the request can be read in two ways.
        InvalidRequest = "invalid_request",
        /// A valid certificate, and not for this terminal. \[TLS-6\]
        CertificateNotForTerminal = "certificate_not_for_terminal",
        /// The certificate is outside the strict profile. \[TLS-14\]
        CertificateNotAcceptable = "certificate_not_acceptable",
        /// The certificate was revoked. \[TLS-12\]
        CertificateRevoked = "certificate_revoked",
        /// The request came from a browser. \[NET-6\]
        BrowserNotAllowed = "browser_not_allowed",
        /// Local mode is switched off for new attempts. \[NET-4\]
        LocalModeDisabled = "local_mode_disabled",
        /// No such path, or no such payment.
        NotFound = "not_found",
        /// The path takes another method.
        MethodNotAllowed = "method_not_allowed",
        /// The body is over its limit. \[NET-5\]
        BodyTooLarge = "body_too_large",
        /// The body is not `application/json`.
        UnsupportedMediaType = "unsupported_media_type",
        /// The header block is over its limit. \[NET-5\]
        HeadersTooLarge = "headers_too_large",
        /// Another sale is on the screen. \[GRP-5\]
        TerminalBusy = "terminal_busy",
        /// The same key with other money fields. \[PAY-11\]
        IdempotencyConflict = "idempotency_conflict",
        /// Another attempt of this sale is not final. \[PAY-12\]
        ReferenceInProgress = "reference_in_progress",
        /// This sale is paid. \[PAY-12\]
        ReferenceAlreadyPaid = "reference_already_paid",
        /// The device never queues. \[OFF-4\]
        OfflineNotSupported = "offline_not_supported",
        /// Above the offline limit. \[OFF-2\]
        OfflineAmountExceeded = "offline_amount_exceeded",
        /// No offline limit in this currency. \[OFF-11\]
        OfflineCurrencyNotSupported = "offline_currency_not_supported",
        /// The offline queue is full. \[OFF-3\]
        OfflineQueueFull = "offline_queue_full",
        /// An entry has waited over 24 h. \[OFF-17\]
        OfflineQueueStale = "offline_queue_stale",
        /// A fault of the terminal; the outcome is not known.
        Internal = "internal",
        /// The journal cannot be read or written. \[REC-21\]
        StorageFailed = "storage_failed",
        /// Starting up, shutting down, or without a clock or a current CRL.
        TerminalUnavailable = "terminal_unavailable",
        /// No API key, or one that the cloud does not know. §9
        InvalidApiKey = "invalid_api_key",
    }
}

open_enum! {
    /// The family of an error.
    ErrorType {
        /// The request is wrong.
        ValidationError = "validation_error",
        /// The caller may not.
        AuthenticationError = "authentication_error",
        /// It collides with another payment.
        ConflictError = "conflict_error",
        /// It cannot be taken offline.
        OfflineError = "offline_error",
        /// The terminal failed.
        ApiError = "api_error",
    }
}

open_enum! {
    /// What a till may do after an error.
    Next {
        /// Correct the request.
        FixRequest = "fix_request",
        /// A person must look at it.
        CallSupport = "call_support",
        /// The same again, later.
        RetryLater = "retry_later",
        /// Look the reference up before telling anyone anything.
        LookUp = "look_up",
        /// The sale is paid: use the payment that a look-up shows.
        UseStoredResult = "use_stored_result",
    }
}

impl Code {
    /// The HTTP status that carries it, its family, and what a till may do. The table of §4.5.
    ///
    /// A code from a newer peer counts as indeterminate: look up.
    pub fn meaning(&self) -> (u16, ErrorType, Next) {
        use ErrorType::*;
        use Next::*;
        match self {
            Code::InvalidJson
            | Code::MissingField
            | Code::InvalidAmount
            | Code::InvalidCurrency
            | Code::InvalidReference
            | Code::InvalidField
            | Code::InvalidRequest
            | Code::WrongTerminal => (400, ValidationError, FixRequest),
            Code::InvalidApiKey => (401, AuthenticationError, CallSupport),
            Code::CertificateNotForTerminal
            | Code::CertificateNotAcceptable
            | Code::CertificateRevoked
            | Code::BrowserNotAllowed
            | Code::LocalModeDisabled => (403, AuthenticationError, CallSupport),
            Code::NotFound => (404, ValidationError, FixRequest),
            Code::MethodNotAllowed => (405, ValidationError, FixRequest),
            Code::BodyTooLarge => (413, ValidationError, FixRequest),
            Code::UnsupportedMediaType => (415, ValidationError, FixRequest),
            Code::HeadersTooLarge => (431, ValidationError, FixRequest),
            Code::TerminalBusy => (409, ConflictError, RetryLater),
            Code::IdempotencyConflict | Code::ReferenceInProgress => (409, ConflictError, LookUp),
            Code::ReferenceAlreadyPaid => (409, ConflictError, UseStoredResult),
            Code::OfflineNotSupported
            | Code::OfflineAmountExceeded
            | Code::OfflineCurrencyNotSupported => (422, OfflineError, FixRequest),
            Code::OfflineQueueFull | Code::OfflineQueueStale => (422, OfflineError, RetryLater),
            Code::Internal => (500, ApiError, LookUp),
            Code::StorageFailed => (500, ApiError, CallSupport),
            Code::TerminalUnavailable => (503, ApiError, RetryLater),
            Code::Unknown(_) => (500, ApiError, LookUp),
        }
    }

    /// The HTTP status that carries it.
    pub fn status(&self) -> u16 {
        self.meaning().0
    }
}

/// The error object as it stands on the wire, under the name `error`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// The family.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// The stable name.
    pub code: Code,
    /// For people: what was expected and found, without secrets or foreign data.
    pub message: String,
    /// The field it is about.
    #[serde(default)]
    pub param: Option<String>,
    /// The same as the answer's `x-vinr-request-id`. \[NET-7\]
    #[serde(default)]
    pub request_id: Option<RequestId>,
    /// What a till may do.
    #[serde(default)]
    pub next: Option<Next>,
    /// When to try again, where the answer's `Retry-After` said so: a header, and so no part of the object on the wire.
    #[serde(skip)]
    pub retry_after_ms: Option<u32>,
}

impl ErrorBody {
    /// What a till may do by the error's code; a code that it does not know may say so itself.
    pub fn allows(&self) -> Next {
        match &self.code {
            Code::Unknown(_) => self.next.clone().unwrap_or(Next::LookUp),
            code => code.meaning().2,
        }
    }
}

/// `{"error": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorBody,
}

/// Why a request is refused, before an answer gives it a request id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The stable name.
    pub code: Code,
    /// For people.
    pub message: String,
    /// The field it is about.
    pub param: Option<String>,
}

impl Refusal {
    /// A refusal that is about no single field.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
        }
    }

    /// A refusal of one field.
    pub fn of_field(code: Code, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            param: Some(param.into()),
        }
    }

    /// The error object for the answer with this request id.
    pub fn into_body(self, request_id: RequestId) -> ErrorEnvelope {
        let (_, kind, next) = self.code.meaning();
        ErrorEnvelope {
            error: ErrorBody {
                kind,
                code: self.code,
                message: self.message,
                param: self.param,
                request_id: Some(request_id),
                next: Some(next),
                retry_after_ms: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paid_sale_sends_the_till_to_the_stored_result() {
        assert_eq!(
            Code::ReferenceAlreadyPaid.meaning(),
            (409, ErrorType::ConflictError, Next::UseStoredResult)
        );
    }

    #[test]
    fn when_to_try_again_is_not_on_the_wire() {
        let json =
            r#"{"type":"conflict_error","code":"terminal_busy","message":"","retry_after_ms":7}"#;
        let mut error: ErrorBody = serde_json::from_str(json).expect("an unknown name is ignored");
        assert_eq!(error.retry_after_ms, None);
        error.retry_after_ms = Some(7);
        let json = serde_json::to_string(&error).expect("texts are JSON");
        assert!(!json.contains("retry"), "{json}");
    }

    #[test]
    fn a_code_from_a_newer_terminal_is_indeterminate() {
        assert_eq!(Code::from("quota").meaning().2, Next::LookUp);
    }
}
