//! The session machine with its inputs and effects bent. What is not bent passes through.

use std::collections::BTreeMap;

use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::payment::{
    CancelOutcome, CaptureMethod, DeclineCode, Payment, PaymentList, Status,
};
use vinr_protocol::terminal::{
    Answer, Caller, CardFacts, Config, Effect, HostVerdict, Input, Record, Screen, Session, Timer,
};
use vinr_protocol::{JournalId, Machine, PaymentId, Reference, TerminalId, Timestamp};

use super::{Defect, Defects, offline};

/// A machine that hosts a terminal's session.
pub(crate) type Terminal = Box<dyn Machine<Input = Input, Effect = Effect> + Send>;

/// Recovers a session and breaks it as told; returns the boot effects beside it.
pub(crate) fn faulty(
    mut config: Config,
    journal: JournalId,
    records: Vec<Record>,
    now: Timestamp,
    defects: &Defects,
) -> (Terminal, Vec<Effect>) {
    let terminal = config.terminal.clone();
    config.offline = offline::bend_limits(config.offline, defects);
    let records = match defects.contains(&Defect::OutcomeForgottenAtRestart) {
        true => Vec::new(),
        false => records,
    };
    let (session, effects) = Session::recover(config, journal, records, now);
    let faulty = Faulty {
        session,
        defects: defects.clone(),
        terminal,
        now,
        held: BTreeMap::new(),
        shown: None,
        previous_last4: "0000".into(),
        blocked: Vec::new(),
        aliases: BTreeMap::new(),
        dropped: Vec::new(),
        ghost: None,
    };
    offline::around(Box::new(faulty), effects, defects, now)
}

struct Faulty {
    session: Session,
    defects: Defects,
    terminal: TerminalId,
    now: Timestamp,
    /// Who waits for an outcome.
    held: BTreeMap<Caller, PaymentId>,
    /// The payment that was shown last.
    shown: Option<Payment>,
    previous_last4: String,
    /// Look-ups that wait for the held payment.
    blocked: Vec<Input>,
    /// The names under which a sale was started again, oldest first.
    aliases: BTreeMap<Reference, Vec<Reference>>,
    /// Sales that were dropped with their caller.
    dropped: Vec<Reference>,
    /// A payment that was cancelled and still takes a card.
    ghost: Option<Ghost>,
}

struct Ghost {
    payment: Payment,
    has_card: bool,
}

impl Machine for Faulty {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = match self.bend_input(input) {
            Bent::Input(input) => self.session.step(input),
            Bent::Effects(effects) => effects,
        };
        self.bend_effects(effects)
    }
}

/// What became of an input.
enum Bent {
    Input(Input),
    Effects(Vec<Effect>),
}

impl Faulty {
    fn has(&self, defect: Defect) -> bool {
        self.defects.contains(&defect)
    }

    fn bend_input(&mut self, input: Input) -> Bent {
        match input {
            Input::Pay {
                caller,
                mut request,
                key,
                path,
                expires_at: None,
                id,
                now,
                revocation,
            } => {
                self.now = now;
                self.ghost = None;
                if self.has(Defect::WrongIdAccepted) {
                    request.terminal_id = self.terminal.clone();
                }
                if self.has(Defect::ChargedTwice) && self.held.is_empty() {
                    request.reference = self.alias(&request.reference);
                }
                Bent::Input(Input::Pay {
                    caller,
                    request,
                    key,
                    path,
                    expires_at: None,
                    id,
                    now,
                    revocation,
                })
            }
            Input::LookUp { .. } | Input::LookUpId { .. }
                if self.has(Defect::LookUpBlockedWhileHeld) && !self.held.is_empty() =>
            {
                self.blocked.push(input);
                Bent::Effects(Vec::new())
            }
            Input::LookUp { caller, reference } => self.bend_look_up(caller, reference),
            Input::CallerGone { caller } => self.bend_caller_gone(caller),
            Input::CardRead { card, now } => self.bend_card(card, now),
            Input::HostAnswered {
                payment,
                verdict,
                now,
            } => self.bend_verdict(payment, verdict, now),
            input => Bent::Input(input),
        }
    }

