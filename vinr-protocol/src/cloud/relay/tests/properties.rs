//! Anything in any order: links that break, deliveries lost and repeated, terminals that are busy, restarts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{Answer, Effect, HandOver, Input, TerminalWord, Timer};
use super::desk::*;
use crate::error_body::{Code, Refusal};
use crate::id::{AttemptKey, JournalId, PaymentId, TerminalId};
use crate::payment::{CancelOutcome, Cancellation, PaymentList};
use crate::request::CancelRequest;

const TERMINALS: [&str; 2] = [A, B];

#[derive(Debug, Clone)]
enum Act {
    Pay {
        place: u8,
        key: u8,
    },
    Cancel {
        key: u8,
    },
    Link {
        terminal: usize,
        up: bool,
    },
    /// The n-th delivery under way arrives; a busy terminal refuses what is new.
    Arrive {
        n: usize,
        busy: bool,
    },
    /// Or it turns out that no byte of it left.
    NothingSent {
        n: usize,
    },
    /// The n-th answer under way arrives.
    Hear {
        n: usize,
    },
    Finish {
        terminal: usize,
    },
    Free {
        terminal: usize,
    },
    Timer {
        n: usize,
    },
    /// Another device, which knows of nothing, takes the terminal's place.
    Swap {
        terminal: usize,
    },
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..3u8, 0..2u8).prop_map(|(place, key)| Act::Pay { place, key }),
        1 => (0..2u8).prop_map(|key| Act::Cancel { key }),
        3 => (0..2usize, any::<bool>()).prop_map(|(terminal, up)| Act::Link { terminal, up }),
        6 => (0..4usize, any::<bool>()).prop_map(|(n, busy)| Act::Arrive { n, busy }),
        2 => (0..4usize).prop_map(|n| Act::NothingSent { n }),
        6 => (0..4usize).prop_map(|n| Act::Hear { n }),
        2 => (0..2usize).prop_map(|terminal| Act::Finish { terminal }),
        1 => (0..2usize).prop_map(|terminal| Act::Free { terminal }),
        3 => (0..4usize).prop_map(|n| Act::Timer { n }),
        2 => (0..2usize).prop_map(|terminal| Act::Swap { terminal }),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 0..60)
}

/// A terminal as far as the relay can tell: it joins by key and keeps tombstones.
#[derive(Default)]
struct Terminal {
    /// How many devices stood here before.
    swaps: u32,
    attempts: BTreeMap<AttemptKey, (PaymentId, &'static str)>,
    tombstones: BTreeSet<AttemptKey>,
}

struct World {
    /// Devices that were taken away; what they began may still be charged.
    gone: Vec<Terminal>,
    desk: Desk,
    terminals: BTreeMap<TerminalId, Terminal>,
    up: BTreeSet<TerminalId>,
    /// Deliveries under way. One whose link ended may still arrive until the next link, and is never heard.
    under_way: Vec<(TerminalId, Effect)>,
    heard: Vec<(TerminalId, Input)>,
    timers: BTreeSet<Timer>,
    durable: BTreeSet<PaymentId>,
    callers: u64,
    keys: BTreeMap<u64, AttemptKey>,
    /// Keys of which a caller was told that nothing was started.
    denied: BTreeSet<AttemptKey>,
    /// Keys whose cancel was acknowledged.
    cancelled: BTreeSet<AttemptKey>,
}

impl World {
    fn new() -> Self {
        Self {
            desk: Desk::linked(&[]),
            gone: Vec::new(),
            terminals: TERMINALS
                .iter()
                .map(|it| (term(it), Terminal::default()))
                .collect(),
            up: BTreeSet::new(),
            under_way: Vec::new(),
            heard: Vec::new(),
            timers: BTreeSet::new(),
            durable: BTreeSet::new(),
            callers: 0,
            keys: BTreeMap::new(),
            denied: BTreeSet::new(),
            cancelled: BTreeSet::new(),
        }
    }

