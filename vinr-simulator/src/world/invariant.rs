//! What must never be: the invariants of `spec/safety.md`.

use std::fmt;

use vinr_protocol::Payment;
use vinr_protocol::payment::Status;

use super::terminal::Around;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// The result of something that an invariant may forbid.
pub type Checked<T> = Result<T, Violation>;

pub(super) fn ensure(holds: bool, invariant: &str) -> Checked<()> {
    if holds {
        Ok(())
    } else {
        Err(Violation(invariant.to_owned()))
    }
}

/// I4, I20: what is said of the host is what the host did. What the host approved against its own word is being taken
/// back.
pub(super) fn is_true(payment: &Payment, around: &Around<'_>, is_owed: bool) -> Checked<()> {
    let approved = around.bank.has_approved(&payment.id);
    let holds = match payment.status {
        Status::Completed => approved,
        Status::Failed | Status::Cancelled => {
            !approved || is_owed || around.bank.contradicted_itself()
        }
        _ => true,
    };
    ensure(holds, "I4: what a terminal says is not what the host did")
}
