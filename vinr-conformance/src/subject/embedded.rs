//! The simulator in this very process: the README's command needs nothing else.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::cardholder::Script;
use vinr_simulator::provision::Passphrase;
use vinr_simulator::terminal::Mdns;
use vinr_simulator::{Builder, Defect, Simulator, SimulatorError, Terminal};

use super::{Lists, Signer, Subject, SubjectError, strangers};
use crate::drivers::Control;
use crate::merchant::CloudApi;
use crate::probe::Identity;

/// The id that the page promises. \[SIM-1\]
const ID: &str = "term_local_simulator";

/// The terminal beside it, where a shop has two: in the order of ids it is the second.
const SECOND: &str = "term_local_simulator_2";

const PORT: u16 = 8443;

/// How many addresses of 127.0.0.0/8 are tried for a free port 8443.
const TRIED: u8 = 9;

/// A simulator that runs until this is dropped, and its own directory.
pub struct Embedded {
    simulator: Simulator,
    defects: Vec<Defect>,
    // Last, so that the files outlive the simulator.
    _dir: tempfile::TempDir,
}

impl Embedded {
    /// Ends it in good order.
    pub async fn shutdown(self) {
        self.simulator.shutdown().await;
    }

    /// Opens its `pos.p12`; nobody is shown it.
    pub fn passphrase(&self) -> Option<&Passphrase> {
        self.simulator.passphrase()
    }

    /// The API of the sandbox that it is connected to.
    pub fn cloud_api(&self) -> Result<CloudApi, String> {
        let cloud = self.simulator.cloud().ok_or("it has no sandbox cloud")?;
        let ca = crate::probe::read(&self.simulator.pki().cloud_ca());
        let ca = ca.map_err(|error| error.to_string())?;
        CloudApi::new(&cloud.url(), &ca, cloud.key().reveal()).map_err(|error| error.to_string())
    }

    /// The terminal beside the first, where it was started with two.
    pub fn second(&self) -> Result<Subject, SubjectError> {
        let second = self.simulator.terminals().get(1);
        let second = second.ok_or_else(|| SubjectError::Missing("it has one terminal".into()))?;
        subject(&self.simulator, second, &self.defects)
    }

    /// Waits until all its terminals are connected to the sandbox; false where they are not in time.
    pub async fn are_linked(&self, limit: Duration) -> bool {
        let Some(cloud) = self.simulator.cloud() else {
            return false;
        };
        let all = self.simulator.terminals().len();
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let standing = cloud.standing().await;
            if standing.is_some_and(|standing| standing.linked.len() == all) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    /// Damages its memory: one bit of its journal, within the first records.
    pub fn damage_memory(&self) -> std::io::Result<()> {
        let terminal = self.simulator.terminal().id().as_str();
        let data = self.simulator.pki().dir().join("data").join(terminal);
        let mut journals: Vec<_> = std::fs::read_dir(&data)?
            .filter_map(|file| Some(file.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("journal.")
            })
            .collect();
        journals.sort();
        let journal = journals
            .pop()
            .ok_or_else(|| std::io::Error::other("it has no journal"))?;
        let mut bytes = std::fs::read(&journal)?;
        // The end of the file was allocated ahead and says nothing yet.
        if let Some(byte) = bytes.get_mut(600) {
            *byte ^= 1;
        }
        std::fs::write(&journal, bytes)
    }

    /// For the sandbox's webhooks it is so much later.
    pub fn cloud_goes_on(&self, by: Duration) {
        if let Some(cloud) = self.simulator.cloud() {
            cloud.advance(by);
        }
    }
}

/// How a simulator differs that a scenario starts beside the one under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// It is started with simulateOffline. \[SIM-4\]
    Offline,
    /// It is connected to a sandbox cloud of its own. §9
    Connected,
    /// So are both its terminals. §8
    Pair,
    /// Its own waits go by so many times as fast as real time.
    Hastened(u32),
    /// In nothing: its memory is to be damaged.
    Plain,
}