    /// A fresh name for a sale that was started before.
    fn alias(&mut self, reference: &Reference) -> Reference {
        let aliases = self.aliases.entry(reference.clone()).or_default();
        let alias = match aliases.len() {
            0 => reference.clone(),
            // A reference that is too long for a suffix keeps its name, and this defect does not show.
            again => Reference::new(&format!("{reference}.{again}")).unwrap_or(reference.clone()),
        };
        aliases.push(alias.clone());
        alias
    }

    fn bend_look_up(&mut self, caller: Caller, reference: Reference) -> Bent {
        if self.dropped.contains(&reference) {
            let unheard = Reference::new("never.heard.of").unwrap_or(reference);
            let reference = unheard;
            return Bent::Input(Input::LookUp { caller, reference });
        }
        let Some(aliases) = self.aliases.get(&reference).cloned() else {
            return Bent::Input(Input::LookUp { caller, reference });
        };
        let mut all: Option<PaymentList> = None;
        for reference in aliases.into_iter().rev() {
            for effect in self.session.step(Input::LookUp { caller, reference }) {
                match (effect, &mut all) {
                    (
                        Effect::Answer {
                            answer: Answer::Payments(list),
                            ..
                        },
                        Some(all),
                    ) => all.data.extend(list.data),
                    (
                        Effect::Answer {
                            answer: Answer::Payments(list),
                            ..
                        },
                        none,
                    ) => *none = Some(list),
                    (other, _) => return Bent::Effects(vec![other]),
                }
            }
        }
        let answers = all.map(Answer::Payments).into_iter();
        Bent::Effects(
            answers
                .map(|answer| Effect::Answer { caller, answer })
                .collect(),
        )
    }

    fn bend_caller_gone(&mut self, caller: Caller) -> Bent {
        let held = self.held.remove(&caller);
        if !self.has(Defect::SessionDroppedWithTheClient) || held.is_none() {
            return Bent::Input(Input::CallerGone { caller });
        }
        let shown = self.shown.as_ref().map(|payment| payment.reference.clone());
        self.dropped.extend(shown);
        let mut effects = self.session.step(Input::CallerGone { caller });
        effects.extend(self.session.step(Input::CustomerGaveUp { now: self.now }));
        Bent::Effects(effects)
    }

    fn bend_card(&mut self, mut card: CardFacts, now: Timestamp) -> Bent {
        if let Some(ghost) = self.ghost.as_mut().filter(|ghost| !ghost.has_card) {
            ghost.has_card = true;
            ghost.payment.status = Status::Processing;
            ghost.payment.last4 = Some(card.last4);
            ghost.payment.brand = Some(card.brand);
            ghost.payment.entry_mode = Some(card.entry_mode);
            let payment = ghost.payment.clone();
            return Bent::Effects(vec![
                Effect::Show(Screen::Authorizing),
                Effect::Authorize { payment },
            ]);
        }
        if self.has(Defect::Last4OfThePreviousCard) {
            std::mem::swap(&mut self.previous_last4, &mut card.last4);
        }
        Bent::Input(Input::CardRead { card, now })
    }

    fn bend_verdict(&mut self, id: PaymentId, verdict: HostVerdict, now: Timestamp) -> Bent {
        let ghost = self.ghost.as_mut();
        let Some(ghost) = ghost.filter(|ghost| ghost.payment.id == id && ghost.has_card) else {
            return Bent::Input(Input::HostAnswered {
                payment: id,
                verdict,
                now,
            });
        };
        if verdict == HostVerdict::Approved {
            complete(&mut ghost.payment);
        }
        Bent::Effects(vec![
            Effect::Show(Screen::Approved),
            Effect::Arm(Timer::ResultShown, vinr_protocol::timing::RESULT_SHOWN),
        ])
    }

