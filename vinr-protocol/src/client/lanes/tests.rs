//! First come, first served; and whatever happens, one call at one terminal.

use proptest::prelude::*;

use super::*;

fn terminal(id: &str) -> TerminalId {
    format!("term_{id}").parse().expect("lawful")
}

fn came(call: u64, ids: &[&str]) -> Input {
    Input::Came {
        call: Call(call),
        members: ids.iter().map(|id| terminal(id)).collect(),
    }
}

fn left(call: u64, why: Left) -> Input {
    Input::Left {
        call: Call(call),
        why,
        retry_after: None,
    }
}

fn idle(id: &str) -> Input {
    Input::Idle(terminal(id))
}

fn ended(call: u64) -> Input {
    Input::Ended(Call(call))
}

fn tries(call: u64, id: &str) -> Effect {
    Effect::Try {
        call: Call(call),
        terminal: terminal(id),
    }
}

#[derive(Default)]
struct Story {
    lanes: Lanes,
    effects: Vec<Effect>,
}

impl Story {
    fn then(mut self, input: Input) -> Self {
        self.effects = self.lanes.step(input);
        self
    }

    fn is(self, effects: &[Effect]) -> Self {
        assert_eq!(self.effects, effects);
        self
    }
}

fn story() -> Story {
    Story::default()
}

/// One call was told *busy* by both of its terminals.
fn both_busy() -> Story {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Busy))
        .then(left(1, Left::Busy))
}

#[test]
fn the_first_terminal_in_the_given_order_is_tried_first() {
    // [GRP-1]
    story().then(came(1, &["B", "A"])).is(&[tries(1, "B")]);
}

#[test]
fn a_terminal_that_a_call_of_this_process_holds_is_passed_over() {
    story()
        .then(came(1, &["A", "B"]))
        .then(came(2, &["A", "B"]))
        .is(&[tries(2, "B")]);
}

#[test]
fn a_busy_terminal_is_passed_over_by_this_call_and_by_others() {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Busy))
        .is(&[Effect::ArmRetry(RETRY_AFTER), tries(1, "B")])
        .then(came(2, &["A", "C"]))
        .is(&[tries(2, "C")]);
}

#[test]
fn if_all_are_busy_a_call_waits_and_takes_whichever_frees_first() {
    // [GRP-2]
    for id in ["A", "B"] {
        both_busy().is(&[]).then(idle(id)).is(&[tries(1, id)]);
    }
}

#[test]
fn a_terminal_goes_to_the_call_that_came_first() {
    // [GRP-2]
    story()
        .then(came(1, &["A"]))
        .then(came(2, &["A"]))
        .then(came(3, &["A"]))
        .then(ended(1))
        .is(&[tries(2, "A")]);
}

#[test]
fn a_call_that_was_told_busy_keeps_its_place_before_later_calls() {
    both_busy()
        .then(came(2, &["A", "B"]))
        .is(&[])
        .then(idle("B"))
        .is(&[tries(1, "B")]);
}

#[test]
fn a_call_waits_only_for_its_own_terminals() {
    story()
        .then(came(1, &["A"]))
        .then(came(2, &["A"]))
        .then(came(3, &["B"]))
        .is(&[tries(3, "B")])
        .then(ended(3))
        .is(&[]);
}

#[test]
fn after_the_rest_busy_terminals_are_tried_again_in_the_given_order() {
    both_busy().then(Input::Retry).is(&[tries(1, "A")]);
}

#[test]
fn a_rest_lasts_from_1_to_5_s() {
    for (said, rest) in [
        (0, 1000),
        (1000, 1000),
        (4999, 4999),
        (5000, 5000),
        (5001, 5000),
    ] {
        story()
            .then(came(1, &["A"]))
            .then(Input::Left {
                call: Call(1),
                why: Left::Busy,
                retry_after: Some(Duration::from_millis(said)),
            })
            .is(&[Effect::ArmRetry(Duration::from_millis(rest))]);
    }
}

#[test]
fn of_a_thousand_busy_terminals_eight_are_tried_again_at_a_time() {
    let ids: Vec<_> = (0..1000).map(|nth| format!("{nth:03}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut story = story().then(came(1, &ids));
    for _ in 0..1000 {
        story = story.then(left(1, Left::Busy));
    }
    story = story.then(Input::Retry);
    let mut tried = 0;
    while story
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Try { .. }))
    {
        tried += 1;
        story = story.then(left(1, Left::Busy));
    }
    assert_eq!(tried, TRIED_AGAIN);
}

