//! The cardholders: most tap within seconds; some come late, change their minds or walk away.

use vinr_protocol::PaymentId;

use super::clock::{MILLI, SECOND};
use super::step::Step;
use super::tally::Fault;
use super::world::{Doing, Event, World};
use crate::world::action::Action;
use crate::world::invariant::Checked;
use crate::world::plan::Pin;

impl World {
    /// Somebody is asked for a card.
    pub(super) fn meet_cardholder(&mut self, terminal: usize, payment: &PaymentId) {
        let wants_pin = self.shop.plan.pin == Pin::Wanted;
        let later = |world: &mut World, micros, doing| {
            let event = Event::Person(terminal, payment.clone(), doing);
            world.clock.put_in(micros, event);
        };
        if self.is_calm {
            let card = self.dice.between(500 * MILLI, 5 * SECOND);
            later(self, card, Doing::Card);
            later(self, card + 5 * SECOND, Doing::Pin);
            return;
        }
        if self.dice.chance(self.script.red_buttons) {
            self.tally.count(Fault::RedButton);
            let gives_up = self.dice.between(SECOND, 90 * SECOND);
            later(self, gives_up, Doing::RedButton);
        }
        if self.dice.chance(self.script.walk_aways) {
            self.tally.count(Fault::WalkAway);
            return;
        }
        let card = if self.dice.chance(self.script.late_cards) {
            self.tally.count(Fault::LateCard);
            self.dice.between(60 * SECOND, 90 * SECOND)
        } else if self.dice.chance(100) {
            // It was there before it was asked for.
            0
        } else {
            self.dice.between(500 * MILLI, 20 * SECOND)
        };
        later(self, card, Doing::Card);
        if !wants_pin {
            return;
        }
        if self.dice.chance(self.script.walk_aways) {
            self.tally.count(Fault::NoPin);
            return;
        }
        let pin = self.dice.between(SECOND, 20 * SECOND);
        later(self, card + pin, Doing::Pin);
    }

    pub(super) fn person(
        &mut self,
        terminal: usize,
        payment: &PaymentId,
        doing: Doing,
    ) -> Checked<()> {
        // Who comes too late finds another screen, and goes.
        if self.shop.terminals[terminal].shown.as_ref() != Some(payment) {
            return Ok(());
        }
        self.act_at(terminal, |then| match doing {
            Doing::Card => Step::Act(Action::Card(terminal, then)),
            Doing::Pin => Step::Act(Action::Pin(terminal, then)),
            Doing::RedButton => Step::GivesUp(terminal, then),
        })
        .map(drop)
    }
}
