//! The revocation lists of a lax server: looked at as they should be, but for the one promise that is broken.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use vinr_protocol::{TerminalId, Timestamp};
use vinr_transport::check::{Check, Side};
use vinr_transport::revocation::{CrlError, Revocation, RevocationList};
use vinr_transport::trust::TrustBundle;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::Defect;

/// Who may talk to the terminal, and whom a list took back.
#[derive(Debug)]
pub(crate) struct LaxLists {
    defect: Defect,
    terminal: TerminalId,
    pos_ca: TrustBundle,
    current: Mutex<Option<List>>,
}

/// What is read of a list, whoever signed it.
#[derive(Debug)]
struct List {
    number: u128,
    next_update: Timestamp,
    revoked: BTreeSet<Vec<u8>>,
}

impl LaxLists {
    pub(crate) fn new(defect: Defect, terminal: TerminalId, pos_ca: TrustBundle) -> Self {
        Self {
            defect,
            terminal,
            pos_ca,
            current: Mutex::default(),
        }
    }

    pub(super) fn defect(&self) -> Defect {
        self.defect
    }

    /// Takes a list; true where it is new. One that is older is passed over.
    pub(crate) fn install(&self, bytes: &[u8]) -> Result<bool, CrlError> {
        match RevocationList::read(bytes, &self.pos_ca) {
            Err(CrlError::Forged) if self.defect == Defect::TakesForgedLists => {}
            Err(CrlError::OtherIssuer) if self.defect == Defect::TakesForeignLists => {}
            read => drop(read?),
        }
        let list = List::read(bytes).ok_or(CrlError::NotACrl)?;
        let mut current = self.lock();
        let is_newer = current.as_ref().is_none_or(|it| it.number < list.number);
        if is_newer || self.defect == Defect::TakesOlderLists {
            *current = Some(list);
            return Ok(true);
        }
        Ok(false)
    }

    pub(crate) fn revocation(&self) -> Revocation {
        match &*self.lock() {
            None => Revocation::Missing,
            Some(list) if list.next_update < now() => Revocation::Stale,
            Some(_) => Revocation::InForce,
        }
    }

    /// May this till drive the terminal, by what is known now?
    pub(super) fn admit(&self, chain: &[CertificateDer<'_>]) -> bool {
        let lets_all_in = [
            Defect::AcceptsWithoutClientCertificate,
            Defect::AcceptsAnyAuthority,
        ];
        if lets_all_in.contains(&self.defect) {
            return true;
        }
        let leaf = match vinr_transport::verify(&self.pos_ca, Side::Pos, chain, now()) {
            Ok(leaf) => leaf,
            Err(Check::Expired) if self.defect == Defect::AcceptsExpired => return true,
            Err(Check::Purpose) if self.defect == Defect::AcceptsAnyPurpose => return true,
            Err(_) => return false,
        };
        let is_named = leaf.terminals.contains(&self.terminal)
            || self.defect == Defect::AcceptsAnyPosCertificate;
        let serial = chain.first().and_then(|it| serial(it));
        let current = self.lock();
        let is_revoked = |serial: &Vec<u8>| {
            current
                .as_ref()
                .is_some_and(|it| it.revoked.contains(serial))
        };
        is_named && !serial.as_ref().is_some_and(is_revoked)
    }

    /// Is the till of an open connection asked again at every request?
    pub(super) fn asks_again(&self) -> bool {
        self.defect != Defect::RevokedOnlyInTheHandshake
    }

    fn lock(&self) -> MutexGuard<'_, Option<List>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn read(bytes: &[u8]) -> Option<Self> {
        let der = match bytes.first() {
            Some(0x30) => CertificateRevocationListDer::from(bytes),
            _ => CertificateRevocationListDer::from_pem_slice(bytes).ok()?,
        };
        let (_, list) = CertificateRevocationList::from_der(&der).ok()?;
        let seconds = list.next_update()?.timestamp();
        let revoked = list.iter_revoked_certificates();
        Some(Self {
            number: list.crl_number()?.to_string().parse().ok()?,
            next_update: Timestamp::from_unix_ms(seconds.checked_mul(1000)?)?,
            revoked: revoked.map(|it| plain(it.raw_serial())).collect(),
        })
    }
}

fn serial(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(plain(parsed.raw_serial()))
}

/// Without leading zeros.
fn plain(serial: &[u8]) -> Vec<u8> {
    let zeros = serial.iter().take_while(|octet| **octet == 0).count();
    serial[zeros..].to_vec()
}

fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
