//! The terminal under test: where it is, who it is, and what opens a connection to it.

mod elsewhere;
mod embedded;
mod lists;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use elsewhere::{Provisioned, elsewhere, resolve};
pub use embedded::{Beside, Embedded, beside, embedded, embedded_as, embedded_unseen};
pub use lists::{List, Lists, Signer};
use vinr_protocol::TerminalId;
use vinr_simulator::Defect;

use crate::drivers::{Control, ControlError};
use crate::probe::{Identity, IdentityError};

/// A terminal under test.
pub struct Subject {
    /// What people call it.
    pub name: String,
    /// Its id.
    pub terminal: TerminalId,
    /// Where it serves the Local API.
    pub address: SocketAddr,
    /// The authority that its certificate should lead to, PEM.
    pub terminal_ca: Vec<u8>,
    /// The till that it should take.
    pub till: Identity,
    /// The tills that it should refuse, as far as we have them.
    pub strangers: BTreeMap<Stranger, Identity>,
    /// The till that may be revoked and who signs lists, where there are both.
    pub lists: Option<Arc<Lists>>,
    /// Its control port, where it has one.
    pub control: Option<Control>,
    /// Where it is a simulator of this very process: what is broken in it.
    pub embedded: Option<Vec<Defect>>,
}

/// A client that a terminal must not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stranger {
    /// Lawful, but from an authority that nobody knows.
    ForeignAuthority,
    /// Past its last day.
    Expired,
    /// Before its first day.
    NotYetValid,
    /// For servers.
    ServerAuth,
    /// For no purpose at all.
    NoPurpose,
    /// For another terminal.
    OtherTerminal,
}

impl Stranger {
    /// Those that only the authority's owner can make, with the names of their files.
    pub const PROVISIONED: [(Stranger, &str); 5] = [
        (Stranger::Expired, "pos-expired"),
        (Stranger::NotYetValid, "pos-not-yet-valid"),
        (Stranger::ServerAuth, "pos-server-auth"),
        (Stranger::NoPurpose, "pos-no-purpose"),
        (Stranger::OtherTerminal, "pos-other-terminal"),
    ];
}

/// There is no terminal to test.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// An identity or authority cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The control port cannot be used.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Something that only the profile or the command line can say is missing.
    #[error("{0}")]
    Missing(String),
    /// The address is no address.
    #[error("'{address}' cannot be resolved: {source}")]
    Address {
        /// What was given.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The embedded simulator did not start.
    #[error("the simulator did not start: {0}")]
    Simulator(String),
    /// Port 8443 is taken everywhere.
    #[error(
        "port 8443 is taken on every loopback address that was tried ({tried}); stop what listens there"
    )]
    PortTaken {
        /// Which addresses.
        tried: String,
    },
    /// A directory for the simulator cannot be made.
    #[error("no directory for the simulator ({}): {source}", path.display())]
    Directory {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Our own foreigner, and those of a folder that are there.
fn strangers(
    terminal: &TerminalId,
    folder: Option<&std::path::Path>,
) -> Result<BTreeMap<Stranger, Identity>, SubjectError> {
    let foreign = Identity::of_a_foreign_authority("pos-foreign-ca", &terminal.urn())?;
    let mut strangers = BTreeMap::from([(Stranger::ForeignAuthority, foreign)]);
    let Some(folder) = folder else {
        return Ok(strangers);
    };
    for (stranger, name) in Stranger::PROVISIONED {
        let stem = folder.join(name);
        if stem.with_extension("pem").is_file() {
            strangers.insert(stranger, Identity::from_files(name, &stem)?);
        }
    }
    Ok(strangers)
}
