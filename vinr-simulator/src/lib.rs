#![doc = include_str!("../README.md")]

pub mod cardholder;
pub mod cards;
pub mod cloud;
pub mod control;
mod data_dir;
pub mod defect;
pub mod host;
mod journal;
pub mod provision;
pub mod screen;
mod simulator;
pub mod terminal;
pub mod world;

/// Where foreign bytes come in, for the fuzz targets only.
#[doc(hidden)]
pub mod fuzzing {
    /// What a journal makes of these bytes.
    pub fn journal(file: &[u8]) {
        crate::journal::fuzz(file);
    }
}

pub use cloud::{Cloud, CloudOptions};
pub use defect::Defect;
pub use provision::Pki;
pub use simulator::{Builder, Missing, Simulator, SimulatorError};
pub use terminal::Terminal;
