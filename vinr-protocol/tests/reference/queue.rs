//! Long days with a bad line: the offline queue by itself, against a reference that is two lists of numbers.
//!
//! Whatever comes in whatever order: accepted offline = finally answered + still queued, each sequence once and
//! none left out, first in first out, and no acceptance over a limit.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use vinr_protocol::Code;

use crate::machine::{Counter, Differs};
use crate::words::*;

/// A CT20.
const SHEET: Sheet = Sheet {
    usd: 15_000,
    max_queued: 10,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A sale is paid by tap. Where the internet is there, the line breaks before a byte left.
    Sell(u64),
    /// The same, and the power goes while it is queued.
    SellAndCut(u64, Moment),
    /// The host's word on the head of the queue.
    Answer(Verdict),
    AnswerAndCut(Verdict, Moment),
    /// The host repeats its last word.
    Repeat,
    Silent,
    Away,
    Back,
    PowerCut,
}

impl std::fmt::Debug for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Deed::Sell(amount) => write!(f, "sell {amount}"),
            Deed::SellAndCut(amount, moment) => write!(f, "sell {amount}, power cut {moment:?}"),
            Deed::Answer(verdict) => write!(f, "{verdict:?}"),
            Deed::AnswerAndCut(verdict, moment) => write!(f, "{verdict:?}, power cut {moment:?}"),
            Deed::Repeat => write!(f, "last word again"),
            Deed::Silent => write!(f, "silence"),
            Deed::Away => write!(f, "away"),
            Deed::Back => write!(f, "back"),
            Deed::PowerCut => write!(f, "power cut"),
        }
    }
}

/// The reference.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    /// The sequences that wait, oldest first.
    queued: Vec<u64>,
    /// The sequences that the host answered, in that order, and was it a yes?
    answered: Vec<(u64, bool)>,
    away: bool,
    sales: u16,
    /// The sequence that is sent to the host for the last deed.
    sent: Option<u64>,
}

impl Queue {
    fn accepted(&self) -> u64 {
        (self.queued.len() + self.answered.len()) as u64
    }

    fn takes(&self, amount: u64) -> bool {
        amount <= SHEET.usd && self.queued.len() < SHEET.max_queued
    }

    fn happens(&mut self, deed: &Deed) {
        let in_flight = if self.away {
            None
        } else {
            self.queued.first().copied()
        };
        self.sent = None;
        match deed {
            Deed::Sell(amount) | Deed::SellAndCut(amount, Moment::After(_))
                if self.takes(*amount) =>
            {
                self.queued.push(self.accepted() + 1);
            }
            Deed::Sell(_) | Deed::SellAndCut(..) => {}
            Deed::Answer(verdict) | Deed::AnswerAndCut(verdict, Moment::After(_)) => {
                let head = self.queued.remove(0);
                self.answered.push((head, *verdict == Verdict::Approved));
            }
            Deed::AnswerAndCut(_, Moment::Before) | Deed::Repeat | Deed::Back | Deed::PowerCut => {}
            Deed::Silent => self.sent = in_flight,
            Deed::Away => self.away = true,
        }
        if matches!(deed, Deed::Sell(_) | Deed::SellAndCut(..)) {
            self.sales += 1;
        }
        let restarts = matches!(
            deed,
            Deed::SellAndCut(..) | Deed::AnswerAndCut(..) | Deed::PowerCut
        );
        if restarts || *deed == Deed::Back {
            self.away = false;
        }
        let head = if self.away {
            None
        } else {
            self.queued.first().copied()
        };
        if restarts || head != in_flight {
            self.sent = head;
        }
    }
}

impl ReferenceStateMachine for Queue {
    type State = Queue;
    type Transition = Deed;

    fn init_state() -> BoxedStrategy<Queue> {
        Just(Queue::default()).boxed()
    }