    fn act(&mut self, act: Act) {
        let effects = match act {
            Act::Pay { place, key } => {
                self.callers += 1;
                let key = format!("k{key}");
                let request = match place {
                    0 => to(A),
                    1 => to_group(&[A, B]),
                    _ => at_once(to_group(&[B, A])),
                };
                self.keys.insert(self.callers, key.parse().expect("lawful"));
                self.desk.pay(self.callers, request, &key)
            }
            Act::Cancel { key } => {
                self.callers += 1;
                let key: AttemptKey = format!("k{key}").parse().expect("lawful");
                self.keys.insert(self.callers, key.clone());
                self.desk.cancels_attempt(
                    self.callers,
                    CancelRequest {
                        terminal_id: term(A),
                        reference: reference(),
                        attempt_key: Some(key),
                    },
                )
            }
            Act::Link { terminal, up } => {
                let terminal = TERMINALS[terminal];
                self.heard.retain(|(of, _)| of.as_str() != terminal);
                if up {
                    self.under_way.retain(|(of, _)| of.as_str() != terminal);
                    self.up.insert(term(terminal));
                    let journal = self.journal(&term(terminal));
                    self.desk.link_up_with(terminal, journal)
                } else {
                    self.up.remove(&term(terminal));
                    self.desk.link_down(terminal)
                }
            }
            Act::Arrive { n, busy } => {
                if let Some(n) = n.checked_rem(self.under_way.len()) {
                    let (terminal, effect) = self.under_way.remove(n);
                    self.arrive(&terminal, effect, busy);
                }
                Vec::new()
            }
            Act::NothingSent { n } => match nth(&self.under_way, n) {
                Some((terminal, Effect::Deliver { command, .. }))
                    if self.up.contains(&terminal) =>
                {
                    self.under_way.remove(n % self.under_way.len());
                    self.desk.step(Input::HandedOver {
                        terminal,
                        command: command.payment.clone(),
                        outcome: HandOver::NothingSent,
                        now: now(),
                    })
                }
                _ => Vec::new(),
            },
            Act::Hear { n } => {
                if let Some(n) = n.checked_rem(self.heard.len()) {
                    let (_, input) = self.heard.remove(n);
                    self.desk.step(input)
                } else {
                    Vec::new()
                }
            }
            Act::Finish { terminal } => {
                let id = term(TERMINALS[terminal]);
                let attempts = &mut self.terminals.get_mut(&id).expect("is there").attempts;
                let Some((key, (payment_id, status))) = attempts
                    .iter_mut()
                    .find(|(_, (_, status))| *status == "pending")
                else {
                    return;
                };
                *status = "failed";
                let report = told(&id, payment_id, key, "failed");
                self.heard.push((id, Input::Report { payment: report }));
                Vec::new()
            }
            Act::Free { terminal } => self.desk.frees(TERMINALS[terminal]),
            Act::Timer { n } => match nth(&self.timers.iter().cloned().collect::<Vec<_>>(), n) {
                Some(timer) => {
                    self.timers.remove(&timer);
                    self.desk.elapses(timer)
                }
                None => Vec::new(),
            },
            Act::Swap { terminal } => {
                let id = term(TERMINALS[terminal]);
                self.under_way.retain(|(of, _)| *of != id);
                self.heard.retain(|(of, _)| *of != id);
                self.up.remove(&id);
                let here = self.terminals.get_mut(&id).expect("is there");
                let swaps = here.swaps + 1;
                let next = Terminal {
                    swaps,
                    ..Terminal::default()
                };
                self.gone.push(std::mem::replace(here, next));
                self.desk.link_down(TERMINALS[terminal])
            }
            Act::Restart => {
                self.timers.clear();
                self.heard.clear();
                self.up.clear();
                self.desk.restart()
            }
        };
        for effect in effects {
            self.perform(effect);
        }
        self.check();
    }

