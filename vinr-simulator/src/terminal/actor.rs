//! The one task that hosts a terminal's machine: feeds it what happens and performs what it asks, strictly in order.
//!
//! While a payment is held the actor is free: it waits for nothing but the disk. \[REC-14\]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use vinr_discovery::Announcement;
use vinr_protocol::command::Command;
use vinr_protocol::payment::{ConnectionMode, EntryMode, Payment};
use vinr_protocol::reader::{Activity, ReaderStatus};
use vinr_protocol::terminal::{Alarm, Caller, Effect, HostVerdict, Input, Record, Screen, Timer};
use vinr_protocol::{Machine, PaymentId, Timestamp};
use vinr_transport::drive::Timers;

use super::http::Waiting;
use super::record::Journal;
use crate::cardholder::{Act, Script};
use crate::cards::TestCard;
use crate::defect::Wire;
use crate::host::Host;
use crate::screen::Display;

/// The machine of a terminal.
pub(super) type Brain = Box<dyn Machine<Input = Input, Effect = Effect> + Send>;

/// What reaches the actor.
pub(crate) enum Message {
    /// A till asks.
    Asked {
        caller: Caller,
        command: Command,
        received: Instant,
        waiting: Waiting,
    },
    /// A till's connection is gone.
    HungUp(Caller),
    /// The cardholder does something; the answer is whether the terminal took it.
    Act(Act, oneshot::Sender<bool>),
    /// The cardholder gets another script.
    Script(Script),
    /// The host's word.
    Host(PaymentId, HostVerdict),
    /// The host acknowledged a reversal.
    Reversed(PaymentId),
    /// A picture that nothing stands behind: only a broken terminal shows one.
    Flash(Screen),
}

/// What an actor works with.
pub(super) struct Parts {
    pub(super) machine: Brain,
    /// None where it could not be read: such a machine persists nothing.
    pub(super) journal: Option<Journal>,
    pub(super) host: Arc<Host>,
    pub(super) display: Arc<Display>,
    pub(super) script: Script,
    pub(super) wire: Wire,
    pub(super) inbox: mpsc::UnboundedReceiver<Message>,
    pub(super) sender: mpsc::UnboundedSender<Message>,
}

/// A terminal at work.
pub(super) struct Actor {
    parts: Parts,
    timers: Timers<Timer>,
    callers: BTreeMap<Caller, Waiting>,
    /// Its owner ends it whenever it likes.
    announcement: Weak<Announcement>,
    /// The payment that was journaled last, and the one on the screen.
    journaled: Option<Payment>,
    shown: Option<Payment>,
    /// The card that was presented last.
    card: &'static TestCard,
    /// What the script does next: replaced by every new screen, so that no tap meets a later payment.
    next_act: Option<(Instant, Act)>,
}

impl Actor {
    /// Performs what the boot asks for, before any socket opens. \[REC-15\]
    pub(super) async fn boot(parts: Parts, effects: Vec<Effect>) -> Self {
        let mut actor = Self {
            parts,
            timers: Timers::new(),
            callers: BTreeMap::new(),
            announcement: Weak::new(),
            journaled: None,
            shown: None,
            card: Default::default(),
            next_act: None,
        };
        actor.perform(effects, Instant::now()).await;
        actor
    }

    /// Works until it is dropped.
    pub(super) async fn run(mut self, announcement: Weak<Announcement>) {
        self.announcement = announcement;
        loop {
            let act_at = self.next_act.as_ref().map(|(at, _)| *at);
            tokio::select! {
                message = self.parts.inbox.recv() => match message {
                    Some(message) => self.receive(message).await,
                    None => return,
                },
                timer = self.timers.elapsed() => {
                    let input = Input::Elapsed { timer, now: now() };
                    self.feed(input, Instant::now()).await;
                }
                () = at(act_at) => {
                    if let Some((_, act)) = self.next_act.take() {
                        self.act(act).await;
                    }
                }
            }
        }
    }

    async fn receive(&mut self, message: Message) {
        match message {
            Message::Asked {
                caller,
                command,
                received,
                waiting,
            } => {
                self.callers.insert(caller, waiting);
                self.feed(input(caller, command), received).await;
            }
            Message::HungUp(caller) => {
                self.callers.remove(&caller);
                self.feed(Input::CallerGone { caller }, Instant::now())
                    .await;
            }
            Message::Act(act, taken) => {
                let is_taken = self.act(act).await;
                let _ = taken.send(is_taken);
            }
            Message::Script(script) => self.parts.script = script,
            Message::Host(payment, verdict) => {
                let input = Input::HostAnswered {
                    payment,
                    verdict,
                    now: now(),
                };
                self.feed(input, Instant::now()).await;
            }
            Message::Reversed(payment) => {
                self.feed(Input::HostReversed { payment }, Instant::now())
                    .await;
            }
            Message::Flash(screen) => {
                self.parts.display.show(&screen, None, None);
                self.parts.display.show(&Screen::Idle, None, None);
            }
        }
    }

