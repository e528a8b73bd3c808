//! A terminal at work in its world: the host of its session, which performs each effect as the real one does, and
//! notes what the world sees with the position of the disk.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use vinr_journal::sim::SimDisk;
use vinr_journal::{KeyRing, OpenError, Space as Room};
use vinr_protocol::payment::{Brand, ConnectionMode, EntryMode};
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{
    CardFacts, Effect, HostVerdict, Input, PinEntry, Record, Revocation, Screen, Space, Timer,
};
use vinr_protocol::{CancelRequest, Currency, PayRequest, Payment, PaymentId};

use super::design::Design;
use super::script::{Script, Step, Word};
use super::terminal::{Terminal, terminal_id};
use super::told::{Asked, AttemptOf, KeysGiven, ToHost, World, amount, key, reference};

/// The keys of the journal: a test draws them once.
#[derive(Debug, Clone)]
pub struct Keys {
    /// One key.
    pub old: KeyRing,
    /// Another, and the old one still.
    pub both: KeyRing,
    /// The other alone.
    pub new: KeyRing,
}

impl Keys {
    fn given(&self, which: KeysGiven) -> &KeyRing {
        match which {
            KeysGiven::Old => &self.old,
            KeysGiven::Both => &self.both,
            KeysGiven::New => &self.new,
        }
    }
}

/// What everything is played with.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) script: &'a Script,
    pub(super) keys: &'a Keys,
    pub(super) design: Design,
}

/// The world as it was while the disk stood at a position.
#[derive(Clone)]
pub(super) struct Moment {
    pub(super) position: usize,
    pub(super) world: Rc<World>,
}

/// A terminal that runs.
pub(super) struct Scene<'a> {
    pub(super) stage: Stage<'a>,
    pub(super) disk: SimDisk,
    terminal: Terminal,
    pub(super) world: World,
    pub(super) moments: Vec<Moment>,
    /// What was written from which position on.
    pub(super) written: Vec<(usize, Record)>,
    /// The screen asks for a card.
    pub(super) prompts: Option<PaymentId>,
    last_authorized: Option<PaymentId>,
    last_answer: Option<vinr_protocol::terminal::Answer>,
    /// The journal failed; nothing but refusals is to be expected.
    pub(super) has_failed: bool,
    space: Room,
}

impl<'a> Scene<'a> {
    /// Starts the terminal from what a disk holds.
    pub(super) fn start(
        stage: Stage<'a>,
        disk: SimDisk,
        mut world: World,
        torn: Option<&Record>,
    ) -> Result<Self, OpenError> {
        world.power_is_gone();
        world.has_internet = true;
        let now = world.now();
        let keys = stage.keys.given(world.keys);
        let before = Moment {
            position: 0,
            world: Rc::new(world.clone()),
        };
        let (terminal, effects) =
            Terminal::start(&disk, stage.script, keys, stage.design, torn, now)?;
        let space = terminal.log.space();
        let mut scene = Self {
            stage,
            disk,
            terminal,
            world,
            moments: vec![before],
            written: Vec::new(),
            prompts: None,
            last_authorized: None,
            last_answer: None,
            has_failed: false,
            space: Room::Enough,
        };
        scene.perform(effects);
        scene.room(space);
        Ok(scene)
    }

    /// Shuts down and starts again. What is seen from here on is seen from the same disk.
    fn restart(&mut self) -> Result<(), OpenError> {
        self.world.power_is_gone();
        let _ = self.terminal.log.write_mark();
        let now = self.world.now();
        let Stage {
            script,
            keys,
            design,
        } = self.stage;
        let keys = keys.given(self.world.keys);
        let (terminal, effects) = Terminal::start(&self.disk, script, keys, design, None, now)?;
        self.space = Room::Enough;
        let space = terminal.log.space();
        (self.terminal, self.prompts, self.has_failed) = (terminal, None, false);
        self.perform(effects);
        self.room(space);
        Ok(())
    }

