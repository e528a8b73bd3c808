//! What the dashboard does for real devices: two CAs, an identity for each terminal, one for the till.
//!
//! ```text
//! terminal-ca.pem      the CA bundle a till trusts, and nothing else
//! pos-ca.pem           the CA a terminal trusts, and nothing else
//! terminals/ID.pem|.key   who a terminal is: its id as the one dNSName
//! pos.p12              who the till is, with a passphrase that was shown once
//! pos.pem, pos.key     the same, for tools without PKCS#12
//! certification/       POS identities that a terminal must refuse, and one that is there to be revoked
//! keys/                what encrypts each terminal's journal, made at its first boot
//! pos-ca.crl.pem       the POS identities that were revoked
//! cloud-ca.pem         the CA of the sandbox cloud: whoever calls its API trusts it
//! cloud/               its API key, the CA of the device links and each terminal's link identity
//! ca-keys/             what signs all this; never leaves this directory
//! ```
//!
//! Keys are P-256 and readable by their owner only. Nothing is overwritten, with two exceptions: when a terminal
//! is added, the till's identity is issued anew for all terminals; and what is renewed is replaced. \[TLS-5, TLS-6, TLS-14\]

mod authority;
mod certification;
mod cloud;
pub(crate) mod files;
mod passphrase;
mod renewal;
mod revocation;
mod till;

use std::io;
use std::path::{Path, PathBuf};

use rcgen::{ExtendedKeyUsagePurpose, SanType, string::Ia5String};
use vinr_protocol::TerminalId;
use vinr_transport::identity::Identity;

use authority::{Authority, Issued, Leaf, Validity};
pub use certification::Flaw;
pub(crate) use cloud::LinkIdentity;
use files::Audience;
pub use passphrase::Passphrase;
pub use revocation::Revoked;

/// How many threads write identities.
const WRITERS: usize = 32;

/// A directory of identities. Its methods name the files; that they exist was checked when it was opened.
#[derive(Debug, Clone)]
pub struct Pki {
    dir: PathBuf,
}

/// What [`Pki::provision`] made.
#[derive(Debug)]
#[must_use = "the passphrase is shown once and stored nowhere"]
pub struct Provisioned {
    /// The directory.
    pub pki: Pki,
    /// Opens `pos.p12`. An earlier one opens only the file that it replaced.
    pub passphrase: Passphrase,
}

