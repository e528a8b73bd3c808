//! Both sides of each ceiling, without a socket or a clock. \[NET-5\]

use super::*;

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// Small enough to fill by hand: 6 at the door, 2 of them kept for known tills, 4 for one address.
fn limits() -> Limits {
    Limits {
        connections: 4,
        connections_per_address: 3,
        handshakes: 6,
        handshakes_kept_for_known: 2,
        handshakes_per_address: 4,
        handshakes_per_second: 40,
        handshakes_per_second_kept_for_known: 10,
        handshakes_per_second_per_address: 20,
        known_addresses: 2,
        ..Limits::default()
    }
}

/// The places, and the next seat.
struct House {
    places: Places,
    next: u64,
}

impl House {
    fn new() -> Self {
        Self::with(limits())
    }

    fn with(limits: Limits) -> Self {
        Self {
            places: Places::new(&limits),
            next: 0,
        }
    }

    fn arrive(&mut self, last: u8) -> (Seat, Vec<Effect>) {
        let seat = Seat(self.next);
        self.next += 1;
        let effects = self.places.step(Input::Arrived(seat, address(last)));
        (seat, effects)
    }

    /// One that finds a place without anybody going.
    fn silent(&mut self, last: u8) -> Seat {
        let (seat, effects) = self.arrive(last);
        assert_eq!(effects, [Effect::Admit(seat)]);
        seat
    }

    /// One whose handshake is under way.
    fn shaking(&mut self, last: u8) -> Seat {
        let seat = self.silent(last);
        let effects = self.places.step(Input::Hello(seat));
        assert!(effects.contains(&Effect::Begin(seat)), "{effects:?}");
        seat
    }

    /// One that is a till's and idle.
    fn till(&mut self, last: u8) -> Seat {
        let seat = self.shaking(last);
        let effects = self.places.step(Input::Accepted(seat));
        assert_eq!(effects, [Effect::Welcome(seat)]);
        seat
    }

    /// One that waits for an answer.
    fn busy(&mut self, last: u8) -> Seat {
        let seat = self.till(last);
        let effects = self.places.step(Input::Asked(seat));
        assert_eq!(effects, [Effect::Handle(seat)]);
        seat
    }

    fn leaves(&mut self, seat: Seat) {
        assert_eq!(self.places.step(Input::Left(seat)), []);
    }

    /// Known, and with no connection.
    fn was_seen(&mut self, last: u8) {
        let seat = self.till(last);
        self.leaves(seat);
    }

    fn ticks(&mut self, count: usize) -> Vec<Effect> {
        (0..count)
            .flat_map(|_| self.places.step(Input::Elapsed(Timer::Leak)))
            .collect()
    }
}

/// The newcomer has a place, and this one had to go.
fn makes_room(arrival: (Seat, Vec<Effect>), goes: Seat) {
    let (seat, effects) = arrival;
    assert_eq!(effects, [Effect::Close(goes), Effect::Admit(seat)]);
}

fn is_turned_away((seat, effects): (Seat, Vec<Effect>)) {
    assert_eq!(effects, [Effect::TurnAway(seat)]);
}

// At the door

#[test]
fn the_last_place_for_strangers_is_free_and_beyond_it_the_oldest_makes_room() {
    let mut house = House::new();
    let oldest = house.silent(1);
    for last in 2..=4 {
        house.silent(last);
    }
    makes_room(house.arrive(5), oldest);
}

#[test]
fn the_busiest_stranger_makes_room_before_an_older_one() {
    let mut house = House::new();
    house.silent(1);
    let oldest_of_two = house.silent(2);
    house.silent(2);
    house.silent(3);
    makes_room(house.arrive(4), oldest_of_two);
}

#[test]
fn the_last_place_of_an_address_is_free_and_beyond_it_its_own_oldest_makes_room() {
    let mut house = House::with(Limits {
        handshakes_kept_for_known: 0,
        ..limits()
    });
    house.silent(1);
    let oldest = house.silent(2);
    for _ in 0..3 {
        house.silent(2);
    }
    makes_room(house.arrive(2), oldest);
}

#[test]
fn one_that_has_spoken_outlasts_the_silent_ones_of_its_own_address() {
    let mut house = House::new();
    house.shaking(1);
    let mut silent = [(); 3].map(|()| house.silent(1));
    for _ in 0..20 {
        let (seat, effects) = house.arrive(1);
        assert_eq!(effects, [Effect::Close(silent[0]), Effect::Admit(seat)]);
        silent = [silent[1], silent[2], seat];
    }
}

#[test]
fn one_that_is_only_told_why_not_makes_room_first() {
    let mut house = House::new();
    for last in 1..=3 {
        house.silent(last);
    }
    let refused = house.shaking(4);
    assert_eq!(house.places.step(Input::Refused(refused)), []);
    makes_room(house.arrive(5), refused);
}

#[test]
fn a_known_address_finds_the_places_that_strangers_do_not() {
    let mut house = House::new();
    house.was_seen(9);
    let strangers = [1, 2, 3, 4].map(|last| house.silent(last));
    house.silent(9);
    house.silent(9);
    makes_room(house.arrive(9), strangers[0]);
}

