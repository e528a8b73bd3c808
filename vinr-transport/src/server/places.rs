//! Who gets a place at a terminal, and who makes room. \[NET-5\]
//!
//! A connection stands at the **door** until its certificate is accepted, and holds a **till's place** from then on.
//! The two never compete: who has shown nothing cannot close what a till holds.
//!
//! ```text
//!   arrived ──▶ Silent ──ClientHello──▶ Waiting ──its turn──▶ Shaking ──accepted──▶ Idle ◀──answered── Busy
//!                 └───────────────┬──────────┴───────────────────┘                    └─────asked───────▶
//!                              refused ──▶ Refused (is told why)                        Busy never makes room
//! ```
//!
//! A till whose right is taken back while it is idle goes to the door, too: it may be told why, and its place is free. One
//! that is given it back before it went takes a place as one that was accepted.
//!
//! At a full door the newcomer takes a place, as from a SYN backlog, and is not turned away: an attacker can hold
//! every place for as long as a handshake may take, while a lawful till needs its own for milliseconds. Whose place?
//! Of the address that has the most, and there of whoever has shown least for longest. So a crowd makes room for its
//! own, a lone till is never in the way, and one that spoke stays before those that did not, even where attackers sit
//! on its own address. Known tills find places that strangers cannot take.
//!
//! Which seat is whose socket, and what time it is, is the host's business ([`Door`](super::door::Door)).

use std::net::IpAddr;
use std::time::Duration;

use super::guests::{Guest, Guests, Seat, Stage};
use super::known::Known;
use super::limits::Limits;
use super::load::Load;
use super::rate::{Rate, TICK};

/// The places of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Places {
    ceilings: Ceilings,
    guests: Guests,
    known: Known,
    rate: Rate,
    is_leaking: bool,
    turned_away: u64,
    made_room: u64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// A connection came from an address.
    Arrived(Seat, IpAddr),
    /// Its ClientHello is whole.
    Hello(Seat),
    /// It is not let in, and is told so.
    Refused(Seat),
    /// Its certificate is accepted.
    Accepted(Seat),
    /// A whole request came.
    Asked(Seat),
    /// The answer to it is out, or nobody waits for it any more.
    Answered(Seat),
    /// Its socket is closed.
    Left(Seat),
    /// The system has no file handle for the next one.
    OutOfHandles,
    /// The time of a timer is over.
    Elapsed(Timer),
}

/// What the host does, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Serve it.
    Admit(Seat),
    /// Close it unserved.
    TurnAway(Seat),
    /// Close it: its place is another's. Nothing it does counts from here on.
    Close(Seat),
    /// Shake hands with it now.
    Begin(Seat),
    /// It is a till, and may ask.
    Welcome(Seat),
    /// Hand its request on.
    Handle(Seat),
    /// Tell when the time is over.
    Arm(Timer, Duration),
}

/// A time that can be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The buckets leak.
    Leak,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Ceilings {
    connections: usize,
    connections_per_address: usize,
    handshakes: usize,
    handshakes_of_strangers: usize,
    handshakes_per_address: usize,
}

/// A place for one more: it is free, or another makes room, or there is none.
enum Place {
    Free,
    Of(Seat),
    Nowhere,
}

