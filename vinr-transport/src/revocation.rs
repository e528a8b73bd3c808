//! Certificate revocation lists: which certificates a CA has taken back, and until when its word counts. \[TLS-12, TLS-15\]
//!
//! A list is taken only when it is signed by a CA of the bundle that it is read with, is the CA's whole list, and
//! carries a number and an end. What it says then counts for that CA's certificates and no others': each CA of a
//! bundle has its own list.

mod error;
mod list;
mod lists;
mod number;
mod serial;

pub use error::CrlError;
pub use list::{MAX_BYTES, RevocationList};
pub use lists::Installed;
pub use number::CrlNumber;
pub use vinr_protocol::terminal::Revocation;

pub(crate) use lists::Lists;
