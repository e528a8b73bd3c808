//! What goes wrong at a terminal of the suite, where and how often.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::client::pki::Shown;

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// When a till connects.
    Connection,
    /// When it sends a `pay`.
    Pay,
    /// When it looks a sale up.
    LookUp,
    /// When it cancels.
    Cancel,
    /// When it asks who is there.
    Reader,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// The connection is reset as soon as it is there.
    Refuse,
    /// The connection is reset after the handshake.
    ResetAfterHandshake,
    /// The terminal speaks no TLS: plain HTTP only.
    Plaintext,
    /// The terminal is somebody else.
    Show(Shown),
    /// The handshake is never answered.
    Mute,
    /// Something is wrong with an answer; `taken` says whether the terminal did what it was asked.
    Answer {
        /// It did.
        taken: bool,
        /// What is wrong.
        how: How,
    },
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum How {
    /// It never comes.
    Silence,
    /// The connection is reset as soon as the request was read.
    Reset,
    /// It is reset after the head.
    ResetAfterHead,
    /// It is reset when the terminal has the outcome, before a byte of it is written.
    ResetAtOutcome,
    /// It is reset after this share of all its bytes, in thousandths.
    CutAt(u16),
    /// It ends in good order after this share of its body, in thousandths.
    HalfBody(u16),
    /// It is an error of the terminal.
    Status(u16),
    /// It is a refusal with this code.
    Refusal(String),
    /// It comes at the outcome, whole.
    NoHead,
    /// The head comes at once and the body so long after the request.
    LateBody(Duration),
    /// Nothing comes for so long after the request.
    Late(Duration),
    /// The terminal is swapped for another one, with another journal, before it heard of it.
    Swap,
    /// It is about something else.
    Alter(Alteration),
    /// The customer taps, and the host has approved, before the terminal hears of it.
    Overtaken,
    /// The terminal goes away for good.
    Vanish,
    /// The head comes at once, and the terminal goes away for good behind it.
    VanishAfterHead,
    /// It is whole, and the connection ends after it.
    CloseAfter,
}

/// What an answer says that is not true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alteration {
    /// Another amount.
    Amount,
    /// Another currency.
    Currency,
    /// Another sale.
    Reference,
    /// Another terminal.
    Terminal,
    /// A status that nobody knows.
    Status,
}

impl Alteration {
    /// Changes a payment.
    pub(crate) fn apply(self, payment: &mut serde_json::Value) {
        match self {
            Self::Amount => payment["amount"] = 1.into(),
            Self::Currency => payment["currency"] = "EUR".into(),
            Self::Reference => payment["reference"] = "somebody-elses-sale".into(),
            Self::Terminal => payment["terminalId"] = "term_somewhere_else".into(),
            Self::Status => {
                payment["status"] = "settling".into();
                payment["completedAt"] = serde_json::Value::Null;
            }
        }
    }
}

/// The faults that a terminal still has before it.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Rule>>);

#[derive(Debug)]
struct Rule {
    at: Moment,
    /// So many pass unharmed before.
    spare: u32,
    /// So many are struck.
    left: u32,
    fault: Fault,
    /// Attempts that were struck, by their keys.
    struck: Vec<String>,
}

impl Faults {
    /// Strikes the next `times` of these, after `spare` that pass.
    pub(crate) fn plan(&self, at: Moment, spare: u32, times: u32, fault: Fault) {
        self.lock().push(Rule {
            at,
            spare,
            left: times,
            fault,
            struck: Vec::new(),
        });
    }

    /// What happens now. Every copy of an attempt meets the same fate: a till may send the very same request on several
    /// connections.
    pub(crate) fn strike(&self, at: Moment, key: Option<&str>) -> Option<Fault> {
        let mut rules = self.lock();
        for rule in rules.iter_mut().filter(|rule| rule.at == at) {
            if let Some(key) = key
                && rule.struck.iter().any(|own| own == key)
            {
                return Some(rule.fault.clone());
            }
            if rule.spare > 0 {
                rule.spare -= 1;
                continue;
            }
            if rule.left > 0 {
                rule.left -= 1;
                rule.struck.extend(key.map(str::to_owned));
                return Some(rule.fault.clone());
            }
        }
        None
    }

    /// Nothing is planned any more.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_was_planned_and_after_those_it_spares() {
        let faults = Faults::default();
        faults.plan(Moment::Pay, 1, 2, Fault::Refuse);
        let struck: Vec<_> = (0..5)
            .map(|_| faults.strike(Moment::Pay, None).is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false, false]);
    }

    #[test]
    fn a_fault_strikes_where_it_was_planned() {
        let faults = Faults::default();
        faults.plan(Moment::Pay, 0, 1, Fault::Refuse);
        assert_eq!(faults.strike(Moment::LookUp, None), None);
        assert_eq!(faults.strike(Moment::Pay, None), Some(Fault::Refuse));
    }

    #[test]
    fn every_copy_of_a_struck_attempt_is_struck_and_no_other_attempt() {
        let faults = Faults::default();
        faults.plan(Moment::Pay, 0, 1, Fault::Refuse);
        assert!(faults.strike(Moment::Pay, Some("k1")).is_some());
        assert!(faults.strike(Moment::Pay, Some("k1")).is_some());
        assert!(faults.strike(Moment::Pay, Some("k2")).is_none());
    }
}
