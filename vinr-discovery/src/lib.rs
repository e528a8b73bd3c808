#![doc = include_str!("../README.md")]

pub mod announce;
mod answer;
pub mod blocked;
pub mod browse;
pub mod browser;
mod cache;
pub mod candidate;
mod domain;
mod host_name;
pub mod hosts;
pub mod interfaces;
mod multicast;
mod query;
mod search;
mod slots;
pub mod txt;
pub mod watch;

pub use announce::{Advert, Announcement};
pub use blocked::{Blocked, Trouble};
pub use browse::browse;
pub use browser::Browser;
pub use candidate::{Candidate, Found, LeftOut};
pub use hosts::StaticHost;
pub use interfaces::Interfaces;
pub use watch::{Event, Watch};

/// The service that every terminal advertises. \[DISC-1\]
pub const SERVICE_TYPE: &str = "_vinr-terminal._tcp.local.";

/// The TCP port of a terminal whose address names no other. \[DISC-4, NET-1\]
pub const DEFAULT_PORT: u16 = 8443;

/// Where foreign bytes come in, for the fuzz targets only.
#[doc(hidden)]
pub mod fuzzing {
    use std::net::IpAddr;

    use crate::answer::{self, Message};
    use crate::cache::Cache;
    use crate::candidate::Found;
    use crate::interfaces::HeardOn;
    use crate::slots::{Moment, Told, Way};

    /// What a till makes of these answers.
    pub fn hear(answers: &[&[u8]]) -> Found {
        let mut cache = Cache::default();
        for bytes in answers {
            if let Message::Answer(answer) = answer::read(bytes) {
                let told = Told {
                    now: Moment(0),
                    from: IpAddr::from([192, 0, 2, 1]),
                    way: Way::Multicast,
                };
                cache.learn(answer, HeardOn::Network(2), told);
            }
        }
        cache.finish()
    }
}
