#![doc = include_str!("../README.md")]

pub mod announce;
mod answer;
mod ask;
pub mod browse;
pub mod candidate;
mod gather;
mod host_name;
pub mod hosts;
pub mod interfaces;
mod listen;
mod multicast;
#[cfg(test)]
#[path = "../tests/skip/mod.rs"]
mod skip;
pub mod txt;

pub use announce::{Advert, Announcement};
pub use browse::{Browse, browse};
pub use candidate::{Candidate, Found, LeftOut};
pub use hosts::StaticHost;
pub use interfaces::Interfaces;

/// The service that every terminal advertises. \[DISC-1\]
pub const SERVICE_TYPE: &str = "_vinr-terminal._tcp.local.";

/// The TCP port of a terminal whose address names no other. \[DISC-4, NET-1\]
pub const DEFAULT_PORT: u16 = 8443;

/// Where foreign bytes come in, for the fuzz targets only.
#[doc(hidden)]
pub mod fuzzing {
    use crate::answer;
    use crate::candidate::Found;
    use crate::gather::Gather;
    use crate::interfaces::HeardOn;

    /// What a till makes of these answers.
    pub fn hear(answers: &[&[u8]]) -> Found {
        let mut gather = Gather::default();
        for bytes in answers {
            answer::sightings(bytes, HeardOn::Network(2))
                .into_iter()
                .for_each(|s| gather.see(s));
        }
        gather.finish()
    }
}
