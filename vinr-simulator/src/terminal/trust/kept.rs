//! The revocation lists that a terminal keeps: one file, and nobody else writes it.
//!
//! It holds one list for each CA that has one, so that no list's number goes back at a restart. \[TLS-15\]

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use vinr_transport::revocation::MAX_BYTES;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::provision::files::{self, Audience};

const FILE: &str = "pos-ca.crl.pem";
const BEGIN: &[u8] = b"-----BEGIN X509 CRL-----";

/// Where a terminal whose data is here keeps its lists.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// The lists, as PEM, and the file that holds them.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    lists: Vec<Vec<u8>>,
    is_stored: bool,
}

impl Kept {
    /// What is kept; nothing where the file is missing.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        let path = file(data);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let lists = match bytes.is_empty() {
            true => Vec::new(),
            false => each(&bytes).into_iter().map(<[_]>::to_vec).collect(),
        };
        Ok(Self {
            path,
            lists,
            is_stored: true,
        })
    }

    /// All of them.
    pub(super) fn lists(&self) -> Vec<Vec<u8>> {
        self.lists.clone()
    }

    /// Keeps a list in place of the one of the same CA. It is durable when this returns.
    pub(super) fn put(&mut self, list: &[u8]) -> io::Result<()> {
        let issuer = issuer(list);
        self.lists.retain(|own| self::issuer(own) != issuer);
        self.lists.push(pem(list));
        self.store()
    }

    /// Once more, where the disk refused.
    pub(super) fn try_again(&mut self) -> io::Result<()> {
        match self.is_stored {
            true => Ok(()),
            false => self.store(),
        }
    }

    fn store(&mut self) -> io::Result<()> {
        self.is_stored = false;
        files::replace(&self.path, &self.lists.concat(), Audience::Public)?;
        self.is_stored = true;
        Ok(())
    }
}

/// The lists in a file: several in PEM, or what there is.
pub(super) fn each(bytes: &[u8]) -> Vec<&[u8]> {
    let begins = |at: &usize| bytes[*at..].starts_with(BEGIN);
    if bytes.len() > MAX_BYTES || bytes.first() == Some(&0x30) {
        return vec![bytes];
    }
    let starts: Vec<_> = (0..bytes.len()).filter(begins).collect();
    if starts.len() < 2 {
        return vec![bytes];
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let spans = starts.iter().zip(ends);
    spans.map(|(start, end)| &bytes[*start..end]).collect()
}

/// Whose list it is: the CA's name, and its key where the list says which.
fn issuer(list: &[u8]) -> Option<Vec<u8>> {
    /// authorityKeyIdentifier, RFC 5280 §5.2.1.
    const KEY: &str = "2.5.29.35";
    let der = match list.first() {
        Some(0x30) => CertificateRevocationListDer::from(list),
        _ => CertificateRevocationListDer::from_pem_slice(list).ok()?,
    };
    let (_, parsed) = CertificateRevocationList::from_der(&der).ok()?;
    let mut issuer = parsed.issuer().as_raw().to_vec();
    let key = parsed.extensions().iter();
    for key in key.filter(|extension| extension.oid.to_id_string() == KEY) {
        issuer.extend_from_slice(key.value);
    }
    Some(issuer)
}

fn pem(list: &[u8]) -> Vec<u8> {
    if list.first() != Some(&0x30) {
        let mut list = list.to_vec();
        if list.last() != Some(&b'\n') {
            list.push(b'\n');
        }
        return list;
    }
    let mut text = BEGIN.to_vec();
    for line in STANDARD.encode(list).as_bytes().chunks(64) {
        text.push(b'\n');
        text.extend_from_slice(line);
    }
    text.extend_from_slice(b"\n-----END X509 CRL-----\n");
    text
}

#[cfg(test)]
mod tests {
    use vinr_protocol::TerminalId;

    use super::*;
    use crate::provision::Pki;

    fn authority() -> (tempfile::TempDir, Pki) {
        let dir = tempfile::tempdir().unwrap();
        let terminal = TerminalId::new("term_1").unwrap();
        let pki = Pki::provision(dir.path(), &[terminal]).unwrap().pki;
        (dir, pki)
    }

    fn lists(pki: &Pki) -> [Vec<u8>; 2] {
        let first = std::fs::read(pki.pos_crl()).unwrap();
        pki.revoke("0abc").unwrap();
        [first, std::fs::read(pki.pos_crl()).unwrap()]
    }

    #[test]
    fn a_newer_list_of_a_ca_replaces_the_one_before_and_no_other_cas() {
        let (dir, pki) = authority();
        let (_other, another_ca) = authority();
        let [old, new] = lists(&pki);
        let [foreign, _] = lists(&another_ca);
        let mut kept = Kept::open(dir.path()).unwrap();
        for list in [&old, &foreign, &new] {
            kept.put(list).unwrap();
        }
        assert_eq!(Kept::open(dir.path()).unwrap().lists(), [foreign, new]);
    }

    #[test]
    fn a_list_in_der_is_kept_as_pem() {
        let (dir, pki) = authority();
        let [list, _] = lists(&pki);
        let der = CertificateRevocationListDer::from_pem_slice(&list).unwrap();
        Kept::open(dir.path()).unwrap().put(&der).unwrap();
        let kept = Kept::open(dir.path()).unwrap().lists().remove(0);
        let again = CertificateRevocationListDer::from_pem_slice(&kept).unwrap();
        assert_eq!(again, der);
    }

    #[test]
    fn what_the_disk_refused_is_stored_later() {
        let (dir, pki) = authority();
        let data = dir.path().join("no-such-directory");
        let mut kept = Kept::open(&data).unwrap();
        let [list, _] = lists(&pki);
        assert!(kept.put(&list).is_err());
        std::fs::create_dir(&data).unwrap();
        kept.try_again().unwrap();
        assert_eq!(Kept::open(&data).unwrap().lists(), [list]);
    }
}
