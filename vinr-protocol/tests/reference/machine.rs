//! The production machine at a counter: events become inputs, effects become what the world sees, and after each
//! event everything that can be seen is compared with the reference.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vinr_protocol::device::{Model, OfflineLimits};
use vinr_protocol::payment::{
    Brand, CancelOutcome, CancelReason, CaptureMethod, ConnectionMode, DUPLICATE_SUSPECTED,
    DeclineCode, EntryMode,
};
use vinr_protocol::reader::{Activity, ReaderStatus};
use vinr_protocol::terminal::{
    self as session, Activation, Answer, CardFacts, Config, Effect, HostVerdict, Input, LocalMode,
    PinEntry, Record, Reversal, Revocation, Screen, Session, Space, Timer,
};
use vinr_protocol::{
    Amount, CancelRequest, Currency, JournalId, Machine, PayRequest, Payment, Reader, TerminalId,
    Timestamp,
};

use crate::histories::SALES;
use crate::terminal::{Disk, Terminal};
use crate::words::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Where the machine and the reference differ.
pub(crate) type Differs = String;

pub(crate) struct Counter {
    session: Session,
    journal: Vec<Record>,
    /// What the journal says.
    pub(crate) disk: Disk,
    armed: BTreeMap<Timer, Duration>,
    announced: Activity,
    limits: Option<OfflineLimits>,
    local_mode: LocalMode,
    space: Space,
    unix_ms: i64,
    callers: Caller,
}

fn terminal_id() -> TerminalId {
    TerminalId::new("term_CT20_0042").expect("lawful")
}

fn journal_id() -> JournalId {
    JournalId::new("jrn_1").expect("lawful")
}

fn limits(sheet: Option<Sheet>) -> Option<OfflineLimits> {
    sheet.map(|sheet| OfflineLimits {
        limits: BTreeMap::from([(Currency::USD, Amount::new(sheet.usd).expect("lawful"))]),
        max_queued: u32::try_from(sheet.max_queued).expect("a small number"),
    })
}

impl Counter {
    pub(crate) fn open(sheet: Option<Sheet>) -> Self {
        let limits = limits(sheet);
        Self {
            session: Session::new(config(&limits), journal_id()),
            journal: Vec::new(),
            disk: Disk::default(),
            armed: BTreeMap::new(),
            announced: Activity::Idle,
            limits,
            local_mode: LocalMode::On,
            space: Space::Enough,
            unix_ms: 1_780_237_380_000,
            callers: 0,
        }
    }

    /// Lets the event happen and compares with the reference, to which it has happened already.
    pub(crate) fn happens(&mut self, event: &Event, reference: &Terminal) -> Result<(), Differs> {
        let seen = match event {
            Event::PowerCut => self.boot()?,
            Event::PowerCutDuring(event, moment) => {
                let effects = self.step(event, reference.about)?;
                let seen = self.perform_until(effects, *moment)?;
                within(&seen, &reference.seen_before_cut)?;
                self.boot()?
            }
            Event::StorageFails(event, on_disk) => {
                let mut effects = self.step(event, reference.about)?;
                let failed = effects
                    .iter()
                    .position(|it| matches!(it, Effect::Persist(_)));
                let failed = failed.ok_or("the machine writes nothing")?;
                let undone = effects.split_off(failed + 1);
                let record = effects.split_off(failed);
                let mut seen = self.perform(effects)?;
                if *on_disk == OnDisk::Kept {
                    self.perform(record)?;
                }
                let effects = self.session.step(Input::StorageFailed { undone });
                let more = self.perform(effects)?;
                seen.told.extend(more.told);
                seen
            }
            Event::DayPasses => {
                self.unix_ms += i64::try_from(DAY.as_millis()).expect("a small number");
                let ages = self
                    .armed
                    .keys()
                    .filter(|it| matches!(it, Timer::QueueAge(_)))
                    .cloned();
                let mut seen = Seen::default();
                for timer in ages.collect::<Vec<_>>() {
                    let effects = self.elapse(timer)?;
                    seen.alarms.extend(self.perform(effects)?.alarms);
                }
                seen
            }
            event => {
                let effects = self.step(event, reference.about)?;
                self.perform(effects)?
            }
        };
        self.compare(seen, reference)
    }

