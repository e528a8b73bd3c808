use std::collections::HashSet;

use super::*;
use crate::client::attempt::tests as attempt;
use crate::error_body::Code;
use crate::payment::Status;

const LATE: Duration = Duration::from_millis(12);
const DEAD: Duration = Duration::from_millis(500);

fn hedge() -> Hedge {
    Hedge::new(Policy::again(LATE, DEAD))
}

/// Steps through the inputs and returns the effects of the last.
fn after(hedge: &mut Hedge, inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for input in inputs {
        effects = hedge.step(input);
    }
    effects
}

fn word(effects: &[Effect]) -> Option<&Word> {
    effects.iter().find_map(|effect| match effect {
        Effect::Tell(word) => Some(word),
        Effect::Send { .. } | Effect::Arm(..) | Effect::Disarm(_) => None,
    })
}

fn refused(copy: Number, status: u16, code: Code) -> Input {
    Input::Refused {
        copy,
        status,
        error: attempt::error(code),
    }
}

fn busy(copy: Number) -> Input {
    refused(copy, 409, Code::TerminalBusy)
}

fn lost(copy: Number) -> Input {
    Input::Lost(copy, Lost::Broken("reset".to_owned()))
}

fn closed(copy: Number) -> Input {
    Input::NeverSent(copy, NotSent::ConnectionClosed)
}

fn late() -> Input {
    Input::Elapsed(Timer::Late)
}

fn payment() -> Payment {
    attempt::payment("01FIRST", Status::Completed)
}

#[test]
fn a_head_that_comes_in_time_needs_no_second_copy() {
    let mut hedge = hedge();
    let effects = after(&mut hedge, [Input::Begin, Input::Head(0)]);
    assert_eq!(word(&effects), Some(&Word::Head));
    assert!(after(&mut hedge, [late()]).is_empty());
    assert_eq!(hedge.again(), 0);
}

#[test]
fn a_late_head_gets_a_second_copy_at_hand_and_a_third_on_a_new_line() {
    let mut hedge = hedge();
    let first = Effect::Send {
        copy: 0,
        on: On::AtHand,
    };
    let second = Effect::Send {
        copy: 1,
        on: On::AtHand,
    };
    let third = Effect::Send {
        copy: 2,
        on: On::New,
    };
    assert_eq!(
        hedge.step(Input::Begin),
        [first, Effect::Arm(Timer::Late, LATE)]
    );
    assert_eq!(hedge.step(late()), [second, Effect::Arm(Timer::Late, DEAD)]);
    assert_eq!(hedge.step(late()), [third]);
    assert!(hedge.step(late()).is_empty());
}

#[test]
fn a_terminal_that_does_not_join_gets_one_copy() {
    let mut hedge = Hedge::new(Policy::ONCE);
    let send = Effect::Send {
        copy: 0,
        on: On::AtHand,
    };
    assert_eq!(hedge.step(Input::Begin), [send]);
}

#[test]
fn a_second_copy_without_a_line_leaves_the_first_and_may_be_followed_by_a_third() {
    let mut hedge = hedge();
    assert!(after(&mut hedge, [Input::Begin, late(), closed(1)]).is_empty());
    assert!(matches!(
        after(&mut hedge, [late()])[..],
        [Effect::Send {
            copy: 2,
            on: On::New
        }]
    ));
}

#[test]
fn whichever_answers_first_counts() {
    let mut hedge = hedge();
    let effects = after(
        &mut hedge,
        [
            Input::Begin,
            late(),
            Input::Head(1),
            Input::Answered(1, payment()),
        ],
    );
    assert_eq!(word(&effects), Some(&Word::Answered(payment())));
    assert!(after(&mut hedge, [Input::Answered(0, payment())]).is_empty());
}

#[test]
fn the_only_copy_s_refusal_is_the_word_of_all() {
    let effects = after(&mut hedge(), [Input::Begin, busy(0)]);
    assert_eq!(
        word(&effects),
        Some(&Word::Refused {
            status: 409,
            error: attempt::error(Code::TerminalBusy),
            others: Others::AskedForNone,
        })
    );
}

// [REC-24]
#[test]
fn one_refused_and_one_lost_is_not_refused_by_all() {
    for inputs in [[busy(0), lost(1)], [lost(1), busy(0)]] {
        let begun = [Input::Begin, late()];
        let effects = after(&mut hedge(), begun.into_iter().chain(inputs));
        assert!(
            matches!(
                word(&effects),
                Some(Word::Refused {
                    others: Others::MayHaveArrived,
                    ..
                })
            ),
            "{effects:?}"
        );
    }
}

