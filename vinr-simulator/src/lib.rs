//! Payment terminals without hardware.
#![allow(dead_code, unused_imports, reason = "its users come with the next commits")]

pub mod cards;
mod data_dir;
pub mod host;
mod journal;
pub mod provision;