    /// What the cardholder does; true where the terminal took it.
    async fn act(&mut self, act: Act) -> bool {
        let now = now();
        let input = match act {
            Act::Present(card, entry_mode) => return self.present(card, entry_mode, now).await,
            Act::EnterPin => Input::PinEntered { now },
            Act::RemoveCard => Input::CardRemoved { now },
        };
        self.feed(input, Instant::now()).await
    }

    /// A card that is not taken decides nothing: the authorization is about the one that was. \[PAY-17\]
    async fn present(&mut self, card: &'static TestCard, mode: EntryMode, now: Timestamp) -> bool {
        let before = std::mem::replace(&mut self.card, card);
        let card = card.facts(mode);
        let is_taken = self
            .feed(Input::CardRead { card, now }, Instant::now())
            .await;
        if !is_taken {
            self.card = before;
        }
        is_taken
    }

    /// Gives the machine an input; true where it asked for anything.
    async fn feed(&mut self, input: Input, arrived: Instant) -> bool {
        let effects = self.parts.machine.step(input);
        let is_taken = !effects.is_empty();
        self.perform(effects, arrived).await;
        is_taken
    }

    /// Performs effects one after the other.
    async fn perform(&mut self, effects: Vec<Effect>, arrived: Instant) {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Persist(record) => {
                    // [REC-6] nothing after this is seen by anybody before the record is durable.
                    if !self.persist(record).await {
                        let undone = effects.into();
                        let failed = Input::StorageFailed { undone };
                        effects = self.parts.machine.step(failed).into();
                    }
                }
                Effect::Show(screen) => self.show(screen, arrived).await,
                Effect::Head { caller, activation } => {
                    if let Some(waiting) = self.callers.remove(&caller) {
                        let waiting = waiting.head(caller, activation, &self.parts.sender);
                        self.callers.insert(caller, waiting);
                    }
                }
                Effect::Answer { caller, answer } => {
                    if let Some(waiting) = self.callers.remove(&caller) {
                        waiting.answer(answer);
                    }
                }
                Effect::Authorize { payment } => self.authorize(payment),
                Effect::AskHost { payment } => self.ask_host(payment),
                Effect::Reverse { payment } => self.reverse(payment),
                Effect::Arm(timer, after) => self.timers.arm(timer, arrived + after),
                Effect::Disarm(timer) => self.timers.disarm(&timer),
                Effect::Announce(activity) => self.announce(activity),
                Effect::Alarm(alarm) => alert(&alarm),
            }
        }
    }

    async fn persist(&mut self, record: Record) -> bool {
        let is_durable = match &self.parts.journal {
            Some(journal) => journal.append(&record).await.is_ok(),
            None => false,
        };
        if let Record::Attempt(attempt) = record {
            let payment = attempt.payment.clone();
            tracing::info!(
                reference = %payment.reference, payment = %payment.id, status = %payment.status,
                is_durable, "payment"
            );
            self.journaled = Some(payment);
        }
        is_durable
    }

    /// Lights the screen; the cardholder sees it and does what comes next. \[PAY-2\]
    async fn show(&mut self, screen: Screen, arrived: Instant) {
        let activation = match &screen {
            Screen::PresentCard { payment, .. } => {
                self.parts.wire.before_prompt().await;
                self.shown = self.journaled.clone().filter(|it| it.id == *payment);
                Some(arrived.elapsed())
            }
            Screen::Idle | Screen::OutOfService => {
                self.shown = None;
                None
            }
            _ => None,
        };
        self.parts
            .display
            .show(&screen, self.shown.as_ref(), activation);
        let reaction = self.parts.script.reaction(&screen);
        self.next_act = reaction.map(|(pause, act)| (Instant::now() + pause, act));
    }

    fn authorize(&self, payment: Payment) {
        let (host, sender, card) = (
            self.parts.host.clone(),
            self.parts.sender.clone(),
            self.card,
        );
        tokio::spawn(async move {
            if let Some(verdict) = host.authorize(&payment, card).await {
                let _ = sender.send(Message::Host(payment.id, verdict));
            }
        });
    }

    fn ask_host(&self, payment: PaymentId) {
        let (host, sender) = (self.parts.host.clone(), self.parts.sender.clone());
        tokio::spawn(async move {
            if let Some(verdict) = host.status(&payment).await {
                let _ = sender.send(Message::Host(payment, verdict));
            }
        });
    }

    fn reverse(&self, payment: PaymentId) {
        let (host, sender) = (self.parts.host.clone(), self.parts.sender.clone());
        tokio::spawn(async move {
            if host.reverse(&payment).await.is_some() {
                let _ = sender.send(Message::Reversed(payment));
            }
        });
    }

    fn announce(&self, activity: Activity) {
        if let Some(announcement) = self.announcement.upgrade() {
            announcement.update(ReaderStatus::Online, activity);
        }
    }
}