/// Identities could not be made or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// Nothing is overwritten.
    #[error("{0} is already provisioned in {dir}; nothing was changed", dir = .1.display())]
    Exists(TerminalId, PathBuf),
    /// Ids that differ in case only would be one name to TLS and mDNS.
    #[error("{0} and {1} differ in case only; terminal ids are unique regardless of case")]
    SameName(TerminalId, TerminalId),
    /// No terminal was named.
    #[error("name at least one terminal")]
    NoTerminal,
    /// A file of a provisioned directory is missing.
    #[error("{} is missing: run `vinr-simulator provision` first, or name its directory with --dir", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It names no certificate that could be revoked.
    #[error("{0}")]
    NotRevocable(String),
    /// A till's name is not one that its files can have.
    #[error(
        "the name of a till is 1 to 32 of a-z 0-9 -, and not one of the files that are there already: {0:?}"
    )]
    NotAName(String),
    /// A terminal that is not there.
    #[error("{0} is not provisioned in {dir}", dir = .1.display())]
    NoSuchTerminal(TerminalId, PathBuf),
    /// A till that is not there.
    #[error("there is no till {0:?} in {dir}: its files are {0}.pem, {0}.key and {0}.p12", dir = .1.display())]
    NoSuchTill(String, PathBuf),
    /// A certificate could not be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The new identity could not be packed.
    #[error("the till's identity cannot be packed: {0}")]
    Identity(#[from] vinr_transport::identity::IdentityError),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

impl Pki {
    /// Opens a provisioned directory.
    pub fn open(dir: &Path) -> Result<Self, ProvisionError> {
        let pki = Self {
            dir: dir.to_owned(),
        };
        for file in [pki.terminal_ca(), pki.pos_ca()] {
            if !file.is_file() {
                return Err(ProvisionError::Missing(file));
            }
        }
        Ok(pki)
    }

    /// Makes identities for these terminals, and both CAs where the directory has none yet.
    pub fn provision(dir: &Path, terminals: &[TerminalId]) -> Result<Provisioned, ProvisionError> {
        let pki = Self {
            dir: dir.to_owned(),
        };
        let all = pki.together_with(terminals)?;
        pki.make_dirs()?;
        let (terminal_ca, pos_ca) = pki.authorities()?;
        pki.issue_terminals(&terminal_ca, terminals)?;
        let passphrase = pki.issue_pos(&pos_ca, &all)?;
        pki.provision_cloud()?;
        Ok(Provisioned { pki, passphrase })
    }

    /// The terminals that were provisioned here, sorted.
    pub fn terminals(&self) -> Vec<TerminalId> {
        let entries = std::fs::read_dir(self.dir.join("terminals"))
            .into_iter()
            .flatten();
        let mut ids: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                TerminalId::new(name.to_str()?.strip_suffix(".pem")?).ok()
            })
            .collect();
        ids.sort();
        ids
    }

    /// The directory itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The CA bundle that a till trusts.
    pub fn terminal_ca(&self) -> PathBuf {
        self.dir.join("terminal-ca.pem")
    }

    /// The CA that a terminal trusts.
    pub fn pos_ca(&self) -> PathBuf {
        self.dir.join("pos-ca.pem")
    }

    /// A terminal's certificate.
    pub fn terminal_cert(&self, id: &TerminalId) -> PathBuf {
        self.dir.join("terminals").join(format!("{id}.pem"))
    }

    /// A terminal's private key.
    pub fn terminal_key(&self, id: &TerminalId) -> PathBuf {
        self.dir.join("terminals").join(format!("{id}.key"))
    }

    /// The till's identity as PKCS#12.
    pub fn pos_p12(&self) -> PathBuf {
        self.dir.join("pos.p12")
    }

    /// The till's certificate.
    pub fn pos_cert(&self) -> PathBuf {
        self.dir.join("pos.pem")
    }

    /// The till's private key.
    pub fn pos_key(&self) -> PathBuf {
        self.dir.join("pos.key")
    }

    /// The certificate and the key of a POS identity with a flaw.
    pub fn certification(&self, flaw: Flaw) -> (PathBuf, PathBuf) {
        let file = |end| {
            let name = format!("{}.{end}", flaw.file_stem());
            self.dir.join("certification").join(name)
        };
        (file("pem"), file("key"))
    }

    /// Where terminals keep the keys of their journals, apart from the data.
    pub fn journal_keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    fn ca_key(&self, name: &str) -> PathBuf {
        self.dir.join("ca-keys").join(format!("{name}.key"))
    }

    /// The terminals that are there already and these, each once.
    fn together_with(&self, added: &[TerminalId]) -> Result<Vec<TerminalId>, ProvisionError> {
        if added.is_empty() {
            return Err(ProvisionError::NoTerminal);
        }
        let mut all = self.terminals();
        for id in added {
            let same_name = |other: &&TerminalId| other.as_str().eq_ignore_ascii_case(id.as_str());
            match all.iter().find(same_name) {
                Some(other) if other == id => {
                    return Err(ProvisionError::Exists(id.clone(), self.dir.clone()));
                }
                Some(other) => return Err(ProvisionError::SameName(id.clone(), other.clone())),
                None => all.push(id.clone()),
            }
        }
        Ok(all)
    }

    fn make_dirs(&self) -> Result<(), ProvisionError> {
        for (name, audience) in [
            ("", Audience::Public),
            ("terminals", Audience::Public),
            ("certification", Audience::Public),
            ("ca-keys", Audience::Owner),
        ] {
            let path = self.dir.join(name);
            files::make_dir(&path, audience).map_err(at(&path))?;
        }
        Ok(())
    }

    /// Both CAs: those of the directory, or new ones.
    fn authorities(&self) -> Result<(Authority, Authority), ProvisionError> {
        Ok((
            self.authority(&self.terminal_ca(), "terminal-ca", "VINR terminal CA")?,
            self.authority(&self.pos_ca(), "pos-ca", "VINR POS CA")?,
        ))
    }

    /// An identity for each of these.
    fn issue_terminals(
        &self,
        ca: &Authority,
        terminals: &[TerminalId],
    ) -> Result<(), ProvisionError> {
        for_each(terminals, |id| {
            let issued = ca.issue(terminal_leaf(id)?)?;
            let (certificate, key) = (self.terminal_cert(id), self.terminal_key(id));
            write_pair(&certificate, &key, &issued, files::write_new)
        })
    }

    /// An identity that two terminals show, as PEM: what only a broken one has. \[TLS-2\]
    pub(crate) fn shared_identity(
        &self,
        id: &TerminalId,
    ) -> Result<(String, String), ProvisionError> {
        let ca = self.authority_of(&self.terminal_ca(), "terminal-ca")?;
        let mut leaf = terminal_leaf(id)?;
        let twin = Ia5String::try_from(format!("{id}-twin"))?;
        leaf.names.push(SanType::DnsName(twin));
        let issued = ca.issue(leaf)?;
        Ok((issued.certificate, issued.key))
    }

    /// A CA of the directory, or a new one.
    fn authority(
        &self,
        certificate: &Path,
        name: &str,
        title: &str,
    ) -> Result<Authority, ProvisionError> {
        let key = self.ca_key(name);
        if !certificate.exists() && !key.exists() {
            let (authority, issued) = Authority::create(title)?;
            write_pair(certificate, &key, &issued, files::write_new)?;
            return Ok(authority);
        }
        self.authority_of(certificate, name)
    }

    /// A CA of the directory.
    fn authority_of(&self, certificate: &Path, name: &str) -> Result<Authority, ProvisionError> {
        let key = self.ca_key(name);
        let read = |path: &Path| std::fs::read_to_string(path).map_err(at(path));
        files::only_its_owner_reads(&key).map_err(at(&key))?;
        Ok(Authority::load(&read(certificate)?, &read(&key)?)?)
    }

    /// The till's identity for all terminals, good and bad.
    fn issue_pos(
        &self,
        pos_ca: &Authority,
        terminals: &[TerminalId],
    ) -> Result<Passphrase, ProvisionError> {
        for flaw in Flaw::ALL {
            let (certificate, key) = self.certification(*flaw);
            let issued = flaw.issue(pos_ca, terminals)?;
            write_pair(&certificate, &key, &issued, files::replace)?;
        }
        self.issue_to_be_revoked(pos_ca, terminals)?;
        let issued = pos_ca.issue(pos_leaf(pos_names(terminals)?))?;
        let passphrase = Passphrase::draw()?;
        let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes())?;
        let p12 = identity.write_p12(passphrase.reveal())?;
        let path = self.pos_p12();
        files::replace(&path, &p12, Audience::Owner).map_err(at(&path))?;
        write_pair(&self.pos_cert(), &self.pos_key(), &issued, files::replace)?;
        Ok(passphrase)
    }
}

