//! May a pay go on a line that lay idle, or is its terminal asked first whether it is there?
//!
//! A terminal that was switched off hangs up on nobody. What is sent on an open line to it is lost, and whoever sent it
//! cannot say that nobody was charged: *outcome unknown*, where a question first would have told *unreachable*. The
//! question costs a round trip.
//!
//! | The line was used | a second line is at hand for a copy | another terminal would do | then |
//! |---|---|---|---|
//! | in the last 10 s | | | pay |
//! | before | yes | no | pay: a head that is late is asked for on the second line |
//! | before | no | | ask |
//! | before | | yes | ask: nothing may have been sent to a terminal that is left |

use std::time::Duration;

use super::Policy;

/// A terminal that answered so lately is taken to be there.
pub const TRUSTED_FOR: Duration = Duration::from_secs(10);

/// A line that lies idle, and what there is beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Idle {
    /// How long nothing was said on it.
    pub idle_for: Duration,
    /// For a second copy.
    pub second: Second,
    /// For the sale, where this terminal is not there.
    pub instead: Instead,
}

/// Is there a second line to the terminal?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Second {
    /// It lies idle, too.
    AtHand,
    /// There is none, or somebody uses it.
    Missing,
}

/// Is there another terminal for the sale?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instead {
    /// Another one of a group.
    OtherTerminal,
    /// This one or none.
    Nobody,
}

/// What is sent on the line first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum First {
    /// The pay.
    Pay,
    /// A question; then the pay, on this line if it is answered.
    Question,
}

impl Policy {
    /// What is sent first on a line that lies idle.
    pub fn first_on(self, line: Idle) -> First {
        let may_be_copied = self != Self::ONCE && line.second == Second::AtHand;
        match line.instead {
            _ if line.idle_for <= TRUSTED_FOR => First::Pay,
            Instead::Nobody if may_be_copied => First::Pay,
            Instead::Nobody | Instead::OtherTerminal => First::Question,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: Policy = Policy::again(Duration::from_millis(12), Duration::from_millis(500));
    const LONG: Duration = TRUSTED_FOR.saturating_add(Duration::from_nanos(1));

    fn first(policy: Policy, idle_for: Duration, second: Second, instead: Instead) -> First {
        policy.first_on(Idle {
            idle_for,
            second,
            instead,
        })
    }

    #[test]
    fn a_line_that_was_used_lately_is_paid_on_whatever_else_there_is() {
        for policy in [AGAIN, Policy::ONCE] {
            for second in [Second::AtHand, Second::Missing] {
                for instead in [Instead::OtherTerminal, Instead::Nobody] {
                    assert_eq!(first(policy, TRUSTED_FOR, second, instead), First::Pay);
                }
            }
        }
    }

    #[test]
    fn one_that_lay_idle_for_longer_is_paid_on_where_a_second_is_at_hand_for_a_copy() {
        let (second, nobody) = (Second::AtHand, Instead::Nobody);
        assert_eq!(first(AGAIN, LONG, second, nobody), First::Pay);
        assert_eq!(first(Policy::ONCE, LONG, second, nobody), First::Question);
    }

    #[test]
    fn one_that_lay_idle_for_longer_without_a_second_is_asked_first() {
        let (second, nobody) = (Second::Missing, Instead::Nobody);
        assert_eq!(first(AGAIN, LONG, second, nobody), First::Question);
    }

    // [GRP-4]
    #[test]
    fn one_that_lay_idle_for_longer_is_asked_first_where_another_terminal_would_do() {
        for second in [Second::AtHand, Second::Missing] {
            let instead = Instead::OtherTerminal;
            assert_eq!(first(AGAIN, LONG, second, instead), First::Question);
        }
    }
}
