#![doc = include_str!("../README.md")]

mod authorize;
pub mod check;
pub mod client;
pub mod clock;
mod depth;
pub mod drive;
mod exchange;
pub mod identity;
mod issuer;
mod live;
mod names;
mod pin;
pub mod profile;
pub mod revocation;
pub mod server;
mod signature;
mod socket;
mod tls;
pub mod trust;
mod verdict;
mod verify;

pub use check::{Check, Side};
pub use client::{CallError, ConnectError, Connection, Connector};
pub use clock::Clock;
pub use identity::{Identity, IdentityError};
pub use revocation::{CrlError, Revocation, RevocationList};
pub use server::{Handler, Reply, Request, Server, ServerOptions};
pub use trust::{TrustBundle, TrustError};
pub use verify::verify;