    fn transitions(queue: &Queue) -> BoxedStrategy<Deed> {
        let amount = prop_oneof![6 => Just(SHEET.usd), 1 => Just(SHEET.usd + 1)];
        let verdict = proptest::sample::select(
            &[Verdict::Approved, Verdict::Declined, Verdict::Duplicate][..],
        );
        let moment =
            prop_oneof![1 => Just(Moment::Before), 2 => (0..4usize).prop_map(Moment::After)];
        let mut choices = vec![
            (8, amount.clone().prop_map(Deed::Sell).boxed()),
            (2, Just(Deed::Away).boxed()),
            (2, Just(Deed::Back).boxed()),
            (1, Just(Deed::PowerCut).boxed()),
            (
                1,
                (amount, moment.clone())
                    .prop_map(|(amount, moment)| Deed::SellAndCut(amount, moment))
                    .boxed(),
            ),
        ];
        if !queue.away && !queue.queued.is_empty() {
            choices.push((6, verdict.clone().prop_map(Deed::Answer).boxed()));
            choices.push((
                1,
                (verdict, moment)
                    .prop_map(|(verdict, moment)| Deed::AnswerAndCut(verdict, moment))
                    .boxed(),
            ));
            choices.push((2, Just(Deed::Silent).boxed()));
        }
        if !queue.answered.is_empty() {
            choices.push((1, Just(Deed::Repeat).boxed()));
        }
        proptest::strategy::Union::new_weighted(choices).boxed()
    }

    fn preconditions(queue: &Queue, deed: &Deed) -> bool {
        match deed {
            Deed::Answer(_) | Deed::AnswerAndCut(..) | Deed::Silent => {
                !queue.away && !queue.queued.is_empty()
            }
            Deed::Repeat => !queue.answered.is_empty(),
            Deed::Sell(_) | Deed::SellAndCut(..) | Deed::Away | Deed::Back | Deed::PowerCut => true,
        }
    }

    fn apply(mut queue: Queue, deed: &Deed) -> Queue {
        queue.happens(deed);
        queue
    }
}

/// The machine, and the queue as its journal has it.
struct Till {
    counter: Counter,
}

impl Till {
    /// Does the deed; what is sent to the host for it, by sequence.
    fn does(&mut self, deed: &Deed, before: &Queue) -> Result<Vec<u64>, Differs> {
        let id = |till: &Till, wanted: u64| {
            let entry = till
                .counter
                .disk
                .attempts
                .iter()
                .find(|it| it.sequence == Some(wanted));
            entry
                .map(|it| it.id)
                .ok_or_else(|| format!("no entry {wanted} in the journal"))
        };
        let seen = match deed {
            Deed::Sell(amount) => self.sell(*amount, None, before)?,
            Deed::SellAndCut(amount, moment) => self.sell(*amount, Some(*moment), before)?,
            Deed::Answer(verdict) | Deed::AnswerAndCut(verdict, _) => {
                let says = Event::HostSays(id(self, before.queued[0])?, *verdict);
                match deed {
                    Deed::AnswerAndCut(_, moment) => self
                        .counter
                        .only(&Event::PowerCutDuring(says.into(), *moment))?,
                    _ => self.counter.only(&says)?,
                }
            }
            Deed::Repeat => {
                // Its own last word, so that nothing is to be reversed.
                let (sequence, approved) = before.answered[before.answered.len() - 1];
                let word = if approved {
                    Verdict::Approved
                } else {
                    Verdict::Declined
                };
                let id = id(self, sequence)?;
                self.counter.only(&Event::HostSays(id, word))?
            }
            Deed::Silent => {
                let id = id(self, before.queued[0])?;
                self.counter.only(&Event::HostSilent(id))?
            }
            Deed::Away => self.counter.only(&Event::InternetAway)?,
            Deed::Back => self.counter.only(&Event::InternetBack)?,
            Deed::PowerCut => self.counter.only(&Event::PowerCut)?,
        };
        let attempts = &self.counter.disk.attempts;
        let sequence = |id: &Id| attempts.iter().find(|it| it.id == *id)?.sequence;
        Ok(seen
            .to_host
            .iter()
            .filter_map(|message| match message {
                ToHost::Authorize(id) => sequence(id),
                ToHost::Ask(_) | ToHost::Reverse(_) => None,
            })
            .collect())
    }