    pub(super) fn play(&mut self, step: Step) -> Result<(), OpenError> {
        match step {
            Step::Pay(sale, key) => drop(self.pay((sale, key))),
            Step::Cancel(sale, key) => self.cancel((sale, key)),
            Step::LookUp(sale) => drop(self.list(sale)),
            Step::Tap => self.card(PinEntry::NotRequired),
            Step::PinCard => self.card(PinEntry::Required),
            Step::Pin => {
                let now = self.world.now();
                self.feed(Input::PinEntered { now });
            }
            Step::GiveUp => {
                let now = self.world.now();
                self.feed(Input::CustomerGaveUp { now });
            }
            Step::CardOut => {
                let now = self.world.now();
                self.feed(Input::CardRemoved { now });
            }
            Step::CardWaitEnds => self.elapse(|timer| *timer == Timer::CardWait),
            Step::InteractionEnds => self.elapse(|timer| *timer == Timer::Interaction),
            Step::HostSilent => self.elapse(|timer| matches!(timer, Timer::HostRetry(_))),
            Step::Host(word) => self.host(word, Answer::Arrives),
            Step::Lost(word) => self.host(word, Answer::IsLost),
            Step::Vanishes => {
                self.world.air.pop_front();
                self.seen();
            }
            Step::NotSent => self.not_sent(),
            Step::Contradicts(sale, key) => self.contradict((sale, key)),
            Step::PaidElsewhere(sale) => {
                if let Some(payment) = self.list(sale).into_iter().flatten().next() {
                    self.world.pay_elsewhere(payment);
                    self.seen();
                }
            }
            Step::InternetGoes => self.internet(ReaderStatus::Offline),
            Step::InternetBack => self.internet(ReaderStatus::Online),
            Step::DiskFull => {
                self.disk.set_capacity(Some(self.disk.used()));
                self.tidy();
            }
            Step::DiskRoom => {
                self.disk.set_capacity(None);
                self.tidy();
            }
            Step::Compact => {
                // What cannot be compacted stays.
                let _ = self.terminal.log.compact();
            }
            Step::Rotate => {
                // The key file comes first: a start from here on has both.
                self.world.keys = KeysGiven::Both;
                self.seen();
                self.terminal.log.rotate(self.stage.keys.both.clone());
                self.tidy();
            }
            Step::Retire => {
                if self.terminal.log.keys_in_use() == [self.stage.keys.new.current().id()] {
                    self.world.keys = KeysGiven::New;
                    self.seen();
                }
            }
            Step::Idle => {
                let _ = self.terminal.log.write_mark();
                self.seen();
            }
            Step::MonthPasses => self.month_passes(),
            Step::Restart => self.restart()?,
        }
        Ok(())
    }

    /// Gives the machine an input; performs what it asks for, and then what nobody waits for.
    pub(super) fn feed(&mut self, input: Input) {
        let effects = self.terminal.step(input);
        self.perform(effects);
        self.tidy();
    }

    fn tidy(&mut self) {
        // An error shows with the next record.
        if let Ok(space) = self.terminal.log.tidy() {
            self.room(space);
        }
    }

    /// The session hears of it.
    fn room(&mut self, space: Room) {
        if std::mem::replace(&mut self.space, space) != space {
            let space = match space {
                Room::Enough => Space::Enough,
                Room::Low => Space::Low,
            };
            let effects = self.terminal.step(Input::Space { space });
            self.perform(effects);
        }
    }