    /// The faults stop: links stay up, everything arrives, cardholders come to an end, timers run out.
    fn calm(&mut self) {
        for terminal in 0..TERMINALS.len() {
            self.act(Act::Link { terminal, up: true });
        }
        for _ in 0..20 {
            while !self.under_way.is_empty() || !self.heard.is_empty() {
                self.act(Act::Arrive { n: 0, busy: false });
                self.act(Act::Hear { n: 0 });
            }
            for terminal in 0..TERMINALS.len() {
                self.act(Act::Finish { terminal });
                self.act(Act::Free { terminal });
            }
            self.act(Act::Timer { n: 0 });
        }
    }

    fn journal(&self, at: &TerminalId) -> JournalId {
        journal(&format!("jrn_{}", self.terminals[at].swaps))
    }

    fn devices(&self) -> impl Iterator<Item = &Terminal> {
        self.terminals.values().chain(&self.gone)
    }

    /// The terminal's side: §4.1 in short.
    fn arrive(&mut self, at: &TerminalId, effect: Effect, busy: bool) {
        let own_journal = self.journal(at);
        let terminal = self.terminals.get_mut(at).expect("is there");
        let answer = match effect {
            Effect::Deliver { command, .. } => {
                let key = &command.key;
                let is_new = !terminal.attempts.contains_key(key);
                let word = if is_new && terminal.tombstones.contains(key) {
                    let id = command.payment.clone();
                    terminal.attempts.insert(key.clone(), (id, "cancelled"));
                    None
                } else if is_new && busy {
                    Some(Code::TerminalBusy)
                } else if is_new && terminal.attempts.values().any(|it| it.1 == "pending") {
                    Some(Code::ReferenceInProgress)
                } else {
                    let id = command.payment.clone();
                    terminal
                        .attempts
                        .entry(key.clone())
                        .or_insert((id, "pending"));
                    None
                };
                let word = match word {
                    Some(code) => TerminalWord::Refused(Refusal::new(code, "no")),
                    None => {
                        let (id, status) = &terminal.attempts[key];
                        TerminalWord::Payment(Box::new(told(at, id, key, status)))
                    }
                };
                Input::Answered {
                    terminal: at.clone(),
                    command: command.payment.clone(),
                    word,
                    now: now(),
                }
            }
            Effect::Ask { command, .. } => Input::Listed {
                terminal: at.clone(),
                command,
                list: PaymentList {
                    object: "list".into(),
                    data: terminal
                        .attempts
                        .iter()
                        .map(|(key, (id, status))| told(at, id, key, status))
                        .collect(),
                    journal_id: Some(own_journal),
                },
                now: now(),
            },
            Effect::Cancel { by, request } => {
                let key = request.attempt_key.expect("the tests name a key");
                let (outcome, payment) = match terminal.attempts.get_mut(&key) {
                    None => {
                        terminal.tombstones.insert(key);
                        (CancelOutcome::Cancelled, None)
                    }
                    Some((id, status)) => {
                        if *status == "pending" {
                            *status = "cancelled";
                        }
                        let outcome = match *status {
                            "cancelled" => CancelOutcome::Cancelled,
                            _ => CancelOutcome::TooLate,
                        };
                        (outcome, Some(told(at, id, &key, status)))
                    }
                };
                Input::Cancelled {
                    terminal: at.clone(),
                    by,
                    answer: Some(Cancellation {
                        object: "cancellation".into(),
                        journal_id: Some(own_journal),
                        reference: reference(),
                        outcome,
                        payment,
                    }),
                    now: now(),
                }
            }
            _ => return,
        };
        if self.up.contains(at) {
            self.heard.push((at.clone(), answer));
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(super::super::Record::Command { command, .. }) => {
                self.durable.insert(command.payment.clone());
            }
            Effect::Deliver {
                ref terminal,
                ref command,
            } => {
                assert!(
                    self.durable.contains(&command.payment),
                    "delivered before it was durable"
                );
                assert!(
                    !self.denied.contains(&command.key),
                    "delivered after it was withdrawn"
                );
                self.under_way.push((terminal.clone(), effect.clone()));
            }
            Effect::Ask { ref terminal, .. } => {
                self.under_way.push((terminal.clone(), effect.clone()))
            }
            Effect::Cancel { ref request, .. } => {
                self.under_way
                    .push((request.terminal_id.clone(), effect.clone()));
            }
            Effect::Withdraw { terminal, command } => {
                let before = self.under_way.len();
                self.under_way.retain(|(at, effect)| {
                    !(*at == terminal
                        && matches!(effect, Effect::Deliver { command: it, .. } if it.payment == command))
                });
                if self.under_way.len() + 1 == before {
                    let outcome = HandOver::NothingSent;
                    let input = Input::HandedOver {
                        terminal,
                        command,
                        outcome,
                        now: now(),
                    };
                    let effects = self.desk.step(input);
                    for effect in effects {
                        self.perform(effect);
                    }
                }
            }
            Effect::Arm(timer, _) => {
                self.timers.insert(timer);
            }
            Effect::Disarm(timer) => {
                self.timers.remove(&timer);
            }
            Effect::Answer { caller, answer } => self.answered(caller.0, &answer),
            Effect::Persist(_) | Effect::Fire { .. } | Effect::Acknowledge { .. } => {}
        }
    }