/// Writes for each terminal. A thousand wait for the disk together.
fn for_each(
    terminals: &[TerminalId],
    write: impl Fn(&TerminalId) -> Result<(), ProvisionError> + Sync,
) -> Result<(), ProvisionError> {
    let share = terminals.len().div_ceil(WRITERS).max(1);
    std::thread::scope(|scope| {
        let write = &write;
        let shares = terminals.chunks(share);
        let writers: Vec<_> = shares
            .map(|ids| scope.spawn(move || ids.iter().try_for_each(write)))
            .collect();
        writers.into_iter().try_for_each(|writer| {
            writer
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

/// Who a terminal is: exactly one name, its id. §2
fn terminal_leaf(id: &TerminalId) -> Result<Leaf, rcgen::Error> {
    Ok(Leaf {
        common_name: id.to_string(),
        names: vec![SanType::DnsName(Ia5String::try_from(id.as_str())?)],
        purpose: Some(ExtendedKeyUsagePurpose::ServerAuth),
        validity: leaf_validity(),
    })
}

/// Who a till is: a URI for each terminal that it may drive. §2
fn pos_leaf(names: Vec<SanType>) -> Leaf {
    Leaf {
        common_name: "VINR local POS".into(),
        names,
        purpose: Some(ExtendedKeyUsagePurpose::ClientAuth),
        validity: leaf_validity(),
    }
}

fn pos_names(terminals: &[TerminalId]) -> Result<Vec<SanType>, rcgen::Error> {
    terminals
        .iter()
        .map(|id| Ok(SanType::URI(Ia5String::try_from(id.urn())?)))
        .collect()
}

/// From yesterday, for clocks that are a little slow, for a bit over two years.
fn leaf_validity() -> Validity {
    Validity::days_from_today(-1, 825)
}

fn write_pair(
    certificate: &Path,
    key: &Path,
    issued: &Issued,
    write: fn(&Path, &[u8], Audience) -> io::Result<()>,
) -> Result<(), ProvisionError> {
    write(key, issued.key.as_bytes(), Audience::Owner).map_err(at(key))?;
    write(certificate, issued.certificate.as_bytes(), Audience::Public).map_err(at(certificate))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ProvisionError + use<> {
    let path = path.to_owned();
    |source| ProvisionError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn id(text: &str) -> TerminalId {
        TerminalId::new(text).unwrap()
    }

    fn provisioned(ids: &[&str]) -> (tempfile::TempDir, Provisioned) {
        let dir = tempfile::tempdir().unwrap();
        let ids: Vec<_> = ids.iter().map(|text| id(text)).collect();
        let provisioned = Pki::provision(dir.path(), &ids).unwrap();
        (dir, provisioned)
    }

    #[test]
    fn every_key_is_readable_by_its_owner_only() {
        let (_dir, made) = provisioned(&["term_1"]);
        let pki = &made.pki;
        let mut keys = vec![
            pki.pos_key(),
            pki.pos_p12(),
            pki.terminal_key(&id("term_1")),
        ];
        keys.extend([pki.ca_key("terminal-ca"), pki.ca_key("pos-ca")]);
        keys.extend(Flaw::ALL.iter().map(|flaw| pki.certification(*flaw).1));
        for key in keys {
            let mode = std::fs::metadata(&key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", key.display());
        }
    }

    #[test]
    fn the_p12_opens_with_the_passphrase_that_was_shown() {
        let (_dir, made) = provisioned(&["term_1"]);
        let read = |passphrase| Identity::from_p12_file(made.pki.pos_p12(), passphrase);
        assert!(read(made.passphrase.reveal()).is_ok());
        assert!(read("another").is_err());
    }

    #[test]
    fn a_terminal_is_not_provisioned_twice() {
        let (dir, made) = provisioned(&["term_1"]);
        let before = std::fs::read(made.pki.pos_cert()).unwrap();
        let again = Pki::provision(dir.path(), &[id("term_2"), id("term_1")]);
        assert!(matches!(again, Err(ProvisionError::Exists(..))));
        assert_eq!(std::fs::read(made.pki.pos_cert()).unwrap(), before);
        assert_eq!(made.pki.terminals(), [id("term_1")]);
    }

    #[test]
    fn ids_that_differ_in_case_only_are_one_name() {
        let (dir, _made) = provisioned(&["term_a"]);
        let again = Pki::provision(dir.path(), &[id("term_A")]);
        assert!(matches!(again, Err(ProvisionError::SameName(..))));
    }

    #[test]
    fn a_further_terminal_joins_the_same_authorities() {
        let (dir, first) = provisioned(&["term_1"]);
        let ca = std::fs::read(first.pki.terminal_ca()).unwrap();
        let second = Pki::provision(dir.path(), &[id("term_2")]).unwrap();
        assert_eq!(std::fs::read(second.pki.terminal_ca()).unwrap(), ca);
        let pos = Identity::from_pem_files(second.pki.pos_cert(), second.pki.pos_key()).unwrap();
        let names = format!("{:?}", pos.names());
        assert!(
            names.contains("term_1") && names.contains("term_2"),
            "{names}"
        );
    }

    #[test]
    fn a_directory_without_a_ca_bundle_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Pki::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("terminal-ca.pem is missing"), "{error}");
    }
}
