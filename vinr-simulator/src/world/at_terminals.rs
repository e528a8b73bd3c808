//! Driving the terminals of a shop: who asks them, what they read, and their power.

use vinr_protocol::cloud::relay::{self, HandOver};
use vinr_protocol::payment::{Brand, ConnectionMode, DeclineCode, EntryMode};
use vinr_protocol::terminal::{CardFacts, Input, PinEntry, Revocation, Timer};
use vinr_protocol::{CancelRequest, PaymentId};

use super::action::{Mood, Then};
use super::invariant::Checked;
use super::message::{Ask, Line, Message};
use super::plan::{Pin, now, terminal_id};
use super::shop::{Armed, Shop};
use super::terminal::{Around, Out, Terminal};

impl Shop {
    /// A question reaches a terminal, or the place where one was.
    pub(super) fn asked(
        &mut self,
        line: Line,
        terminal: usize,
        ask: &Ask,
        then: Then,
    ) -> Checked<bool> {
        if line.is_the_clouds() {
            if !self.is_linked(terminal) {
                return Ok(then == Then::Goes);
            }
            if let Ask::Command(command) = ask {
                let command = command.payment.clone();
                self.send(Message::HandedOver { terminal, command });
            }
        } else if !self.terminals[terminal].is_reachable() {
            self.broken(line)?;
            return Ok(then == Then::Goes);
        }
        let input = self.question(line, terminal, ask);
        self.terminal(terminal, input, then)
    }

    fn question(&self, line: Line, terminal: usize, ask: &Ask) -> Input {
        let now = self.terminals[terminal].date();
        let caller = line.caller();
        match ask {
            Ask::Pay { sale, key } => {
                let sale = self
                    .plan
                    .sale(line.till, *sale)
                    .expect("a till asks only for its own sales");
                Input::Pay {
                    caller,
                    request: sale.request(terminal),
                    key: Some(key.clone()),
                    path: ConnectionMode::Local,
                    expires_at: None,
                    id: self.terminals[terminal].fresh_id(key),
                    now,
                    revocation: Revocation::InForce,
                }
            }
            Ask::Command(command) => Input::Pay {
                caller,
                request: command.request.for_terminal(&terminal_id(terminal)),
                key: Some(command.key.clone()),
                path: ConnectionMode::Cloud,
                expires_at: Some(command.expires_at),
                id: self.terminals[terminal].fresh_id(&command.key),
                now,
                revocation: Revocation::InForce,
            },
            Ask::LookUp(reference) => Input::LookUp {
                caller,
                reference: reference.clone(),
            },
            Ask::Cancel { reference, key } => Input::Cancel {
                caller,
                request: CancelRequest {
                    terminal_id: terminal_id(terminal),
                    reference: reference.clone(),
                    attempt_key: Some(key.clone()),
                },
                now,
            },
        }
    }

    pub(super) fn handed_over(&mut self, terminal: usize, command: &PaymentId) -> Checked<()> {
        self.cloud(relay::Input::HandedOver {
            terminal: terminal_id(terminal),
            command: command.clone(),
            outcome: HandOver::Confirmed,
            now: now(),
        })
    }

    pub(super) fn freed(&mut self, terminal: usize) -> Checked<()> {
        self.cloud(relay::Input::Freed {
            terminal: terminal_id(terminal),
            now: now(),
        })
    }

    pub(super) fn card(&mut self, terminal: usize, then: Then) -> Checked<bool> {
        let pin = match self.plan.pin {
            Pin::NotWanted => PinEntry::NotRequired,
            Pin::Wanted => PinEntry::Required,
        };
        let card = CardFacts {
            last4: "4242".into(),
            brand: Brand::Visa,
            entry_mode: EntryMode::Contactless,
            pin,
        };
        let now = self.terminals[terminal].date();
        self.terminal(terminal, Input::CardRead { card, now }, then)
    }

    pub(super) fn terminal_timer(
        &mut self,
        terminal: usize,
        timer: &Timer,
        then: Then,
    ) -> Checked<bool> {
        self.terminals[terminal].change(|it| it.armed.remove(timer));
        let now = self.terminals[terminal].date();
        let timer = timer.clone();
        self.terminal(terminal, Input::Elapsed { timer, now }, then)
    }

    pub(super) fn terminal(&mut self, nth: usize, input: Input, then: Then) -> Checked<bool> {
        match then {
            Then::Goes => {}
            Then::CutAfter(_) => self.left.power_cuts -= 1,
            Then::SyncFails(_) => self.left.failed_syncs -= 1,
        }
        let around = Around {
            plan: &self.plan,
            bank: &self.bank,
        };
        let out = self.terminals[nth].change(|it| it.feed(input, then, &around))?;
        let Some(out) = out else {
            return Ok(false);
        };
        self.carry(nth, out);
        if !self.terminals[nth].is_on() {
            self.power_is_gone(nth)?;
        }
        Ok(true)
    }

    fn carry(&mut self, terminal: usize, out: Out) {
        for message in out.sent {
            let is_news = matches!(message, Message::Freed { .. } | Message::Report { .. });
            if !is_news || self.plan.has_cloud() && self.is_linked(terminal) {
                self.send(message);
            }
        }
        for (timer, after) in out.armed {
            self.armed.push(Armed::Terminal(terminal, timer, after));
        }
    }

    pub(super) fn cut(&mut self, terminal: usize) -> Checked<()> {
        self.terminals[terminal].change(Terminal::cut);
        self.power_is_gone(terminal)
    }

    /// What was on its way to a terminal that is off is gone; what it sent is not.
    fn power_is_gone(&mut self, nth: usize) -> Checked<()> {
        self.air.retain(|it| {
            !matches!(&**it, Message::Verdict { terminal, .. } | Message::Reversed { terminal, .. }
                | Message::NotSent { terminal, .. } if *terminal == nth)
        });
        self.link(nth)
    }

    /// False where the power was to go after more effects than a boot has.
    pub(super) fn boot(&mut self, nth: usize, then: Then) -> Checked<bool> {
        let around = Around {
            plan: &self.plan,
            bank: &self.bank,
        };
        let out = self.terminals[nth].change(|it| it.boot(then, &around))?;
        let Some(out) = out else {
            return Ok(false);
        };
        self.carry(nth, out);
        self.link(nth)?;
        Ok(true)
    }

    pub(super) fn host_says(&mut self, message: &Message, mood: Mood) {
        let decline = match mood {
            Mood::Grants => None,
            Mood::Declines => Some(DeclineCode::CardDeclined),
        };
        let (terminal, payment, verdict) = match message {
            Message::Authorize { terminal, payment } => {
                let verdict = self.bank.change(|it| it.authorize(payment, decline));
                (*terminal, &payment.id, verdict)
            }
            Message::Status { terminal, payment } => {
                let verdict = self.bank.change(|it| it.status(payment));
                (*terminal, payment, verdict)
            }
            Message::Reverse { terminal, payment } => {
                self.bank.change(|it| it.reverse(payment));
                let (terminal, payment) = (*terminal, payment.clone());
                return self.send(Message::Reversed { terminal, payment });
            }
            _ => return,
        };
        self.send(Message::Verdict {
            terminal,
            payment: payment.clone(),
            verdict,
        });
    }
}
