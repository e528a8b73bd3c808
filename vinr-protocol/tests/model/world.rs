//! The shop: what is where, what may happen next, and what must never be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use vinr_protocol::client::attempt::{self, Attempt, Outcome, Policy, StoredAttempt};
use vinr_protocol::device::Model;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::{Brand, CancelOutcome, ConnectionMode, DeclineCode, EntryMode};
use vinr_protocol::terminal::{
    Answer, Caller, CardFacts, Config, Effect, HostVerdict, Input, PinEntry, Record, Screen,
    Session, Timer,
};
use vinr_protocol::{
    Amount, AttemptKey, CancelRequest, Cancellation, Currency, JournalId, Machine, PayRequest,
    Payment, PaymentId, PaymentList, Status, Timestamp,
};

/// Who takes part, and how often each fault may happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    pub(crate) tills: usize,
    pub(crate) losses: u8,
    pub(crate) repeats: u8,
    pub(crate) power_cuts: u8,
    pub(crate) crashes: u8,
}

/// Everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    tills: Vec<Till>,
    terminal: Terminal,
    /// In flight; any of them may arrive next.
    air: BTreeSet<Message>,
    host: BTreeMap<PaymentId, AtHost>,
    left: Faults,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Till {
    /// `None` before it begins and while it is crashed.
    attempt: Option<Attempt>,
    begun: bool,
    armed: BTreeSet<attempt::Timer>,
    store: BTreeMap<AttemptKey, StoredAttempt>,
    outcome: Option<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Terminal {
    /// `None` while the power is off.
    session: Option<Session>,
    /// One line for each attempt, as the disk has it.
    disk: Vec<Record>,
    armed: BTreeSet<Timer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum AtHost {
    Approved,
    Declined,
    Voided,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Message {
    Pay {
        till: usize,
        key: AttemptKey,
        copy: u8,
    },
    LookUp {
        till: usize,
    },
    /// The till waits for the answer only while it `listens`.
    Cancel {
        till: usize,
        key: AttemptKey,
        listens: bool,
    },
    Reply {
        till: usize,
        reply: Reply,
    },
    Authorize(PaymentId),
    Ask(PaymentId),
    Verdict(PaymentId, Word),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reply {
    Head(AttemptKey),
    Paid(AttemptKey, Box<Wire<Payment>>),
    Refused(AttemptKey, Code),
    Listed(Box<Wire<PaymentList>>),
    Cancelled(Box<Wire<Cancellation>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Word {
    Approved,
    Declined,
    Voided,
}

/// An answer, ordered by its text, as a set of messages wants it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wire<T>(T);

impl<T: fmt::Debug + Eq> PartialOrd for Wire<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: fmt::Debug + Eq> Ord for Wire<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        format!("{:?}", self.0).cmp(&format!("{:?}", other.0))
    }
}

/// One thing that may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Begin(usize),
    Deliver { message: Message, then: Then },
    Lose(Message),
    Repeat(Message),
    ConnectionBreaks(usize),
    CardIsTapped(Then),
    TerminalTimer(Timer, Then),
    TillTimer(usize, attempt::Timer),
    HostDecides(PaymentId, Word),
    PowerCut,
    PowerBack,
    TillCrashes(usize),
    TillRestarts(usize),
}

/// Does the power survive what the terminal does about it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Goes,
    /// It goes out after so many effects.
    CutAfter(usize),
}

/// An invariant of `spec/safety.md` that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Checked<T> = Result<T, Violation>;

fn ensure(holds: bool, invariant: &str) -> Checked<()> {
    if holds {
        Ok(())
    } else {
        Err(Violation(invariant.to_owned()))
    }
}

/// The most effects that one input of a terminal has.
const MOST_EFFECTS: usize = 8;

impl World {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            tills: vec![Till::default(); faults.tills],
            terminal: Terminal {
                session: Some(Session::new(config(), journal_id())),
                disk: Vec::new(),
                armed: BTreeSet::new(),
            },
            air: BTreeSet::new(),
            host: BTreeMap::new(),
            left: faults,
        }
    }

    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (nth, till) in self.tills.iter().enumerate() {
            if !till.begun {
                actions.push(Action::Begin(nth));
            }
            let timers = till.armed.iter().filter(|timer| matters(**timer));
            actions.extend(timers.map(|timer| Action::TillTimer(nth, *timer)));
            match &till.attempt {
                Some(_) if till.outcome.is_none() && self.left.losses > 0 => {
                    actions.push(Action::ConnectionBreaks(nth));
                }
                None if till.begun && !till.store.is_empty() => {
                    actions.push(Action::TillRestarts(nth))
                }
                _ => {}
            }
            if till.attempt.is_some() && till.outcome.is_none() && self.left.crashes > 0 {
                actions.push(Action::TillCrashes(nth));
            }
        }
        for message in &self.air {
            actions.extend(self.deliveries(message));
            if self.left.losses > 0 {
                actions.push(Action::Lose(message.clone()));
            }
            if self.left.repeats > 0 && matches!(message, Message::Pay { copy: 0, .. }) {
                actions.push(Action::Repeat(message.clone()));
            }
        }
        if self.terminal.session.is_some() {
            for then in self.cuts() {
                actions.push(Action::CardIsTapped(then));
                let timers = self
                    .terminal
                    .armed
                    .iter()
                    .filter(|timer| **timer != Timer::ResultShown);
                actions.extend(timers.map(|timer| Action::TerminalTimer(timer.clone(), then)));
            }
            if self.left.power_cuts > 0 {
                actions.push(Action::PowerCut);
            }
        } else {
            actions.push(Action::PowerBack);
        }
        actions
    }

    fn deliveries(&self, message: &Message) -> Vec<Action> {
        match message {
            Message::Reply { .. } => vec![deliver(message, Then::Goes)],
            Message::Authorize(id) => [Word::Approved, Word::Declined]
                .map(|word| Action::HostDecides(id.clone(), word))
                .to_vec(),
            Message::Ask(id) => vec![Action::HostDecides(id.clone(), Word::Voided)],
            _ if self.terminal.session.is_none() => Vec::new(),
            _ => self
                .cuts()
                .into_iter()
                .map(|then| deliver(message, then))
                .collect(),
        }
    }

    fn cuts(&self) -> Vec<Then> {
        let cuts = if self.left.power_cuts > 0 {
            MOST_EFFECTS
        } else {
            0
        };
        std::iter::once(Then::Goes)
            .chain((0..cuts).map(Then::CutAfter))
            .collect()
    }

    pub(crate) fn after(&self, action: &Action) -> Checked<World> {
        let mut world = self.clone();
        world.act(action)?;
        world.check()?;
        Ok(world)
    }

    fn act(&mut self, action: &Action) -> Checked<()> {
        match action {
            Action::Begin(nth) => {
                self.tills[*nth].begun = true;
                let mut stored = StoredAttempt::new(&request(), key(*nth, 'a'), now());
                stored.journal_id = Some(journal_id());
                let spare_key = Some(key(*nth, 'b'));
                let policy = Policy {
                    deadline: Duration::from_secs(400),
                    spare_key,
                };
                self.tills[*nth].attempt = Some(Attempt::new(stored, policy));
                self.till(*nth, attempt::Input::Begin)
            }
            Action::Deliver { message, then } => {
                self.air.remove(message);
                self.deliver(message.clone(), *then)
            }
            Action::Lose(message) => {
                self.left.losses -= 1;
                self.air.remove(message);
                Ok(())
            }
            Action::Repeat(message) => {
                self.left.repeats -= 1;
                if let Message::Pay { till, key, .. } = message {
                    self.air.insert(Message::Pay {
                        till: *till,
                        key: key.clone(),
                        copy: 1,
                    });
                }
                Ok(())
            }
            Action::ConnectionBreaks(nth) => {
                self.left.losses -= 1;
                self.air
                    .retain(|it| !matches!(it, Message::Reply { till, .. } if till == nth));
                self.till(
                    *nth,
                    attempt::Input::Lost(attempt::Lost::Broken(String::new())),
                )
            }
            Action::CardIsTapped(then) => {
                let card = CardFacts {
                    last4: "4242".into(),
                    brand: Brand::Visa,
                    entry_mode: EntryMode::Contactless,
                    pin: PinEntry::NotRequired,
                };
                self.terminal(Input::CardRead { card, now: now() }, *then)
            }
            Action::TerminalTimer(timer, then) => {
                self.terminal.armed.remove(timer);
                self.terminal(
                    Input::Elapsed {
                        timer: timer.clone(),
                        now: now(),
                    },
                    *then,
                )
            }
            Action::TillTimer(nth, timer) => {
                self.tills[*nth].armed.remove(timer);
                self.till(*nth, attempt::Input::Elapsed(*timer))
            }
            Action::HostDecides(id, word) => {
                let question = if *word == Word::Voided {
                    Message::Ask(id.clone())
                } else {
                    Message::Authorize(id.clone())
                };
                self.air.remove(&question);
                let decided = match word {
                    Word::Approved => AtHost::Approved,
                    Word::Declined => AtHost::Declined,
                    Word::Voided => AtHost::Voided,
                };
                // The host dedupes on the payment id, and closes what it does not know when it is asked.
                let word = match *self.host.entry(id.clone()).or_insert(decided) {
                    AtHost::Approved => Word::Approved,
                    AtHost::Declined => Word::Declined,
                    AtHost::Voided => Word::Voided,
                };
                self.air.insert(Message::Verdict(id.clone(), word));
                Ok(())
            }
            Action::PowerCut => {
                self.cut();
                Ok(())
            }
            Action::PowerBack => {
                let (session, effects) =
                    Session::recover(config(), journal_id(), self.terminal.disk.clone(), now());
                self.terminal.session = Some(session);
                let prompts = |it: &Effect| {
                    matches!(
                        it,
                        Effect::Show(Screen::PresentCard { .. }) | Effect::Authorize { .. }
                    )
                };
                ensure(
                    !effects.iter().any(prompts),
                    "REC-15: something prompts at boot",
                )?;
                effects
                    .into_iter()
                    .try_for_each(|effect| self.perform(effect))
            }
            Action::TillCrashes(nth) => {
                self.left.crashes -= 1;
                self.air
                    .retain(|it| !matches!(it, Message::Reply { till, .. } if till == nth));
                self.stop_listening(*nth);
                let till = &mut self.tills[*nth];
                till.attempt = None;
                till.armed.clear();
                Ok(())
            }
            Action::TillRestarts(nth) => {
                let till = &mut self.tills[*nth];
                let stored = till
                    .store
                    .values()
                    .next()
                    .cloned()
                    .expect("something is unresolved");
                let policy = Policy {
                    deadline: Duration::from_secs(400),
                    spare_key: None,
                };
                till.attempt = Some(Attempt::new(stored, policy));
                self.till(*nth, attempt::Input::Resume { now: now() })
            }
        }
    }

    fn cut(&mut self) {
        self.left.power_cuts -= 1;
        self.terminal.session = None;
        self.terminal.armed.clear();
        self.air.retain(|it| !matches!(it, Message::Verdict(..)));
    }

    fn deliver(&mut self, message: Message, then: Then) -> Checked<()> {
        match message {
            Message::Pay { till, key, copy } => {
                let id = PaymentId::new(&format!("p{key}")).expect("lawful");
                let path = ConnectionMode::Local;
                let caller = caller(till, &key, copy);
                self.terminal(
                    Input::Pay {
                        caller,
                        request: request(),
                        key: Some(key),
                        path,
                        expires_at: None,
                        id,
                        now: now(),
                    },
                    then,
                )
            }
            Message::LookUp { till } => {
                let reference = request().reference;
                self.terminal(
                    Input::LookUp {
                        caller: Caller(LOOK_UP + till as u64),
                        reference,
                    },
                    then,
                )
            }
            Message::Cancel { till, key, listens } => {
                let request = request();
                let (terminal_id, reference) = (request.terminal_id, request.reference);
                let cancel = CancelRequest {
                    terminal_id,
                    reference,
                    attempt_key: Some(key),
                };
                let caller = if listens {
                    Caller(CANCEL + till as u64)
                } else {
                    Caller(NOBODY)
                };
                self.terminal(
                    Input::Cancel {
                        caller,
                        request: cancel,
                        now: now(),
                    },
                    then,
                )
            }
            Message::Verdict(payment, word) => {
                let verdict = match word {
                    Word::Approved => HostVerdict::Approved,
                    Word::Declined => HostVerdict::Declined(DeclineCode::CardDeclined),
                    Word::Voided => HostVerdict::Voided,
                };
                self.terminal(
                    Input::HostAnswered {
                        payment,
                        verdict,
                        now: now(),
                    },
                    then,
                )
            }
            Message::Reply { till, reply } => self.reply(till, reply),
            Message::Authorize(_) | Message::Ask(_) => Ok(()),
        }
    }

    fn reply(&mut self, till: usize, reply: Reply) -> Checked<()> {
        let current = self.tills[till]
            .attempt
            .as_ref()
            .map(|attempt| attempt.stored().key.clone());
        let input = match reply {
            Reply::Head(key) | Reply::Paid(key, _) | Reply::Refused(key, _)
                if Some(&key) != current.as_ref() =>
            {
                return Ok(());
            }
            Reply::Head(_) => attempt::Input::Head,
            Reply::Paid(_, payment) => attempt::Input::Answered(payment.0),
            Reply::Refused(_, code) => {
                let (status, kind, next) = code.meaning();
                let (message, next) = (String::new(), Some(next));
                let error = vinr_protocol::ErrorBody {
                    kind,
                    code,
                    message,
                    param: None,
                    request_id: None,
                    next,
                };
                attempt::Input::Refused { status, error }
            }
            Reply::Listed(list) => attempt::Input::LookedUp(list.0),
            Reply::Cancelled(cancellation) => attempt::Input::CancelAnswered(cancellation.0),
        };
        self.till(till, input)
    }

    /// A till that asks anew no longer listens to its older questions; a cancel may still arrive.
    fn stop_listening(&mut self, nth: usize) {
        let unheard =
            std::mem::take(&mut self.air)
                .into_iter()
                .filter_map(|message| match message {
                    Message::LookUp { till } if till == nth => None,
                    Message::Reply {
                        till,
                        reply: Reply::Listed(_) | Reply::Cancelled(_),
                    } if till == nth => None,
                    Message::Cancel { till, key, .. } if till == nth => Some(Message::Cancel {
                        till,
                        key,
                        listens: false,
                    }),
                    other => Some(other),
                });
        self.air = unheard.collect();
    }

    fn till(&mut self, nth: usize, input: attempt::Input) -> Checked<()> {
        let Some(attempt) = self.tills[nth].attempt.as_mut() else {
            return Ok(());
        };
        for effect in attempt.step(input) {
            match effect {
                attempt::Effect::Store(stored) => {
                    self.tills[nth].store.insert(stored.key.clone(), stored);
                    self.till(nth, attempt::Input::Stored)?;
                }
                attempt::Effect::SendPay { key } => {
                    ensure(
                        self.tills[nth].store.contains_key(&key),
                        "an attempt is sent before it is stored",
                    )?;
                    self.air.insert(Message::Pay {
                        till: nth,
                        key,
                        copy: 0,
                    });
                }
                attempt::Effect::LookUp => {
                    self.stop_listening(nth);
                    self.air.insert(Message::LookUp { till: nth });
                }
                attempt::Effect::Cancel { key } => {
                    self.stop_listening(nth);
                    self.air.insert(Message::Cancel {
                        till: nth,
                        key,
                        listens: true,
                    });
                }
                attempt::Effect::Arm(timer, _) => drop(self.tills[nth].armed.insert(timer)),
                attempt::Effect::Disarm(timer) => drop(self.tills[nth].armed.remove(&timer)),
                attempt::Effect::Forget { key } => drop(self.tills[nth].store.remove(&key)),
                attempt::Effect::Settled(outcome) => {
                    self.stop_listening(nth);
                    self.air
                        .retain(|it| !matches!(it, Message::Reply { till, .. } if *till == nth));
                    self.tills[nth].armed.clear();
                    self.tills[nth].outcome = Some(outcome);
                }
            }
        }
        Ok(())
    }

    fn terminal(&mut self, input: Input, then: Then) -> Checked<()> {
        let Some(session) = self.terminal.session.as_mut() else {
            return Ok(());
        };
        let effects = session.step(input);
        let performed = match then {
            Then::Goes => effects.len(),
            Then::CutAfter(performed) => performed.min(effects.len()),
        };
        effects
            .into_iter()
            .take(performed)
            .try_for_each(|effect| self.perform(effect))?;
        if then != Then::Goes {
            self.cut();
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Checked<()> {
        match effect {
            Effect::Persist(record) => self.persist(record),
            Effect::Show(Screen::PresentCard { payment, .. }) => self.may_prompt(&payment),
            Effect::Show(_) | Effect::Announce(_) | Effect::Alarm(_) => Ok(()),
            Effect::Head { caller, .. } => {
                if let Some((till, key)) = payer(caller) {
                    ensure(
                        self.on_disk(&PaymentId::new(&format!("p{key}")).expect("lawful"))
                            .is_some(),
                        "I6: accepted before it was durable",
                    )?;
                    self.air.insert(Message::Reply {
                        till,
                        reply: Reply::Head(key),
                    });
                }
                Ok(())
            }
            Effect::Answer { caller, answer } => self.answer(caller, answer),
            Effect::Authorize { payment } => {
                let durable = self.on_disk(&payment.id).map(|it| it.status.clone());
                ensure(
                    durable == Some(Status::Processing),
                    "I7: sent before processing was durable",
                )?;
                self.air.insert(Message::Authorize(payment.id));
                Ok(())
            }
            Effect::AskHost { payment } => {
                self.air.insert(Message::Ask(payment));
                Ok(())
            }
            Effect::Reverse { .. } => Err(Violation("I4: an approval had to be reversed".into())),
            Effect::Arm(timer, _) => {
                self.terminal.armed.insert(timer);
                Ok(())
            }
            Effect::Disarm(timer) => {
                self.terminal.armed.remove(&timer);
                Ok(())
            }
        }
    }

    fn on_disk(&self, id: &PaymentId) -> Option<&Payment> {
        self.terminal.disk.iter().find_map(|record| match record {
            Record::Attempt(attempt) if attempt.payment.id == *id => Some(&attempt.payment),
            _ => None,
        })
    }

    fn persist(&mut self, record: Record) -> Checked<()> {
        let Record::Attempt(new) = &record else {
            self.terminal.disk.push(record);
            return Ok(());
        };
        let same = |it: &&mut Record| matches!(it, Record::Attempt(old) if old.payment.id == new.payment.id);
        match self.terminal.disk.iter_mut().find(same) {
            Some(line) => {
                if let Record::Attempt(old) = line {
                    let was_final = old.payment.status.is_final();
                    ensure(
                        !was_final || old.payment == new.payment,
                        "I3: a final payment changed",
                    )?;
                }
                *line = record;
            }
            None => self.terminal.disk.push(record),
        }
        Ok(())
    }

    fn may_prompt(&self, id: &PaymentId) -> Checked<()> {
        let payment = self.on_disk(id);
        ensure(payment.is_some(), "I6: shown before it was durable")?;
        ensure(
            payment.is_some_and(|it| it.status == Status::Pending),
            "I10: a final attempt prompts",
        )?;
        let key = payment.and_then(|it| it.attempt_key.as_ref());
        let void = self.terminal.disk.iter().any(
            |record| matches!(record, Record::Tombstone { key: void, .. } if Some(void) == key),
        );
        ensure(!void, "I10: a tombstoned attempt prompts")
    }

    fn answer(&mut self, caller: Caller, answer: Answer) -> Checked<()> {
        match &answer {
            Answer::Payment(payment) => self.is_true(payment)?,
            Answer::Payments(list) => list.data.iter().try_for_each(|it| self.is_true(it))?,
            Answer::Cancellation(it) => it.payment.iter().try_for_each(|it| self.is_true(it))?,
            _ => {}
        }
        let reply = match (payer(caller), answer) {
            (Some((till, key)), Answer::Payment(payment)) => {
                (till, Reply::Paid(key, Box::new(Wire(payment))))
            }
            (Some((till, key)), Answer::Refused(refusal)) => {
                (till, Reply::Refused(key, refusal.code))
            }
            (None, Answer::Payments(list)) => (
                (caller.0 - LOOK_UP) as usize,
                Reply::Listed(Box::new(Wire(list))),
            ),
            (None, Answer::Cancellation(it)) if caller.0 != NOBODY => (
                (caller.0 - CANCEL) as usize,
                Reply::Cancelled(Box::new(Wire(it))),
            ),
            _ => return Ok(()),
        };
        self.air.insert(Message::Reply {
            till: reply.0,
            reply: reply.1,
        });
        Ok(())
    }

    /// I4: what is said of the host is what the host did.
    fn is_true(&self, payment: &Payment) -> Checked<()> {
        let at_host = self.host.get(&payment.id);
        ensure(
            match payment.status {
                Status::Completed => at_host == Some(&AtHost::Approved),
                Status::Failed => at_host == Some(&AtHost::Declined),
                Status::Cancelled => matches!(at_host, None | Some(AtHost::Voided)),
                _ => true,
            },
            "I4: an answer is not true",
        )
    }

    fn check(&self) -> Checked<()> {
        let approved = self
            .host
            .values()
            .filter(|it| **it == AtHost::Approved)
            .count();
        ensure(approved <= 1, "I1: one sale was charged twice")?;
        let live = self.terminal.disk.iter().filter(|record| {
            matches!(record, Record::Attempt(attempt) if !attempt.payment.status.is_final())
        });
        ensure(
            live.count() <= 1,
            "I2: two attempts of one sale live on one terminal",
        )?;
        for (nth, till) in self.tills.iter().enumerate() {
            if let Some(outcome) = &till.outcome {
                self.check_outcome(nth, outcome)?;
            }
        }
        Ok(())
    }

    /// Whoever was told "not charged" never is, and whoever was told "paid" is.
    fn check_outcome(&self, nth: usize, outcome: &Outcome) -> Checked<()> {
        let charged = ['a', 'b'].iter().any(|which| {
            let id = PaymentId::new(&format!("p{}", key(nth, *which))).expect("lawful");
            self.host.get(&id) == Some(&AtHost::Approved)
        });
        match outcome {
            Outcome::Final(payment) if payment.status == Status::Completed => {
                ensure(charged, "I4: told paid, and it is not")
            }
            Outcome::Unknown { .. } => Ok(()),
            _ => ensure(!charged, "REC-10: told not charged, and it is"),
        }
    }
}

/// A deadline ends a till's part with "unknown" and starts nothing: every state before it is explored anyway.
fn matters(timer: attempt::Timer) -> bool {
    !matches!(timer, attempt::Timer::Deadline | attempt::Timer::LastStart)
}

fn deliver(message: &Message, then: Then) -> Action {
    Action::Deliver {
        message: message.clone(),
        then,
    }
}

const LOOK_UP: u64 = 100;
const CANCEL: u64 = 200;
const NOBODY: u64 = 999;

/// Each request of a till has a caller of its own, the same in every order of events.
fn caller(till: usize, key: &AttemptKey, copy: u8) -> Caller {
    let spare = u64::from(key.as_str().ends_with('b'));
    Caller(till as u64 * 10 + spare * 2 + u64::from(copy))
}

/// The till and key of a caller that pays; the repeated copy has nobody who listens.
fn payer(caller: Caller) -> Option<(usize, AttemptKey)> {
    let (till, rest) = ((caller.0 / 10) as usize, caller.0 % 10);
    (caller.0 < LOOK_UP && rest % 2 == 0)
        .then(|| (till, key(till, if rest == 0 { 'a' } else { 'b' })))
}

fn key(till: usize, which: char) -> AttemptKey {
    AttemptKey::new(&format!("{till}{which}")).expect("lawful")
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_780_237_380_000).expect("a date of this century")
}

