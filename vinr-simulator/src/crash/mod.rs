//! A terminal whose power goes at every moment: the production session over the production journal, on a disk that
//! remembers every write.
//!
//! A [`Script`] is played once, and everything that a till, a cardholder or the card network could see of it is noted
//! with the position of the disk. Then, for each position, each image that a lawful disk may hold after a power cut
//! there, and each moment of the world that fits: the terminal starts again from the image, with the real code, and
//!
//! - what anybody was told is still so, and what was on the screen or on the wire is known,
//! - the offline queue has what was accepted, in its order, and no number twice or left out,
//! - the host answers everything, messages that were under way arrive late or never, every till looks its sale up and
//!   pays again where it may: every attempt is final, and every sale is charged exactly once.
//!
//! The same holds where the start is interrupted again, three deep, where the Nth operation of the disk fails, and
//! where a bit is flipped, a file is gone or an older image was put back: there a terminal may also refuse all service.
//! What it may never do is to know less and say nothing of it.
//!
//! `cargo run --release -p vinr-simulator --example crash` prints how much was tried; `docs/safety.md` tells what of it.

mod design;
mod engine;
mod judge;
mod scene;
mod script;
mod terminal;
mod told;

pub use design::Design;
pub use engine::{Bounds, Report, Tally, explore};
pub use judge::Violation;
pub use scene::Keys;
pub use script::{Script, Step, scripts};