    /// The same without a reference to compare with.
    pub(crate) fn only(&mut self, event: &Event) -> Result<Seen, Differs> {
        match event {
            Event::PowerCut => self.boot(),
            Event::PowerCutDuring(event, moment) => {
                let effects = self.step(event, None)?;
                self.perform_until(effects, *moment)?;
                self.boot()
            }
            event => {
                let effects = self.step(event, None)?;
                self.perform(effects)
            }
        }
    }

    /// One input.
    fn step(&mut self, event: &Event, about: Option<Caller>) -> Result<Vec<Effect>, Differs> {
        let now = self.now();
        let input = match event {
            Event::Pay(pay) => self.pay(pay),
            Event::LookUp(sale) => Input::LookUp {
                caller: self.caller(),
                reference: name(*sale),
            },
            Event::LookUpId(id) => Input::LookUpId {
                caller: self.caller(),
                id: payment_id(*id),
            },
            Event::Cancel(sale, key) => {
                let request = CancelRequest {
                    terminal_id: terminal_id(),
                    reference: name(*sale),
                    attempt_key: key.map(|key| format!("k{key}").parse().expect("lawful")),
                };
                Input::Cancel {
                    caller: self.caller(),
                    request,
                    now,
                }
            }
            Event::Card => Input::CardRead {
                card: card(PinEntry::NotRequired),
                now,
            },
            Event::PinCard => Input::CardRead {
                card: card(PinEntry::Required),
                now,
            },
            Event::Pin => Input::PinEntered { now },
            Event::CardRemoved => Input::CardRemoved { now },
            Event::GaveUp => Input::CustomerGaveUp { now },
            Event::HostSays(id, verdict) => {
                let verdict = match verdict {
                    Verdict::Approved => HostVerdict::Approved,
                    Verdict::Declined => HostVerdict::Declined(DeclineCode::CardDeclined),
                    Verdict::Duplicate => HostVerdict::Duplicate,
                    Verdict::Voided => HostVerdict::Voided,
                };
                Input::HostAnswered {
                    payment: payment_id(*id),
                    verdict,
                    now,
                }
            }
            Event::HostReversed(id) => Input::HostReversed {
                payment: payment_id(*id),
            },
            Event::NotSent(id) => Input::NotSent {
                payment: payment_id(*id),
                now,
            },
            Event::InternetAway => Input::Internet {
                status: ReaderStatus::Offline,
            },
            Event::InternetBack => Input::Internet {
                status: ReaderStatus::Online,
            },
            Event::Limits(sheet) => {
                self.limits = limits(*sheet);
                Input::OfflineLimits {
                    limits: self.limits.clone(),
                }
            }
            Event::LocalMode(on) => {
                self.local_mode = if *on { LocalMode::On } else { LocalMode::Off };
                Input::LocalMode {
                    to: self.local_mode,
                }
            }
            Event::Room(there) => {
                self.space = if *there { Space::Enough } else { Space::Low };
                Input::Space { space: self.space }
            }
            Event::HostSilent(id) => return self.elapse(Timer::HostRetry(payment_id(*id))),
            Event::CardWaitEnds => return self.elapse(Timer::CardWait),
            Event::InteractionEnds => return self.elapse(Timer::Interaction),
            Event::AnswerBy(_) => return self.elapse(Timer::AnswerBy(caller(about))),
            Event::CallerGone(_) => Input::CallerGone {
                caller: caller(about),
            },
            Event::PowerCut => return Ok(self.restart()),
            Event::DayPasses | Event::PowerCutDuring(..) | Event::StorageFails(..) => {
                unreachable!("these are no single inputs")
            }
        };
        Ok(self.session.step(input))
    }

    fn pay(&mut self, pay: &Pay) -> Input {
        let amount = Amount::new(pay.money.amount).expect("lawful");
        let currency = Currency::new(pay.money.currency).expect("lawful");
        let mut request = PayRequest::new(terminal_id(), amount, currency, name(pay.sale));
        request.timeout_ms = pay.timeout_s.map(|seconds| seconds * 1000);
        if pay.money.manual {
            request.capture_method = CaptureMethod::Manual;
        }
        let nth = self
            .disk
            .attempts
            .iter()
            .filter(|it| it.id.0 == pay.sale)
            .count()
            + 1;
        let now = self.now();
        let (path, expires_at) = match pay.path {
            Path::Local => (ConnectionMode::Local, None),
            Path::Cloud => (
                ConnectionMode::Cloud,
                Timestamp::from_unix_ms(self.unix_ms + 1),
            ),
            Path::CloudExpired => (ConnectionMode::Cloud, Some(now)),
        };
        Input::Pay {
            caller: self.caller(),
            request,
            key: pay
                .key
                .map(|key| format!("k{key}").parse().expect("lawful")),
            path,
            expires_at,
            id: payment_id(Id(pay.sale, nth)),
            now,
            revocation: Revocation::InForce,
        }
    }

