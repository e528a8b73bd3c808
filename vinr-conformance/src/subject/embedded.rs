//! The simulator in this very process: the README's command needs nothing else.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::cardholder::Script;
use vinr_simulator::terminal::Mdns;
use vinr_simulator::{Defect, Simulator};

use super::{Subject, SubjectError, strangers};
use crate::drivers::Control;
use crate::probe::Identity;

/// The id that the page promises. \[SIM-1\]
const ID: &str = "term_local_simulator";
const PORT: u16 = 8443;

/// How many addresses of 127.0.0.0/8 are tried for a free port 8443.
const TRIED: u8 = 9;

/// A simulator that runs until this is dropped, and its own directory.
pub struct Embedded {
    simulator: Simulator,
    // Last, so that the files outlive the simulator.
    _dir: tempfile::TempDir,
}

impl Embedded {
    /// Ends it in good order.
    pub async fn shutdown(self) {
        self.simulator.shutdown().await;
    }
}

/// Starts a simulator with these defects.
pub async fn embedded(defects: &[Defect]) -> Result<(Subject, Embedded), SubjectError> {
    let dir = tempfile::Builder::new()
        .prefix("vinr-conformance-")
        .tempdir();
    let dir = dir.map_err(|source| SubjectError::Directory {
        path: std::env::temp_dir(),
        source,
    })?;
    let terminal = TerminalId::new(ID).expect("the id of the page is lawful");
    let failed = |error: vinr_simulator::SimulatorError| SubjectError::Simulator(error.to_string());
    let mut builder = Simulator::builder(dir.path())
        .terminal(terminal.clone(), Model::Simulator)
        .listen(free_address()?)
        .cardholder(Script::by_hand())
        .mdns(Mdns::On);
    for defect in defects {
        builder = builder.defect(*defect);
    }
    let simulator = builder.start().await.map_err(failed)?;
    let pki = simulator.pki();
    let read = |path: std::path::PathBuf| crate::probe::read(&path);
    let subject = Subject {
        name: "embedded simulator".into(),
        address: simulator.terminal().address(),
        terminal_ca: read(pki.terminal_ca())?,
        till: Identity::from_pem("pos", &read(pki.pos_cert())?, &read(pki.pos_key())?)?,
        strangers: strangers(&terminal, Some(&pki.dir().join("certification")))?,
        control: Control::new(
            &simulator.control().url(),
            simulator.control().token().reveal(),
        ),
        terminal,
    };
    let embedded = Embedded {
        simulator,
        _dir: dir,
    };
    Ok((subject, embedded))
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
