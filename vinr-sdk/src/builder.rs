//! Setting a till up: whom it trusts, then who it is, then the rest. Nothing connects without the first two.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use vinr_protocol::TerminalId;
use vinr_protocol::timing::CLIENT_HOLD;
use vinr_transport::{
    ConnectError, Connector, CrlError, Identity, IdentityError, RevocationList, TrustBundle,
    TrustError,
};

use crate::cloud::Cloud;
use crate::hedging::Hedging;
use crate::lines::Lines;
use crate::queue::Queue;
use crate::store::{AttemptStore, FileStore, FileStoreError};
use crate::terminals::Terminals;
use crate::vinr::{Inner, Vinr};

/// How long a payment may take in all before its outcome is called unknown: 90 s at the counter, and a
/// minute to find out after a loss.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);

/// A till cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The CA bundle cannot be used.
    #[error(transparent)]
    TerminalCa(#[from] TrustError),
    /// A revocation list cannot be used.
    #[error(transparent)]
    TerminalCrl(#[from] CrlError),
    /// The till's identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// CA bundle and identity together cannot be used.
    #[error(transparent)]
    Connector(#[from] ConnectError),
    /// The attempt store cannot be opened.
    #[error(transparent)]
    Store(#[from] FileStoreError),
    /// There is no place for the attempt store.
    #[error("no home directory is known: say where attempts are kept with store_dir(…)")]
    NoStoreDir,
    /// A payment must be held on to for longer. \[PAY-5\]
    #[error(
        "the deadline is at least 120 s: a card may take 90 s; to wait for a card for a shorter time set `timeout` of the payment"
    )]
    DeadlineTooShort,
    /// A terminal's id is not one.
    #[error("{0}")]
    TerminalId(#[from] vinr_protocol::id::InvalidId),
    /// The local simulator did not start.
    #[error("the local simulator did not start: {0}")]
    Simulator(String),
    /// The runtime of a blocking till did not start.
    #[error("the runtime of the blocking till did not start: {0}")]
    Runtime(#[source] std::io::Error),
}

/// May a lost payment be tried once more?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FurtherAttempt {
    /// Once in a call, under a new key, after the first attempt is durably cancelled, while at least 120 s
    /// of the deadline are left.
    #[default]
    Once,
    /// Never: the call ends with the first attempt.
    Never,
}

/// First step: which terminals are trusted? \[TLS-3\]
#[derive(Debug)]
#[non_exhaustive]
pub struct NeedsTerminalCa;

/// Second step: who is this till?
#[derive(Debug)]
pub struct NeedsIdentity {
    terminal_ca: TrustBundle,
}

/// The rest, which has good defaults.
#[must_use = "nothing happens before build()"]
pub struct Builder {
    terminal_ca: TrustBundle,
    identity: Identity,
    lists: Vec<RevocationList>,
    store: Store,
    deadline: Duration,
    window: Duration,
    further: FurtherAttempt,
    terminals: Vec<(String, SocketAddr)>,
    cloud: Option<Cloud>,
    lines: Lines,
    hedging: Hedging,
}

enum Store {
    Default,
    Dir(PathBuf),
    Own(Arc<dyn AttemptStore>),
}

impl NeedsTerminalCa {
    pub(crate) fn new() -> Self {
        Self
    }

    /// The VINR terminal CA bundle, a PEM file.
    pub fn terminal_ca_file(self, path: impl AsRef<Path>) -> Result<NeedsIdentity, BuildError> {
        Ok(self.terminal_ca(TrustBundle::from_pem_file(path)?))
    }

    /// The VINR terminal CA bundle, PEM in memory.
    pub fn terminal_ca_pem(self, pem: impl AsRef<[u8]>) -> Result<NeedsIdentity, BuildError> {
        Ok(self.terminal_ca(TrustBundle::from_pem(pem.as_ref())?))
    }

    /// A bundle that was read already.
    pub fn terminal_ca(self, terminal_ca: TrustBundle) -> NeedsIdentity {
        NeedsIdentity { terminal_ca }
    }
}

impl NeedsIdentity {
    /// The till's client certificate as it was downloaded: a `.p12` file and its passphrase. \[TLS-11\]
    pub fn identity_p12_file(
        self,
        path: impl AsRef<Path>,
        passphrase: &str,
    ) -> Result<Builder, BuildError> {
        let identity = Identity::from_p12_file(path, passphrase)?;
        Ok(self.identity(identity))
    }

    /// The same, from memory.
    pub fn identity_p12(
        self,
        p12: impl AsRef<[u8]>,
        passphrase: &str,
    ) -> Result<Builder, BuildError> {
        let identity = Identity::from_p12_bytes(p12.as_ref(), passphrase)?;
        Ok(self.identity(identity))
    }

    /// The till's client certificate and key as PEM files.
    pub fn identity_pem_files(
        self,
        certificate: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Builder, BuildError> {
        let identity = Identity::from_pem_files(certificate, key)?;
        Ok(self.identity(identity))
    }

    /// An identity that was read already.
    pub fn identity(self, identity: Identity) -> Builder {
        Builder {
            terminal_ca: self.terminal_ca,
            identity,
            lists: Vec::new(),
            store: Store::Default,
            deadline: DEADLINE,
            window: vinr_discovery::browse::WINDOW,
            further: FurtherAttempt::default(),
            terminals: Vec::new(),
            cloud: None,
            lines: Lines::default(),
            hedging: Hedging::default(),
        }
    }
}

impl Builder {
    /// Keeps unresolved attempts in this directory, and nothing else should be in it; one till, one directory. Without it
    /// they are kept in `vinr/attempts` below the user's state directory.
    pub fn store_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.store = Store::Dir(dir.into());
        self
    }

    /// Keeps unresolved attempts in the till's own database.
    pub fn store(mut self, store: impl AttemptStore) -> Self {
        self.store = Store::Own(Arc::new(store));
        self
    }

    /// Asks whether terminals were revoked, beginning with this list of the terminal CA, PEM or DER. From then on a
    /// terminal is refused where it is on its CA's list, where that list is past its date, and where its CA has none:
    /// newer ones go to [`Trust::install_terminal_crl`](crate::Trust::install_terminal_crl). For a bundle of several CAs
    /// it is called once for each. \[TLS-12\]
    pub fn terminal_crl(mut self, list: impl AsRef<[u8]>) -> Result<Self, BuildError> {
        let list = RevocationList::read(list.as_ref(), &self.terminal_ca)?;
        self.lists.push(list);
        Ok(self)
    }

    /// How long a payment may take in all, at least 120 s; 150 s if nothing is said. Then its outcome is
    /// unknown, and the attempt stays in the store.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long a discovery listens; 2 s if nothing is said.
    pub fn discovery_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Whether a lost payment may be tried once more; [`FurtherAttempt::Once`] if nothing is said.
    pub fn further_attempt(mut self, further: FurtherAttempt) -> Self {
        self.further = further;
        self
    }

    /// Says where a terminal is, so that nothing needs to be discovered. Its certificate is checked all the
    /// same, on every connection.
    pub fn terminal(mut self, id: impl Into<String>, address: SocketAddr) -> Self {
        self.terminals.push((id.into(), address));
        self
    }

    /// The cloud of hybrid payments. No payment calls it that does not say *hybrid*: local mode has no cloud traffic.
    /// [`resolve`](crate::Attempts::resolve) and [`retrieve_by_reference`](crate::Payments::retrieve_by_reference) ask it
    /// where the LAN cannot say what became of a sale.
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = Some(cloud);
        self
    }

    /// How many connections are open before anybody pays; [`Lines::default`] if nothing is said.
    pub fn lines(mut self, lines: Lines) -> Self {
        self.lines = lines;
        self
    }

    /// Whether a payment without an answer goes on another connection as well; [`Hedging::Late`] if nothing is said.
    pub fn hedging(mut self, hedging: Hedging) -> Self {
        self.hedging = hedging;
        self
    }

    /// Opens the store. Lines to the [terminals](Self::terminal) that were named are opened in the background, at the
    /// first call where this is not called inside a tokio runtime.
    pub fn build(self) -> Result<Vinr, BuildError> {
        Ok(Vinr::of(self.inner()?))
    }

    pub(crate) fn inner(self) -> Result<Inner, BuildError> {
        if self.deadline < CLIENT_HOLD {
            return Err(BuildError::DeadlineTooShort);
        }
        let connector = Connector::new(self.terminal_ca, self.identity)?;
        let connector = self.lists.into_iter().fold(connector, Connector::with_crl);
        let terminals = Terminals::new(connector, self.lines, Queue::default());
        for (id, address) in self.terminals {
            terminals.learn(TerminalId::new(&id)?, address);
        }
        let store = match self.store {
            Store::Own(store) => store,
            Store::Dir(dir) => Arc::new(FileStore::open(dir)?),
            Store::Default => Arc::new(FileStore::open(state_dir()?)?),
        };
        Ok(Inner::new(
            terminals,
            store,
            self.deadline,
            self.window,
            self.further,
            self.cloud,
            self.hedging,
        ))
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("deadline", &self.deadline)
            .field("terminals", &self.terminals)
            .finish_non_exhaustive()
    }
}

/// `vinr/attempts` where the system wants state that outlives a process.
fn state_dir() -> Result<PathBuf, BuildError> {
    let dir = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    dir("XDG_STATE_HOME")
        .or_else(|| dir("LOCALAPPDATA"))
        .or_else(|| dir("HOME").map(|home| home.join(".local").join("state")))
        .map(|state| state.join("vinr").join("attempts"))
        .ok_or(BuildError::NoStoreDir)
}