    /// A timer runs out that runs, and no other.
    fn elapse(&mut self, timer: Timer) -> Result<Vec<Effect>, Differs> {
        let now = self.now();
        match self.armed.remove(&timer) {
            Some(_) => Ok(self.session.step(Input::Elapsed { timer, now })),
            None => Err(format!("the machine did not arm {timer:?}")),
        }
    }

    /// The power goes meanwhile.
    fn perform_until(&mut self, mut effects: Vec<Effect>, moment: Moment) -> Result<Seen, Differs> {
        let durable = effects
            .iter()
            .position(|it| matches!(it, Effect::Persist(_)));
        effects.truncate(match moment {
            Moment::Before => durable.unwrap_or(0),
            Moment::After(more) => durable.map_or(0, |at| at + 1) + more,
        });
        self.perform(effects)
    }

    /// The power is back: what the machine wants done before any socket opens.
    fn restart(&mut self) -> Vec<Effect> {
        self.armed.clear();
        self.announced = Activity::Idle;
        let (config, journal) = (config(&self.limits), self.journal.clone());
        let (session, effects) = Session::recover(config, journal_id(), journal, self.now());
        self.session = session;
        effects
    }

    fn boot(&mut self) -> Result<Seen, Differs> {
        let effects = self.restart();
        let mut seen = self.perform(effects)?;
        let effects = self.session.step(Input::LocalMode {
            to: self.local_mode,
        });
        self.perform(effects)?;
        let effects = self.session.step(Input::Space { space: self.space });
        self.perform(effects)?;
        let over = |(timer, left): (&Timer, &Duration)| left.is_zero().then(|| timer.clone());
        for timer in self.armed.iter().filter_map(over).collect::<Vec<_>>() {
            let effects = self.elapse(timer)?;
            self.perform(effects)?;
        }
        seen.alarms.clear(); // that an alarm is raised once more after a start is left open
        Ok(seen)
    }

    /// Performs the effects in order; what relies on a record must stand behind it. [REC-6]
    fn perform(&mut self, effects: Vec<Effect>) -> Result<Seen, Differs> {
        let mut seen = Seen::default();
        for effect in effects {
            match effect {
                Effect::Persist(record) => self.write(record),
                Effect::Show(Screen::PresentCard {
                    payment,
                    amount,
                    currency,
                }) => {
                    let it = self.durable(id_of(payment.as_str()))?;
                    let shown = (amount.minor_units(), currency.code());
                    if shown != (it.money.amount, it.money.currency) {
                        return Err(format!("{shown:?} is shown for {it:?}"));
                    }
                    seen.prompt = Some((it.id, 0));
                }
                Effect::Arm(timer, duration) => {
                    if let (Timer::CardWait, Some((_, seconds))) = (&timer, &mut seen.prompt) {
                        *seconds = duration.as_secs();
                    }
                    if !is_told_by_the_specification(&timer, duration) {
                        return Err(format!("{timer:?} is armed for {duration:?}"));
                    }
                    self.armed.insert(timer, duration);
                }
                Effect::Disarm(timer) => drop(self.armed.remove(&timer)),
                Effect::Show(_) => {}
                Effect::Head { caller, activation } => {
                    let told = match activation {
                        Activation::First => Told::Started,
                        Activation::Joined => Told::Joined,
                    };
                    seen.told.push((caller.0, told));
                }
                Effect::Answer { caller, answer } => {
                    if let Some(told) = told(answer) {
                        self.relies_on_the_journal(&told)?;
                        seen.told.push((caller.0, told));
                    }
                }
                Effect::Authorize { payment } => {
                    let it = self.durable(id_of(payment.id.as_str()))?;
                    if it != attempt(&payment) {
                        return Err(format!(
                            "{:?} is authorized, durable is {it:?}",
                            attempt(&payment)
                        ));
                    }
                    seen.to_host.push(ToHost::Authorize(it.id));
                }
                Effect::AskHost { payment } => {
                    seen.to_host.push(ToHost::Ask(id_of(payment.as_str())))
                }
                Effect::Reverse { payment } => {
                    seen.to_host.push(ToHost::Reverse(id_of(payment.as_str())))
                }
                Effect::Announce(activity) => self.announced = activity,
                Effect::Alarm(session::Alarm::QueueStale { payment }) => {
                    seen.alarms.push(Alarm::Stale(id_of(payment.as_str())));
                }
                Effect::Alarm(session::Alarm::DuplicateSuspected { payment }) => {
                    seen.alarms.push(Alarm::Duplicate(id_of(payment.as_str())));
                }
            }
        }
        Ok(seen)
    }

