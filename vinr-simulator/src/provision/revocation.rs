//! Taking a till's identity back: the POS CA's list of what it revoked. §2

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use vinr_protocol::Timestamp;
use x509_parser::prelude::FromDer;

use super::files::{self, Audience};
use super::{Pki, ProvisionError, at};

/// A list holds for this long; the specification wants 30 days or more.
const LIST_HOLDS_FOR: Duration = Duration::from_secs(90 * DAY);

/// No list holds for less.
const SHORTEST: Duration = Duration::from_secs(30 * DAY);

/// It is made anew when less than this is left.
const RENEW_BEFORE: Duration = Duration::from_secs(60 * DAY);

/// How often that is asked.
const LOOK_AT_THE_DATE: Duration = Duration::from_secs(3600);

const DAY: u64 = 24 * 3600;

/// A moment as rcgen takes it, by a type that it does not name.
macro_rules! date {
    ($moment:expr) => {{
        let moment: Timestamp = $moment;
        let moment = jiff::Timestamp::from_millisecond(moment.unix_ms()).unwrap_or_default();
        let day = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        let seconds = moment.as_second().unsigned_abs() % DAY;
        rcgen::date_time_ymd(i32::from(day.year()), month, of_month) + Duration::from_secs(seconds)
    }};
}

/// What was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// The number of the list that says so; it never goes back.
    pub list: u64,
}

/// What the list is made of.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kept {
    number: u64,
    next_update: Option<Timestamp>,
    revoked: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    serial: String,
    at: Timestamp,
}

impl Pki {
    /// The revocation list of the POS CA, as PEM.
    pub fn pos_crl(&self) -> PathBuf {
        self.dir.join("pos-ca.crl.pem")
    }

    /// Revokes a POS certificate, named by its file or by its serial number in hexadecimal. Every terminal gets the new
    /// list from the cloud. One that is revoked already stays so.
    pub fn revoke(&self, what: &str) -> Result<Revoked, ProvisionError> {
        let serial = match Path::new(what).is_file() {
            true => self.serial_of(Path::new(what))?,
            false => serial(what)?,
        };
        let _alone = self.one_at_a_time()?;
        let mut kept = self.kept()?;
        if !kept.revoked.iter().any(|entry| entry.serial == serial) {
            let at = now();
            let serial = serial.clone();
            kept.revoked.push(Entry { serial, at });
            self.publish(&mut kept)?;
        }
        let list = kept.number;
        Ok(Revoked { serial, list })
    }

    /// Makes the list, where it is missing or soon past its time. Only whoever has the CA's key can.
    pub(crate) fn renew_crl(&self) -> Result<(), ProvisionError> {
        if !self.ca_key("pos-ca").exists() {
            return Ok(());
        }
        let _alone = self.one_at_a_time()?;
        let mut kept = self.kept()?;
        let renew_at = later(RENEW_BEFORE);
        if kept.next_update.is_some_and(|until| until > renew_at) && self.pos_crl().exists() {
            return Ok(());
        }
        self.publish(&mut kept)
    }

    /// Signs a list that is not published: it revokes what is revoked for good and these certificates, and holds until
    /// then. Its number is the next, so that whoever took it takes the one that follows. For certification, where a till
    /// is revoked for a moment and a list ends while somebody watches. \[TLS-15\]
    pub fn sign_trial_list(
        &self,
        revokes: &[&Path],
        until: Timestamp,
    ) -> Result<String, ProvisionError> {
        let _alone = self.one_at_a_time()?;
        let mut kept = self.kept()?;
        let mut entries = std::mem::take(&mut kept.revoked);
        let for_good = entries.len();
        for file in revokes {
            let (serial, at) = (self.serial_of(file)?, now());
            entries.push(Entry { serial, at });
        }
        kept.number += 1;
        let pem = self.sign(kept.number, &entries, until)?;
        entries.truncate(for_good);
        kept.revoked = entries;
        self.remember(&kept)?;
        Ok(pem)
    }

    /// The same for whoever can do without: what is missing says so where it is needed.
    pub(crate) fn renew_crl_or_warn(&self) {
        if let Err(error) = self.renew_crl() {
            tracing::warn!(%error, "the revocation list of the POS CA cannot be renewed");
        }
    }

    /// Renews it when it is time, for as long as somebody waits.
    pub(crate) async fn keep_crl_in_time(self) {
        loop {
            tokio::time::sleep(LOOK_AT_THE_DATE).await;
            let pki = self.clone();
            let _ = tokio::task::spawn_blocking(move || pki.renew_crl_or_warn()).await;
        }
    }

