//! The few words in which the reference and the machine are compared. Each prints on one line.

use std::fmt;

use vinr_protocol::Code;

/// A sale of the shop: `A`, `B`, ..., and from the 27th on `S26`, `S27`, ...
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sale(pub(crate) u16);

/// An attempt key, `k1`, `k2`, ...
pub(crate) type Key = u8;

/// A request that waits for its answer; they are counted.
pub(crate) type Caller = u64;

/// The nth attempt of a sale, in the order of the journal: `A#1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) Sale, pub(crate) usize);

/// The fields that must not differ under one key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Money {
    pub(crate) amount: u64,
    pub(crate) currency: &'static str,
    pub(crate) manual: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Processing,
    Completed,
    Failed(Decline),
    Cancelled(Why),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decline {
    CardDeclined,
    ProcessingError,
    OfflineAuthDeclined,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Requested,
    TimedOut,
    Customer,
    PowerLoss,
}

/// One line of the journal, or of an answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) id: Id,
    pub(crate) key: Option<Key>,
    pub(crate) money: Money,
    pub(crate) cloud: bool,
    pub(crate) status: Status,
    pub(crate) captured: u64,
    pub(crate) capturable: u64,
    pub(crate) card: bool,
    pub(crate) sequence: Option<u64>,
    pub(crate) duplicate: bool,
    /// An approval is to be taken back. Not in answers.
    pub(crate) reversal_owed: bool,
}

impl Attempt {
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self.status, Status::Pending | Status::Processing)
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.status == Status::Processing && self.sequence.is_some()
    }
}

/// What happens at the counter.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Pay(Pay),
    LookUp(Sale),
    LookUpId(Id),
    Cancel(Sale, Option<Key>),
    Card,
    PinCard,
    Pin,
    CardRemoved,
    GaveUp,
    HostSays(Id, Verdict),
    HostReversed(Id),
    /// Nothing came from the host for 2 s.
    HostSilent(Id),
    /// The line says that no byte left.
    NotSent(Id),
    InternetAway,
    InternetBack,
    CardWaitEnds,
    InteractionEnds,
    /// The nth of those who wait has waited for 88 s.
    AnswerBy(usize),
    /// The nth of those who wait hangs up.
    CallerGone(usize),
    DayPasses,
    Limits(Option<Sheet>),
    LocalMode(bool),
    /// Is there room in the journal for more attempts?
    Room(bool),
    PowerCut,
    PowerCutDuring(Box<Event>, Moment),
    /// The record of this event cannot be made durable; whether the disk holds it shows at the next start.
    StorageFails(Box<Event>, OnDisk),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pay {
    pub(crate) sale: Sale,
    pub(crate) key: Option<Key>,
    pub(crate) money: Money,
    pub(crate) path: Path,
    pub(crate) timeout_s: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    Local,
    Cloud,
    CloudExpired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Approved,
    Declined,
    Duplicate,
    Voided,
}

/// What may be queued: at most this much USD, at most so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) usd: u64,
    pub(crate) max_queued: usize,
}

/// When the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the record was durable, or before anything where there is none.
    Before,
    /// So many effects after it.
    After(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDisk {
    Kept,
    Lost,
}

/// What one caller gets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The head: accepted, and lit the screen.
    Started,
    /// The head: accepted, and another request lit the screen.
    Joined,
    Payment(Attempt),
    /// Newest first.
    List(Vec<Attempt>),
    /// One of these codes: where several rules refuse, the specification leaves open which is named.
    Refused(Vec<Code>),
    Cancel(Outcome, Option<Attempt>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Cancelled,
    TooLate,
    StillProcessing,
}

/// What the host is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ToHost {
    Authorize(Id),
    Ask(Id),
    Reverse(Id),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    Stale(Id),
    Duplicate(Id),
}

/// What the world sees of one event.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) told: Vec<(Caller, Told)>,
    /// The card is asked for, and for how many seconds.
    pub(crate) prompt: Option<(Id, u64)>,
    pub(crate) to_host: Vec<ToHost>,
    pub(crate) alarms: Vec<Alarm>,
}

impl fmt::Display for Sale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u8::try_from(self.0) {
            Ok(letter) if letter < 26 => write!(f, "{}", char::from(b'A' + letter)),
            _ => write!(f, "S{}", self.0),
        }
    }
}