    fn bend_effects(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        self.raise_a_ghost(&effects);
        let mut bent = Vec::new();
        let mut has_answered_held = false;
        for effect in effects {
            match effect {
                Effect::Persist(record) => {
                    if let Record::Attempt(attempt) = &record {
                        self.shown = Some(attempt.payment.clone());
                    }
                    bent.push(Effect::Persist(record));
                }
                Effect::Head { caller, activation } => {
                    if let Some(payment) = &self.shown {
                        self.held.insert(caller, payment.id.clone());
                    }
                    if !self.has(Defect::HeadWithTheBody) {
                        bent.push(Effect::Head { caller, activation });
                    }
                }
                Effect::Show(Screen::PresentCard {
                    payment,
                    amount,
                    currency,
                }) if self.has(Defect::TwoPrompts) => {
                    let another = crate::terminal::fresh_payment_id();
                    for payment in [another, payment] {
                        bent.push(Effect::Show(Screen::PresentCard {
                            payment,
                            amount,
                            currency,
                        }));
                    }
                }
                Effect::Show(Screen::Cancelled) | Effect::Arm(Timer::ResultShown, _)
                    if self.ghost.as_ref().is_some_and(|ghost| !ghost.has_card) => {}
                Effect::Authorize { mut payment } => {
                    self.unalias(&mut payment);
                    bent.push(Effect::Authorize { payment });
                }
                Effect::Answer { caller, answer } => {
                    has_answered_held |= self.held.remove(&caller).is_some();
                    let answer = self.bend_answer(answer);
                    bent.push(Effect::Answer { caller, answer });
                }
                other => bent.push(other),
            }
        }
        if has_answered_held && self.held.is_empty() {
            for input in std::mem::take(&mut self.blocked) {
                bent.extend(self.step(input));
            }
        }
        bent
    }

    /// A payment whose cancel is acknowledged here stays on the screen.
    fn raise_a_ghost(&mut self, effects: &[Effect]) {
        if !self.has(Defect::TapAfterCancelCharges)
            || !effects.contains(&Effect::Show(Screen::Cancelled))
        {
            return;
        }
        self.ghost = effects.iter().find_map(|effect| match effect {
            Effect::Answer {
                answer: Answer::Cancellation(cancellation),
                ..
            } if cancellation.outcome == CancelOutcome::Cancelled => {
                let payment = cancellation.payment.clone()?;
                let has_card = false;
                Some(Ghost { payment, has_card })
            }
            _ => None,
        });
    }

    fn bend_answer(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Payment(mut payment) => {
                self.bend_payment(&mut payment);
                Answer::Payment(payment)
            }
            Answer::Payments(mut list) => {
                list.data
                    .iter_mut()
                    .for_each(|payment| self.bend_payment(payment));
                Answer::Payments(list)
            }
            Answer::Refused(refusal)
                if refusal.code == Code::TerminalBusy
                    && self.has(Defect::BusyLeaksTheOtherPayment) =>
            {
                Answer::Refused(self.leak(refusal))
            }
            other => other,
        }
    }

    fn bend_payment(&self, payment: &mut Payment) {
        self.unalias(payment);
        if let Some(ghost) = self
            .ghost
            .as_ref()
            .filter(|ghost| ghost.payment.id == payment.id)
        {
            *payment = ghost.payment.clone();
        }
        if self.has(Defect::DeclineReportedCompleted) && payment.status == Status::Failed {
            complete(payment);
        }
        if self.has(Defect::FailedWhilePending) && payment.status == Status::Pending {
            payment.status = Status::Failed;
            payment.decline_code = Some(DeclineCode::CardDeclined);
        }
        if self.has(Defect::AmountAltered)
            && let Ok(amount) = vinr_protocol::Amount::new(payment.amount.minor_units() + 1)
        {
            payment.amount = amount;
        }
    }

    fn unalias(&self, payment: &mut Payment) {
        let sale = self
            .aliases
            .iter()
            .find(|(_, aliases)| aliases.contains(&payment.reference));
        if let Some((reference, _)) = sale {
            payment.reference = reference.clone();
        }
    }

    fn leak(&self, refusal: Refusal) -> Refusal {
        let Some(payment) = &self.shown else {
            return refusal;
        };
        let (reference, amount) = (&payment.reference, payment.amount);
        let message = format!(
            "{}: {reference} over {amount} is on the screen",
            refusal.message
        );
        Refusal { message, ..refusal }
    }
}

pub(super) fn complete(payment: &mut Payment) {
    payment.status = Status::Completed;
    payment.decline_code = None;
    payment.cancel_reason = None;
    let amount = payment.amount.minor_units();
    (payment.amount_captured, payment.amount_capturable) = match payment.capture_method {
        CaptureMethod::Automatic => (amount, 0),
        CaptureMethod::Manual => (0, amount),
    };
}
