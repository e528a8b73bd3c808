//! A shop with several terminals and a cloud, and a cable to each that can be watched and broken.

mod cable;
mod shop;
pub(crate) mod tls;

pub(crate) use cable::{Cable, State};
pub(crate) use shop::{A, B, C, Shop, id, never_taps, passes, taps};