impl fmt::Debug for Sale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.0, self.1)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manual = if self.manual { " manual" } else { "" };
        write!(f, "{} {}{manual}", self.amount, self.currency)
    }
}

fn key_name(key: Option<Key>) -> String {
    key.map_or("no key".to_owned(), |key| format!("k{key}"))
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, mode) = (
            key_name(self.key),
            if self.cloud { "cloud" } else { "local" },
        );
        write!(
            f,
            "[{:?} {key} {:?} {mode} {:?}",
            self.id, self.money, self.status
        )?;
        if self.captured + self.capturable > 0 {
            write!(
                f,
                " captured {} of {}",
                self.captured,
                self.captured + self.capturable
            )?;
        }
        if let Some(sequence) = self.sequence {
            write!(f, " offline {sequence}")?;
        }
        for (word, is) in [
            ("card", self.card),
            ("duplicate", self.duplicate),
            ("to be reversed", self.reversal_owed),
        ] {
            if is {
                write!(f, " {word}")?;
            }
        }
        write!(f, "]")
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Pay(pay) => {
                write!(f, "pay {} {} {:?}", pay.sale, key_name(pay.key), pay.money)?;
                if pay.path != Path::Local {
                    write!(f, " {:?}", pay.path)?;
                }
                pay.timeout_s
                    .map_or(Ok(()), |s| write!(f, " timeout {s} s"))
            }
            Event::LookUp(sale) => write!(f, "look up {sale}"),
            Event::LookUpId(id) => write!(f, "look up {id:?}"),
            Event::Cancel(sale, key) => write!(f, "cancel {sale} {}", key_name(*key)),
            Event::Card => write!(f, "card"),
            Event::PinCard => write!(f, "card that wants a PIN"),
            Event::Pin => write!(f, "PIN"),
            Event::CardRemoved => write!(f, "card removed"),
            Event::GaveUp => write!(f, "customer gives up"),
            Event::HostSays(id, verdict) => write!(f, "host says {id:?} {verdict:?}"),
            Event::HostReversed(id) => write!(f, "host has reversed {id:?}"),
            Event::HostSilent(id) => write!(f, "host silent about {id:?}"),
            Event::NotSent(id) => write!(f, "no byte of {id:?} was sent"),
            Event::InternetAway => write!(f, "internet away"),
            Event::InternetBack => write!(f, "internet back"),
            Event::CardWaitEnds => write!(f, "card wait ends"),
            Event::InteractionEnds => write!(f, "interaction ends"),
            Event::AnswerBy(nth) => write!(f, "88 s are over for waiting caller {nth}"),
            Event::CallerGone(nth) => write!(f, "waiting caller {nth} hangs up"),
            Event::DayPasses => write!(f, "24 h pass"),
            Event::Limits(None) => write!(f, "offline queue switched off"),
            Event::Limits(Some(sheet)) => write!(
                f,
                "offline limits {} USD, {} queued",
                sheet.usd, sheet.max_queued
            ),
            Event::Room(true) => write!(f, "the disk has room"),
            Event::Room(false) => write!(f, "the disk is full"),
            Event::LocalMode(on) => write!(f, "local mode {}", if *on { "on" } else { "off" }),
            Event::PowerCut => write!(f, "power cut"),
            Event::PowerCutDuring(event, Moment::Before) => {
                write!(f, "power cut before this is durable: {event:?}")
            }
            Event::PowerCutDuring(event, Moment::After(n)) => {
                write!(f, "power cut {n} effects after this is durable: {event:?}")
            }
            Event::StorageFails(event, disk) => write!(f, "storage fails ({disk:?}) at: {event:?}"),
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Started => write!(f, "head"),
            Told::Joined => write!(f, "head (joined)"),
            Told::Payment(it) => write!(f, "{it:?}"),
            Told::List(list) => write!(f, "list {list:?}"),
            Told::Refused(codes) => write!(f, "refused {codes:?}"),
            Told::Cancel(outcome, it) => write!(f, "cancel {outcome:?} {it:?}"),
        }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen {
            told,
            prompt,
            to_host,
            alarms,
        } = self;
        write!(
            f,
            "told {told:?}, prompt {prompt:?}, to the host {to_host:?}, alarms {alarms:?}"
        )
    }
}
