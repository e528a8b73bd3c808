//! The till's side: how a sale gets paid, and how an answer that was lost is found again.
//!
//! One machine so far, [`attempt`]: one terminal, over the LAN. It never sends, waits or reads a clock;
//! its host does, and tells it what came of it.

pub mod attempt;
