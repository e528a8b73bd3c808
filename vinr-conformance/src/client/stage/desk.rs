//! What a terminal of the suite decides: the terminal's own machine, with a cardholder and a host who do as they are told.
//!
//! The rules are [`vinr_protocol::terminal`]'s, so that joins, cancels and look-ups are answered rightly whatever a till
//! does; the ledger is the suite's. Nothing is written to a disk: the suite does not cut its own power.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use vinr_protocol::device::Model;
use vinr_protocol::payment::{Brand, ConnectionMode, DeclineCode, EntryMode, Status};
use vinr_protocol::reader::{Activity, ReaderStatus};
use vinr_protocol::terminal::{
    Answer, Caller, CardFacts, Config, Effect, HostVerdict, Input, PinEntry, Record, Revocation,
    Screen, Session, Timer,
};
use vinr_protocol::{
    Amount, AttemptKey, CancelRequest, Currency, JournalId, Machine as _, PayRequest, PaymentId,
    Reference, TerminalId, Timestamp,
};

use crate::client::veil::Veil;
use crate::journal::{Event, Journal, TillEvent};

/// Longer than any host of a scenario takes.
const HOST_WITHIN: Duration = Duration::from_secs(10);

/// What the next cardholder does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Customer {
    /// The card is tapped so long after the screen asked for it; `None`: never.
    pub(crate) taps_after: Option<Duration>,
    /// What the host says; `None`: approved.
    pub(crate) declined: Option<DeclineCode>,
    /// How long the host takes.
    pub(crate) host_after: Duration,
}

impl Default for Customer {
    fn default() -> Self {
        Self {
            taps_after: Some(Duration::from_millis(200)),
            declined: None,
            host_after: Duration::from_millis(20),
        }
    }
}

/// What a request is answered, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// Accepted, and on the screen.
    Head,
    /// The whole of it.
    Answer(Box<Answer>),
}

/// The inside of one terminal. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    terminal: TerminalId,
    journal: Journal,
    veil: Veil,
    callers: AtomicU64,
    /// Told whenever the host has answered, and the terminal heard it.
    host_answered: Notify,
    state: Mutex<State>,
}

struct State {
    session: Session,
    waiting: BTreeMap<Caller, mpsc::UnboundedSender<Word>>,
    customers: VecDeque<Customer>,
    /// Whoever comes when no one else is expected.
    usual: Customer,
    armed: BTreeMap<Timer, u64>,
    arms: u64,
    /// What the host knows of a payment: approved, or closed.
    host: BTreeMap<PaymentId, bool>,
    verdicts: BTreeMap<PaymentId, Customer>,
    activity: Activity,
}

impl Desk {
    pub(crate) fn new(terminal: TerminalId, model: Model, journal: Journal, veil: Veil) -> Self {
        let session = session(&terminal, model);
        Self(Arc::new(Inner {
            terminal,
            journal,
            veil,
            callers: AtomicU64::new(0),
            host_answered: Notify::new(),
            state: Mutex::new(State {
                session,
                waiting: BTreeMap::new(),
                customers: VecDeque::new(),
                usual: Customer::default(),
                armed: BTreeMap::new(),
                arms: 0,
                host: BTreeMap::new(),
                verdicts: BTreeMap::new(),
                activity: Activity::Idle,
            }),
        }))
    }

    pub(crate) fn terminal(&self) -> &TerminalId {
        &self.0.terminal
    }

    /// The next cardholder; the ones after are as usual.
    pub(crate) fn expect(&self, customer: Customer) {
        self.lock().customers.push_back(customer);
    }

    /// Every cardholder from here on.
    pub(crate) fn usually(&self, customer: Customer) {
        self.lock().usual = customer;
    }

    /// Whoever comes when no one else is expected.
    pub(crate) fn usual(&self) -> Customer {
        self.lock().usual.clone()
    }