    fn relies_on_the_journal(&self, told: &Told) -> Result<(), Differs> {
        match told {
            Told::Payment(it) | Told::Cancel(_, Some(it)) if it.is_final() || it.is_queued() => {
                let durable = Attempt {
                    reversal_owed: false,
                    ..self.durable(it.id)?
                };
                if durable == *it {
                    Ok(())
                } else {
                    Err(format!("{it:?} is answered, durable is {durable:?}"))
                }
            }
            _ => Ok(()),
        }
    }

    fn durable(&self, id: Id) -> Result<Attempt, Differs> {
        let found = self.disk.attempts.iter().find(|it| it.id == id);
        found
            .cloned()
            .ok_or_else(|| format!("the journal has no {id:?}"))
    }

    /// A record is durable.
    fn write(&mut self, record: Record) {
        match &record {
            Record::Attempt(line) => {
                let mut it = attempt(&line.payment);
                it.reversal_owed = line.reversal == Reversal::Owed;
                // A tombstone whose payment came is listed.
                let tombstone = it.key.map(|key| (it.id.0, key));
                self.disk
                    .tombstones
                    .retain(|known| Some(*known) != tombstone);
                match self
                    .disk
                    .attempts
                    .iter_mut()
                    .find(|known| known.id == it.id)
                {
                    Some(known) => *known = it,
                    None => self.disk.attempts.push(it),
                }
            }
            Record::Tombstone { reference, key } => {
                let tombstone = (sale_of(reference.as_str()), key_of(key.as_str()));
                self.disk.tombstones.push(tombstone);
            }
        }
        self.journal.push(record);
    }

    fn compare(&self, seen: Seen, reference: &Terminal) -> Result<(), Differs> {
        let seen = in_any_order(seen);
        let expected = in_any_order(reference.seen.clone());
        let agrees = agrees(&seen, &expected);
        differs("what is seen", &expected, &seen, agrees)?;

        let disk = &self.disk;
        let expected = &reference.disk.attempts;
        differs(
            "the journal",
            expected,
            &disk.attempts,
            *expected == disk.attempts,
        )?;
        let stones: [BTreeSet<_>; 2] =
            [&reference.disk, disk].map(|disk| disk.tombstones.iter().collect());
        differs(
            "the tombstones",
            &stones[0],
            &stones[1],
            stones[0] == stones[1],
        )?;

        let (reader, busy) = (self.reader()?, reference.screen.is_some());
        let activity = if busy { Activity::Busy } else { Activity::Idle };
        differs(
            "activity",
            &activity,
            &reader.activity,
            activity == reader.activity,
        )?;
        differs(
            "announced",
            &activity,
            &self.announced,
            activity == self.announced,
        )?;
        if reference.storage_failed {
            return Ok(()); // nothing else is promised
        }
        let status = if reference.online {
            ReaderStatus::Online
        } else {
            ReaderStatus::Offline
        };
        differs("status", &status, &reader.status, status == reader.status)?;
        let supported = reference.sheet.is_some();
        differs(
            "supported",
            &supported,
            &reader.offline.supported,
            supported == reader.offline.supported,
        )?;
        // A queue that is switched off still shows what is left in it. I19
        let queued = reference.queue().len();
        let shown = reader.offline.queued as usize;
        differs("queued", &queued, &shown, queued == shown)?;
        for sale in SALES {
            let (expected, list) = (answered(reference.list(sale)), self.look_up(sale)?);
            differs("a look-up", &expected, &list, expected == list)?;
        }
        Ok(())
    }

