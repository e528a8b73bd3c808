//! When a pay that is not answered goes on another line as well. \[PAY-12\]

use std::time::Duration;

use vinr_protocol::client::hedge::Policy;
use vinr_protocol::{Reader, TerminalId};

use crate::error::Error;
use crate::line::Line;
use crate::terminals::{Taken, Trust};
use crate::vinr::Inner;

/// What is written on the wire of a terminal that makes one attempt of equal requests with one key.
const JOINS: &str = "vinr-local/1";

/// How long a head may take before the very same request goes on a second line, if nothing is said.
///
/// A warm terminal on a good Wi-Fi answers in 5 to 10 ms, and a packet that was lost comes again after 200 ms.
const LATE: Duration = Duration::from_millis(12);

/// How long it may take before a third one goes on a line that is dialled for it: the network of the first two is
/// probably gone.
const DEAD: Duration = Duration::from_millis(500);

/// May the same request go on a second connection while the first is not answered? Safe only where the terminal makes
/// one attempt of both, since they have the same reference and key: `Builder::hedging`.
///
/// It is done only at a terminal that says `vinr-local/1` of itself; any other gets each command once. What a payment
/// came to, all its copies say together: "not charged" is told only when each of them was refused or never sent, or
/// when the key was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Hedging {
    /// After 12 ms without a head on a second line that is open, and after 500 ms more on a new one.
    #[default]
    Late,
    /// After this time on the second line, and after 500 ms more on a new one.
    After(Duration),
    /// Never: each command is sent once.
    Off,
}

impl Hedging {
    /// What the machine may do at this terminal.
    pub(crate) fn at(self, reader: &Reader) -> Policy {
        let late = match self {
            Hedging::Late => LATE,
            Hedging::After(late) => late,
            Hedging::Off => return Policy::ONCE,
        };
        match reader.api.as_deref() {
            Some(JOINS) => Policy::again(late, DEAD),
            _ => Policy::ONCE,
        }
    }
}

impl Inner {
    /// A line for a payment. Where a pay that is not answered goes on another one, an idle line needs no question
    /// whether its terminal is still there.
    pub(crate) async fn take(&self, terminal: &TerminalId) -> Result<Taken, Error> {
        let trust = |line: &Line| match self.hedging.at(&line.reader) {
            Policy::ONCE => Trust::Fresh,
            _ => Trust::Idle,
        };
        self.terminals.take(terminal, trust).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(api: &str) -> Reader {
        let text = format!(
            r#"{{"object":"reader","id":"term_1","model":"nexgo_ct20","status":"online","activity":"idle"{api}}}"#
        );
        serde_json::from_str(&text).expect("a reader")
    }

    #[test]
    fn a_terminal_that_joins_gets_a_late_command_again() {
        let reader = reader(r#","api":"vinr-local/1""#);
        assert_eq!(Hedging::default().at(&reader), Policy::again(LATE, DEAD));
        assert_eq!(Hedging::Off.at(&reader), Policy::ONCE);
    }

    #[test]
    fn a_terminal_that_is_not_known_to_join_gets_each_command_once() {
        for api in ["", r#","api":"vinr-local/2""#, r#","api":null"#] {
            assert_eq!(Hedging::default().at(&reader(api)), Policy::ONCE, "{api}");
        }
    }
}
