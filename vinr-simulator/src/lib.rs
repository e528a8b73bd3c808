//! Payment terminals without hardware.
#![allow(dead_code, unused_imports, reason = "its users come with the next commits")]

pub mod cardholder;
pub mod cards;
mod data_dir;
pub mod defect;
pub mod host;
mod journal;
pub mod provision;
pub mod screen;
pub mod terminal;
