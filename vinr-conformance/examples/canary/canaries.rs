//! The secrets that are looked for, and how a watched process tells which it knew.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use vinr_simulator::cards::TEST_CARDS;

/// A secret that was planted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Canary {
    /// What kind of secret, one of [`KINDS`].
    pub(crate) kind: &'static str,
    /// Which one, for people.
    pub(crate) name: String,
    pub(crate) secret: Vec<u8>,
}

/// Every kind: a run that planted none of one proves nothing.
pub(crate) const KINDS: [&str; 9] = [
    API_KEY,
    CARD,
    JOURNAL_KEY,
    PASSPHRASE,
    PIN,
    PRIVATE_KEY,
    TOKEN,
    WEBHOOK,
    WRONG,
];
pub(crate) const API_KEY: &str = "API key";
pub(crate) const CARD: &str = "card number";
pub(crate) const JOURNAL_KEY: &str = "journal key";
pub(crate) const PASSPHRASE: &str = "p12 passphrase";
pub(crate) const PIN: &str = "PIN";
pub(crate) const PRIVATE_KEY: &str = "private key";
pub(crate) const TOKEN: &str = "control token";
pub(crate) const WEBHOOK: &str = "webhook secret";
pub(crate) const WRONG: &str = "wrong passphrase";

impl Canary {
    pub(crate) fn new(kind: &'static str, name: impl Into<String>, secret: &[u8]) -> Self {
        Self {
            kind,
            name: name.into(),
            secret: secret.to_vec(),
        }
    }
}

/// The numbers of the cards in use.
pub(crate) fn of_cards() -> Vec<Canary> {
    let of_card = |card: &vinr_simulator::cards::TestCard| {
        Canary::new(CARD, card.outcome, card.number.as_bytes())
    };
    TEST_CARDS.iter().map(of_card).collect()
}

/// What the private key of a PEM or DER file is made of: the number that nobody else may know.
pub(crate) fn of_key(name: &str, pem: &[u8]) -> Option<Canary> {
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject as _;
    let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let der = key.secret_der();
    // In PKCS#8 of P-256 and Ed25519 the number is an OCTET STRING of 32 bytes, the first one there is.
    let at = der.windows(2).position(|pair| pair == [0x04, 32])?;
    let number = der.get(at + 2..at + 34)?;
    Some(Canary::new(PRIVATE_KEY, name, number))
}

/// Writes down which secrets a process knew, where only the watcher looks.
pub(crate) fn tell(work: &Path, canaries: &[Canary]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(work.join("canaries"))?;
    for canary in canaries {
        let hex: String = canary.secret.iter().map(|it| format!("{it:02x}")).collect();
        writeln!(file, "{}\t{}\t{hex}", canary.kind, canary.name)?;
    }
    Ok(())
}

/// Reads them, and takes the list away: it is not to be searched.
pub(crate) fn told(work: &Path) -> io::Result<Vec<Canary>> {
    let path = work.join("canaries");
    let text = fs::read_to_string(&path)?;
    fs::remove_file(&path)?;
    let bad = || io::Error::other("a line of the list of secrets is not one");
    let read = |line: &str| -> Option<Canary> {
        let mut parts = line.split('\t');
        let (kind, name, hex) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        let secret: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
        Some(Canary::new(kind, name, &secret?))
    };
    text.lines()
        .map(|line| read(line).ok_or_else(bad))
        .collect()
}

/// Leaves one of each secret.
pub(crate) fn unique(canaries: &mut Vec<Canary>) {
    canaries.sort_by(|one, other| one.secret.cmp(&other.secret));
    canaries.dedup_by(|one, other| one.secret == other.secret);
    canaries.sort();
}

/// How many of each kind.
pub(crate) fn count(canaries: &[Canary]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for canary in canaries {
        *kinds.entry(canary.kind).or_default() += 1;
    }
    kinds
}
