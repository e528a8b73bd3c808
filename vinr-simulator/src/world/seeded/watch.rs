//! What must hold of durations: only a world with a clock can see it. \[I27\]

use std::collections::BTreeMap;
use std::time::Duration;

use vinr_protocol::PaymentId;
use vinr_protocol::client::{attempt, hybrid};
use vinr_protocol::terminal::Timer;
use vinr_protocol::timing::{ANSWER_WITHIN, CARD_WAIT, CLIENT_HOLD};

use super::clock::Moment;
use crate::world::invariant::{Checked, ensure};
use crate::world::message::{Ask, Line, Message, Purpose, Reply};
use crate::world::shop::Shop;

/// What is being timed.
#[derive(Debug)]
pub(super) struct Watch {
    /// The pays that a terminal has and has not answered, and since when.
    asked: BTreeMap<Line, (usize, Moment)>,
    /// What each terminal shows, and since when.
    shown: Vec<Option<(PaymentId, Moment)>>,
    /// When each till last sent a pay, and how many it had sent then.
    sent: Vec<(usize, Moment)>,
}

impl Watch {
    pub(super) fn new(shop: &Shop) -> Self {
        Self {
            asked: BTreeMap::new(),
            shown: vec![None; shop.terminals.len()],
            sent: vec![(0, Moment::default()); shop.tills.len()],
        }
    }

    /// A message is about to arrive.
    pub(super) fn arrives(&mut self, message: &Message, now: Moment) {
        if let Message::Ask {
            line,
            terminal,
            ask: Ask::Pay { .. } | Ask::Command(_),
        } = message
            && !matches!(line.purpose, Purpose::Copy(_))
        {
            self.asked.insert(*line, (*terminal, now));
        }
    }

    /// Something is on its way that was not before.
    pub(super) fn sees(&mut self, message: &Message) {
        if let Message::Reply { line, reply, .. } = message
            && *reply != Reply::Head
        {
            self.asked.remove(line);
        }
    }

    /// Something happened. Who asks for a card now and did not before?
    pub(super) fn follow(
        &mut self,
        shop: &Shop,
        now: Moment,
    ) -> Checked<Option<(usize, PaymentId)>> {
        self.asked.retain(|line, (terminal, _)| {
            let at = &shop.terminals[*terminal];
            let is_awaited = if line.is_the_clouds() {
                shop.is_linked(*terminal)
            } else {
                at.lan == crate::world::terminal::Reach::There && shop.is_listening(*line)
            };
            at.is_on() && !at.is_out_of_service() && is_awaited
        });
        for (till, sent) in shop.tills.iter().zip(&mut self.sent) {
            if till.sent.len() != sent.0 {
                *sent = (till.sent.len(), now);
            }
        }
        let mut new = None;
        for (nth, (terminal, shown)) in shop.terminals.iter().zip(&mut self.shown).enumerate() {
            match (&terminal.shown, &*shown) {
                (None, None) => {}
                (None, Some(_)) => *shown = None,
                (Some(id), Some((old, since))) if id == old => {
                    let is_waiting = terminal.armed.contains_key(&Timer::CardWait);
                    ensure(
                        !is_waiting || now.since(*since) <= CARD_WAIT,
                        "PAY-13: a card is waited for after 75 s",
                    )?;
                }
                (Some(id), _) => {
                    *shown = Some((id.clone(), now));
                    new = Some((nth, id.clone()));
                }
            }
        }
        Ok(new)
    }

    /// Time has passed until now, and nothing has happened in it.
    pub(super) fn time_passed(&self, now: Moment) -> Checked<()> {
        let is_late = |(_, since): &(usize, Moment)| now.since(*since) > ANSWER_WITHIN;
        ensure(
            !self.asked.values().any(is_late),
            "PAY-6: a terminal does not answer within 90 s",
        )
    }

    /// A till's timer runs out.
    pub(super) fn till_timer(&self, till: usize, timer: hybrid::Timer, now: Moment) -> Checked<()> {
        let ends_the_hold = matches!(
            timer,
            hybrid::Timer::Attempt(attempt::Timer::Hold | attempt::Timer::Deadline)
        );
        let (pays, since) = self.sent[till];
        let held: Duration = now.since(since);
        ensure(
            !ends_the_hold || pays == 0 || held >= CLIENT_HOLD,
            "PAY-5: a till holds on for less than 120 s",
        )
    }
}