    pub(crate) fn reader(&self) -> Result<Reader, Differs> {
        let caller = session::Caller(0);
        match self.session.clone().step(Input::Describe { caller }).pop() {
            Some(Effect::Answer {
                answer: Answer::Reader(reader),
                ..
            }) => Ok(reader),
            other => Err(format!("the reader is described by {other:?}")),
        }
    }

    fn look_up(&self, sale: Sale) -> Result<Vec<Attempt>, Differs> {
        let (caller, reference) = (session::Caller(0), name(sale));
        match self
            .session
            .clone()
            .step(Input::LookUp { caller, reference })
            .pop()
        {
            Some(Effect::Answer {
                answer: Answer::Payments(list),
                ..
            }) => Ok(list.data.iter().map(attempt).collect()),
            other => Err(format!("a look-up is answered by {other:?}")),
        }
    }

    fn caller(&mut self) -> session::Caller {
        self.callers += 1;
        session::Caller(self.callers)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.unix_ms).expect("a date of this century")
    }
}

/// §4.1 and §6; the card wait is compared where the card is asked for.
fn is_told_by_the_specification(timer: &Timer, duration: Duration) -> bool {
    match timer {
        Timer::Interaction | Timer::AnswerBy(_) => duration == Duration::from_secs(88),
        Timer::HostRetry(_) => duration == Duration::from_secs(2),
        // Days pass as a whole.
        Timer::QueueAge(_) => duration == DAY || duration.is_zero(),
        Timer::CardWait | Timer::ResultShown => true,
    }
}

fn config(limits: &Option<OfflineLimits>) -> Config {
    Config {
        offline: limits.clone(),
        ..Config::new(terminal_id(), Model::NexgoCt20, "1.0")
    }
}

fn differs(
    what: &str,
    expected: &impl std::fmt::Debug,
    found: &impl std::fmt::Debug,
    agrees: bool,
) -> Result<(), Differs> {
    if agrees {
        return Ok(());
    }
    Err(format!(
        "{what}:\n  the reference says {expected:?}\n  the machine says   {found:?}"
    ))
}

/// A refusal names one of the rules that refuse; all else is equal.
fn agrees(seen: &Seen, expected: &Seen) -> bool {
    let told = seen.told.len() == expected.told.len()
        && seen
            .told
            .iter()
            .zip(&expected.told)
            .all(|(seen, expected)| seen.0 == expected.0 && is_told(&seen.1, &expected.1));
    told && seen.prompt == expected.prompt
        && seen.to_host == expected.to_host
        && seen.alarms == expected.alarms
}

fn is_told(seen: &Told, expected: &Told) -> bool {
    match (seen, expected) {
        (Told::Refused(named), Told::Refused(possible)) => {
            named.iter().all(|code| possible.contains(code))
        }
        _ => seen == expected,
    }
}

/// What was seen before the power went is a part of what the event would have shown.
fn within(seen: &Seen, expected: &Seen) -> Result<(), Differs> {
    let (seen, expected) = (in_any_order(seen.clone()), in_any_order(expected.clone()));
    let told = seen.told.iter().all(|(caller, told)| {
        expected
            .told
            .iter()
            .any(|(to, expected)| to == caller && is_told(told, expected))
    });
    let prompt = seen
        .prompt
        .is_none_or(|(id, _)| expected.prompt.is_some_and(|(it, _)| it == id));
    let to_host = seen
        .to_host
        .iter()
        .all(|message| expected.to_host.contains(message));
    differs(
        "before the power cut",
        &expected,
        &seen,
        told && prompt && to_host,
    )
}

/// The order among callers, and among messages to the host, is free.
fn in_any_order(mut seen: Seen) -> Seen {
    seen.told = seen
        .told
        .into_iter()
        .map(|(caller, told)| {
            let told = match told {
                Told::Payment(it) => Told::Payment(answered(vec![it]).remove(0)),
                Told::Cancel(outcome, it) => {
                    Told::Cancel(outcome, it.map(|it| answered(vec![it]).remove(0)))
                }
                Told::List(list) => Told::List(answered(list)),
                told @ (Told::Started | Told::Joined | Told::Refused(_)) => told,
            };
            (caller, told)
        })
        .collect();
    seen.told.sort_by_key(|(caller, _)| *caller); // stable: a caller's head stays before its body
    seen.to_host.sort();
    seen.alarms.sort();
    seen
}

