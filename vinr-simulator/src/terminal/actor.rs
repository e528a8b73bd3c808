//! The one task that hosts a terminal's machine: feeds it what happens and performs what it asks, strictly in order.
//!
//! While a payment is held the actor is free: it waits for nothing but the disk. \[REC-14\]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use vinr_discovery::Announcement;
use vinr_protocol::command::Command;
use vinr_protocol::device::OfflineLimits;
use vinr_protocol::payment::{ConnectionMode, EntryMode, Payment};
use vinr_protocol::reader::{Activity, ReaderStatus};
use vinr_protocol::terminal::{
    Alarm, Answer, Caller, ClockState, Effect, HostVerdict, Input, LocalMode, Record, Revocation,
    Screen, Space, Timer,
};
use vinr_protocol::{Machine, PaymentId, TerminalId, Timestamp};
use vinr_transport::drive::Timers;

use super::board::Board;
use super::clock::DeviceClock;
use super::http::Waiting;
use super::quirk::{self, Quirk};
use super::record::Journal;
use crate::cardholder::{Act, Last, Script};
use crate::cards::TestCard;
use crate::defect::Wire;
use crate::host::{Host, Word};
use crate::screen::Display;

/// The machine of a terminal.
pub(super) type Brain = Box<dyn Machine<Input = Input, Effect = Effect> + Send>;

/// What reaches the actor.
pub(crate) enum Message {
    /// A till asks, or the cloud does.
    Asked {
        caller: Caller,
        command: Command,
        way: Way,
        received: Instant,
        waiting: Waiting,
    },
    /// A till's connection is gone.
    HungUp(Caller),
    /// The cardholder does something; the answer is whether the terminal took it.
    Act(Act, oneshot::Sender<bool>),
    /// The cardholder gets another script.
    Script(Script),
    /// A setting of the device changed.
    Set(Setting),
    /// The terminal is advertised anew.
    Advertised(Weak<Announcement>),
    /// The host's word.
    Host(PaymentId, HostVerdict),
    /// The line was down when an authorization was to be sent.
    NotSent(PaymentId),
    /// The host acknowledged a reversal.
    Reversed(PaymentId),
    /// A picture that nothing stands behind: only a broken terminal shows one.
    Flash(Screen),
}

/// A setting of the device.
pub(crate) enum Setting {
    LocalMode(LocalMode),
    Limits(Option<OfflineLimits>),
    Clock(ClockState),
}

/// The way a command came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over the LAN, from a till that was judged by a list that stood so.
    Local(Revocation),
    /// Through the cloud. §9
    Cloud {
        /// A `pay` starts nothing after this moment.
        expires_at: Option<Timestamp>,
        /// The id of the payment, if this starts it.
        id: Option<PaymentId>,
    },
}

/// Is told of every payment when its record is durable. §9
pub(crate) trait Reports: Send + Sync + std::fmt::Debug {
    /// This is the payment now. Must not wait.
    fn changed(&self, payment: &Payment);

    /// The terminal is free, or is not. Must not wait.
    fn activity(&self, activity: &Activity);
}