    /// One effect after the other; none after a record before it is durable. \[REC-6\]
    fn perform(&mut self, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        if self.stage.design == Design::AnswersFirst {
            let (records, other) = effects
                .into_iter()
                .partition(|it| matches!(it, Effect::Persist(_)));
            let (records, other): (VecDeque<_>, VecDeque<_>) = (records, other);
            effects = other;
            effects.extend(records);
        }
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Persist(record) => {
                    self.written.push((self.disk.position(), record.clone()));
                    let appended = self.terminal.log.append(&[record]);
                    if appended.is_err() && self.stage.design != Design::IgnoresFailedWrite {
                        self.has_failed = true;
                        let undone = effects.into();
                        effects = self.terminal.step(Input::StorageFailed { undone }).into();
                    }
                }
                Effect::Show(screen) => {
                    match screen {
                        Screen::PresentCard { payment, .. } => {
                            self.world.known.insert(payment.clone());
                            self.prompts = Some(payment);
                        }
                        Screen::EnterPin | Screen::Authorizing => {}
                        _ => self.prompts = None,
                    }
                    self.seen();
                }
                Effect::Head { caller, .. } => {
                    self.world.head(caller);
                    self.seen();
                }
                Effect::Answer { caller, answer } => {
                    self.world.answer(caller, &answer);
                    self.last_answer = Some(answer);
                    self.seen();
                }
                Effect::Authorize { payment } => {
                    self.last_authorized = Some(payment.id.clone());
                    self.world.send(ToHost::Authorize(Box::new(payment)));
                    self.seen();
                }
                Effect::AskHost { payment } => {
                    self.world.send(ToHost::AskHost(payment));
                    self.seen();
                }
                Effect::Reverse { payment } => {
                    self.world.send(ToHost::Reverse(payment));
                    self.seen();
                }
                Effect::Arm(timer, _) => drop(self.terminal.timers.insert(timer)),
                Effect::Disarm(timer) => drop(self.terminal.timers.remove(&timer)),
                Effect::Announce(_) | Effect::Alarm(_) => {}
            }
        }
    }

    /// The world is another from here on.
    fn seen(&mut self) {
        self.moments.push(Moment {
            position: self.disk.position(),
            world: Rc::new(self.world.clone()),
        });
    }

    pub(super) fn pay(&mut self, attempt: AttemptOf) -> Option<vinr_protocol::terminal::Answer> {
        let (sale, nth) = attempt;
        let request = PayRequest::new(terminal_id(), amount(sale), Currency::USD, reference(sale));
        self.last_answer = None;
        let input = Input::Pay {
            caller: self.world.caller(Asked::Pay(attempt)),
            request,
            key: Some(key(nth)),
            path: ConnectionMode::Local,
            expires_at: None,
            id: self.world.payment_id(),
            now: self.world.now(),
            revocation: Revocation::InForce,
        };
        self.feed(input);
        self.last_answer.take()
    }

    pub(super) fn cancel(&mut self, attempt: AttemptOf) {
        let request = CancelRequest {
            terminal_id: terminal_id(),
            reference: reference(attempt.0),
            attempt_key: Some(key(attempt.1)),
        };
        let input = Input::Cancel {
            caller: self.world.caller(Asked::Cancel(attempt)),
            request,
            now: self.world.now(),
        };
        self.feed(input);
    }

    /// What a till is told of a sale; `None` where it is refused.
    pub(super) fn list(&mut self, sale: u8) -> Option<Vec<Payment>> {
        self.last_answer = None;
        let caller = self.world.caller(Asked::LookUp);
        let reference = reference(sale);
        self.feed(Input::LookUp { caller, reference });
        match self.last_answer.take() {
            Some(vinr_protocol::terminal::Answer::Payments(list)) => Some(list.data),
            _ => None,
        }
    }

    pub(super) fn one(&mut self, id: &PaymentId) -> Option<Payment> {
        self.last_answer = None;
        let caller = self.world.caller(Asked::LookUp);
        let id = id.clone();
        self.feed(Input::LookUpId { caller, id });
        match self.last_answer.take() {
            Some(vinr_protocol::terminal::Answer::Payment(payment)) => Some(payment),
            _ => None,
        }
    }

    fn card(&mut self, pin: PinEntry) {
        let card = CardFacts {
            last4: "4242".into(),
            brand: Brand::Visa,
            entry_mode: EntryMode::Contactless,
            pin,
        };
        let now = self.world.now();
        self.feed(Input::CardRead { card, now });
    }

    pub(super) fn elapse(&mut self, which: impl Fn(&Timer) -> bool) {
        let due: Vec<Timer> = self
            .terminal
            .timers
            .iter()
            .filter(|it| which(it))
            .cloned()
            .collect();
        for timer in due {
            if self.terminal.timers.remove(&timer) {
                let now = self.world.now();
                self.feed(Input::Elapsed { timer, now });
            }
        }
    }

    /// The host handles the oldest message.
    pub(super) fn host(&mut self, word: Word, answer: Answer) {
        let Some(message) = self.world.air.pop_front() else {
            return;
        };
        let (payment, verdict) = self.world.host_handles(&message, word);
        self.seen();
        if answer == Answer::IsLost {
            return;
        }
        match message {
            ToHost::Reverse(payment) => self.feed(Input::HostReversed { payment }),
            ToHost::Authorize(_) | ToHost::AskHost(_) => self.host_says(payment, verdict),
        }
    }

    pub(super) fn host_says(&mut self, payment: PaymentId, verdict: HostVerdict) {
        let now = self.world.now();
        self.feed(Input::HostAnswered {
            payment,
            verdict,
            now,
        });
    }

    fn not_sent(&mut self) {
        if let Some(payment) = self.last_authorized.clone() {
            self.world
                .air
                .retain(|it| !matches!(it, ToHost::Authorize(sent) if sent.id == payment));
            let now = self.world.now();
            self.feed(Input::NotSent { payment, now });
        }
    }

    fn contradict(&mut self, (sale, nth): AttemptOf) {
        let key = key(nth);
        let listed = self
            .list(sale)
            .into_iter()
            .flatten()
            .find(|it| it.attempt_key.as_ref() == Some(&key));
        if let Some(payment) = listed {
            self.world.contradict(&payment);
            self.seen();
            self.host_says(payment.id, HostVerdict::Approved);
        }
    }

    fn internet(&mut self, status: ReaderStatus) {
        self.world.has_internet = status == ReaderStatus::Online;
        self.feed(Input::Internet { status });
    }

    fn month_passes(&mut self) {
        for sale in self.stage.script.sales() {
            let payments = self.list(sale).unwrap_or_default();
            if !payments.is_empty() && payments.iter().all(|it| it.status.is_final()) {
                self.world.forget(sale, &payments);
            }
        }
        self.seen();
        self.terminal.log.set_powered(MONTH_AND_MORE);
        let _ = self.terminal.log.write_mark();
    }

    /// What is not settled, as the session holds it.
    pub(super) fn held(&self) -> Vec<Payment> {
        let held = self.terminal.session.attempts();
        held.map(|attempt| attempt.payment.clone()).collect()
    }
}

/// Does the host's word reach the terminal?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Arrives,
    IsLost,
}

const MONTH_AND_MORE: Duration = Duration::from_secs(40 * 24 * 3600);
