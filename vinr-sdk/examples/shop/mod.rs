//! Terminals and a sandbox cloud in this process, for the examples that need both.

use std::net::SocketAddr;

use tempfile::TempDir;
use vinr_protocol::device::Model;
use vinr_sdk::{Builder, Cloud, SecretKey, TerminalId, Vinr};
use vinr_simulator::Simulator;

pub(crate) struct Shop {
    pub(crate) simulator: Simulator,
    dir: TempDir,
}

impl Shop {
    pub(crate) async fn open(terminals: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut builder = Simulator::builder(dir.path().join("vinr-local"))
            .cloud(SocketAddr::from(([127, 0, 0, 1], 0)));
        for terminal in terminals {
            builder = builder.terminal(TerminalId::new(terminal)?, Model::NexgoCt20);
        }
        let simulator = builder.start().await?;
        Ok(Self { simulator, dir })
    }

    /// A till that knows the terminals.
    pub(crate) fn till(&self) -> anyhow::Result<Builder> {
        let pki = self.simulator.pki();
        let mut builder = Vinr::builder()
            .terminal_ca_file(pki.terminal_ca())?
            .identity_pem_files(pki.pos_cert(), pki.pos_key())?
            .store_dir(self.dir.path().join("till"));
        for terminal in self.simulator.terminals() {
            builder = builder.terminal(terminal.id().as_str(), terminal.address());
        }
        Ok(builder)
    }

    /// The cloud, trusted by the sandbox's own CA.
    pub(crate) fn cloud(&self) -> anyhow::Result<Cloud> {
        let pki = self.simulator.pki();
        let sandbox = self.simulator.cloud();
        let url = sandbox.map(|it| it.url()).unwrap_or_default();
        let key = SecretKey::from_file(pki.api_key())?;
        Ok(Cloud::with_ca_file(&url, key, pki.cloud_ca())?)
    }
}