    fn publish(&self, kept: &mut Kept) -> Result<(), ProvisionError> {
        let until = later(LIST_HOLDS_FOR);
        kept.number += 1;
        kept.next_update = Some(until);
        let pem = self.sign(kept.number, &kept.revoked, until)?;
        // The number first: a list whose number was forgotten would be followed by one of the same.
        self.remember(kept)?;
        let crl = self.pos_crl();
        files::replace(&crl, pem.as_bytes(), Audience::Public).map_err(at(&crl))
    }

    fn sign(
        &self,
        number: u64,
        entries: &[Entry],
        until: Timestamp,
    ) -> Result<String, ProvisionError> {
        // One that ends at once was made long ago: no list is made for less than a month.
        let since = now().min(moved(until, -in_ms(SHORTEST)));
        let list = CertificateRevocationListParams {
            this_update: date!(since),
            next_update: date!(until),
            crl_number: SerialNumber::from_slice(&number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: entries.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(self.authority_of(&self.pos_ca(), "pos-ca")?.revoke(list)?)
    }

    fn remember(&self, kept: &Kept) -> Result<(), ProvisionError> {
        let state = self.revocation_state();
        let json = serde_json::to_vec_pretty(kept).expect("numbers, texts and times are JSON");
        files::replace(&state, &json, Audience::Owner).map_err(at(&state))
    }

    /// From what is kept to what is published nobody else may come between, of this process or another: one of two would
    /// forget whom the other revoked. It ends with the handle, and with the process. The lock is on the directory, since
    /// the files in it are replaced.
    fn one_at_a_time(&self) -> Result<File, ProvisionError> {
        let keys = self.ca_keys();
        let dir = File::open(&keys).map_err(at(&keys))?;
        match dir.lock() {
            // A file system without locks is as good as it was.
            Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(at(&keys)(error)),
            _ => Ok(dir),
        }
    }

    fn kept(&self) -> Result<Kept, ProvisionError> {
        let path = self.revocation_state();
        match std::fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(io::Error::from)
                .map_err(at(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(at(&path)(error)),
        }
    }

    fn revocation_state(&self) -> PathBuf {
        self.ca_keys().join("revoked.json")
    }

    fn ca_keys(&self) -> PathBuf {
        self.dir.join("ca-keys")
    }

    /// The serial number of a certificate that our POS CA signed.
    fn serial_of(&self, file: &Path) -> Result<String, ProvisionError> {
        let not = |why: &str| ProvisionError::NotRevocable(format!("{} {why}", file.display()));
        let certificate = CertificateDer::from_pem_file(file)
            .map_err(|_| not("holds no certificate (expected PEM; of a .p12, name its .pem)"))?;
        let authority = CertificateDer::from_pem_file(self.pos_ca())
            .map_err(|_| not("cannot be compared: the POS CA is not readable as PEM"))?;
        let read = |der| {
            let parsed = x509_parser::certificate::X509Certificate::from_der(der);
            parsed
                .map(|(_, it)| it)
                .map_err(|_| not("is not a certificate"))
        };
        let (leaf, authority) = (read(&certificate)?, read(&authority)?);
        if leaf.issuer().as_raw() != authority.subject().as_raw() {
            return Err(not("was not issued by the POS CA of this directory"));
        }
        Ok(hex(leaf.raw_serial()))
    }
}

fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}

fn later(by: Duration) -> Timestamp {
    moved(now(), in_ms(by))
}

fn in_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn moved(moment: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(moment.unix_ms().saturating_add(ms)).unwrap_or(moment)
}

/// Up to 20 octets in hexadecimal, colons allowed, without leading zeros.
fn serial(text: &str) -> Result<String, ProvisionError> {
    let digits: String = text.chars().filter(|it| *it != ':').collect();
    let digits = digits.trim_start_matches('0').to_ascii_lowercase();
    let is_serial =
        (1..=40).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit());
    if is_serial {
        return Ok(digits);
    }
    let why = format!("{text:?} is neither a file nor a serial number in hexadecimal");
    Err(ProvisionError::NotRevocable(why))
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.trim_start_matches('0').to_owned()
}

fn revoked(entry: &Entry) -> RevokedCertParams {
    let even = format!(
        "{:0>width$}",
        entry.serial,
        width = entry.serial.len().next_multiple_of(2)
    );
    let octets: Vec<u8> = (0..even.len() / 2)
        .map(|at| u8::from_str_radix(&even[2 * at..2 * at + 2], 16).unwrap_or_default())
        .collect();
    RevokedCertParams {
        serial_number: SerialNumber::from_slice(&octets),
        revocation_time: date!(entry.at),
        reason_code: None,
        invalidity_date: None,
    }
}

#[cfg(test)]
mod tests {
    use vinr_protocol::TerminalId;
    use x509_parser::revocation_list::CertificateRevocationList;