#[test]
fn one_refused_as_busy_and_one_accepted_is_accepted() {
    let mut hedge = hedge();
    let begun = after(&mut hedge, [Input::Begin, late(), busy(0)]);
    assert_eq!(
        begun,
        [
            Effect::Disarm(Timer::Late),
            Effect::Arm(Timer::Patience, PATIENCE)
        ]
    );
    let effects = after(&mut hedge, [Input::Head(1)]);
    assert_eq!(word(&effects), Some(&Word::Head));
    assert!(after(&mut hedge, [Input::Elapsed(Timer::Patience)]).is_empty());
}

#[test]
fn an_accepted_copy_is_not_given_up_for_a_refusal_of_another() {
    let mut hedge = hedge();
    let inputs = [Input::Begin, late(), Input::Head(1), busy(0)];
    assert!(after(&mut hedge, inputs).is_empty());
}

// [REC-24]
#[test]
fn patience_with_a_silent_copy_ends_and_it_may_have_arrived() {
    let inputs = [
        Input::Begin,
        late(),
        busy(0),
        Input::Elapsed(Timer::Patience),
    ];
    let effects = after(&mut hedge(), inputs);
    assert!(
        matches!(
            word(&effects),
            Some(Word::Refused {
                others: Others::MayHaveArrived,
                ..
            })
        ),
        "{effects:?}"
    );
}

#[test]
fn both_refused_is_refused_by_all_with_the_words_that_make_a_till_look() {
    let in_progress = refused(1, 409, Code::ReferenceInProgress);
    let effects = after(&mut hedge(), [Input::Begin, late(), busy(0), in_progress]);
    assert_eq!(
        word(&effects),
        Some(&Word::Refused {
            status: 409,
            error: attempt::error(Code::ReferenceInProgress),
            others: Others::AskedForNone,
        })
    );
}

#[test]
fn a_503_on_one_ends_only_that_copy() {
    let mut hedge = hedge();
    let unavailable = refused(0, 503, Code::TerminalUnavailable);
    let effects = after(&mut hedge, [Input::Begin, late(), unavailable]);
    assert_eq!(word(&effects), None);
    assert_eq!(
        word(&after(&mut hedge, [Input::Head(1)])),
        Some(&Word::Head)
    );
}

#[test]
fn a_503_on_all_is_lost() {
    let unavailable = refused(0, 503, Code::TerminalUnavailable);
    let effects = after(&mut hedge(), [Input::Begin, unavailable]);
    assert!(
        matches!(word(&effects), Some(Word::Lost(Lost::Failed { .. }))),
        "{effects:?}"
    );
}

#[test]
fn one_never_sent_and_one_lost_is_lost() {
    let effects = after(&mut hedge(), [Input::Begin, late(), closed(1), lost(0)]);
    assert!(matches!(word(&effects), Some(Word::Lost(_))), "{effects:?}");
}

// [HYB-6]
#[test]
fn of_copies_that_were_never_sent_the_one_that_met_a_stranger_is_told() {
    let stranger = NotSent::Identity("another".to_owned());
    let effects = after(
        &mut hedge(),
        [
            Input::Begin,
            late(),
            Input::NeverSent(1, stranger.clone()),
            closed(0),
        ],
    );
    assert_eq!(word(&effects), Some(&Word::NeverSent(stranger)));
}

#[test]
fn that_no_line_was_open_for_a_copy_is_told_of_no_failure_that_has_another_reason() {
    for why in [
        NotSent::ConnectionClosed,
        NotSent::Unreachable("refused".to_owned()),
    ] {
        let first = Input::NeverSent(0, why.clone());
        let effects = after(
            &mut hedge(),
            [Input::Begin, late(), Input::NoLine(1), first],
        );
        assert_eq!(word(&effects), Some(&Word::NeverSent(why)));
    }
}

#[test]
fn an_accepted_copy_that_is_lost_leaves_a_moment_to_the_others() {
    let mut hedge = hedge();
    let inputs = [Input::Begin, late(), Input::Head(0), lost(0)];
    assert_eq!(
        after(&mut hedge, inputs),
        [
            Effect::Disarm(Timer::Late),
            Effect::Arm(Timer::Patience, PATIENCE)
        ]
    );
    let effects = after(&mut hedge, [Input::Answered(1, payment())]);
    assert_eq!(word(&effects), Some(&Word::Answered(payment())));
}

/// What the test itself knows of a copy, from the inputs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    Nothing,
    Accepted,
    Refused,
    NeverSent,
    Lost,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    hedge: Hedge,
    told: Vec<Told>,
    armed: Vec<Timer>,
    heads: usize,
    is_over: bool,
}