#[test]
fn a_call_that_can_reach_none_is_told() {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Unreachable))
        .is(&[Effect::ArmDoubt(DOUBTED_FOR), tries(1, "B")])
        .then(left(1, Left::Unreachable))
        .is(&[Effect::NoneReachable(Call(1))]);
}

#[test]
fn a_call_waits_for_the_busy_one_where_the_others_are_dead() {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Busy))
        .then(left(1, Left::Unreachable))
        .is(&[Effect::ArmDoubt(DOUBTED_FOR)])
        .then(Input::Retry)
        .is(&[tries(1, "A")]);
}

/// One call could not reach A, and is at B.
fn a_is_dead() -> Story {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Unreachable))
        .is(&[Effect::ArmDoubt(DOUBTED_FOR), tries(1, "B")])
}

#[test]
fn a_dead_terminal_is_passed_over_by_the_next_call() {
    a_is_dead()
        .then(ended(1))
        .then(came(2, &["A", "B"]))
        .is(&[tries(2, "B")]);
}

#[test]
fn a_dead_terminal_is_tried_where_there_is_no_other() {
    a_is_dead().then(came(2, &["A"])).is(&[tries(2, "A")]);
}

#[test]
fn a_busy_terminal_is_waited_for_rather_than_a_dead_one_tried() {
    a_is_dead().then(came(2, &["A", "B"])).is(&[]);
}

#[test]
fn a_dead_terminal_is_tried_as_before_once_it_was_reached_or_hinted_at_or_the_doubt_is_over() {
    let reached = || a_is_dead().then(came(2, &["A"]));
    for story in [
        reached().then(ended(2)),
        a_is_dead().then(idle("A")),
        a_is_dead().then(Input::DoubtOver),
    ] {
        story.then(came(3, &["A", "C"])).is(&[tries(3, "A")]);
    }
    reached()
        .then(left(2, Left::Busy))
        .then(Input::Retry)
        .then(ended(2))
        .then(came(3, &["A", "C"]))
        .is(&[tries(3, "A")]);
}

#[test]
fn who_waits_beside_a_dead_terminal_tries_it_once_the_doubt_is_over() {
    a_is_dead()
        .then(came(2, &["A", "B"]))
        .then(Input::DoubtOver)
        .is(&[tries(2, "A")]);
}

#[test]
fn of_a_thousand_dead_terminals_one_is_tried_again_at_a_time() {
    let ids: Vec<_> = (0..1000).map(|nth| format!("{nth:03}")).collect();
    let mut ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut story = story().then(came(1, &ids));
    for _ in 0..1000 {
        story = story.then(left(1, Left::Unreachable));
    }
    ids.push("alive");
    let mut story = story.then(ended(1)).then(Input::DoubtOver);
    for (call, id) in [(2, "000"), (3, "alive")] {
        story = story.then(came(call, &ids)).is(&[tries(call, id)]);
        if id == "000" {
            story = story.then(left(call, Left::Unreachable)).then(ended(call));
        }
    }
}

#[test]
fn a_call_tries_a_terminal_that_it_could_not_reach_again_after_a_hint() {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Unreachable))
        .then(left(1, Left::Busy))
        .is(&[Effect::ArmRetry(RETRY_AFTER)])
        .then(idle("A"))
        .is(&[tries(1, "A")]);
}

#[test]
fn who_waited_for_a_terminal_that_proves_dead_learns_it_too() {
    story()
        .then(came(1, &["A"]))
        .then(came(2, &["A"]))
        .then(left(1, Left::Unreachable))
        .is(&[
            Effect::ArmDoubt(DOUBTED_FOR),
            Effect::NoneReachable(Call(1)),
            tries(2, "A"),
        ]);
}

#[test]
fn who_waited_for_a_busy_terminal_that_it_could_not_reach_before_is_told() {
    story()
        .then(came(1, &["A"]))
        .then(came(2, &["B", "A"]))
        .then(left(2, Left::Unreachable))
        .then(came(3, &["B"]))
        .then(left(3, Left::Busy))
        .then(ended(3))
        .then(ended(1))
        .is(&[tries(2, "A")])
        .then(left(2, Left::Unreachable))
        .is(&[])
        .then(Input::Retry)
        .is(&[Effect::NoneReachable(Call(2))]);
}

#[test]
fn who_waited_for_a_held_terminal_that_it_could_not_reach_before_is_told() {
    story()
        .then(came(1, &["B"]))
        .then(came(2, &["A", "B"]))
        .then(left(2, Left::Unreachable))
        .then(came(3, &["A"]))
        .then(ended(1))
        .is(&[tries(2, "B")])
        .then(left(2, Left::Unreachable))
        .is(&[])
        .then(ended(3))
        .is(&[Effect::NoneReachable(Call(2))]);
}

