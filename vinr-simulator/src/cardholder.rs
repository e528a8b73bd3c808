//! A cardholder who follows a script, or does nothing until the control port says so.

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
    /// What happens when the terminal asks for a PIN.
    pub pin: PinHabit,
}

/// What the cardholder does when the terminal asks for a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinHabit {
    /// Enters it.
    Enters,
    /// Waits for `enter_pin` at the control port.
    Waits,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            tap_after: Some(TAP_AFTER),
            card: Default::default(),
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

    /// What the cardholder does about this screen, and after which pause.
    pub(crate) fn reaction(&self, screen: &Screen) -> Option<(Duration, Act)> {
        match screen {
            Screen::PresentCard { .. } => {
                let act = Act::Present(self.card, self.card.entry_mode.clone());
                self.tap_after.map(|pause| (pause, act))
            }
            Screen::EnterPin if self.pin == PinHabit::Enters => {
                Some((self.tap_after.unwrap_or(TAP_AFTER), Act::EnterPin))
            }
            _ => None,
        }
    }
}

/// What a cardholder can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Present(&'static TestCard, EntryMode),
    EnterPin,
    RemoveCard,
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

    #[test]
    fn the_page_s_sample_gets_its_card_after_300_ms() {
        let (pause, act) = Script::default().reaction(&prompt()).unwrap();
        assert_eq!(pause, Duration::from_millis(300));
        assert!(matches!(act, Act::Present(card, _) if card.number == "4242424242424242"));
    }

    #[test]
    fn a_cardholder_by_hand_does_nothing_unasked() {
        let script = Script::by_hand();
        assert_eq!(script.reaction(&prompt()), None);
        assert_eq!(script.reaction(&Screen::EnterPin), None);
    }
}
