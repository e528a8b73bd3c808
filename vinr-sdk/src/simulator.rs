//! A terminal on this machine, in this process: `Vinr::local_simulator()`. \[SIM-1\]

use std::net::SocketAddr;
use std::path::PathBuf;

use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::Simulator;

use crate::builder::BuildError;
use crate::store::MemoryStore;
use crate::vinr::{Vinr, fresh_key};

/// The simulated terminal's id.
const ID: &str = "term_local_simulator";

/// The simulator and the directory that it lives in.
pub(crate) struct Running {
    simulator: Simulator,
    id: TerminalId,
    _dir: ScratchDir,
}

impl Vinr {
    /// A till with a simulated terminal, `term_local_simulator` on 127.0.0.1: real mutual TLS and the same
    /// rules as any terminal, with a cardholder who taps an approved card after 300 ms. It ends with the last
    /// clone of this till, and all its payments with it; this till's attempts are kept in memory only.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use vinr_sdk::{CreateLocal, Vinr};
    ///
    /// let vinr = Vinr::local_simulator().await?;
    /// let payment = vinr
    ///     .payments()
    ///     .create_local(CreateLocal {
    ///         reader_id: "term_local_simulator",
    ///         amount: 1000,
    ///         currency: "USD",
    ///         reference: "local_test_001",
    ///         ..CreateLocal::default()
    ///     })
    ///     .await?;
    /// assert_eq!(payment.last4.as_deref(), Some("4242"));
    /// # Ok(()) }
    /// ```
    pub async fn local_simulator() -> Result<Vinr, BuildError> {
        Self::simulated(Internet::There).await
    }

    /// The same terminal without the internet: what it takes is queued, and forwarded once
    /// `vinr.simulator()` gives it the internet back. \[SIM-4\]
    pub async fn local_simulator_offline() -> Result<Vinr, BuildError> {
        Self::simulated(Internet::Cut).await
    }

    async fn simulated(internet: Internet) -> Result<Vinr, BuildError> {
        let running = Running::start(internet).await?;
        let pki = running.simulator.pki();
        let mut inner = Vinr::builder()
            .terminal_ca_file(pki.terminal_ca())?
            .identity_pem_files(pki.pos_cert(), pki.pos_key())?
            .store(MemoryStore::new())
            .terminal(ID, running.address())
            .inner()?;
        inner.simulator = Some(running);
        Ok(Vinr::of(inner))
    }

    /// The simulator that [`local_simulator`](Self::local_simulator) started: to present other cards, cut
    /// the power, read what the host charged.
    pub fn simulator(&self) -> Option<&Simulator> {
        Some(&self.inner.simulator.as_ref()?.simulator)
    }
}

/// Has the simulated terminal the internet?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Internet {
    There,
    Cut,
}

impl Running {
    async fn start(internet: Internet) -> Result<Self, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError::Simulator(error.to_string());
        let dir = ScratchDir::make().map_err(|error| failed(&error))?;
        let id = TerminalId::new(ID)?;
        let simulator = Simulator::builder(&dir.0)
            .terminal(id.clone(), Model::Simulator)
            .simulate_offline(internet == Internet::Cut)
            .start()
            .await
            .map_err(|error| failed(&error))?;
        Ok(Self {
            simulator,
            id,
            _dir: dir,
        })
    }

    pub(crate) fn id(&self) -> &TerminalId {
        &self.id
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.simulator.terminal().address()
    }
}

/// A directory of this process's own, gone with it: it holds keys that sign nothing but simulators.
struct ScratchDir(PathBuf);

impl ScratchDir {
    fn make() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("vinr-simulator-{}", fresh_key()));
        make_private(&path)?;
        Ok(Self(path))
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the simulator's directory stays");
        }
    }
}

#[cfg(unix)]
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir(path)
}