    fn sell(&mut self, amount: u64, cut: Option<Moment>, before: &Queue) -> Result<Seen, Differs> {
        let money = Money {
            amount,
            currency: "USD",
            manual: false,
        };
        let sale = Sale(before.sales);
        let pay = Pay {
            sale,
            key: Some(1),
            money,
            path: Path::Local,
            timeout_s: None,
        };
        let told = self.counter.only(&Event::Pay(pay))?.told;
        let refused = before.away && !before.takes(amount);
        let expected = if !refused {
            vec![Told::Started]
        } else if amount > SHEET.usd {
            vec![
                Told::Refused(vec![Code::OfflineAmountExceeded]),
                Told::Refused(vec![Code::OfflineQueueFull]),
            ]
        } else {
            vec![Told::Refused(vec![Code::OfflineQueueFull])]
        };
        if !matches!(&told[..], [(_, told)] if expected.contains(told)) {
            return Err(format!("a sale is answered {told:?}, and not {expected:?}"));
        }
        let id = Id(sale, 1);
        let mut queues = Event::Card;
        if refused {
            queues = Event::InternetAway; // a deed without effect
        } else if !before.away {
            self.counter.only(&Event::Card)?;
            queues = Event::NotSent(id);
        }
        let Some(moment) = cut else {
            return self.counter.only(&queues);
        };
        let seen = self
            .counter
            .only(&Event::PowerCutDuring(queues.into(), moment))?;
        if seen.to_host.contains(&ToHost::Ask(id)) {
            self.counter.only(&Event::HostSays(id, Verdict::Voided))?; // it never heard of it
        }
        Ok(seen)
    }

    fn compare(&self, sent: &[u64], queue: &Queue) -> Result<(), Differs> {
        let mut accepted: Vec<&Attempt> = self
            .counter
            .disk
            .attempts
            .iter()
            .filter(|it| it.sequence.is_some())
            .collect();
        accepted.sort_by_key(|it| it.sequence);
        let sequences: Vec<u64> = accepted.iter().filter_map(|it| it.sequence).collect();
        let expected: Vec<u64> = (1..=queue.accepted()).collect();
        differ("accepted", &expected, &sequences)?;
        let queued: Vec<u64> = accepted
            .iter()
            .filter(|it| it.is_queued())
            .filter_map(|it| it.sequence)
            .collect();
        differ("queued", &queue.queued, &queued)?;
        let answered = accepted.iter().filter(|it| it.is_final());
        let answered: Vec<(u64, bool)> = answered
            .filter_map(|it| Some((it.sequence?, it.status == Status::Completed)))
            .collect();
        differ("answered", &queue.answered, &answered)?;
        differ(
            "sent to the host",
            &queue.sent.into_iter().collect(),
            &sent.to_vec(),
        )?;
        differ(
            "shown as queued",
            &queue.queued.len(),
            &(self.counter.reader()?.offline.queued as usize),
        )
    }
}

fn differ<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), Differs> {
    if expected == found {
        return Ok(());
    }
    Err(format!(
        "{what}:\n  the reference says {expected:?}\n  the machine says   {found:?}"
    ))
}

/// Lets one history happen to both.
pub(crate) fn compare(
    mut queue: Queue,
    history: &[Deed],
    performed: &AtomicUsize,
) -> Result<(), Differs> {
    let mut till = Till {
        counter: Counter::open(Some(SHEET)),
    };
    for deed in history {
        performed.fetch_add(1, Ordering::SeqCst);
        let before = queue.clone();
        queue.happens(deed);
        let sent = till.does(deed, &before)?;
        till.compare(&sent, &queue)?;
    }
    Ok(())
}