/// A person must handle it.
fn alert(alarm: &Alarm) {
    match alarm {
        Alarm::QueueStale { payment } => {
            tracing::error!(%payment, "a queued payment has waited for 24 h: bring the terminal online");
        }
        Alarm::DuplicateSuspected { payment } => {
            tracing::error!(%payment, "a queued payment was refused, for its sale is paid by another: goods may have gone out twice");
        }
    }
}

fn input(caller: Caller, command: Command) -> Input {
    match command {
        Command::Pay { request, key } => Input::Pay {
            caller,
            request,
            key,
            path: ConnectionMode::Local,
            expires_at: None,
            id: fresh_payment_id(),
            now: now(),
        },
        Command::Cancel(request) => Input::Cancel {
            caller,
            request,
            now: now(),
        },
        Command::Payments(reference) => Input::LookUp { caller, reference },
        Command::Payment(id) => Input::LookUpId { caller, id },
        Command::Reader => Input::Describe { caller },
    }
}

pub(crate) fn fresh_payment_id() -> PaymentId {
    let id = format!("tpay_{}", ulid::Ulid::generate());
    PaymentId::new(&id).expect("a prefix and a ULID are visible ASCII")
}

pub(super) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use vinr_protocol::device::Model;
    use vinr_protocol::id::RequestId;
    use vinr_protocol::request::PayRequest;
    use vinr_protocol::terminal::{Config, Session};
    use vinr_protocol::{Amount, Currency, JournalId, Reference, TerminalId};

    use super::super::http::Said;
    use super::super::record::Attempts;
    use super::*;
    use crate::host::Guard;
    use crate::screen::Picture;
    use vinr_journal::sim::{Fault, SimDisk};
    use vinr_journal::{DataDir, KeyRing, Place, Settings};

    /// A journal on a disk that refuses every write.
    fn on_a_broken_disk() -> Journal {
        let disk = SimDisk::default();
        let place = Place {
            dir: "/data".into(),
            name: "journal".into(),
            mark: "/keys/mark".into(),
        };
        let opened = Journal::open_on(
            Arc::new(disk.clone()),
            None,
            place,
            KeyRing::public(),
            Attempts,
            Settings::default(),
            || "jrn_1".into(),
            &mut |_| {},
        );
        disk.fail_after(0, Fault::Broken);
        opened.unwrap().journal
    }

    // [REC-6, REC-21]
    #[tokio::test]
    async fn what_cannot_be_made_durable_is_refused_and_never_shown() {
        let terminal = TerminalId::new("term_1").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let display = Arc::new(Display::new(terminal.clone()));
        let (_, mut screens) = display.watch();
        let (sender, inbox) = mpsc::unbounded_channel();
        let config = Config::new(terminal.clone(), Model::Simulator, "");
        let parts = Parts {
            machine: Box::new(Session::new(config, JournalId::new("jrn_1").unwrap())),
            journal: Some(on_a_broken_disk()),
            host: Arc::new(Host::open(&data, Guard::OnePerReference).unwrap()),
            display,
            script: Script::default(),
            wire: Wire::default(),
            inbox,
            sender: sender.clone(),
        };
        let _actor = tokio::spawn(Actor::boot(parts, Vec::new()).await.run(Weak::new()));

        for reference in ["order_1", "order_2"] {
            let (said, answer) = oneshot::channel();
            let request = PayRequest::new(
                terminal.clone(),
                Amount::MIN,
                Currency::USD,
                Reference::new(reference).unwrap(),
            );
            let asked = Message::Asked {
                caller: Caller(1),
                command: Command::Pay { request, key: None },
                received: Instant::now(),
                waiting: Waiting::Head {
                    said,
                    received: Instant::now(),
                    request_id: RequestId::new("req_1").unwrap(),
                },
            };
            assert!(sender.send(asked).is_ok());
            let Said::Full { status, json, .. } = answer.await.unwrap() else {
                panic!("accepted");
            };
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(String::from_utf8_lossy(&json).contains("storage_failed"));
        }
        assert_eq!(screens.recv().await.unwrap().screen, Picture::OutOfService);
        assert!(screens.try_recv().is_err());
    }
}