    fn answered(&mut self, caller: u64, answer: &Answer) {
        let key = self.keys[&caller].clone();
        match answer {
            Answer::Refused(refusal) if refusal.code == Code::TerminalUnavailable => {
                self.denied.insert(key);
            }
            // Of another journal, the till knows that it proves nothing. [REC-23]
            Answer::Cancellation(word)
                if word.outcome == CancelOutcome::Cancelled
                    && word
                        .journal_id
                        .as_ref()
                        .is_none_or(|it| *it == journal("jrn_0")) =>
            {
                self.cancelled.insert(key);
            }
            _ => {}
        }
    }

    fn check(&self) {
        for key in ["k0", "k1"] {
            let key: AttemptKey = key.parse().expect("lawful");
            let started: Vec<_> = self
                .devices()
                .filter(|it| it.attempts.get(&key).is_some_and(|it| it.1 != "cancelled"))
                .collect();
            assert!(started.len() <= 1, "[GRP-4] {key} is on two terminals"); // I14
            assert!(
                started.is_empty() || !self.denied.contains(&key),
                "[HYB-8] {key} was withdrawn and a terminal has it"
            );
            assert!(
                started.is_empty() || !self.cancelled.contains(&key),
                "{key} was cancelled and a terminal has it" // I10
            );
        }
        let live: usize = self
            .devices()
            .flat_map(|it| it.attempts.values())
            .filter(|it| it.1 == "pending")
            .count();
        assert!(live <= 1, "[PAY-12] two attempts of the sale are live"); // I2
    }
}

fn nth<T: Clone>(all: &[T], n: usize) -> Option<T> {
    n.checked_rem(all.len()).map(|n| all[n].clone())
}

fn told(at: &TerminalId, id: &PaymentId, key: &AttemptKey, status: &str) -> crate::Payment {
    let n = id
        .as_str()
        .trim_start_matches("tpay_")
        .parse()
        .expect("a number");
    payment(at.as_str(), n, key.as_str(), status)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    // [GRP-4, HYB-8, PAY-12]
    #[test]
    fn a_command_is_on_one_terminal_at_most_and_no_answer_lies(acts in acts()) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
    }

    // I5
    #[test]
    fn once_the_faults_stop_nothing_stays_undelivered(acts in acts()) {
        let mut world = World::new();
        // What a swapped device had stays unknown until somebody knows.
        for act in acts.into_iter().filter(|act| !matches!(act, Act::Swap { .. })) {
            world.act(act);
        }
        world.calm();
        prop_assert!(!world.desk.relay.is_undelivered(&reference()));
        for terminal in world.terminals.values() {
            prop_assert!(terminal.attempts.values().all(|it| it.1 != "pending"));
        }
    }
}