fn journal_id() -> JournalId {
    JournalId::new("jrn_1").expect("lawful")
}

fn config() -> Config {
    Config::new(request().terminal_id, Model::NexgoCt20, "1.0")
}

fn request() -> PayRequest {
    PayRequest::new(
        "term_CT20_0042".parse().expect("lawful"),
        Amount::new(2500).expect("lawful"),
        Currency::USD,
        "order_1".parse().expect("lawful"),
    )
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Begin(till) => write!(f, "till {till} begins to pay"),
            Action::Deliver { message, then } => write!(f, "{message} arrives{then}"),
            Action::Lose(message) => write!(f, "{message} is lost"),
            Action::Repeat(message) => write!(f, "{message} is repeated"),
            Action::ConnectionBreaks(till) => write!(f, "the connection of till {till} breaks"),
            Action::CardIsTapped(then) => write!(f, "a card is tapped{then}"),
            Action::TerminalTimer(timer, then) => {
                write!(f, "the terminal's {timer:?} elapses{then}")
            }
            Action::TillTimer(till, timer) => write!(f, "till {till}'s {timer:?} elapses"),
            Action::HostDecides(id, word) => {
                write!(f, "the host handles {id}: {word:?} unless it knew it")
            }
            Action::PowerCut => f.write_str("the terminal loses power"),
            Action::PowerBack => f.write_str("the terminal starts again"),
            Action::TillCrashes(till) => write!(f, "till {till} crashes"),
            Action::TillRestarts(till) => {
                write!(f, "till {till} starts again and looks its attempt up")
            }
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Then::Goes => Ok(()),
            Then::CutAfter(effects) => write!(f, ", and the power goes after {effects} effects"),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Pay { till, key, copy: 0 } => write!(f, "till {till}'s pay {key}"),
            Message::Pay { till, key, .. } => {
                write!(f, "the repeated copy of till {till}'s pay {key}")
            }
            Message::LookUp { till } => write!(f, "till {till}'s look-up"),
            Message::Cancel { till, key, .. } => write!(f, "till {till}'s cancel of {key}"),
            Message::Reply { till, reply } => write!(f, "the answer to till {till} ({reply})"),
            Message::Authorize(id) => write!(f, "the authorization of {id}"),
            Message::Ask(id) => write!(f, "the status query of {id}"),
            Message::Verdict(id, word) => write!(f, "the host's {word:?} for {id}"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Head(key) => write!(f, "head for {key}"),
            Reply::Paid(key, payment) => write!(f, "{key} is {}", payment.0.status),
            Reply::Refused(key, code) => write!(f, "{key} is refused: {code}"),
            Reply::Listed(list) => {
                let attempts: Vec<_> = list
                    .0
                    .data
                    .iter()
                    .map(|it| format!("{} {}", it.id, it.status))
                    .collect();
                write!(f, "list: [{}]", attempts.join(", "))
            }
            Reply::Cancelled(it) => {
                let word = match it.0.outcome {
                    CancelOutcome::Cancelled => "cancelled",
                    CancelOutcome::TooLate => "too late",
                    _ => "still processing",
                };
                f.write_str(word)
            }
        }
    }
}
