//! Tills in processes of their own: this test binary, run again.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A till that runs in a process of its own, and is killed when dropped.
pub(crate) struct Till {
    process: Child,
    words: BufReader<ChildStdout>,
}

/// What a till in a process of its own is told, in its environment.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) payments: usize,
    pub(crate) pki: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) terminals: Vec<SocketAddr>,
}

impl Till {
    /// Runs the test of this name, which plays the role instead.
    pub(crate) fn run(test: &str, role: &Role) -> Self {
        let addresses: Vec<_> = role.terminals.iter().map(SocketAddr::to_string).collect();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env("VINR_TILL_NAME", &role.name)
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
impl Drop for Till {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The role of this process, where it is a till's.
pub(crate) fn role() -> Option<Role> {
    let of = |name: &str| std::env::var(name).ok();
    let terminals = of("VINR_TILL_TERMINALS")?;
    Some(Role {
        name: of("VINR_TILL_NAME")?,
        payments: of("VINR_TILL_PAYMENTS")?.parse().ok()?,
        pki: of("VINR_TILL_PKI")?.into(),
        store: of("VINR_TILL_STORE")?.into(),
        terminals: (terminals.split(',').map(str::parse))
            .collect::<Result<_, _>>()
            .ok()?,
    })
}
