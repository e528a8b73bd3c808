//! What the cardholder sees, with the moment at which it was lit.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::broadcast;
use vinr_protocol::payment::Payment;
use vinr_protocol::terminal::Screen;
use vinr_protocol::{Amount, Currency, PaymentId, Reference, TerminalId};

/// How many events a slow listener may lag behind before it misses some.
const BACKLOG: usize = 1024;

/// A change of a terminal's screen, as the control port streams it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenEvent {
    /// Always `screen`.
    pub event: &'static str,
    /// Whose screen.
    pub terminal: TerminalId,
    /// What it shows.
    pub screen: Picture,
    /// The sale on it.
    pub reference: Option<Reference>,
    /// The payment on it.
    pub payment_id: Option<PaymentId>,
    /// The amount on it, in minor units.
    pub amount: Option<Amount>,
    /// The currency of the amount.
    pub currency: Option<Currency>,
    /// When it was lit, in nanoseconds since the terminal was started; monotonic.
    pub at_ns: u64,
    /// The same moment by the clock of this process.
    #[serde(skip)]
    pub lit: Instant,
    /// With `present_card`: milliseconds from the last byte of the command to this moment.
    pub activation: Option<f64>,
}

/// The pictures there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Picture {
    /// Dark: the power is off.
    Off,
    /// Ready for the next sale.
    Idle,
    /// The amount, and "present card".
    PresentCard,
    /// "Enter PIN".
    EnterPin,
    /// "One moment".
    Authorizing,
    /// The payment is completed.
    Approved,
    /// The payment failed.
    Declined,
    /// The payment is cancelled.
    Cancelled,
    /// The payment is in the offline queue: accepted, not approved.
    AcceptedOffline,
    /// The journal failed.
    OutOfService,
}

impl From<&Screen> for Picture {
    fn from(screen: &Screen) -> Self {
        match screen {
            Screen::Idle => Picture::Idle,
            Screen::PresentCard { .. } => Picture::PresentCard,
            Screen::EnterPin => Picture::EnterPin,
            Screen::Authorizing => Picture::Authorizing,
            Screen::Approved => Picture::Approved,
            Screen::Declined => Picture::Declined,
            Screen::Cancelled => Picture::Cancelled,
            Screen::AcceptedOffline => Picture::AcceptedOffline,
            Screen::OutOfService => Picture::OutOfService,
        }
    }
}

/// A screen that can be looked at from elsewhere.
#[derive(Debug)]
pub(crate) struct Display {
    terminal: TerminalId,
    started: Instant,
    now: Mutex<ScreenEvent>,
    events: broadcast::Sender<ScreenEvent>,
}

impl Display {
    pub(crate) fn new(terminal: TerminalId) -> Self {
        let started = Instant::now();
        Self {
            now: Mutex::new(dark(terminal.clone(), started)),
            terminal,
            started,
            events: broadcast::channel(BACKLOG).0,
        }
    }

    /// Lights the screen for the payment that holds it, if any.
    pub(crate) fn show(
        &self,
        screen: &Screen,
        payment: Option<&Payment>,
        activation: Option<Duration>,
    ) {
        let mut event = dark(self.terminal.clone(), self.started);
        event.screen = screen.into();
        event.activation = activation.map(|took| took.as_secs_f64() * 1000.0);
        if let Some(payment) = payment {
            event.reference = Some(payment.reference.clone());
            event.payment_id = Some(payment.id.clone());
            event.amount = Some(payment.amount);
            event.currency = Some(payment.currency);
        }
        if let Screen::PresentCard {
            payment,
            amount,
            currency,
        } = screen
        {
            event.payment_id = Some(payment.clone());
            event.amount = Some(*amount);
            event.currency = Some(*currency);
        }
        self.put(event);
    }

    /// The power is gone.
    pub(crate) fn go_dark(&self) {
        self.put(dark(self.terminal.clone(), self.started));
    }

    fn put(&self, event: ScreenEvent) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = event.clone();
        // Under the lock, so that `watch` sees each event once. No listener is no fault.
        let _ = self.events.send(event);
    }

    /// What it shows now.
    pub(crate) fn now(&self) -> ScreenEvent {
        self.now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What it shows now, and everything from here on.
    pub(crate) fn watch(&self) -> (ScreenEvent, broadcast::Receiver<ScreenEvent>) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (now.clone(), self.events.subscribe())
    }

    /// Waits until the screen shows something that fits; looks at what it shows now first.
    pub(crate) async fn wait_for(&self, fits: impl Fn(&ScreenEvent) -> bool) -> ScreenEvent {
        let (mut event, mut events) = self.watch();
        while !fits(&event) {
            event = match events.recv().await {
                Ok(event) => event,
                Err(broadcast::error::RecvError::Lagged(_)) => self.now(),
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            };
        }
        event
    }
}

fn dark(terminal: TerminalId, started: Instant) -> ScreenEvent {
    let lit = Instant::now();
    let since = lit.duration_since(started);
    ScreenEvent {
        event: "screen",
        terminal,
        screen: Picture::Off,
        reference: None,
        payment_id: None,
        amount: None,
        currency: None,
        at_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        lit,
        activation: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_picture_that_is_there_already_is_seen() {
        let display = Display::new(TerminalId::new("term_1").unwrap());
        display.show(&Screen::Idle, None, None);
        let seen = display
            .wait_for(|event| event.screen == Picture::Idle)
            .await;
        assert_eq!(seen.screen, Picture::Idle);
    }

    #[tokio::test]
    async fn an_event_is_the_json_that_the_stream_promises() {
        let display = Display::new(TerminalId::new("term_1").unwrap());
        let screen = Screen::PresentCard {
            payment: PaymentId::new("tpay_1").unwrap(),
            amount: Amount::new(2500).unwrap(),
            currency: Currency::USD,
        };
        display.show(&screen, None, Some(Duration::from_micros(1500)));
        let mut json = serde_json::to_value(display.now()).unwrap();
        json["atNs"] = 0.into();
        let expected = serde_json::json!({
            "event": "screen", "terminal": "term_1", "screen": "present_card", "reference": null,
            "paymentId": "tpay_1", "amount": 2500, "currency": "USD", "atNs": 0, "activation": 1.5,
        });
        assert_eq!(json, expected);
    }
}
