//! The suite's own numbers in what was seen of a till.

use super::Numbers;
use crate::journal::{TillClaim, TillEvent};

impl Numbers {
    /// One more was seen.
    pub(super) fn count(&mut self, till: &TillEvent) {
        match till {
            TillEvent::Asked { op, .. } => self.ops = self.ops.max(*op),
            TillEvent::Accepted { connection, .. } => {
                self.connections = self.connections.max(*connection);
            }
            TillEvent::Request { exchange, .. } => self.exchanges = self.exchanges.max(*exchange),
            _ => {}
        }
    }

    /// What was seen after all that.
    pub(super) fn shift_till(&self, till: &mut TillEvent) {
        match till {
            TillEvent::Asked { op, .. } | TillEvent::Told { op, .. } => *op += self.ops,
            TillEvent::Accepted { connection, .. }
            | TillEvent::Hello { connection, .. }
            | TillEvent::Met { connection, .. }
            | TillEvent::Plain { connection, .. }
            | TillEvent::Ended { connection, .. } => self.connection(connection),
            TillEvent::Request {
                connection,
                exchange,
                ..
            } => {
                self.connection(connection);
                self.exchange(exchange);
            }
            TillEvent::Head { exchange, .. }
            | TillEvent::Body { exchange, .. }
            | TillEvent::Lost { exchange, .. } => self.exchange(exchange),
            TillEvent::Started { .. }
            | TillEvent::AtItsScreen { .. }
            | TillEvent::Gone { .. }
            | TillEvent::Broke { .. }
            | TillEvent::Leaked { .. }
            | TillEvent::Searched { .. }
            | TillEvent::Listens { .. }
            | TillEvent::Stands { .. }
            | TillEvent::Buried { .. }
            | TillEvent::Charged { .. }
            | TillEvent::Reversed { .. }
            | TillEvent::Advertised { .. }
            | TillEvent::Goodbye { .. }
            | TillEvent::Listening
            | TillEvent::Queried { .. } => {}
        }
    }

    /// What must be true of it.
    pub(super) fn shift_claim(&self, claim: &mut TillClaim) {
        match claim {
            TillClaim::SentAsThePageSays { op }
            | TillClaim::Result { op, .. }
            | TillClaim::AcceptedOffline { op }
            | TillClaim::Refused { op, .. }
            | TillClaim::Unknown { op }
            | TillClaim::TrueOrUnknown { op }
            | TillClaim::NotFooled { op }
            | TillClaim::Believed { op }
            | TillClaim::Disbelieved { op }
            | TillClaim::BuriedBeforeTold { op }
            | TillClaim::Remembers { op }
            | TillClaim::Settled { op, .. }
            | TillClaim::AnError { op }
            | TillClaim::Mode { op, .. }
            | TillClaim::TakenAt { op, .. }
            | TillClaim::NamesItsTerminal { op }
            | TillClaim::Readers { op, .. }
            | TillClaim::LeftOut { op, .. } => {
                // 0 is an op that was never asked for.
                if *op > 0 {
                    *op += self.ops;
                }
            }
            TillClaim::Held { .. }
            | TillClaim::NotPolled
            | TillClaim::LookedUp { .. }
            | TillClaim::LookedUpFirst
            | TillClaim::NothingAgain
            | TillClaim::CancelledFirst
            | TillClaim::BuriedFirst
            | TillClaim::OwnKeys
            | TillClaim::Charged { .. }
            | TillClaim::NothingToStrangers
            | TillClaim::CertificateEverywhere
            | TillClaim::NewTlsOnly
            | TillClaim::CloudIdle
            | TillClaim::CloudTakesNothing
            | TillClaim::LanFirst
            | TillClaim::OneAttempt
            | TillClaim::FellBack { .. }
            | TillClaim::OneAtATime
            | TillClaim::NoQuery { .. }
            | TillClaim::Asked
            | TillClaim::QuickToSend { .. }
            | TillClaim::Discreet => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Answered;

    #[test]
    fn what_a_till_said_stays_with_what_it_was_asked() {
        let so_far = Numbers {
            ops: 7,
            connections: 3,
            exchanges: 5,
            ..Numbers::default()
        };
        let mut told = TillEvent::Told {
            op: 1,
            answer: Answered::Unsupported,
        };
        so_far.shift_till(&mut told);
        let mut claim = TillClaim::NotFooled { op: 1 };
        so_far.shift_claim(&mut claim);
        assert!(matches!(told, TillEvent::Told { op: 8, .. }));
        assert_eq!(claim, TillClaim::NotFooled { op: 8 });
        let mut never = TillClaim::Remembers { op: 0 };
        so_far.shift_claim(&mut never);
        assert_eq!(never, TillClaim::Remembers { op: 0 });
    }

    #[test]
    fn a_run_that_goes_on_counts_from_the_last_of_each() {
        let mut so_far = Numbers::default();
        let mut asked = TillEvent::Asked {
            op: 1,
            name: "pay".into(),
            fields: serde_json::Value::Null,
        };
        so_far.count(&asked);
        so_far.shift_till(&mut asked);
        so_far.count(&asked);
        assert_eq!(so_far.ops, 2);
    }
}
