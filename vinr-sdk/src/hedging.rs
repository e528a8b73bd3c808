//! When a pay that is not answered goes on another line as well. \[PAY-12\]

use std::time::Duration;

use vinr_protocol::client::hedge::{Idle, Instead, Policy};
use vinr_protocol::{Reader, TerminalId};

use crate::dialling::Stranger;
use crate::error::Error;
use crate::line::Line;
use crate::terminals::Taken;
use crate::vinr::Inner;

/// What is written on the wire of a terminal that makes one attempt of equal requests with one key.
const JOINS: &str = "vinr-local/1";

/// How long a head may take at least before the very same request goes on a second line, if nothing is said.
///
/// A warm terminal on a good Wi-Fi answers in 5 to 10 ms, and a packet that was lost comes again after 200 ms.
const LATE_MIN: Duration = Duration::from_millis(12);

/// By when the head of the second one is to be there. \[LAT-1\]
const PROMISED: Duration = Duration::from_millis(50);

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
    /// After one and a half times as long as a head of this terminal takes, on a second line that is open: sooner where
    /// its head would not come within 50 ms otherwise, and 12 ms at the least. After 500 ms more on a new line.
    #[default]
    Late,
    /// After this time on the second line, and after 500 ms more on a new one.
    After(Duration),
    /// Never: each command is sent once.
    Off,
}

impl Hedging {
    /// What the machine may do at this terminal.
    pub(crate) fn at(self, reader: &Reader, pace: Option<Duration>) -> Policy {
        let late = match self {
            Hedging::Late => late(pace.unwrap_or_default()),
            Hedging::After(late) => late,
            Hedging::Off => return Policy::ONCE,
        };
        match reader.api.as_deref() {
            Some(JOINS) => Policy::again(late, DEAD),
            _ => Policy::ONCE,
        }
    }
}

/// The second copy may take twice as long as usual, and is in time.
fn late(pace: Duration) -> Duration {
    let in_time = PROMISED.saturating_sub(pace * 2);
    (pace * 3 / 2).min(in_time).max(LATE_MIN)
}

impl Inner {
    /// A line for a payment; one that lay idle is asked first where the machine says so.
    pub(crate) async fn take(
        &self,
        terminal: &TerminalId,
        instead: Instead,
        stranger: &Stranger,
    ) -> Result<Taken, Error> {
        let first = |line: &Line, second| {
            let policy = self.hedging.at(&line.reader, None);
            policy.first_on(Idle {
                idle_for: line.idle_for(),
                second,
                instead,
            })
        };
        self.terminals.take(terminal, first, stranger).await
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
        let late = Policy::again(LATE_MIN, DEAD);
        assert_eq!(Hedging::default().at(&reader, None), late);
        assert_eq!(Hedging::Off.at(&reader, None), Policy::ONCE);
    }

    #[test]
    fn late_follows_the_terminal_and_leaves_time_for_the_second_copy() {
        for (pace, expected) in [
            (0, 12),
            (8, 12),
            (10, 15),
            (14, 21),
            (16, 18),
            (19, 12),
            (50, 12),
        ] {
            let ms = Duration::from_millis;
            assert_eq!(late(ms(pace)), ms(expected), "{pace}");
        }
    }

    #[test]
    fn a_terminal_that_is_not_known_to_join_gets_each_command_once() {
        for api in ["", r#","api":"vinr-local/2""#, r#","api":null"#] {
            assert_eq!(
                Hedging::default().at(&reader(api), None),
                Policy::ONCE,
                "{api}"
            );
        }
    }
}
