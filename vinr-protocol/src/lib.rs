#![doc = include_str!("../README.md")]

pub mod client;
pub mod cloud;
pub mod command;
pub mod device;
pub mod endpoint;
pub mod error_body;
pub mod id;
mod json;
pub mod machine;
pub mod money;
pub mod mutant;
mod open_enum;
pub mod payment;
pub mod question;
pub mod reader;
pub mod request;
pub mod requirement;
#[cfg(feature = "schema")]
pub mod schema;
pub mod terminal;
pub mod time;
pub mod timing;
pub mod webhook;

pub use error_body::{Code, ErrorBody};
pub use id::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};
pub use machine::Machine;
pub use money::{Amount, Currency};
pub use payment::{Cancellation, Payment, PaymentList, Status};
pub use reader::Reader;
pub use request::{CancelRequest, PayRequest};
pub use time::Timestamp;

/// The wire that this crate speaks, as a terminal names it in `GET /v1/reader` and in its TXT record.
pub const API: &str = "vinr-local/1";
