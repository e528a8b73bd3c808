//! A terminal, a till's files, and the doctor between them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;
use vinr_conformance::doctor::{Diagnosis, Files, Finding, Key, Order, Seen, diagnose, look, text};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::Simulator;
use vinr_simulator::provision::Pki;

pub(crate) use crate::strangers::TERMINAL;

/// Opens no file.
pub(crate) const PASSPHRASE: &str = "correct-horse-battery";

/// Long enough for any step on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn id(text: &str) -> TerminalId {
    TerminalId::new(text).unwrap()
}

/// Identities of a terminal and its till; deriving the key of a `.p12` is slow by design, so it is done once.
pub(crate) fn provisioned() -> (TempDir, Pki) {
    static MADE: LazyLock<TempDir> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let _made = Pki::provision(dir.path(), &[id(TERMINAL)]).unwrap();
        dir
    });
    let dir = tempfile::tempdir().unwrap();
    copy(MADE.path(), dir.path());
    let pki = Pki::open(dir.path()).unwrap();
    (dir, pki)
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

pub(crate) struct Shop {
    pub(crate) simulator: Simulator,
    _dir: TempDir,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let (dir, _) = provisioned();
        Self::of(dir, TERMINAL).await
    }

    /// With authorities of its own, which nobody else trusts.
    pub(crate) async fn of_strangers() -> Self {
        Self::of(tempfile::tempdir().unwrap(), TERMINAL).await
    }

    async fn of(dir: TempDir, terminal: &str) -> Self {
        let simulator = Simulator::builder(dir.path())
            .terminal(id(terminal), Model::NexgoCt20)
            .start()
            .await
            .unwrap();
        Self {
            simulator,
            _dir: dir,
        }
    }

    pub(crate) fn pki(&self) -> &Pki {
        self.simulator.pki()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.simulator.terminal().address()
    }

    pub(crate) fn order(&self) -> Order {
        order(self.address(), self.pki())
    }
}

/// A till with this directory's files, asking for the terminal of every test.
pub(crate) fn order(address: SocketAddr, pki: &Pki) -> Order {
    Order {
        address: address.to_string(),
        terminal: Some(id(TERMINAL)),
        files: Files {
            terminal_ca: pki.terminal_ca(),
            key: Key::Pem {
                certificate: pki.pos_cert(),
                key: pki.pos_key(),
            },
        },
        within: PATIENCE,
        mdns: false,
    }
}

pub(crate) fn pem((certificate, key): (PathBuf, PathBuf)) -> Key {
    Key::Pem { certificate, key }
}

pub(crate) struct Examined {
    pub(crate) seen: Seen,
    pub(crate) diagnosis: Diagnosis,
}

pub(crate) async fn examine(order: &Order) -> Examined {
    let seen = look(order).await.unwrap();
    let diagnosis = diagnose(&seen);
    Examined { seen, diagnosis }
}

impl Examined {
    pub(crate) fn text(&self) -> String {
        text(&self.seen, &self.diagnosis)
    }

    pub(crate) fn finding(&self, id: &str) -> &Finding {
        let found = self.diagnosis.findings.iter().find(|it| it.id == id);
        found.unwrap_or_else(|| panic!("no {id}:\n{}", self.text()))
    }

    /// The cause is this one, its sentence holds these words, and so does its advice.
    #[track_caller]
    pub(crate) fn blames(&self, id: &str, says: &str, next: &str) {
        let told = self.text();
        let cause = self.diagnosis.cause().unwrap_or_else(|| panic!("{told}"));
        assert_eq!(cause.id, id, "{told}");
        assert!(cause.says.contains(says), "{told}");
        let advice = cause.next.as_deref().unwrap_or_default();
        assert!(advice.contains(next), "{told}");
        assert!(told.contains("Nobody was charged"), "{told}");
    }
}
