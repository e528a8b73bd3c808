//! A cardholder who follows a script, or does nothing until the control port says so.
//!
//! A script is written as words with commas between them, and what is not said stays as it is by default:
//!
//! | word | the cardholder |
//! |---|---|
//! | `tap:300` | presents the card 300 ms after the amount is shown |
//! | `walk-away` | presents none |
//! | `card:declined` | takes this card, by its number or its outcome |
//! | `then:approved` | takes this one at the first prompt after a decline |
//! | `pin`, `pin:5000` | enters the PIN, or enters it 5 s after it was asked for |
//! | `pin-walk-away` | leaves the card in and enters none |
//! | `pull:1000` | pulls the card out instead, 1 s after the PIN was asked for |

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use vinr_protocol::payment::EntryMode;
use vinr_protocol::terminal::Screen;

use crate::cards::TestCard;

/// How long the scripted cardholder takes unless told otherwise: the page's sample runs untouched.
pub const TAP_AFTER: Duration = Duration::from_millis(300);

/// What the cardholder does of their own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// How long after the amount is shown the card is presented; `None` is never.
    pub tap_after: Option<Duration>,
    /// Which card.
    pub card: &'static TestCard,
    /// Which card at the first prompt after a decline, if another.
    pub second: Option<&'static TestCard>,
    /// What happens when the terminal asks for a PIN.
    pub pin: PinHabit,
}

/// What the cardholder does when the terminal asks for a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinHabit {
    /// Enters it, as quickly as the card came.
    Enters,
    /// Enters it after so long.
    EntersAfter(Duration),
    /// Does nothing: walks away, or waits for `enter_pin` at the control port.
    Waits,
    /// Pulls the card out after so long.
    Pulls(Duration),
}

impl Default for Script {
    fn default() -> Self {
        Self {
            tap_after: Some(TAP_AFTER),
            card: Default::default(),
            second: None,
            pin: PinHabit::Enters,
        }
    }
}

impl Script {
    /// A cardholder whose card and PIN come from the control port alone.
    pub fn by_hand() -> Self {
        Self {
            tap_after: None,
            pin: PinHabit::Waits,
            ..Self::default()
        }
    }

    /// This script with these words said of it.
    pub fn with(mut self, words: &str) -> Result<Self, InvalidScript> {
        let invalid = |word: &str| InvalidScript(word.to_owned());
        for word in words.split(',').map(str::trim) {
            let (name, value) = word.split_once(':').unwrap_or((word, ""));
            let pause = || {
                let ms = value.parse().map(Duration::from_millis);
                ms.map_err(|_| invalid(word))
            };
            let card = || TestCard::find(value).ok_or_else(|| invalid(word));
            match name {
                "tap" => self.tap_after = Some(pause()?),
                "card" => self.card = card()?,
                "then" => self.second = Some(card()?),
                "pull" => self.pin = PinHabit::Pulls(pause()?),
                "pin" if word.contains(':') => self.pin = PinHabit::EntersAfter(pause()?),
                _ => match word {
                    "walk-away" => self.tap_after = None,
                    "pin" => self.pin = PinHabit::Enters,
                    "pin-walk-away" => self.pin = PinHabit::Waits,
                    _ => return Err(invalid(word)),
                },
            }
        }
        Ok(self)
    }

    /// What the cardholder does about this screen, and after which pause.
    pub(crate) fn reaction(&self, screen: &Screen, last: Last) -> Option<(Duration, Act)> {
        match screen {
            Screen::PresentCard { .. } => {
                let card = match (last, self.second) {
                    (Last::Declined, Some(second)) => second,
                    _ => self.card,
                };
                let act = Act::Present(card, card.entry_mode.clone());
                self.tap_after.map(|pause| (pause, act))
            }
            Screen::EnterPin => match self.pin {
                PinHabit::Enters => Some((self.tap_after.unwrap_or(TAP_AFTER), Act::EnterPin)),
                PinHabit::EntersAfter(pause) => Some((pause, Act::EnterPin)),
                PinHabit::Waits => None,
                PinHabit::Pulls(pause) => Some((pause, Act::RemoveCard)),
            },
            _ => None,
        }
    }
}

/// A word of a script that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no word of a script: tap:MS, walk-away, card:CARD, then:CARD, pin, pin:MS, pin-walk-away, pull:MS"
)]
pub struct InvalidScript(String);

