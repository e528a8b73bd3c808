#![doc = include_str!("../README.md")]

pub mod cardholder;
pub mod cards;
pub mod cloud;
pub mod control;
pub mod crash;
mod data_dir;
pub mod defect;
pub mod host;
pub mod provision;
pub mod screen;
mod simulator;
pub mod terminal;
pub mod world;

pub use cloud::{Cloud, CloudOptions};
pub use defect::Defect;
pub use provision::Pki;
pub use simulator::{Builder, Missing, Simulator, SimulatorError};
pub use terminal::Terminal;
