//! What must be so after a start, and once the host has answered everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use vinr_protocol::cloud::ledger::Word as Said;
use vinr_protocol::payment::Status;
use vinr_protocol::terminal::{HostVerdict, Timer};
use vinr_protocol::{Payment, PaymentId};

use super::scene::{Answer, Scene};
use super::script::{Step, Word};
use super::told::{amount, key, reference};

/// Something was lost, doubled, or told as it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a terminal does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fails {
    /// It refuses service: right where its disk is damaged, and nowhere else.
    Refuses(String),
    Violates(Violation),
}

pub(super) type Judged<T = ()> = Result<T, Fails>;

fn refuses() -> Fails {
    Fails::Refuses("its journal failed while it ran".into())
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Judged {
    match holds {
        true => Ok(()),
        false => Err(Fails::Violates(Violation(why()))),
    }
}

/// What becomes of a message that was on its way to the host when the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// It is lost.
    Never,
    /// It arrives before anything that the terminal sends after its start.
    First,
    /// It arrives when everybody has forgotten it.
    Last,
}

/// Longer than anything here takes.
const ROUNDS: usize = 100;
/// A key that no script uses.
const ANOTHER_KEY: u8 = 99;

impl Scene<'_> {
    /// After a start, and ever after: nothing that anybody was told is otherwise.
    pub(super) fn keeps_its_word(&mut self) -> Judged<BTreeMap<PaymentId, Payment>> {
        let mut all = BTreeMap::new();
        for sale in self.stage.script.sales() {
            let listed = self.list(sale).ok_or_else(refuses)?;
            let live = listed.iter().filter(|it| !it.status.is_final()).count();
            ensure(live <= 1, || format!("I2: order_{sale} lives twice"))?;
            for payment in listed {
                ensure(payment.amount == amount(sale), || {
                    format!("I28: {} has another amount", payment.id)
                })?;
                let one = self.one(&payment.id).ok_or_else(refuses)?;
                ensure(one == payment, || {
                    format!("I8: {} is listed otherwise", payment.id)
                })?;
                self.is_true(&payment)?;
                all.insert(payment.id.clone(), payment);
            }
        }
        let world = &self.world;
        for id in &world.known {
            ensure(all.contains_key(id), || {
                format!("I6: {id} was told, shown or sent, and is forgotten")
            })?;
        }
        for (id, told) in &world.finals {
            ensure(all.get(id) == Some(told), || {
                format!(
                    "I3: {id} was told as {}, and is {:?}",
                    told.status,
                    all.get(id)
                )
            })?;
        }
        for (id, told) in &world.queued {
            let now = all.get(id);
            ensure(now.is_some_and(|it| it.offline == told.offline), || {
                format!("I17: {id} was accepted offline, and has lost its place")
            })?;
            let is_over = now.is_some_and(|it| it.status.is_final());
            ensure(!is_over || world.ledger.word(id).is_some(), || {
                format!("I18: {id} left the queue without the host's word")
            })?;
        }
        let with_key = |(sale, nth): (u8, u8)| {
            let (reference, key) = (reference(sale), key(nth));
            all.values()
                .find(move |it| it.reference == reference && it.attempt_key.as_ref() == Some(&key))
        };
        for attempt in &world.accepted {
            ensure(with_key(*attempt).is_some(), || {
                format!("I6: {attempt:?} was accepted, and is forgotten")
            })?;
        }
        for attempt in &world.void {
            let status = with_key(*attempt).map(|it| &it.status);
            ensure(status.is_none_or(|it| *it == Status::Cancelled), || {
                format!("I10: {attempt:?} was told as cancelled, and is {status:?}")
            })?;
        }
        self.queue_is_whole(&all)?;
        Ok(all)
    }

    /// I4.
    fn is_true(&self, payment: &Payment) -> Judged {
        let approved = self.world.has_approved(&payment.id);
        let holds = match payment.status {
            Status::Completed => approved,
            Status::Failed | Status::Cancelled => {
                !approved || self.world.contradicted.contains(&payment.id)
            }
            _ => true,
        };
        ensure(holds, || {
            format!(
                "I4: {} is {}, and the host did otherwise",
                payment.id, payment.status
            )
        })
    }

    /// I16, I17: as many as may be, each with a number of its own, and none left out.
    fn queue_is_whole(&self, all: &BTreeMap<PaymentId, Payment>) -> Judged {
        let marks = all.values().filter_map(|it| it.offline.as_ref());
        let numbers: Vec<u64> = marks.map(|mark| mark.sequence).collect();
        let unique: BTreeSet<u64> = numbers.iter().copied().collect();
        ensure(unique.len() == numbers.len(), || {
            format!("I17: a number was given twice: {numbers:?}")
        })?;
        let last = unique.last().copied().unwrap_or(0);
        ensure(!self.world.gave_again, || {
            "I17: a number was given again".to_owned()
        })?;
        let has_gap = self.world.forgotten.is_empty() && unique.len() as u64 != last;
        ensure(!has_gap, || {
            format!("I17: a number was left out: {unique:?}")
        })?;
        ensure(last >= self.world.last_sequence, || {
            format!(
                "I17: the last number was {}, and is {last}",
                self.world.last_sequence
            )
        })?;
        let queued = all.values().filter(|it| it.is_queued_offline()).count();
        ensure(queued <= self.stage.script.max_queued as usize, || {
            format!("I16: {queued} are queued")
        })
    }

    /// The host answers everything, and every till finds out and pays.
    pub(super) fn comes_to_rest(&mut self, late: Late) -> Judged {
        let under_way = std::mem::take(&mut self.world.air);
        if late == Late::First {
            for message in &under_way {
                self.world.host_handles(message, Word::Approves);
            }
        }
        self.settle()?;
        let held = self.held();
        ensure(held.is_empty(), || {
            format!("I5: still open: {}", told(&held))
        })?;
        self.keeps_its_word()?;
        self.void_stays_void()?;
        for sale in self.stage.script.sales() {
            self.till_pays_again(sale)?;
        }
        for attempt in self.world.tried.clone() {
            self.pay(attempt);
            let prompts = self.prompts.is_some();
            ensure(!prompts, || {
                format!("I1: {attempt:?} of a paid sale prompts")
            })?;
        }
        if late == Late::Last {
            for message in &under_way {
                self.world.host_handles(message, Word::Approves);
            }
        }
        self.keeps_its_word()?;
        self.charged_once()
    }

    fn settle(&mut self) -> Judged {
        for _ in 0..ROUNDS {
            let held = self.held();
            // What the session holds is being taken back.
            let is_held = |id: &PaymentId| held.iter().any(|it| it.id == *id);
            let stands = |id: &&PaymentId| self.world.has_approved(id) && !is_held(id);
            let unheard = self.world.contradicted.iter().find(stands).cloned();
            if !self.world.air.is_empty() {
                self.host(Word::Approves, Answer::Arrives);
            } else if let Some(id) = unheard.filter(|id| !self.is_completed(id)) {
                // The host says so until the terminal takes it back.
                self.host_says(id, HostVerdict::Approved);
            } else if self.prompts.is_some() {
                self.elapse(|timer| *timer == Timer::CardWait);
            } else if !held.is_empty() {
                self.elapse(|timer| matches!(timer, Timer::HostRetry(_)));
            } else {
                return Ok(());
            }
            if self.has_failed {
                return Err(refuses());
            }
        }
        ensure(false, || {
            format!("I5: it never comes to rest: {}", told(&self.held()))
        })
    }

    fn is_completed(&mut self, id: &PaymentId) -> bool {
        self.one(id)
            .is_some_and(|it| it.status == Status::Completed)
    }

    /// I10.
    fn void_stays_void(&mut self) -> Judged {
        for attempt in self.world.void.clone() {
            let answer = self.pay(attempt);
            let is_cancelled = matches!(&answer, Some(vinr_protocol::terminal::Answer::Payment(it))
                if it.status == Status::Cancelled);
            if self.has_failed {
                return Err(refuses());
            }
            ensure(is_cancelled && self.prompts.is_none(), || {
                format!("I10: {attempt:?} was told as cancelled, and starts: {answer:?}")
            })?;
        }
        Ok(())
    }

    /// A till that does not know the outcome looks up, and pays with a new key where the sale is not paid.
    fn till_pays_again(&mut self, sale: u8) -> Judged {
        if self.world.forgotten.contains(&sale) {
            return Ok(());
        }
        let listed = self.list(sale).ok_or_else(refuses)?;
        let is_paid = listed.iter().any(|it| it.status == Status::Completed);
        let answer = self.pay((sale, ANOTHER_KEY));
        if self.has_failed {
            return Err(refuses());
        }
        ensure(self.prompts.is_some() != is_paid, || {
            format!(
                "order_{sale} is {}paid, and another attempt: {answer:?}",
                if is_paid { "" } else { "not " }
            )
        })?;
        if self.prompts.is_some() {
            // Where it cannot restart, the caller is told of it in the next look-up.
            let _ = self.play(Step::Tap);
            self.settle()?;
        }
        Ok(())
    }

    /// I1.
    fn charged_once(&self) -> Judged {
        for sale in self.stage.script.sales() {
            let charges = self.world.ledger.charges(&reference(sale));
            let is_right = charges == 1 || charges == 0 && self.world.forgotten.contains(&sale);
            ensure(is_right, || {
                format!("I1: order_{sale} is charged {charges} times")
            })?;
        }
        for id in &self.world.contradicted {
            let word = self.world.ledger.word(id);
            let stands = word == Some(&Said::Approved);
            let is_told = self
                .world
                .finals
                .get(id)
                .is_some_and(|it| it.status == Status::Completed);
            ensure(!stands || is_told, || {
                format!("I4: {id} was approved too late, and is not taken back")
            })?;
        }
        Ok(())
    }
}

fn told(payments: &[Payment]) -> String {
    let words = payments
        .iter()
        .map(|it| format!("{} is {}", it.id, it.status));
    words.collect::<Vec<_>>().join(", ")
}