impl FromStr for Script {
    type Err = InvalidScript;
    fn from_str(words: &str) -> Result<Self, InvalidScript> {
        Self::default().with(words)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tap_after {
            Some(pause) => write!(f, "tap:{}", pause.as_millis())?,
            None => f.write_str("walk-away")?,
        }
        write!(f, ",card:{}", self.card.number)?;
        if let Some(second) = self.second {
            write!(f, ",then:{}", second.number)?;
        }
        match self.pin {
            PinHabit::Enters => f.write_str(",pin"),
            PinHabit::EntersAfter(pause) => write!(f, ",pin:{}", pause.as_millis()),
            PinHabit::Waits => f.write_str(",pin-walk-away"),
            PinHabit::Pulls(pause) => write!(f, ",pull:{}", pause.as_millis()),
        }
    }
}

/// How the last payment at this terminal went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Last {
    /// Its card was declined.
    Declined,
    /// It was not, or there was none.
    #[default]
    NotDeclined,
}

impl Last {
    /// What this screen says about it, if anything.
    pub(crate) fn after(self, screen: &Screen) -> Self {
        match screen {
            Screen::Declined => Last::Declined,
            Screen::Approved | Screen::Cancelled | Screen::AcceptedOffline => Last::NotDeclined,
            Screen::Idle
            | Screen::PresentCard { .. }
            | Screen::EnterPin
            | Screen::Authorizing
            | Screen::OutOfService => self,
        }
    }
}

/// What a cardholder can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Present(&'static TestCard, EntryMode),
    EnterPin,
    RemoveCard,
    /// The red button.
    GiveUp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use vinr_protocol::{Amount, Currency, PaymentId};

    fn prompt() -> Screen {
        Screen::PresentCard {
            payment: PaymentId::new("tpay_1").unwrap(),
            amount: Amount::MIN,
            currency: Currency::USD,
        }
    }

    fn first(script: &Script, screen: &Screen) -> Option<(Duration, Act)> {
        script.reaction(screen, Last::NotDeclined)
    }

    fn presents(act: &Act, outcome: &str) -> bool {
        matches!(act, Act::Present(card, _) if card.outcome == outcome)
    }

    #[test]
    fn the_page_s_sample_gets_its_card_after_300_ms() {
        let (pause, act) = first(&Script::default(), &prompt()).unwrap();
        assert_eq!(pause, Duration::from_millis(300));
        assert!(matches!(act, Act::Present(card, _) if card.number == "4242424242424242"));
    }

    #[test]
    fn a_cardholder_by_hand_does_nothing_unasked() {
        let script = Script::by_hand();
        assert_eq!(first(&script, &prompt()), None);
        assert_eq!(first(&script, &Screen::EnterPin), None);
    }

    #[test]
    fn a_second_card_comes_after_a_decline_and_not_before() {
        let script: Script = "card:declined,then:approved".parse().unwrap();
        assert!(presents(&first(&script, &prompt()).unwrap().1, "declined"));
        let last = Last::default()
            .after(&Screen::Declined)
            .after(&Screen::Idle);
        let (_, act) = script.reaction(&prompt(), last).unwrap();
        assert!(presents(&act, "approved"));
    }

    #[test]
    fn whoever_pulls_the_card_enters_no_pin() {
        let script: Script = "card:approved_with_pin,pull:1000".parse().unwrap();
        let expected = (Duration::from_secs(1), Act::RemoveCard);
        assert_eq!(first(&script, &Screen::EnterPin), Some(expected));
    }

    #[test]
    fn whoever_walks_away_at_the_pin_pad_has_presented_a_card() {
        let script: Script = "tap:0,pin-walk-away".parse().unwrap();
        assert!(first(&script, &prompt()).is_some());
        assert_eq!(first(&script, &Screen::EnterPin), None);
    }

    #[test]
    fn a_script_is_read_as_it_is_written() {
        for words in [
            "tap:300,card:4242424242424242,pin",
            "walk-away,card:4000000000000002,then:4000000000000077,pin:5000",
            "tap:0,card:4000000000000259,pin-walk-away",
            "tap:1,card:4000000000000077,pull:20",
        ] {
            assert_eq!(words.parse::<Script>().unwrap().to_string(), words);
        }
    }

    #[test]
    fn a_word_that_is_none_is_refused() {
        for words in [
            "",
            "tap",
            "tap:soon",
            "card:4111",
            "pin:",
            "pull",
            "walk-away:1",
            "tap:1,",
        ] {
            assert!(words.parse::<Script>().is_err(), "{words}");
        }
    }
}
