#![doc = include_str!("../README.md")]

mod activation;
mod asking;
mod attempts;
pub mod blocking;
mod builder;
mod calling;
mod changes;
pub mod cloud;
mod copies;
mod create;
mod dialling;
mod discovered;
mod error;
mod finder;
mod hands;
mod hedging;
mod in_flight;
mod kept;
mod lan;
mod line;
mod lines;
#[doc = include_str!("page.md")]
pub mod page {}
mod paying;
mod payments;
mod queue;
mod readers;
mod report;
mod result;
mod retrieving;
mod sale;
#[cfg(feature = "simulator")]
mod simulator;
pub mod store;
mod tally;
mod terminals;
mod timeline;
mod trust;
mod vinr;
pub mod webhooks;

pub use activation::Activation;
pub use attempts::{Attempts, Resolution, Resolved};
pub use builder::{BuildError, Builder, FurtherAttempt, NeedsIdentity, NeedsTerminalCa};
pub use changes::{Advertised, Change, Changes};
pub use cloud::{Cloud, CloudError, SecretKey};
pub use create::{At, Connectivity, Create};
pub use discovered::{Discovered, LeftOut, Reader, Reason, Trouble};
pub use error::{Charged, Error, OutcomeUnknown};
pub use hedging::Hedging;
pub use lines::Lines;
pub use payments::Payments;
pub use readers::{Discover, Readers};
pub use report::Report;
pub use result::PaymentResult;
pub use sale::CreateLocal;
pub use store::AttemptStore;
pub use tally::Counters;
pub use timeline::{Step, SupportPacket, Unresolved, Versions};
pub use trust::Trust;
pub use vinr::Vinr;

pub use vinr_protocol::client::attempt::StoredAttempt;
pub use vinr_protocol::payment::{
    Brand, CancelOutcome, Cancellation, CaptureMethod, ConnectionMode, DeclineCode, EntryMode,
    Payment, Status,
};
pub use vinr_protocol::{AttemptKey, Reference, TerminalId};
pub use vinr_transport::revocation::Installed;
pub use vinr_transport::{CrlError, Identity, IdentityError, TrustBundle, TrustError};