#[test]
fn a_known_address_has_a_ceiling_too() {
    let mut house = House::new();
    house.was_seen(9);
    let oldest = house.silent(9);
    for _ in 0..3 {
        house.silent(9);
    }
    makes_room(house.arrive(9), oldest);
}

#[test]
fn known_addresses_that_fill_the_door_make_room_for_a_stranger() {
    let mut house = House::new();
    house.was_seen(8);
    house.was_seen(9);
    let oldest = house.silent(8);
    for last in [8, 8, 9, 9, 9] {
        house.silent(last);
    }
    makes_room(house.arrive(1), oldest);
}

#[test]
fn known_addresses_that_have_as_many_each_make_room_for_one_another() {
    let mut house = House::new();
    house.was_seen(8);
    house.was_seen(9);
    let oldest = house.silent(8);
    for last in [9, 8, 9, 8, 9] {
        house.silent(last);
    }
    makes_room(house.arrive(9), oldest);
}

#[test]
fn an_ipv4_address_inside_an_ipv6_one_is_itself() {
    let mut house = House::new();
    let oldest = house.silent(1);
    for _ in 0..3 {
        house.silent(1);
    }
    let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]);
    let effects = house.places.step(Input::Arrived(Seat(99), mapped));
    assert_eq!(effects, [Effect::Close(oldest), Effect::Admit(Seat(99))]);
}

#[test]
fn without_any_place_at_the_door_a_newcomer_is_turned_away() {
    let mut house = House::with(Limits {
        handshakes: 0,
        ..limits()
    });
    is_turned_away(house.arrive(1));
    assert_eq!(house.places.load().turned_away, 1);
}

// Turns

#[test]
fn strangers_begin_as_many_handshakes_as_there_may_be_and_the_next_one_waits() {
    let mut house = House::new();
    for last in 0..30 {
        let seat = house.shaking(last);
        house.leaves(seat);
    }
    let waits = house.silent(77);
    assert_eq!(house.places.step(Input::Hello(waits)), []);
    // A tick gives 2 of 40 in a second back.
    assert!(house.ticks(1).contains(&Effect::Begin(waits)));
}

#[test]
fn a_silent_connection_spends_no_turn() {
    let mut house = House::new();
    for _ in 0..1000 {
        let seat = house.silent(1);
        house.leaves(seat);
    }
    house.shaking(1);
}

#[test]
fn a_known_till_has_its_turn_while_strangers_wait() {
    let mut house = House::new();
    house.was_seen(99);
    for last in 0..29 {
        let seat = house.shaking(last);
        house.leaves(seat);
    }
    let stranger = house.silent(77);
    assert_eq!(house.places.step(Input::Hello(stranger)), []);
    house.shaking(99);
}

#[test]
fn an_address_that_spent_little_has_its_turn_before_one_that_waits_longer() {
    let mut house = House::new();
    for _ in 0..20 {
        let seat = house.shaking(1);
        house.leaves(seat);
    }
    for last in 2..12 {
        let seat = house.shaking(last);
        house.leaves(seat);
    }
    let greedy = house.silent(1);
    let modest = house.silent(50);
    assert_eq!(house.places.step(Input::Hello(greedy)), []);
    assert_eq!(house.places.step(Input::Hello(modest)), []);
    let begun = &house.ticks(1)[..2];
    assert_eq!(begun, [Effect::Begin(modest), Effect::Begin(greedy)]);
}

#[test]
fn the_timer_runs_only_while_something_was_spent() {
    let mut house = House::new();
    let seat = house.silent(1);
    let effects = house.places.step(Input::Hello(seat));
    let armed = Effect::Arm(Timer::Leak, TICK);
    assert_eq!(effects, [Effect::Begin(seat), armed]);
    // One handshake leaks in one tick of the address, 20 in a second.
    assert_eq!(house.ticks(1), []);
}

// Places of tills

#[test]
fn a_till_that_is_not_welcome_yet_may_not_ask() {
    let mut house = House::new();
    let seat = house.shaking(1);
    assert_eq!(house.places.step(Input::Asked(seat)), []);
}

#[test]
fn whoever_was_closed_for_another_may_not_ask() {
    let mut house = House::new();
    let closed = house.till(1);
    house.till(1);
    house.till(1);
    let seat = house.shaking(1);
    let effects = house.places.step(Input::Accepted(seat));
    assert_eq!(effects, [Effect::Close(closed), Effect::Welcome(seat)]);
    assert_eq!(house.places.step(Input::Asked(closed)), []);
}

#[test]
fn the_last_place_of_a_tills_address_is_free_and_beyond_it_the_longest_idle_makes_room() {
    let mut house = House::new();
    let first = house.till(1);
    let second = house.till(1);
    let third = house.till(1);
    // The first was used last.
    for input in [Input::Asked(first), Input::Answered(first)] {
        let _ = house.places.step(input);
    }
    let seat = house.shaking(1);
    let effects = house.places.step(Input::Accepted(seat));
    assert_eq!(effects, [Effect::Close(second), Effect::Welcome(seat)]);
    assert!(house.places.guests.find(third).is_some());
}

