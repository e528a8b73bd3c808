//! Tills and terminals in processes of their own: this test binary, run again.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use vinr_sdk::{Builder, Cloud, Hedging, Lines, SecretKey};
use vinr_simulator::Pki;

use crate::counter::{self, Kind};
use crate::support::{A, B, C};

/// A process of its own, killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    words: BufReader<ChildStdout>,
}

/// What a process of its own is told, in its environment.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    /// Of a till, or the one sale that it takes.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) payments: usize,
    pub(crate) pki: PathBuf,
    pub(crate) store: PathBuf,
    /// Where its terminals are; of a terminal, where it listens.
    pub(crate) terminals: Vec<SocketAddr>,
    pub(crate) cloud: Option<SocketAddr>,
}

impl Role {
    pub(crate) fn terminal(pki: &Path, at: SocketAddr) -> Self {
        Self {
            name: String::new(),
            kind: Kind::Local,
            payments: 0,
            pki: pki.to_owned(),
            store: PathBuf::new(),
            terminals: vec![at],
            cloud: None,
        }
    }

    /// The till that it plays.
    pub(crate) fn builder(&self) -> Builder {
        let pki = Pki::open(&self.pki).unwrap();
        let mut builder = counter::builder(&pki).store_dir(&self.store);
        for (terminal, address) in [A, B, C].into_iter().zip(&self.terminals) {
            builder = builder.terminal(terminal, *address);
        }
        if self.kind == Kind::Hedged {
            let late = Hedging::After(Duration::from_millis(20));
            builder = builder.lines(Lines::default()).hedging(late);
        }
        if let Some(cloud) = self.cloud {
            let key = SecretKey::from_file(pki.api_key()).unwrap();
            let url = format!("https://{cloud}");
            builder = builder.cloud(Cloud::with_ca_file(&url, key, pki.cloud_ca()).unwrap());
        }
        builder
    }
}

impl Child {
    /// Runs the test of this name, which plays the role instead.
    pub(crate) fn run(test: &str, role: &Role) -> Self {
        let addresses: Vec<_> = role.terminals.iter().map(SocketAddr::to_string).collect();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env("VINR_TILL_NAME", &role.name)
            .env("VINR_TILL_KIND", format!("{:?}", role.kind))
            .env(
                "VINR_TILL_CLOUD",
                role.cloud.map_or_else(String::new, |it| it.to_string()),
            )
            .env("VINR_TILL_PAYMENTS", role.payments.to_string())
            .env("VINR_TILL_PKI", &role.pki)
            .env("VINR_TILL_STORE", &role.store)
            .env("VINR_TILL_TERMINALS", addresses.join(","))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let words = BufReader::new(process.stdout.take().unwrap());
        Self { process, words }
    }

    /// SIGKILL, and it is gone.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// What it tells next.
    pub(crate) fn tells(&mut self) -> Option<String> {
        let words = self.words.by_ref().lines().map_while(Result::ok);
        let mut told = words.filter_map(|line| Some(line.split_once("TOLD ")?.1.to_owned()));
        told.next()
    }

    /// The rest of what it has to tell, once it ends.
    pub(crate) fn ends(mut self) -> Vec<String> {
        let told = std::iter::from_fn(|| self.tells()).collect();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {told:?}");
        told
    }
}

/// A test that fails leaves nothing running.
impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The role of this process, where it was run for one.
pub(crate) fn role() -> Option<Role> {
    let of = |name: &str| std::env::var(name).ok();
    let terminals = of("VINR_TILL_TERMINALS")?;
    Some(Role {
        name: of("VINR_TILL_NAME")?,
        kind: Kind::named(&of("VINR_TILL_KIND")?),
        cloud: of("VINR_TILL_CLOUD")?.parse().ok(),
        payments: of("VINR_TILL_PAYMENTS")?.parse().ok()?,
        pki: of("VINR_TILL_PKI")?.into(),
        store: of("VINR_TILL_STORE")?.into(),
        terminals: (terminals.split(',').map(str::parse))
            .collect::<Result<_, _>>()
            .ok()?,
    })
}