#[test]
fn a_hint_about_a_terminal_that_is_held_is_not_heard() {
    story()
        .then(came(1, &["A"]))
        .then(came(2, &["A"]))
        .then(idle("A"))
        .is(&[]);
}

#[test]
fn a_call_that_gives_up_while_it_waits_is_forgotten() {
    let story = both_busy().then(ended(1)).then(idle("A")).is(&[]);
    assert!(story.lanes.calls.is_empty());
}

#[test]
fn nothing_is_kept_of_terminals_that_nobody_uses() {
    let story = both_busy().then(Input::Retry).then(ended(1));
    assert!(story.lanes.taken.is_empty() && story.lanes.resting.is_empty());
}

#[derive(Debug, Clone)]
enum Happens {
    Comes(Vec<usize>),
    Leaves(usize, Left),
    Ends(usize),
    Idle(usize),
    Retry,
    DoubtOver,
}

const IDS: [&str; 4] = ["A", "B", "C", "D"];

fn any_happening() -> impl Strategy<Value = Happens> {
    let members = prop::sample::subsequence(vec![0, 1, 2, 3], 1..=4).prop_shuffle();
    let why = prop::sample::select(vec![Left::Busy, Left::Unreachable]);
    prop_oneof![
        3 => members.prop_map(Happens::Comes),
        4 => (0..8usize, why).prop_map(|(nth, why)| Happens::Leaves(nth, why)),
        2 => (0..8usize).prop_map(Happens::Ends),
        2 => (0..IDS.len()).prop_map(Happens::Idle),
        1 => Just(Happens::Retry),
        1 => Just(Happens::DoubtOver),
    ]
}

proptest! {
    // [GRP-2]
    #[test]
    fn no_terminal_has_two_calls_and_no_call_waits_for_a_free_one(
        story in prop::collection::vec(any_happening(), 0..80),
    ) {
        let mut lanes = Lanes::default();
        let mut at = BTreeMap::<Call, TerminalId>::new();
        let mut told = BTreeSet::new();
        let (mut armed, mut doubts) = (false, false);
        let mut next = 0;
        for happens in story {
            let nth = |nth: usize, at: &BTreeMap<Call, TerminalId>| at.keys().nth(nth).copied();
            let input = match happens {
                Happens::Comes(members) => {
                    next += 1;
                    let ids: Vec<_> = members.iter().map(|nth| IDS[*nth]).collect();
                    came(next, &ids)
                }
                Happens::Leaves(which, why) => match nth(which, &at) {
                    Some(call) => {
                        at.remove(&call);
                        left(call.0, why)
                    }
                    None => continue,
                },
                Happens::Ends(which) => match lanes.calls.keys().nth(which).copied() {
                    Some(call) => {
                        at.remove(&call);
                        Input::Ended(call)
                    }
                    None => continue,
                },
                Happens::Idle(which) => idle(IDS[which]),
                Happens::Retry if armed => {
                    armed = false;
                    Input::Retry
                }
                Happens::DoubtOver if doubts => {
                    doubts = false;
                    Input::DoubtOver
                }
                Happens::Retry | Happens::DoubtOver => continue,
            };
            for effect in lanes.step(input) {
                match effect {
                    Effect::Try { call, terminal } => {
                        prop_assert!(!at.values().any(|held| *held == terminal), "two calls");
                        at.insert(call, terminal);
                    }
                    Effect::ArmRetry(_) => armed = true,
                    Effect::ArmDoubt(_) => doubts = true,
                    Effect::NoneReachable(call) => drop(told.insert(call)),
                }
            }
            prop_assert!(armed || lanes.resting.is_empty(), "busy for ever");
            prop_assert!(doubts || lanes.doubted.is_empty(), "doubted for ever");
            for (call, wish) in &lanes.calls {
                let forgotten = |id: &TerminalId| {
                    wish.wants(id) && !lanes.taken.contains_key(id) && !lanes.doubted.contains(id)
                };
                prop_assert!(!wish.members.iter().any(forgotten), "{call:?} waits for a free one");
                let silent = wish.place == Place::Away && !told.contains(call);
                prop_assert!(!silent, "{call:?} was not told");
                let dead = wish.members.iter().all(|id| !lanes.taken.contains_key(id));
                prop_assert!(wish.place != Place::Waiting || !dead, "{call:?} waits for nothing");
            }
        }
    }
}