/// What an actor works with.
pub(super) struct Parts {
    pub(super) machine: Brain,
    /// None where it could not be read: such a machine persists nothing.
    pub(super) journal: Option<Arc<Journal>>,
    /// Has its disk room for more payments?
    pub(super) space: watch::Receiver<vinr_journal::Space>,
    pub(super) host: Arc<Host>,
    /// What is known of the line to the host. §6
    pub(super) reachable: watch::Receiver<ReaderStatus>,
    /// Who is told of payments, if anybody.
    pub(super) reports: Option<Arc<dyn Reports>>,
    pub(super) display: Arc<Display>,
    /// What is told to whoever looks from outside.
    pub(super) board: Arc<Board>,
    pub(super) clock: DeviceClock,
    /// The settings that the machine is told of before any socket opens.
    pub(super) settings: Vec<Setting>,
    pub(super) quirk: Arc<Quirk>,
    pub(super) terminal: TerminalId,
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
    activity: Activity,
    /// The payment that was journaled last, and the one on the screen.
    journaled: Option<Payment>,
    shown: Option<Payment>,
    /// The card that was presented last.
    card: &'static TestCard,
    last: Last,
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
            activity: Activity::Idle,
            journaled: None,
            shown: None,
            card: Default::default(),
            last: Last::default(),
            next_act: None,
        };
        actor.perform(effects, Instant::now()).await;
        for setting in std::mem::take(&mut actor.parts.settings) {
            actor.set(setting).await;
        }
        let known = actor.parts.reachable.borrow_and_update().clone();
        actor.parts.board.internet(known.clone());
        if known != ReaderStatus::Online {
            actor.internet(known).await;
        }
        let space = *actor.parts.space.borrow_and_update();
        actor.space(space).await;
        actor
    }

    /// Works until it is dropped.
    pub(super) async fn run(mut self, announcement: Weak<Announcement>) {
        self.advertised(announcement);
        loop {
            let act_at = self.next_act.as_ref().map(|(at, _)| *at);
            tokio::select! {
                message = self.parts.inbox.recv() => match message {
                    Some(message) => self.receive(message).await,
                    None => return,
                },
                timer = self.timers.elapsed() => {
                    let input = Input::Elapsed { timer, now: self.now() };
                    self.feed(input, Instant::now()).await;
                }
                () = at(act_at) => {
                    if let Some((_, act)) = self.next_act.take() {
                        self.act(act).await;
                    }
                }
                known = next(&mut self.parts.reachable) => self.internet(known).await,
                space = next(&mut self.parts.space) => self.space(space).await,
            }
        }
    }

    /// What is advertised from here on says what there is now.
    fn advertised(&mut self, announcement: Weak<Announcement>) {
        self.announcement = announcement;
        self.announce();
    }

    async fn set(&mut self, setting: Setting) {
        let input = match setting {
            Setting::LocalMode(to) => Input::LocalMode { to },
            Setting::Limits(limits) => Input::OfflineLimits { limits },
            Setting::Clock(to) => Input::Clock { to },
        };
        self.feed(input, Instant::now()).await;
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    async fn receive(&mut self, message: Message) {
        match message {
            Message::Asked {
                caller,
                command,
                way,
                received,
                waiting,
            } => {
                if matches!(command, Command::Pay { .. }) && self.parts.quirk.is_busy() {
                    waiting.answer(Answer::Refused(quirk::busy()));
                    return;
                }
                self.callers.insert(caller, waiting);
                let input = input(caller, command, way, self.now());
                self.feed(input, received).await;
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
            Message::Set(setting) => self.set(setting).await,
            Message::Advertised(announcement) => self.advertised(announcement),
            Message::Host(payment, verdict) => {
                let input = Input::HostAnswered {
                    payment,
                    verdict,
                    now: self.now(),
                };
                self.feed(input, Instant::now()).await;
            }
            Message::NotSent(payment) => {
                let now = self.now();
                self.feed(Input::NotSent { payment, now }, Instant::now())
                    .await;
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

    /// A full disk takes no new payment; the journal keeps room for the outcomes of those that it has. §4.6
    async fn space(&mut self, space: vinr_journal::Space) {
        let space = match space {
            vinr_journal::Space::Enough => Space::Enough,
            vinr_journal::Space::Low => Space::Low,
        };
        self.feed(Input::Space { space }, Instant::now()).await;
    }

    /// The host can be reached again, or is known to be unreachable: the machine and the network are told. §6
    async fn internet(&mut self, status: ReaderStatus) {
        tracing::info!(terminal = %self.parts.terminal, %status, "internet");
        self.parts.board.internet(status.clone());
        self.feed(Input::Internet { status }, Instant::now()).await;
        self.announce();
    }

    /// What the cardholder does; true where the terminal took it.
    async fn act(&mut self, act: Act) -> bool {
        let now = self.now();
        let input = match act {
            Act::Present(card, entry_mode) => return self.present(card, entry_mode, now).await,
            Act::EnterPin => Input::PinEntered { now },
            Act::RemoveCard => Input::CardRemoved { now },
            Act::GiveUp => Input::CustomerGaveUp { now },
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
                Effect::Arm(timer, after) => {
                    let after = self.parts.wire.wait(&timer, after);
                    self.timers.arm(timer, arrived + after);
                }
                Effect::Disarm(timer) => self.timers.disarm(&timer),
                Effect::Announce(activity) => {
                    if let Some(reports) = &self.parts.reports {
                        reports.activity(&activity);
                    }
                    self.activity = activity;
                    if !self.parts.wire.hides_activity() {
                        self.announce();
                    }
                }
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
            if is_durable {
                let (board, terminal) = (&self.parts.board, &self.parts.terminal);
                board.journaled(terminal, &attempt, self.now());
            }
            tracing::info!(
                reference = %payment.reference, payment = %payment.id, status = %payment.status,
                is_durable, "payment"
            );
            if let Some(reports) = self.parts.reports.as_ref().filter(|_| is_durable) {
                reports.changed(&payment);
            }
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
        self.parts.board.touch();
        let reaction = self.parts.script.reaction(&screen, self.last);
        self.last = self.last.after(&screen);
        self.next_act = reaction.map(|(pause, act)| (Instant::now() + pause, act));
    }

    fn authorize(&self, payment: Payment) {
        let (host, sender) = (self.parts.host.clone(), self.parts.sender.clone());
        let is_shown = self.shown.as_ref().is_some_and(|it| it.id == payment.id);
        let card = match TestCard::of(&payment) {
            // What is forwarded from the queue was made with another card than lies here now.
            Some(card) if !is_shown => card,
            _ => self.card,
        };
        tokio::spawn(async move {
            let word = host.authorize(&payment, card).await;
            let message = match word {
                Word::Verdict(verdict) => Message::Host(payment.id, verdict),
                Word::NotSent => Message::NotSent(payment.id),
                Word::Silence => return,
            };
            let _ = sender.send(message);
        });
    }

    fn ask_host(&self, payment: PaymentId) {
        let (host, sender) = (self.parts.host.clone(), self.parts.sender.clone());
        tokio::spawn(async move {
            if let Word::Verdict(verdict) = host.status(&payment).await {
                let _ = sender.send(Message::Host(payment, verdict));
            }
        });
    }

    fn reverse(&self, payment: PaymentId) {
        let (host, sender) = (self.parts.host.clone(), self.parts.sender.clone());
        tokio::spawn(async move {
            if let Word::Verdict(_) = host.reverse(&payment).await {
                let _ = sender.send(Message::Reversed(payment));
            }
        });
    }

    fn announce(&self) {
        if let Some(announcement) = self.announcement.upgrade() {
            let status = self.parts.reachable.borrow().clone();
            announcement.update(status, self.activity.clone());
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

fn input(caller: Caller, command: Command, way: Way, now: Timestamp) -> Input {
    let (path, expires_at, id, revocation) = match way {
        Way::Local(revocation) => (ConnectionMode::Local, None, None, revocation),
        // The cloud is no till: no list speaks of it.
        Way::Cloud { expires_at, id } => {
            (ConnectionMode::Cloud, expires_at, id, Revocation::InForce)
        }
    };
    match command {
        Command::Pay { request, key } => Input::Pay {
            caller,
            request,
            key,
            path,
            expires_at,
            id: id.unwrap_or_else(fresh_payment_id),
            now,
            revocation,
        },
        Command::Cancel(request) => Input::Cancel {
            caller,
            request,
            now,
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

/// What is known next; never, once nobody watches it any more.
async fn next<T: Clone>(known: &mut watch::Receiver<T>) -> T {
    match known.changed().await {
        Ok(()) => known.borrow_and_update().clone(),
        Err(_) => std::future::pending().await,
    }
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
            journal: Some(Arc::new(on_a_broken_disk())),
            space: watch::channel(vinr_journal::Space::Enough).1,
            reachable: watch::channel(ReaderStatus::Online).1,
            reports: None,
            host: Arc::new(Host::open(&data, Guard::OnePerReference).unwrap()),
            display,
            board: Arc::new(Board::new()),
            clock: DeviceClock::default(),
            settings: Vec::new(),
            quirk: Arc::default(),
            terminal: terminal.clone(),
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
                way: Way::Local(Revocation::InForce),
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
