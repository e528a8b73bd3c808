//! The terminal's machine under any sequence of events, power cuts included.
//!
//! The bytes are a script: one says what happens, the next ones with which sale, key and amount. The world
//! around the machine is the smallest that tells the truth: a journal that keeps what was persisted, a card
//! network that decides on a payment once, callers who count their answers. After each step the invariants
//! of `spec/safety.md` that one terminal can break are checked.

mod script;
mod world;

use script::Script;
use world::World;

/// How many steps of a script are played: a longer one finds nothing that a shorter one would not.
const STEPS_MAX: usize = 200;

/// A script.
pub(crate) fn session(data: &[u8]) {
    let mut script = Script::new(data);
    let mut world = World::new();
    for _ in 0..STEPS_MAX {
        let Some(event) = script.next_event() else {
            break;
        };
        world.play(event);
        world.check();
    }
}
