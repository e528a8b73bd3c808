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

fn reached(id: &str) -> Input {
    Input::Reached(terminal(id))
}

fn rest(id: &str) -> Timer {
    Timer::Rest(terminal(id))
}

/// A busy terminal has rested.
fn rested(id: &str) -> Input {
    Input::Elapsed(rest(id))
}

/// After a terminal was tried again others may follow it in a second.
fn again() -> Effect {
    Effect::Arm(Timer::Again, AGAIN_WITHIN)
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
        .is(&[Effect::Arm(rest("A"), RETRY_AFTER), tries(1, "B")])
        .then(came(2, &["A", "C"]))
        .is(&[tries(2, "C")]);
}

#[test]
fn if_all_are_busy_a_call_waits_and_takes_whichever_frees_first() {
    // [GRP-2]
    for id in ["A", "B"] {
        both_busy()
            .is(&[Effect::Arm(rest("B"), RETRY_AFTER)])
            .then(idle(id))
            .is(&[tries(1, id)]);
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
    both_busy().then(rested("A")).is(&[tries(1, "A"), again()]);
    let nobody_waits = both_busy().then(ended(1));
    let both_rested = nobody_waits.then(rested("B")).then(rested("A"));
    both_rested.then(came(2, &["A", "B"])).is(&[tries(2, "A")]);
}

/// B said so, and what A said is over before.
// [GRP-6]
#[test]
fn no_terminal_is_tried_again_before_its_own_rest_is_over() {
    let says = |seconds| Input::Left {
        call: Call(1),
        why: Left::Busy,
        retry_after: Some(Duration::from_secs(seconds)),
    };
    story()
        .then(came(1, &["A", "B"]))
        .then(says(1))
        .then(says(5))
        .is(&[Effect::Arm(rest("B"), Duration::from_secs(5))])
        .then(rested("A"))
        .is(&[tries(1, "A"), again()])
        .then(says(1))
        .is(&[Effect::Arm(rest("A"), Duration::from_secs(1))])
        .then(Input::Elapsed(Timer::Again))
        .is(&[])
        .then(rested("B"))
        .is(&[tries(1, "B"), again()]);
}

#[test]
fn a_rest_lasts_from_1_to_5_s() {
    for (said, lasts) in [
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
            .is(&[Effect::Arm(rest("A"), Duration::from_millis(lasts))]);
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
    let mut tried = 0;
    for id in &ids {
        story = story.then(rested(id));
        let is_tried = |effect: &Effect| matches!(effect, Effect::Try { .. });
        if story.effects.iter().any(is_tried) {
            tried += 1;
            story = story.then(left(1, Left::Busy));
        }
    }
    assert_eq!(tried, TRIED_AGAIN);
    story = story.then(Input::Elapsed(Timer::Again));
    assert_eq!(story.effects, [tries(1, "008"), again()]);
}

#[test]
fn a_call_that_can_reach_none_is_told() {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Unreachable))
        .is(&[Effect::Arm(Timer::Doubt, DOUBTED_FOR), tries(1, "B")])
        .then(left(1, Left::Unreachable))
        .is(&[Effect::NoneReachable(Call(1))]);
}

#[test]
fn a_call_waits_for_the_busy_one_where_the_others_are_dead() {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Busy))
        .then(left(1, Left::Unreachable))
        .is(&[Effect::Arm(Timer::Doubt, DOUBTED_FOR)])
        .then(rested("A"))
        .is(&[tries(1, "A"), again()]);
}

/// One call could not reach A, and is at B.
fn a_is_dead() -> Story {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Unreachable))
        .is(&[Effect::Arm(Timer::Doubt, DOUBTED_FOR), tries(1, "B")])
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
        a_is_dead().then(self::reached("A")),
        a_is_dead().then(Input::Elapsed(Timer::Doubt)),
    ] {
        story.then(came(3, &["A", "C"])).is(&[tries(3, "A")]);
    }
    reached()
        .then(left(2, Left::Busy))
        .then(rested("A"))
        .then(ended(2))
        .then(came(3, &["A", "C"]))
        .is(&[tries(3, "A")]);
}

#[test]
fn who_waits_beside_a_dead_terminal_tries_it_once_the_doubt_is_over() {
    a_is_dead()
        .then(came(2, &["A", "B"]))
        .then(Input::Elapsed(Timer::Doubt))
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
    let mut story = story.then(ended(1)).then(Input::Elapsed(Timer::Doubt));
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
        .is(&[Effect::Arm(rest("B"), RETRY_AFTER)])
        .then(idle("A"))
        .is(&[tries(1, "A")]);
}

#[test]
fn a_call_that_waits_tries_a_terminal_that_it_could_not_reach_once_a_line_to_it_is_open() {
    story()
        .then(came(1, &["A", "B"]))
        .then(left(1, Left::Unreachable))
        .then(left(1, Left::Busy))
        .then(reached("A"))
        .is(&[tries(1, "A")]);
}

// [GRP-6]
#[test]
fn a_line_to_a_busy_terminal_does_not_end_its_rest() {
    both_busy()
        .then(reached("A"))
        .is(&[])
        .then(rested("A"))
        .is(&[tries(1, "A"), again()]);
}

