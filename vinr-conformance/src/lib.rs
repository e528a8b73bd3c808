#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod client;
pub mod diff;
pub mod doctor;
pub mod drivers;
pub mod features;
pub mod journal;
pub mod judge;
pub mod known;
pub mod latency;
pub mod merchant;
pub mod merge;
pub mod plan;
pub mod probe;
pub mod profile;
pub mod rejudge;
pub mod report;
pub mod run;
mod steps;
pub mod subject;
pub mod verdict;