#[test]
fn the_last_place_of_all_is_free_and_beyond_it_the_busiest_makes_room() {
    let mut house = House::new();
    let oldest = house.till(1);
    for last in [1, 1, 2] {
        house.till(last);
    }
    let seat = house.shaking(3);
    let effects = house.places.step(Input::Accepted(seat));
    assert_eq!(effects, [Effect::Close(oldest), Effect::Welcome(seat)]);
}

#[test]
fn nobody_makes_room_for_one_who_would_then_have_more() {
    let mut house = House::new();
    for last in [1, 2, 3, 4] {
        house.till(last);
    }
    is_turned_away(house.arrive(1));
    // One more than none is not two more.
    is_turned_away(house.arrive(5));
}

#[test]
fn a_connection_with_a_request_under_way_is_never_closed() {
    let mut house = House::new();
    for _ in 0..3 {
        house.busy(1);
    }
    is_turned_away(house.arrive(1));
    let other = house.till(2);
    // All places are taken, and only a busy one is at a busier address.
    is_turned_away(house.arrive(3));
    house.leaves(other);
    assert_eq!(house.places.step(Input::OutOfHandles), []);
    assert_eq!(house.places.load().answering, 3);
}

#[test]
fn a_till_that_lost_its_right_leaves_its_place_to_another() {
    let mut house = House::new();
    let lost = house.till(1);
    house.till(1);
    house.till(1);
    assert_eq!(house.places.step(Input::Refused(lost)), []);
    house.till(1);
    let load = house.places.load();
    assert_eq!((load.idle, load.handshakes, load.made_room), (3, 1, 0));
}

#[test]
fn a_till_that_lost_its_right_while_it_waits_for_an_answer_makes_room_for_nobody() {
    let mut house = House::new();
    let busy = house.busy(1);
    assert_eq!(house.places.step(Input::Refused(busy)), []);
    assert_eq!(house.places.load().answering, 1);
    assert_eq!(house.places.step(Input::OutOfHandles), []);
}

#[test]
fn a_till_that_has_its_right_again_may_ask() {
    let mut house = House::new();
    let till = house.till(1);
    assert_eq!(house.places.step(Input::Refused(till)), []);
    let effects = house.places.step(Input::Asked(till));
    assert_eq!(effects, [Effect::Handle(till)]);
    assert_eq!(house.places.load().answering, 1);
}

#[test]
fn a_till_that_has_its_right_again_and_no_place_goes() {
    let mut house = House::new();
    let till = house.till(1);
    assert_eq!(house.places.step(Input::Refused(till)), []);
    house.busy(1);
    house.busy(1);
    house.busy(1);
    let effects = house.places.step(Input::Asked(till));
    assert_eq!(effects, [Effect::Close(till)]);
}

#[test]
fn a_till_that_is_given_its_right_back_while_it_waits_still_waits() {
    let mut house = House::new();
    let busy = house.busy(1);
    assert_eq!(house.places.step(Input::Refused(busy)), []);
    let effects = house.places.step(Input::Accepted(busy));
    assert_eq!(effects, [Effect::Welcome(busy)]);
    assert_eq!(house.places.load().answering, 1);
}

#[test]
fn a_stranger_never_closes_what_a_till_holds() {
    let mut house = House::new();
    for last in [1, 1, 1, 2] {
        house.till(last);
    }
    for _ in 0..100 {
        house.arrive(1);
        house.arrive(7);
    }
    assert_eq!(house.places.load().idle, 4);
}

#[test]
fn one_whose_place_was_taken_during_its_handshake_goes() {
    let mut house = House::new();
    for last in [1, 2, 3] {
        house.till(last);
    }
    let (late, other) = (house.shaking(4), house.shaking(5));
    let _ = house.places.step(Input::Accepted(other));
    assert_eq!(
        house.places.step(Input::Accepted(late)),
        [Effect::Close(late)]
    );
}

// Handles

#[test]
fn out_of_handles_a_stranger_makes_room_before_a_known_till() {
    let mut house = House::new();
    house.was_seen(9);
    let known = house.silent(9);
    let stranger = house.silent(1);
    let step = |house: &mut House| house.places.step(Input::OutOfHandles);
    assert_eq!(step(&mut house), [Effect::Close(stranger)]);
    assert_eq!(step(&mut house), [Effect::Close(known)]);
    assert_eq!(step(&mut house), []);
}

#[test]
fn a_load_counts_every_stage() {
    let mut house = House::new();
    house.silent(1);
    house.till(2);
    house.busy(3);
    let load = house.places.load();
    let counts = (load.handshakes, load.idle, load.answering);
    assert_eq!(counts, (1, 1, 1));
    assert_eq!(load.connections(), 3);
    assert_eq!(load.known_addresses, 2);
}
