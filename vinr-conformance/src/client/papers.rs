//! What a till is given: its identity in both forms, whom it trusts, its secrets, and the folder where the files are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use vinr_protocol::TerminalId;

use super::pki::{Authorities, PkiError, TillIdentity};
use super::protocol::Configure;
use super::veil::Veil;

/// Which form of its identity a till is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentityFiles {
    Both,
    P12,
    WrongPassphrase,
}

/// Where the files are.
pub(super) enum Folder {
    /// The suite's own: it is gone when the scenario is over.
    OfTheSuite(tempfile::TempDir),
    /// One that somebody takes them from.
    Given(PathBuf),
}

/// See the module.
pub(super) struct Papers {
    folder: Folder,
    /// Its terminals, whether they stand there or not.
    pub(super) ids: Vec<TerminalId>,
    pub(super) identity: TillIdentity,
    passphrase: String,
    wrong_passphrase: String,
    pub(super) secret_key: String,
    pub(super) webhook_secret: String,
    /// Takes the other's place when secrets rotate.
    pub(super) next_webhook_secret: String,
    pub(super) veil: Veil,
}

/// What cannot be given to a till.
#[derive(Debug, thiserror::Error)]
pub enum PapersError {
    /// A name of a terminal is none.
    #[error("a terminal of the suite has no lawful name: {0}")]
    Name(#[from] vinr_protocol::id::InvalidId),
    /// A certificate or key.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A file.
    #[error("the till's files cannot be written: {0}")]
    File(#[from] std::io::Error),
}

impl Papers {
    /// New ones, in a folder of the suite, for the terminals `name_A` to `name_C`.
    pub(super) fn new(authorities: &Authorities, name: &str) -> Result<Self, PapersError> {
        let folder = tempfile::Builder::new().prefix("vinr-client-").tempdir()?;
        let papers = Self::within(Folder::OfTheSuite(folder), authorities, name)?;
        papers.write("system-roots.pem", authorities.foreign_ca().as_bytes())?;
        papers.write("cloud-ca.pem", authorities.cloud_ca().as_bytes())?;
        Ok(papers)
    }

    /// The same in a folder that is made for whoever installs them; the passphrase is in a file, too.
    pub(super) fn in_folder(
        folder: PathBuf,
        authorities: &Authorities,
        name: &str,
    ) -> Result<Self, PapersError> {
        std::fs::create_dir_all(&folder)?;
        let papers = Self::within(Folder::Given(folder), authorities, name)?;
        papers.write("passphrase.txt", papers.passphrase.as_bytes())?;
        Ok(papers)
    }

    fn within(folder: Folder, authorities: &Authorities, name: &str) -> Result<Self, PapersError> {
        let ids = ["A", "B", "C"]
            .iter()
            .map(|letter| TerminalId::new(&format!("{name}_{letter}")))
            .collect::<Result<Vec<_>, _>>()?;
        let passphrase = secret("till ");
        let identity = authorities.till(&ids, &passphrase)?;
        let mut papers = Self {
            folder,
            ids,
            identity,
            passphrase,
            wrong_passphrase: secret("wrong "),
            secret_key: secret("sk_test_"),
            webhook_secret: secret("whsec_"),
            next_webhook_secret: secret("whsec_"),
            veil: Veil::default(),
        };
        let mut veil = Veil::default();
        veil.add("the passphrase", &papers.passphrase);
        veil.add("the wrong passphrase", &papers.wrong_passphrase);
        veil.add("the API secret key", &papers.secret_key);
        veil.add("a webhook secret", &papers.webhook_secret);
        veil.add("a webhook secret", &papers.next_webhook_secret);
        if let Some(line) = papers.identity.key.lines().nth(1) {
            veil.add("the private key", line);
        }
        papers.veil = veil;
        let identity = &papers.identity;
        let files: [(&str, &[u8]); 4] = [
            ("terminal-ca.pem", authorities.terminal_ca().as_bytes()),
            ("pos.pem", identity.certificate.as_bytes()),
            ("pos.key", identity.key.as_bytes()),
            ("pos.p12", &identity.p12),
        ];
        for (name, bytes) in files {
            papers.write(name, bytes)?;
        }
        Ok(papers)
    }

    /// Says in the folder where a terminal stands.
    pub(super) fn name_the_terminal(
        &self,
        terminal: &TerminalId,
        address: &str,
    ) -> Result<(), PapersError> {
        let place = json!({ "terminalId": terminal.as_str(), "address": address });
        self.write("terminal.json", format!("{place:#}\n").as_bytes())?;
        Ok(())
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        match &self.folder {
            Folder::OfTheSuite(folder) => folder.path(),
            Folder::Given(folder) => folder,
        }
    }

    /// The id of the terminal with this letter.
    pub(super) fn id(&self, letter: &str) -> Option<&TerminalId> {
        let place = letter.bytes().next()?.checked_sub(b'A')?;
        self.ids.get(usize::from(place))
    }

    /// How an adapter is set up with them.
    pub(super) fn configure(
        &self,
        files: IdentityFiles,
        hosts: BTreeMap<String, String>,
        cloud_url: String,
        deadline_ms: u64,
    ) -> Configure {
        let path = |name: &str| self.folder().join(name).display().to_string();
        let pem = files == IdentityFiles::Both;
        let passphrase = match files {
            IdentityFiles::WrongPassphrase => &self.wrong_passphrase,
            IdentityFiles::Both | IdentityFiles::P12 => &self.passphrase,
        };
        Configure {
            store: path("store"),
            ca: path("terminal-ca.pem"),
            p12: Some(path("pos.p12")),
            passphrase: Some(passphrase.clone()),
            cert: pem.then(|| path("pos.pem")),
            key: pem.then(|| path("pos.key")),
            hosts,
            secret_key: self.secret_key.clone(),
            cloud_url,
            cloud_ca: path("cloud-ca.pem"),
            webhook_secrets: vec![self.webhook_secret.clone()],
            deadline_ms,
        }
    }

    /// Others must not be able to read a till's files, or a till may refuse them.
    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        use std::io::Write as _;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options.open(self.folder().join(name))?.write_all(bytes)
    }
}

/// A secret that nobody used before.
fn secret(prefix: &str) -> String {
    let mut random = [0; 16];
    // Without randomness there is no TLS either, and the run ends there.
    let _ = aws_lc_rs::rand::fill(&mut random);
    random
        .iter()
        .fold(prefix.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
