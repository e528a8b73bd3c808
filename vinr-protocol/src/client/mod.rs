//! The till's side: how a sale gets paid, and how an answer that was lost is found again.
//!
//! [`attempt`] is one terminal over the LAN, with recovery; [`hybrid`] drives an attempt over two paths, and [`group`]
//! one hybrid after the other at several terminals, in turns that [`lanes`] gives to all calls of a process. On the LAN
//! [`hedge`] may make several copies of one pay. [`retrieve`] asks everybody what became of a sale. None of them sends,
//! waits or reads a clock; their hosts do, and tell them what came of it.

pub mod attempt;
pub mod group;
pub mod hedge;
pub mod hybrid;
pub mod lanes;
pub mod retrieve;