/// As answers show them.
fn answered(attempts: Vec<Attempt>) -> Vec<Attempt> {
    let hidden = |it| Attempt {
        reversal_owed: false,
        ..it
    };
    attempts.into_iter().map(hidden).collect()
}

fn caller(about: Option<Caller>) -> session::Caller {
    session::Caller(about.expect("the event is about a caller"))
}

fn card(pin: PinEntry) -> CardFacts {
    CardFacts {
        last4: "4242".into(),
        brand: Brand::Visa,
        entry_mode: EntryMode::Contactless,
        pin,
    }
}

fn told(answer: Answer) -> Option<Told> {
    Some(match answer {
        Answer::Payment(payment) => Told::Payment(attempt(&payment)),
        Answer::Payments(list) => Told::List(list.data.iter().map(attempt).collect()),
        Answer::Cancellation(it) => {
            let outcome = match it.outcome {
                CancelOutcome::Cancelled => Outcome::Cancelled,
                CancelOutcome::TooLate => Outcome::TooLate,
                CancelOutcome::StillProcessing => Outcome::StillProcessing,
                other => panic!("a fourth outcome: {other:?}"),
            };
            Told::Cancel(outcome, it.payment.as_ref().map(attempt))
        }
        Answer::Refused(refusal) => Told::Refused(vec![refusal.code]),
        Answer::Reader(_) => return None,
    })
}

fn attempt(payment: &Payment) -> Attempt {
    use vinr_protocol::Status as Said;
    let status = match &payment.status {
        Said::Pending => Status::Pending,
        Said::Processing => Status::Processing,
        Said::Completed => Status::Completed,
        Said::Failed => Status::Failed(match &payment.decline_code {
            Some(DeclineCode::CardDeclined) => Decline::CardDeclined,
            Some(DeclineCode::ProcessingError) => Decline::ProcessingError,
            Some(DeclineCode::OfflineAuthDeclined) => Decline::OfflineAuthDeclined,
            other => panic!("failed for no reason that was given: {other:?}"),
        }),
        Said::Cancelled => Status::Cancelled(match &payment.cancel_reason {
            Some(CancelReason::Requested) => Why::Requested,
            Some(CancelReason::TimedOut) => Why::TimedOut,
            Some(CancelReason::Customer) => Why::Customer,
            Some(CancelReason::PowerLoss) => Why::PowerLoss,
            other => panic!("cancelled for no known reason: {other:?}"),
        }),
        other => panic!("a status without a rule: {other:?}"),
    };
    let id = id_of(payment.id.as_str());
    assert_eq!(
        id.0,
        sale_of(payment.reference.as_str()),
        "a payment of another sale"
    );
    Attempt {
        id,
        key: payment.attempt_key.as_ref().map(|key| key_of(key.as_str())),
        money: Money {
            amount: payment.amount.minor_units(),
            currency: if payment.currency == Currency::USD {
                "USD"
            } else {
                "EUR"
            },
            manual: payment.capture_method == CaptureMethod::Manual,
        },
        cloud: payment.connection_mode() == Some(ConnectionMode::Cloud),
        status,
        captured: payment.amount_captured,
        capturable: payment.amount_capturable,
        card: payment.last4.is_some() && payment.brand.is_some() && payment.entry_mode.is_some(),
        sequence: payment.offline.as_ref().map(|mark| mark.sequence),
        duplicate: payment.metadata.contains_key(DUPLICATE_SUSPECTED),
        reversal_owed: false,
    }
}

fn name(sale: Sale) -> vinr_protocol::Reference {
    sale.to_string().parse().expect("lawful")
}

fn payment_id(Id(sale, nth): Id) -> vinr_protocol::PaymentId {
    format!("tpay_{sale}.{nth}").parse().expect("lawful")
}

fn id_of(text: &str) -> Id {
    let id = text.trim_start_matches("tpay_").split_once('.');
    let (sale, nth) = id.expect("made by payment_id");
    Id(sale_of(sale), nth.parse().expect("made by payment_id"))
}

fn sale_of(text: &str) -> Sale {
    let number = match (text.as_bytes(), text.strip_prefix('S')) {
        ([letter], _) => u16::from(letter - b'A'),
        (_, number) => number.and_then(|it| it.parse().ok()).expect("made by name"),
    };
    Sale(number)
}

fn key_of(text: &str) -> Key {
    text.trim_start_matches('k').parse().expect("made by pay")
}