impl World {
    fn step(&self, input: Input) -> Self {
        let mut world = self.clone();
        if let Input::Elapsed(timer) = input {
            world.armed.retain(|armed| *armed != timer);
        }
        let before = world.told.clone();
        let answered = matches!(input, Input::Answered(..));
        match &input {
            Input::Head(copy) => world.told[*copy] = Told::Accepted,
            Input::Refused {
                copy,
                status: 400..=499,
                ..
            } => world.told[*copy] = Told::Refused,
            Input::NeverSent(copy, _) | Input::NoLine(copy) => {
                world.told[*copy] = Told::NeverSent;
            }
            Input::Refused { copy, .. } | Input::Lost(copy, _) => world.told[*copy] = Told::Lost,
            Input::Begin | Input::Answered(..) | Input::Elapsed(_) => {}
        }
        let effects = world.hedge.step(input.clone());
        assert_eq!(
            answered,
            matches!(word(&effects), Some(Word::Answered(_))),
            "an answer is told at once, and nothing else is one: {input:?} {before:?}"
        );
        for effect in effects {
            world.sees(effect, &before);
        }
        world.has_an_end(&input);
        world
    }

    fn sees(&mut self, effect: Effect, before: &[Told]) {
        match effect {
            Effect::Send { copy, .. } => {
                assert!(!self.is_over);
                assert_eq!(copy, self.told.len(), "each copy is sent once");
                let silent = |told: &Told| matches!(told, Told::Nothing | Told::NeverSent);
                assert!(before.iter().all(silent), "sent after a word: {before:?}");
                self.told.push(Told::Nothing);
            }
            Effect::Arm(timer, _) => {
                self.armed.retain(|armed| *armed != timer);
                self.armed.push(timer);
            }
            Effect::Disarm(timer) => self.armed.retain(|armed| *armed != timer),
            Effect::Tell(Word::Head) => {
                self.heads += 1;
                assert_eq!(self.heads, 1, "accepted is told once");
                assert!(self.told.contains(&Told::Accepted));
            }
            Effect::Tell(word) => {
                assert!(!self.is_over, "one word ends it");
                self.is_over = true;
                let all_are = |may: &[Told]| self.told.iter().all(|told| may.contains(told));
                match word {
                    Word::Head | Word::Answered(_) => {}
                    Word::NeverSent(_) => assert!(all_are(&[Told::NeverSent]), "{:?}", self.told),
                    Word::Refused { others, .. } => {
                        assert!(self.told.contains(&Told::Refused));
                        assert!(!self.told.contains(&Told::Accepted));
                        // [REC-24]
                        let none_may_charge = all_are(&[Told::Refused, Told::NeverSent]);
                        assert_eq!(
                            others == Others::AskedForNone,
                            none_may_charge,
                            "{:?}",
                            self.told
                        );
                    }
                    Word::Lost(_) => {
                        assert!(!self.told.contains(&Told::Accepted), "{:?}", self.told);
                        assert!(
                            self.heads > 0 || !self.told.contains(&Told::Refused),
                            "a refusal is not kept to oneself: {:?}",
                            self.told
                        );
                    }
                }
            }
        }
    }

    /// It is over, or somebody is waited for: a copy that is accepted, one that had no word and no other has either, or
    /// the end of patience.
    fn has_an_end(&self, input: &Input) {
        if self.is_over {
            return;
        }
        let any = |told| self.told.contains(&told);
        let waits = any(Told::Accepted)
            || self.armed.contains(&Timer::Patience)
            || (any(Told::Nothing) && !any(Told::Refused) && !any(Told::Lost));
        assert!(waits, "{input:?} {:?} {:?}", self.told, self.armed);
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<_> = self.armed.iter().copied().map(Input::Elapsed).collect();
        for (copy, told) in self.told.iter().enumerate() {
            match told {
                Told::Nothing => inputs.extend([
                    Input::Head(copy),
                    busy(copy),
                    refused(copy, 409, Code::ReferenceAlreadyPaid),
                    refused(copy, 503, Code::TerminalUnavailable),
                    closed(copy),
                    Input::NoLine(copy),
                    Input::NeverSent(copy, NotSent::Identity("another".to_owned())),
                    lost(copy),
                    Input::Answered(copy, payment()),
                ]),
                Told::Accepted => inputs.extend([lost(copy), Input::Answered(copy, payment())]),
                Told::Refused | Told::NeverSent | Told::Lost => {}
            }
        }
        inputs
    }
}

/// Every order of everything that can happen to three copies.
// [REC-24]
#[test]
fn in_every_order_of_events_the_one_word_is_true_and_comes() {
    let begun = World {
        hedge: hedge(),
        told: Vec::new(),
        armed: Vec::new(),
        heads: 0,
        is_over: false,
    }
    .step(Input::Begin);
    let mut seen = HashSet::from([begun.clone()]);
    let mut open = vec![begun];
    while let Some(world) = open.pop() {
        if world.is_over {
            // Nothing is said after the word.
            let mut hedge = world.hedge.clone();
            assert!(
                world
                    .inputs()
                    .into_iter()
                    .all(|it| hedge.step(it).is_empty())
            );
            continue;
        }
        for input in world.inputs() {
            let next = world.step(input);
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    assert!(seen.len() > 900, "only {} states", seen.len());
}