    /// Is it free?
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().activity == Activity::Idle
    }

    /// The internet goes, or comes back.
    pub(crate) fn internet(&self, status: ReaderStatus) {
        self.feed(Input::Internet { status });
    }

    /// A card is tapped now, whatever the screen shows.
    pub(crate) fn tap(&self) {
        self.feed(Input::CardRead {
            card: card(),
            now: now(),
        });
    }

    /// The same, and the host has answered when this is done.
    pub(super) async fn tap_and_await_the_host(&self) {
        let answered = self.0.host_answered.notified();
        tokio::pin!(answered);
        answered.as_mut().enable();
        self.tap();
        // Where no payment is on the screen nobody asks the host.
        let _ = timeout(HOST_WITHIN, answered).await;
    }

    /// The cardholder on the screen presses the red button.
    pub(crate) fn red_button(&self) {
        self.feed(Input::CustomerGaveUp { now: now() });
    }

    /// Another device takes its place, with its name and without its journal.
    pub(crate) fn is_swapped(&self) {
        self.lock().session = session(&self.0.terminal, Model::NexgoCt20);
    }

    /// Another till, which is not judged, asks for a payment.
    pub(crate) fn elsewhere(&self, reference: &str, key: &str) {
        let (Ok(reference), Ok(key), Ok(amount)) = (
            Reference::new(reference),
            AttemptKey::new(key),
            Amount::new(2500),
        ) else {
            return;
        };
        let terminal = self.terminal().clone();
        let request = PayRequest::new(terminal, amount, Currency::USD, reference);
        // Nobody waits for its answer.
        let _ = self.pay(request, Some(key), ConnectionMode::Local);
    }

    pub(super) fn pay(
        &self,
        request: PayRequest,
        key: Option<AttemptKey>,
        path: ConnectionMode,
    ) -> (Caller, mpsc::UnboundedReceiver<Word>) {
        let id = PaymentId::new(&format!("tpay_{}", ulid::Ulid::generate()))
            .expect("a ULID is visible ASCII");
        self.ask(|caller| Input::Pay {
            caller,
            request,
            key,
            path,
            expires_at: None,
            id,
            now: now(),
            revocation: Revocation::InForce,
        })
    }

    pub(super) fn look_up(&self, reference: Reference) -> (Caller, mpsc::UnboundedReceiver<Word>) {
        self.ask(|caller| Input::LookUp { caller, reference })
    }

    pub(super) fn look_up_id(&self, id: PaymentId) -> (Caller, mpsc::UnboundedReceiver<Word>) {
        self.ask(|caller| Input::LookUpId { caller, id })
    }

    pub(super) fn cancel(&self, request: CancelRequest) -> (Caller, mpsc::UnboundedReceiver<Word>) {
        self.ask(|caller| Input::Cancel {
            caller,
            request,
            now: now(),
        })
    }

    pub(super) fn describe(&self) -> (Caller, mpsc::UnboundedReceiver<Word>) {
        self.ask(|caller| Input::Describe { caller })
    }

    /// Whoever asked is gone; the interaction goes on.
    pub(super) fn hangs_up(&self, caller: Caller) {
        self.lock().waiting.remove(&caller);
        self.feed(Input::CallerGone { caller });
    }

    fn ask(&self, input: impl FnOnce(Caller) -> Input) -> (Caller, mpsc::UnboundedReceiver<Word>) {
        let caller = Caller(self.0.callers.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, words) = mpsc::unbounded_channel();
        self.lock().waiting.insert(caller, sender);
        self.feed(input(caller));
        (caller, words)
    }

    /// Steps, and performs what the machine wants, in order and at once.
    fn feed(&self, input: Input) {
        let mut state = self.lock();
        let effects = state.session.step(input);
        for effect in effects {
            self.perform(&mut state, effect);
        }
    }

    fn perform(&self, state: &mut State, effect: Effect) {
        match effect {
            Effect::Persist(Record::Attempt(attempt)) => {
                // A till may have put anything into its metadata. [SEC-1]
                let payment = serde_json::to_string(&attempt.payment).unwrap_or_default();
                let payment = self.0.veil.cover(&payment);
                self.record(TillEvent::Stands {
                    at: self.0.terminal.to_string(),
                    payment: serde_json::from_str(&payment).unwrap_or_default(),
                });
            }
            Effect::Persist(Record::Tombstone { reference, key }) => {
                self.record(TillEvent::Buried {
                    at: self.0.terminal.to_string(),
                    reference: reference.to_string(),
                    key: key.to_string(),
                });
            }
            Effect::Show(Screen::PresentCard { payment, .. }) => {
                let customer = state
                    .customers
                    .pop_front()
                    .unwrap_or_else(|| state.usual.clone());
                if let Some(after) = customer.taps_after {
                    let payment = payment.clone();
                    self.later(after, move |desk| desk.taps_for(&payment));
                }
                state.verdicts.insert(payment, customer);
            }
            Effect::Head { caller, .. } => {
                if let Some(words) = state.waiting.get(&caller) {
                    let _ = words.send(Word::Head);
                }
            }
            Effect::Answer { caller, answer } => {
                if let Some(words) = state.waiting.remove(&caller) {
                    let _ = words.send(Word::Answer(Box::new(answer)));
                }
            }
            Effect::Authorize { payment } => {
                let id = payment.id.clone();
                let customer = state.verdicts.get(&id).cloned().unwrap_or_default();
                self.later(customer.host_after, move |desk| {
                    desk.authorizes(&id, payment.reference.as_str(), customer.declined);
                });
            }
            Effect::AskHost { payment } => {
                let verdict = match state.host.get(&payment) {
                    Some(true) => HostVerdict::Approved,
                    Some(false) | None => HostVerdict::Voided,
                };
                state.host.entry(payment.clone()).or_insert(false);
                self.later(Duration::from_millis(20), move |desk| {
                    desk.feed(Input::HostAnswered {
                        payment,
                        verdict,
                        now: now(),
                    });
                });
            }
            Effect::Reverse { payment } => {
                self.record(TillEvent::Reversed {
                    payment: payment.to_string(),
                });
                self.later(Duration::from_millis(20), move |desk| {
                    desk.feed(Input::HostReversed { payment });
                });
            }
            Effect::Arm(timer, duration) => {
                state.arms += 1;
                let number = state.arms;
                state.armed.insert(timer.clone(), number);
                self.later(duration, move |desk| desk.elapses(timer, number));
            }
            Effect::Disarm(timer) => {
                state.armed.remove(&timer);
            }
            Effect::Announce(activity) => state.activity = activity,
            Effect::Show(_) | Effect::Alarm(_) => {}
        }
    }

    /// The cardholder of this payment taps: nothing, where it is no longer on the screen.
    fn taps_for(&self, payment: &PaymentId) {
        let (_, mut words) = self.look_up_id(payment.clone());
        let is_pending = matches!(
            words.try_recv(),
            Ok(Word::Answer(answer))
                if matches!(&*answer, Answer::Payment(own) if own.status == Status::Pending)
        );
        if is_pending {
            self.tap();
        }
    }

    fn authorizes(&self, payment: &PaymentId, reference: &str, declined: Option<DeclineCode>) {
        let verdict = {
            let mut state = self.lock();
            match (state.host.get(payment), declined) {
                // Closed by a question that came first, or answered already.
                (Some(false), _) => HostVerdict::Voided,
                (Some(true), _) => HostVerdict::Approved,
                (None, Some(code)) => {
                    state.host.insert(payment.clone(), false);
                    HostVerdict::Declined(code)
                }
                (None, None) => {
                    state.host.insert(payment.clone(), true);
                    self.record(TillEvent::Charged {
                        at: self.0.terminal.to_string(),
                        reference: reference.to_owned(),
                        payment: payment.to_string(),
                    });
                    HostVerdict::Approved
                }
            }
        };
        self.feed(Input::HostAnswered {
            payment: payment.clone(),
            verdict,
            now: now(),
        });
        self.0.host_answered.notify_waiters();
    }

    fn elapses(&self, timer: Timer, number: u64) {
        let is_armed = {
            let mut state = self.lock();
            let is_armed = state.armed.get(&timer) == Some(&number);
            if is_armed {
                state.armed.remove(&timer);
            }
            is_armed
        };
        if is_armed {
            self.feed(Input::Elapsed { timer, now: now() });
        }
    }

    fn later(&self, after: Duration, what: impl FnOnce(Desk) + Send + 'static) {
        let desk: Weak<Inner> = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(desk) = desk.upgrade() {
                what(Desk(desk));
            }
        });
    }

    fn record(&self, event: TillEvent) {
        self.0.journal.record(Event::Till(event));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A terminal with an empty journal.
fn session(terminal: &TerminalId, model: Model) -> Session {
    let id = JournalId::new(&format!("jrn_{}", ulid::Ulid::generate()))
        .expect("a ULID is visible ASCII");
    Session::new(Config::new(terminal.clone(), model, "conformance"), id)
}

fn card() -> CardFacts {
    CardFacts {
        last4: "4242".into(),
        brand: Brand::Visa,
        entry_mode: EntryMode::Contactless,
        pin: PinEntry::NotRequired,
    }
}

pub(super) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