/// Starts a simulator with these defects, to be judged.
pub async fn embedded(defects: &[Defect]) -> Result<(Subject, Embedded), SubjectError> {
    embedded_as(Model::Simulator, defects).await
}

/// The same as another model.
pub async fn embedded_as(
    model: Model,
    defects: &[Defect],
) -> Result<(Subject, Embedded), SubjectError> {
    let (dir, builder) = prepare(model, defects)?;
    let builder = builder.listen(free_address()?).mdns(Mdns::On);
    start(dir, builder, defects).await
}

/// The same on any port and unknown to the network, so that several run at once.
pub async fn embedded_unseen(defects: &[Defect]) -> Result<(Subject, Embedded), SubjectError> {
    let (dir, builder) = prepare(Model::Simulator, defects)?;
    start(dir, builder, defects).await
}

/// Starts another one beside it: on a port of its own, and unknown to the network.
pub async fn beside(how: Beside, defects: &[Defect]) -> Result<(Subject, Embedded), SubjectError> {
    let (dir, builder) = prepare(Model::Simulator, defects)?;
    match how {
        Beside::Offline => start(dir, builder.simulate_offline(true), defects).await,
        Beside::Hastened(times) => start(dir, builder.pace(times), defects).await,
        Beside::Plain => start(dir, builder, defects).await,
        Beside::Connected => start(dir, builder.cloud(any()), defects).await,
        Beside::Pair => {
            let second = TerminalId::new(SECOND).expect("a lawful id");
            let builder = builder.terminal(second, Model::Simulator);
            start(dir, builder.cloud(any()), defects).await
        }
    }
}

fn any() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn prepare(model: Model, defects: &[Defect]) -> Result<(tempfile::TempDir, Builder), SubjectError> {
    let dir = tempfile::Builder::new()
        .prefix("vinr-conformance-")
        .tempdir();
    let dir = dir.map_err(|source| SubjectError::Directory {
        path: std::env::temp_dir(),
        source,
    })?;
    let terminal = TerminalId::new(ID).expect("the id of the page is lawful");
    let builder = Simulator::builder(dir.path())
        .terminal(terminal, model)
        .cardholder(Script::by_hand());
    let builder = defects
        .iter()
        .fold(builder, |builder, defect| builder.defect(*defect));
    Ok((dir, builder))
}

async fn start(
    dir: tempfile::TempDir,
    builder: Builder,
    defects: &[Defect],
) -> Result<(Subject, Embedded), SubjectError> {
    let failed = |error: SimulatorError| SubjectError::Simulator(error.to_string());
    let simulator = builder.start().await.map_err(failed)?;
    let subject = subject(&simulator, simulator.terminal(), defects)?;
    let embedded = Embedded {
        simulator,
        defects: defects.to_vec(),
        _dir: dir,
    };
    Ok((subject, embedded))
}

/// One of its terminals, to be judged.
fn subject(
    simulator: &Simulator,
    of: &Terminal,
    defects: &[Defect],
) -> Result<Subject, SubjectError> {
    let terminal = of.id().clone();
    let pki = simulator.pki();
    let read = |path: std::path::PathBuf| crate::probe::read(&path);
    Ok(Subject {
        name: "embedded simulator".into(),
        address: of.address(),
        terminal_ca: read(pki.terminal_ca())?,
        till: Identity::from_pem("pos", &read(pki.pos_cert())?, &read(pki.pos_key())?)?,
        strangers: strangers(&terminal, Some(&pki.dir().join("certification")))?,
        lists: Some(Arc::new(Lists::new(
            pki.to_be_revoked(),
            Signer::Directory(pki.clone()),
        )?)),
        control: Control::new(
            &simulator.control().url(),
            simulator.control().token().reveal(),
        ),
        embedded: Some(defects.to_vec()),
        terminal,
    })
}

/// Port 8443 of the first loopback address where it is free, so that NET-1 is judged on the real port.
fn free_address() -> Result<SocketAddr, SubjectError> {
    let addresses =
        (1..=TRIED).map(|last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), PORT)));
    addresses
        .clone()
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| SubjectError::PortTaken {
            tried: addresses
                .map(|address| address.ip().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        })
}