#[test]
fn who_waited_for_a_terminal_that_proves_dead_learns_it_too() {
    story()
        .then(came(1, &["A"]))
        .then(came(2, &["A"]))
        .then(left(1, Left::Unreachable))
        .is(&[
            Effect::Arm(Timer::Doubt, DOUBTED_FOR),
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
        .then(rested("B"))
        .is(&[Effect::NoneReachable(Call(2)), again()]);
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
    let story = both_busy()
        .then(rested("A"))
        .then(rested("B"))
        .then(ended(1));
    assert!(story.lanes.taken.is_empty() && story.lanes.rested.is_empty());
}

/// This process takes turn after turn at A, where more calls wait than it serves; how many it takes before it gives way.
fn turns_until_it_gives_way(lanes: &mut Lanes, next: &mut u64) -> u32 {
    let waits = |lanes: &mut Lanes, next: &mut u64| {
        *next += 1;
        lanes.step(came(*next, &["A"]))
    };
    while lanes.calls.len() < 2 {
        waits(lanes, next);
    }
    for turns in 1..=100 {
        waits(lanes, next);
        let holds = |wish: &Wish| wish.place == Place::At(terminal("A"));
        let call = *lanes.calls.iter().find(|(_, wish)| holds(wish)).unwrap().0;
        let effects = lanes.step(Input::Ended(call));
        if effects == [Effect::Arm(Timer::GiveWay(terminal("A")), GIVES_WAY_FOR)] {
            return turns;
        }
    }
    panic!("never")
}

fn way_given() -> Input {
    Input::Elapsed(Timer::GiveWay(terminal("A")))
}

// [GRP-2]
#[test]
fn a_queue_that_takes_turn_after_turn_gives_way_and_more_seldom_where_nobody_comes() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    for turns in [4, 8, 16, 32, 32] {
        assert_eq!(turns_until_it_gives_way(&mut lanes, &mut next), turns);
        let effects = lanes.step(way_given());
        assert!(matches!(effects[..], [Effect::Try { .. }]), "{effects:?}");
    }
}

#[test]
fn who_finds_that_another_came_gives_way_as_often_as_at_first() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    for _ in 0..3 {
        assert_eq!(turns_until_it_gives_way(&mut lanes, &mut next), IN_A_ROW);
        let effects = lanes.step(way_given());
        let [Effect::Try { call, .. }] = effects[..] else {
            panic!("{effects:?}")
        };
        let _ = lanes.step(left(call.0, Left::Busy));
        let _ = lanes.step(rested("A"));
        let _ = lanes.step(Input::Elapsed(Timer::Again));
    }
}

#[test]
fn nobody_gives_way_where_no_call_waits() {
    let mut lanes = Lanes::default();
    for call in 1..=100 {
        assert_eq!(lanes.step(came(call, &["A"])), [tries(call, "A")]);
        assert_eq!(lanes.step(ended(call)), []);
    }
}

#[test]
fn while_a_terminal_gives_way_the_others_serve() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    turns_until_it_gives_way(&mut lanes, &mut next);
    assert_eq!(lanes.step(came(1000, &["A", "B"])), [tries(1000, "B")]);
    assert_eq!(lanes.step(idle("A")), []);
}

#[derive(Debug, Clone)]
enum Happens {
    Comes(Vec<usize>),
    Leaves(usize, Left),
    Ends(usize),
    Idle(usize),
    Reached(usize),
    Rested,
    Again,
    DoubtOver,
    GaveWay,
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
        2 => (0..IDS.len()).prop_map(Happens::Reached),
        2 => Just(Happens::Rested),
        1 => Just(Happens::Again),
        1 => Just(Happens::DoubtOver),
        1 => Just(Happens::GaveWay),
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
        let (mut again, mut doubts) = (false, false);
        let (mut gives, mut rests) = (BTreeSet::new(), BTreeSet::new());
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
                Happens::Reached(which) => reached(IDS[which]),
                Happens::Rested => match rests.pop_first() {
                    Some(terminal) => Input::Elapsed(Timer::Rest(terminal)),
                    None => continue,
                },
                Happens::Again if again => {
                    again = false;
                    Input::Elapsed(Timer::Again)
                }
                Happens::DoubtOver if doubts => {
                    doubts = false;
                    Input::Elapsed(Timer::Doubt)
                }
                Happens::GaveWay => match gives.pop_first() {
                    Some(terminal) => Input::Elapsed(Timer::GiveWay(terminal)),
                    None => continue,
                },
                Happens::Again | Happens::DoubtOver => continue,
            };
            for effect in lanes.step(input) {
                match effect {
                    Effect::Try { call, terminal } => {
                        prop_assert!(!at.values().any(|held| *held == terminal), "two calls");
                        at.insert(call, terminal);
                    }
                    Effect::Arm(Timer::Rest(terminal), _) => drop(rests.insert(terminal)),
                    Effect::Arm(Timer::Again, _) => again = true,
                    Effect::Arm(Timer::Doubt, _) => doubts = true,
                    Effect::Arm(Timer::GiveWay(terminal), _) => drop(gives.insert(terminal)),
                    Effect::NoneReachable(call) => drop(told.insert(call)),
                }
            }
            let busy = lanes.taken.iter().filter(|(_, taken)| **taken == Taken::Busy);
            for (id, _) in busy {
                let rests = rests.contains(id) || (again && lanes.rested.contains(id));
                prop_assert!(rests, "busy for ever");
            }
            let given_way = lanes.taken.iter().filter(|(_, taken)| **taken == Taken::GivesWay);
            prop_assert!(given_way.map(|(id, _)| id).eq(&gives), "gives way for ever");
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