impl From<Option<(Seat, IpAddr)>> for Place {
    fn from(goes: Option<(Seat, IpAddr)>) -> Self {
        goes.map_or(Place::Nowhere, |(seat, _)| Place::Of(seat))
    }
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        let kept = limits.handshakes_kept_for_known;
        Self {
            ceilings: Ceilings {
                connections: limits.connections,
                connections_per_address: limits.connections_per_address,
                handshakes: limits.handshakes,
                handshakes_of_strangers: limits.handshakes.saturating_sub(kept),
                handshakes_per_address: limits.handshakes_per_address,
            },
            guests: Guests::default(),
            known: Known::new(limits.known_addresses),
            rate: Rate::new(limits),
            is_leaking: false,
            turned_away: 0,
            made_room: 0,
        }
    }

    #[must_use = "an effect that is not carried out is a place that is lost"]
    pub(super) fn step(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Arrived(seat, address) => return self.arrived(seat, address.to_canonical()),
            Input::Hello(seat) => {
                self.guests.advance(seat, Stage::Waiting);
                return self.give_turns();
            }
            Input::Accepted(seat) => return self.accepted(seat),
            Input::Asked(seat) => return self.asked(seat),
            Input::OutOfHandles => return self.out_of_handles(),
            Input::Elapsed(Timer::Leak) => {
                self.is_leaking = false;
                self.rate.leak();
                return self.give_turns();
            }
            Input::Refused(seat) => self.refused(seat),
            Input::Answered(seat) => self.guests.advance(seat, Stage::Idle),
            Input::Left(seat) => self.guests.remove(seat),
        }
        Vec::new()
    }

    pub(super) fn load(&self) -> Load {
        let at = |stage| self.guests.count(|guest| guest.stage == stage);
        Load {
            handshakes: self.guests.count(|guest| guest.stage.is_at_door()),
            idle: at(Stage::Idle),
            answering: at(Stage::Busy),
            known_addresses: self.known.len(),
            turned_away: self.turned_away,
            made_room: self.made_room,
        }
    }

    fn arrived(&mut self, seat: Seat, address: IpAddr) -> Vec<Effect> {
        let mut effects = Vec::new();
        match (self.till_place(address), self.place_at_door(address)) {
            // Asked for already here: closed before its handshake, a till knows that nothing was sent.
            (Place::Nowhere, _) | (_, Place::Nowhere) => {
                self.turned_away += 1;
                return vec![Effect::TurnAway(seat)];
            }
            (_, Place::Of(other)) => effects.push(self.close(other)),
            (_, Place::Free) => {}
        }
        self.guests.add(seat, address);
        effects.push(Effect::Admit(seat));
        effects
    }

    fn place_at_door(&self, address: IpAddr) -> Place {
        let is_stranger = |guest: &Guest| !self.known.contains(guest.address);
        let strangers = || {
            self.guests
                .count(|guest| guest.stage.is_at_door() && is_stranger(guest))
        };
        let at_door = self.guests.count(|guest| guest.stage.is_at_door());
        let here = self.at_door_of(address);
        if here >= self.ceilings.handshakes_per_address {
            // Known or not: nobody sits on a till's address and takes all that is kept for it.
            self.guests
                .weakest_at_door(|guest| guest.address == address)
                .into()
        } else if !self.known.contains(address)
            && strangers() >= self.ceilings.handshakes_of_strangers
        {
            self.guests.weakest_at_door(is_stranger).into()
        } else if at_door >= self.ceilings.handshakes {
            self.stranger_or_anybody().into()
        } else {
            Place::Free
        }
    }

    /// At the door, known tills make room for one another where there is no stranger: an attacker on the address of a
    /// till is known, too.
    fn stranger_or_anybody(&self) -> Option<(Seat, IpAddr)> {
        let stranger = self
            .guests
            .weakest_at_door(|guest| !self.known.contains(guest.address));
        stranger.or_else(|| self.guests.weakest_at_door(|_| true))
    }

    fn till_place(&self, address: IpAddr) -> Place {
        let here = self.tills_of(address);
        let tills = self.guests.count(|guest| !guest.stage.is_at_door());
        if here >= self.ceilings.connections_per_address {
            self.guests
                .longest_idle_till(|guest| guest.address == address)
                .into()
        } else if tills >= self.ceilings.connections {
            // Only of who has not less afterwards; else two tills would throw each other out by turns.
            let is_busier = |(_, other): &(Seat, IpAddr)| self.tills_of(*other) >= here + 2;
            self.guests
                .longest_idle_till(|_| true)
                .filter(is_busier)
                .into()
        } else {
            Place::Free
        }
    }

    /// The next turns go to known tills first, then to whoever spent least, then to who came first.
    fn give_turns(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some((seat, address)) = self.next_turn() {
            self.guests.advance(seat, Stage::Shaking);
            self.rate.spend(address);
            effects.push(Effect::Begin(seat));
        }
        if !self.is_leaking && !self.rate.is_at_rest() {
            self.is_leaking = true;
            effects.push(Effect::Arm(Timer::Leak, TICK));
        }
        effects
    }

    fn next_turn(&self) -> Option<(Seat, IpAddr)> {
        let waiting = self.guests.iter();
        let waiting = waiting.filter(|(_, guest)| guest.stage == Stage::Waiting);
        waiting
            .map(|(seat, guest)| (!self.known.contains(guest.address), guest.address, seat))
            .filter(|(is_stranger, address, _)| self.rate.has_room(*address, !is_stranger))
            .min_by_key(|(is_stranger, address, seat)| {
                (*is_stranger, self.rate.spent_by(*address), *seat)
            })
            .map(|(_, address, seat)| (seat, address))
    }

    fn accepted(&mut self, seat: Seat) -> Vec<Effect> {
        let Some(guest) = self.guests.find(seat) else {
            return Vec::new();
        };
        if !guest.stage.is_at_door() {
            // It lost its right and has it again, and waited for an answer meanwhile.
            return vec![Effect::Welcome(seat)];
        }
        let address = guest.address;
        self.known.remember(address);
        let mut effects = Vec::new();
        match self.till_place(address) {
            Place::Free => {}
            Place::Of(other) => effects.push(self.close(other)),
            // Full since it arrived.
            Place::Nowhere => return vec![self.close(seat)],
        }
        self.guests.advance(seat, Stage::Idle);
        effects.push(Effect::Welcome(seat));
        effects
    }

    /// Its answer comes first: what waits for one makes room for nobody.
    fn refused(&mut self, seat: Seat) {
        let guest = self.guests.find(seat);
        if guest.is_some_and(|guest| guest.stage != Stage::Busy) {
            self.guests.advance(seat, Stage::Refused);
        }
    }

    /// A request counts only while its connection has a place: what was closed for another is not handed on.
    fn asked(&mut self, seat: Seat) -> Vec<Effect> {
        match self.guests.find(seat).map(|guest| guest.stage) {
            Some(Stage::Idle | Stage::Busy) => {
                self.guests.advance(seat, Stage::Busy);
                vec![Effect::Handle(seat)]
            }
            // Who asks was judged just before: it has its right again.
            Some(Stage::Refused) => {
                let mut effects = self.accepted(seat);
                if effects.pop_if(|it| *it == Effect::Welcome(seat)).is_some() {
                    effects.extend(self.asked(seat));
                }
                effects
            }
            Some(Stage::Silent | Stage::Waiting | Stage::Shaking) | None => Vec::new(),
        }
    }

    /// A handle is a place, too: whoever waits for one waits behind the same crowd.
    fn out_of_handles(&mut self) -> Vec<Effect> {
        let goes = self.stranger_or_anybody();
        goes.map(|(seat, _)| self.close(seat)).into_iter().collect()
    }

    fn close(&mut self, seat: Seat) -> Effect {
        self.guests.remove(seat);
        self.made_room += 1;
        Effect::Close(seat)
    }

    fn at_door_of(&self, address: IpAddr) -> usize {
        self.guests
            .count(|guest| guest.address == address && guest.stage.is_at_door())
    }

    fn tills_of(&self, address: IpAddr) -> usize {
        self.guests
            .count(|guest| guest.address == address && !guest.stage.is_at_door())
    }
}

#[cfg(test)]
mod tests;