    use super::*;

    fn provisioned() -> (tempfile::TempDir, Pki) {
        let dir = tempfile::tempdir().unwrap();
        let terminal = TerminalId::new("term_1").unwrap();
        let pki = Pki::provision(dir.path(), &[terminal]).unwrap().pki;
        (dir, pki)
    }

    /// The number of the list, and the serial numbers on it.
    fn list(pki: &Pki) -> (u64, Vec<String>) {
        read(&std::fs::read(pki.pos_crl()).unwrap())
    }

    fn read(pem: &[u8]) -> (u64, Vec<String>) {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem).unwrap();
        let (_, list) = CertificateRevocationList::from_der(&pem.contents).unwrap();
        let number = list.crl_number().unwrap().to_string().parse().unwrap();
        let serials = list.iter_revoked_certificates();
        (number, serials.map(|it| hex(it.raw_serial())).collect())
    }

    #[test]
    fn a_revoked_till_is_on_the_list_and_the_number_goes_up() {
        let (_dir, pki) = provisioned();
        assert_eq!(list(&pki), (1, Vec::new()));
        let file = pki.pos_cert();
        let revoked = pki.revoke(&file.display().to_string()).unwrap();
        assert_eq!(list(&pki), (2, vec![revoked.serial.clone()]));
        assert_eq!(
            pki.revoke(&revoked.serial).unwrap(),
            revoked,
            "once is enough"
        );
        assert_eq!(pki.revoke("0A:bc").unwrap().serial, "abc");
        assert_eq!(list(&pki).0, 3);
    }

    // Locks are of a handle and not of a process, so two threads are as good as two processes.
    #[test]
    fn two_who_revoke_at_once_forget_nobody_and_use_no_number_twice() {
        const EACH: u64 = 16;
        let (_dir, pki) = provisioned();
        let numbers = std::thread::scope(|scope| {
            let revokes = |who: u64| {
                let pki = &pki;
                move || {
                    let serials = (0..EACH).map(|nth| format!("{who}0{nth:02}"));
                    let lists = serials.map(|serial| pki.revoke(&serial).unwrap().list);
                    lists.collect::<Vec<_>>()
                }
            };
            let one = scope.spawn(revokes(1));
            let other = scope.spawn(revokes(2));
            [one.join().unwrap(), other.join().unwrap()].concat()
        });
        let numbers: std::collections::BTreeSet<_> = numbers.into_iter().collect();
        assert_eq!(numbers, (2..2 + 2 * EACH).collect());
        let (number, serials) = list(&pki);
        assert_eq!((number, serials.len()), (1 + 2 * EACH, 32));
    }

    #[test]
    fn who_revokes_waits_until_the_other_is_done() {
        let (_dir, pki) = provisioned();
        let other = pki.one_at_a_time().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pki.revoke("abc").unwrap());
            pki.remember(&Kept {
                number: 7,
                ..Kept::default()
            })
            .unwrap();
            drop(other);
            assert_eq!(waiting.join().unwrap().list, 8);
        });
    }

    #[test]
    fn only_a_certificate_of_the_pos_ca_can_be_revoked() {
        let (_dir, pki) = provisioned();
        let terminal = pki.terminal_cert(&TerminalId::new("term_1").unwrap());
        for wrong in [&terminal, &pki.pos_key(), Path::new("no-such-file")] {
            let refused = pki.revoke(&wrong.display().to_string());
            assert!(
                matches!(refused, Err(ProvisionError::NotRevocable(_))),
                "{}",
                wrong.display()
            );
        }
        assert_eq!(list(&pki).0, 1);
    }

    #[test]
    fn a_trial_list_takes_the_next_number_and_revokes_nobody_for_good() {
        let (_dir, pki) = provisioned();
        let (till, _) = pki.to_be_revoked();
        let published = std::fs::read(pki.pos_crl()).unwrap();
        let trial = pki
            .sign_trial_list(&[&till], later(LIST_HOLDS_FOR))
            .unwrap();
        let (number, serials) = read(trial.as_bytes());
        assert_eq!((number, serials.len()), (2, 1));
        assert_eq!(std::fs::read(pki.pos_crl()).unwrap(), published);
        let ends = pki.sign_trial_list(&[], now()).unwrap();
        assert_eq!(read(ends.as_bytes()), (3, Vec::new()));
        pki.revoke("0abc").unwrap();
        assert_eq!(list(&pki), (4, vec!["abc".to_owned()]));
    }
}
