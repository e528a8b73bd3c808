//! Payment terminals without hardware.
#![allow(dead_code, unused_imports, reason = "its users come with the next commits")]

mod data_dir;
mod journal;
