//! A counter with one terminal: short words for inputs, and what the effects say.

use vinr_protocol::device::Model;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::{Brand, CancelOutcome, ConnectionMode, DeclineCode, EntryMode};
use vinr_protocol::terminal::{
    Activation, Answer, Caller, CardFacts, Config, Effect, HostVerdict, Input, PinEntry, Record,
    Revocation, Screen, Timer,
};
use vinr_protocol::{
    Amount, AttemptKey, CancelRequest, Currency, JournalId, Machine, PayRequest, Payment,
    PaymentId, Reference, Status, TerminalId, Timestamp,
};

use crate::twin::Twin;

pub(crate) const TERMINAL: &str = "term_CT20_0042";

/// A terminal with its journal as the disk has it.
pub(crate) struct Shop {
    pub(crate) session: Twin,
    pub(crate) journal: Vec<Record>,
    drawn: u64,
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_780_237_380_000).expect("a date of this century")
}

pub(crate) fn config() -> Config {
    Config::new(
        TerminalId::new(TERMINAL).expect("lawful"),
        Model::NexgoCt20,
        "1.0",
    )
}

pub(crate) fn journal_id() -> JournalId {
    JournalId::new("jrn_1").expect("lawful")
}

pub(crate) fn request(reference: &str, amount: u64) -> PayRequest {
    PayRequest::new(
        TerminalId::new(TERMINAL).expect("lawful"),
        Amount::new(amount).expect("lawful"),
        Currency::USD,
        Reference::new(reference).expect("lawful"),
    )
}

pub(crate) fn card(pin: PinEntry) -> CardFacts {
    CardFacts {
        last4: "4242".into(),
        brand: Brand::Visa,
        entry_mode: EntryMode::Contactless,
        pin,
    }
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self {
            session: Twin::new(config(), journal_id()),
            journal: Vec::new(),
            drawn: 0,
        }
    }

    /// The power goes and comes back: only the journal is left.
    pub(crate) fn power_cycle(&mut self) -> Vec<Effect> {
        let (session, effects) = Twin::recover(config(), journal_id(), self.journal.clone(), now());
        self.session = session;
        self.write(&effects);
        effects
    }

    pub(crate) fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.session.step(input);
        self.write(&effects);
        effects
    }

    fn write(&mut self, effects: &[Effect]) {
        self.journal
            .extend(effects.iter().filter_map(|effect| match effect {
                Effect::Persist(record) => Some(record.clone()),
                _ => None,
            }));
    }

    pub(crate) fn caller(&mut self) -> Caller {
        self.drawn += 1;
        Caller(self.drawn)
    }

    pub(crate) fn send(&mut self, request: PayRequest, key: Option<&str>) -> (Caller, Vec<Effect>) {
        let caller = self.caller();
        let input = Input::Pay {
            caller,
            request,
            key: key.map(|key| AttemptKey::new(key).expect("lawful")),
            path: ConnectionMode::Local,
            expires_at: None,
            id: PaymentId::new(&format!("tpay_{}", caller.0)).expect("lawful"),
            now: now(),
            revocation: Revocation::InForce,
        };
        (caller, self.step(input))
    }

    pub(crate) fn pay(&mut self, reference: &str, key: &str) -> (Caller, Vec<Effect>) {
        self.send(request(reference, 2500), Some(key))
    }

    pub(crate) fn cancel(
        &mut self,
        reference: &str,
        key: Option<&str>,
    ) -> (CancelOutcome, Vec<Effect>) {
        let request = CancelRequest {
            terminal_id: TerminalId::new(TERMINAL).expect("lawful"),
            reference: Reference::new(reference).expect("lawful"),
            attempt_key: key.map(|key| AttemptKey::new(key).expect("lawful")),
        };
        let caller = self.caller();
        let effects = self.step(Input::Cancel {
            caller,
            request,
            now: now(),
        });
        match answer_to(caller, &effects) {
            Some(Answer::Cancellation(it)) => (it.outcome.clone(), effects),
            other => panic!("a cancel is answered by an outcome, not by {other:?}"),
        }
    }

    pub(crate) fn tap(&mut self) -> Vec<Effect> {
        self.step(Input::CardRead {
            card: card(PinEntry::NotRequired),
            now: now(),
        })
    }

    pub(crate) fn insert_pin_card(&mut self) -> Vec<Effect> {
        self.step(Input::CardRead {
            card: card(PinEntry::Required),
            now: now(),
        })
    }

    pub(crate) fn elapse(&mut self, timer: Timer) -> Vec<Effect> {
        self.step(Input::Elapsed { timer, now: now() })
    }

    pub(crate) fn host_says(&mut self, payment: &PaymentId, verdict: HostVerdict) -> Vec<Effect> {
        self.step(Input::HostAnswered {
            payment: payment.clone(),
            verdict,
            now: now(),
        })
    }

    /// Pays by tap, and the host says this.
    pub(crate) fn sale(&mut self, reference: &str, key: &str, verdict: HostVerdict) -> Payment {
        self.pay(reference, key);
        self.tap();
        let id = self.newest(reference).id;
        self.host_says(&id, verdict);
        self.newest(reference)
    }

    pub(crate) fn look_up(&mut self, reference: &str) -> Vec<Payment> {
        let caller = self.caller();
        let reference = Reference::new(reference).expect("lawful");
        let effects = self.step(Input::LookUp { caller, reference });
        match answer_to(caller, &effects) {
            Some(Answer::Payments(list)) => list.data.clone(),
            other => panic!("a look-up is answered by a list, not by {other:?}"),
        }
    }

    pub(crate) fn newest(&mut self, reference: &str) -> Payment {
        self.look_up(reference)
            .into_iter()
            .next()
            .expect("the sale has an attempt")
    }

    pub(crate) fn status(&mut self, reference: &str) -> Status {
        self.newest(reference).status
    }
}

pub(crate) fn declined() -> HostVerdict {
    HostVerdict::Declined(DeclineCode::CardDeclined)
}

pub(crate) fn answer_to(caller: Caller, effects: &[Effect]) -> Option<&Answer> {
    effects.iter().find_map(|effect| match effect {
        Effect::Answer { caller: to, answer } if *to == caller => Some(answer),
        _ => None,
    })
}

pub(crate) fn payment_for(caller: Caller, effects: &[Effect]) -> Option<&Payment> {
    match answer_to(caller, effects)? {
        Answer::Payment(payment) => Some(payment),
        _ => None,
    }
}

pub(crate) fn code_for(caller: Caller, effects: &[Effect]) -> Option<Code> {
    match answer_to(caller, effects)? {
        Answer::Refused(refusal) => Some(refusal.code.clone()),
        _ => None,
    }
}

pub(crate) fn head_for(caller: Caller, effects: &[Effect]) -> Option<Activation> {
    effects.iter().find_map(|effect| match effect {
        Effect::Head {
            caller: to,
            activation,
        } if *to == caller => Some(*activation),
        _ => None,
    })
}

pub(crate) fn prompts(effects: &[Effect]) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::Show(Screen::PresentCard { .. })))
}

pub(crate) fn authorizes(effects: &[Effect]) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::Authorize { .. }))
}

pub(crate) fn position(effects: &[Effect], wanted: impl Fn(&Effect) -> bool) -> usize {
    effects
        .iter()
        .position(wanted)
        .expect("the effect is there")
}
