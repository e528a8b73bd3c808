//! Revocation lists of the CA of the tills: who signs them for the suite, and how bad ones are made. \[TLS-12, TLS-15\]
//!
//! Whoever signs knows the numbers: each list has a greater one than all before it, in this run and in any other. The
//! suite itself has no key of that CA. What is forged is a list that was signed and then damaged.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use vinr_protocol::Timestamp;
use vinr_protocol::question::{Answer, Answered, Question};
use vinr_simulator::Pki;
use x509_parser::prelude::FromDer;

use crate::drivers::exec;
use crate::probe::{Identity, IdentityError};

/// How long a list holds that should not end during the run.
const HOLDS_FOR: Duration = Duration::from_secs(60 * 24 * 3600);

/// How long a command may take to have a list signed.
const SIGNED_WITHIN: Duration = Duration::from_secs(20);

/// The till that is revoked during a run, and who signs the lists that say so.
#[derive(Debug)]
pub struct Lists {
    /// A lawful till; nobody needs it for anything else.
    pub till: Identity,
    /// Its certificate.
    certificate: PathBuf,
    signer: Signer,
    /// The lists, for whoever installs them.
    dir: tempfile::TempDir,
    count: AtomicU64,
}

/// Who signs.
#[derive(Debug, Clone)]
pub enum Signer {
    /// The CA of a directory that `vinr-simulator provision` made.
    Directory(Pki),
    /// A command of the profile's: asked in the manner of a driver.
    Command(String),
}

/// A list in a file.
#[derive(Debug, Clone)]
pub struct List {
    /// Where.
    pub path: PathBuf,
    /// What it is, for the journal.
    pub words: String,
    der: Vec<u8>,
}

impl Lists {
    /// For the till of these files.
    pub fn new(
        (certificate, key): (PathBuf, PathBuf),
        signer: Signer,
    ) -> Result<Self, IdentityError> {
        let till = Identity::from_pem(
            "pos-to-be-revoked",
            &crate::probe::read(&certificate)?,
            &crate::probe::read_key(&key)?,
        )?;
        let dir = tempfile::Builder::new().prefix("vinr-lists-").tempdir();
        let dir = dir.map_err(|source| IdentityError::Unreadable {
            path: std::env::temp_dir(),
            source,
        })?;
        Ok(Self {
            till,
            certificate,
            signer,
            dir,
            count: AtomicU64::new(0),
        })
    }

    /// A list that takes nobody back who is needed.
    pub async fn of_nobody(&self) -> Result<List, String> {
        self.sign(&[], later(HOLDS_FOR), "revokes nobody").await
    }

    /// One that takes the till back.
    pub async fn of_the_till(&self) -> Result<List, String> {
        let own = [self.certificate.as_path()];
        self.sign(&own, later(HOLDS_FOR), "revokes the lost till")
            .await
    }

    /// One that takes nobody back and ends soon.
    pub async fn that_ends(&self, until: Timestamp) -> Result<List, String> {
        self.sign(&[], until, &format!("revokes nobody, and ends at {until}"))
            .await
    }

    /// A newer one that takes this till back, and whose signature is wrong.
    pub async fn forged(&self, till: &Identity) -> Result<List, String> {
        let certificate = self.dir.path().join("till.pem");
        std::fs::write(&certificate, till.certificate_pem()).map_err(|error| error.to_string())?;
        let signed = self
            .sign(
                &[&certificate],
                later(HOLDS_FOR),
                "is never shown to the terminal",
            )
            .await?;
        // It must be seen nowhere but here.
        let _ = std::fs::remove_file(&signed.path);
        let mut der = signed.der;
        if let Some(last) = der.last_mut() {
            *last ^= 1;
        }
        self.store(der, "revokes the till, and its signature is wrong")
    }

    /// A newer one that takes this till's number back, and is another CA's.
    pub fn foreign(&self, till: &Identity, newest: &List) -> Result<List, String> {
        let der =
            foreign(&serial(till)?, number(&newest.der)?).map_err(|error| error.to_string())?;
        self.store(der, "revokes the till's number, and is another CA's")
    }

    async fn sign(&self, revoked: &[&Path], until: Timestamp, what: &str) -> Result<List, String> {
        let bytes = match &self.signer {
            Signer::Directory(pki) => pki
                .sign_trial_list(revoked, until)
                .map_err(|error| error.to_string())?
                .into_bytes(),
            Signer::Command(command) => ask(command, revoked, until).await?,
        };
        let der = match bytes.first() {
            Some(0x30) => bytes,
            _ => CertificateRevocationListDer::from_pem_slice(&bytes)
                .map_err(|_| "what was signed is no revocation list (PEM or DER)")?
                .to_vec(),
        };
        self.store(der, what)
    }

    fn store(&self, der: Vec<u8>, what: &str) -> Result<List, String> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let path = self.dir.path().join(format!("list-{count}.pem"));
        std::fs::write(&path, pem(&der)).map_err(|error| error.to_string())?;
        let words = format!("list {count}, number {}: {what}", number(&der)?);
        Ok(List { path, words, der })
    }
}

/// The command's answer is the path of the list.
async fn ask(command: &str, revoked: &[&Path], until: Timestamp) -> Result<Vec<u8>, String> {
    let certificates: Vec<_> = revoked
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let args = serde_json::json!({ "revoked": certificates, "nextUpdate": until });
    let serde_json::Value::Object(args) = args else {
        return Err("arguments are an object".into());
    };
    let question = Question {
        question: "sign_crl".into(),
        id: "sign".into(),
        requirement: vec!["TLS-12".into(), "TLS-15".into()],
        why: "a till is revoked for a moment, or a list ends".into(),
        subject: String::new(),
        args,
        deadline_ms: u64::try_from(SIGNED_WITHIN.as_millis()).unwrap_or(u64::MAX),
    };
    let Answer {
        answer, value, why, ..
    } = exec::ask(command, &question, SIGNED_WITHIN).await;
    let path = value.as_ref().and_then(serde_json::Value::as_str);
    match (answer, path) {
        (Answered::Value, Some(path)) => {
            std::fs::read(path).map_err(|error| format!("{path}: {error}"))
        }
        _ => Err(why.unwrap_or_else(|| "the command named no list".into())),
    }
}

fn later(by: Duration) -> Timestamp {
    let now = jiff::Timestamp::now();
    now.checked_add(by).unwrap_or(now).into()
}

fn serial(identity: &Identity) -> Result<Vec<u8>, String> {
    let der = CertificateDer::from_pem_slice(identity.certificate_pem().as_bytes())
        .map_err(|_| "the till shows no certificate")?;
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(&der)
        .map_err(|_| "the till's certificate cannot be read")?;
    Ok(parsed.raw_serial().to_vec())
}

fn number(list: &[u8]) -> Result<u64, String> {
    let (_, parsed) = x509_parser::revocation_list::CertificateRevocationList::from_der(list)
        .map_err(|_| "what was signed is no revocation list")?;
    let number = parsed.crl_number().map(ToString::to_string);
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| "the list has no number that fits into 64 bits".to_owned())
}

fn foreign(serial: &[u8], newest: u64) -> Result<Vec<u8>, rcgen::Error> {
    let mut authority = CertificateParams::default();
    let name = "Another authority of tills";
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let began = date_time_ymd(2024, 1, 1);
    let list = CertificateRevocationListParams {
        this_update: began,
        next_update: date_time_ymd(2049, 1, 1),
        crl_number: SerialNumber::from(newest.saturating_add(1)),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: began,
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(list.signed_by(&authority)?.der().to_vec())
}

fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN X509 CRL-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + "-----END X509 CRL-----\n"
}

#[cfg(test)]
mod tests {
    use vinr_protocol::TerminalId;

    use super::*;

    fn of_a_directory() -> (tempfile::TempDir, Pki, Lists) {
        let dir = tempfile::tempdir().expect("a directory");
        let terminal = TerminalId::new("term_1").expect("lawful");
        let pki = Pki::provision(dir.path(), &[terminal])
            .expect("provisioned")
            .pki;
        let signer = Signer::Directory(pki.clone());
        let lists = Lists::new(pki.to_be_revoked(), signer).expect("a kit");
        (dir, pki, lists)
    }

    fn revoked(list: &List) -> usize {
        let (_, parsed) =
            x509_parser::revocation_list::CertificateRevocationList::from_der(&list.der)
                .expect("a list");
        parsed.iter_revoked_certificates().count()
    }

    #[tokio::test]
    async fn numbers_rise_from_list_to_list_and_from_run_to_run() {
        let (_dir, pki, lists) = of_a_directory();
        let first = lists.of_the_till().await.expect("signed");
        let second = lists.of_nobody().await.expect("signed");
        let again = Lists::new(pki.to_be_revoked(), Signer::Directory(pki)).expect("a kit");
        let third = again.of_nobody().await.expect("signed");
        let numbers = [&first, &second, &third].map(|list| number(&list.der).expect("numbered"));
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        assert_eq!([&first, &second].map(revoked), [1, 0]);
    }

    #[tokio::test]
    async fn a_forged_and_a_foreign_list_are_newer_and_revoke_the_till() {
        let (_dir, pki, lists) = of_a_directory();
        let read = |path: &PathBuf| std::fs::read(path).expect("readable");
        let till = Identity::from_pem("pos", &read(&pki.pos_cert()), &read(&pki.pos_key()));
        let till = till.expect("an identity");
        let newest = lists.of_nobody().await.expect("signed");
        let forged = lists.forged(&till).await.expect("made");
        let foreign = lists.foreign(&till, &newest).expect("made");
        for list in [&forged, &foreign] {
            assert!(number(&list.der) > number(&newest.der), "{}", list.words);
            assert_eq!(revoked(list), 1, "{}", list.words);
        }
        let left: Vec<_> = std::fs::read_dir(lists.dir.path())
            .expect("there")
            .collect();
        assert_eq!(left.len(), 4, "three lists and a certificate: {left:?}");
    }

    #[tokio::test]
    async fn a_command_signs_where_the_profile_names_one() {
        let (dir, pki, _) = of_a_directory();
        let list = pki.sign_trial_list(&[], later(HOLDS_FOR)).expect("signed");
        let path = dir.path().join("signed.pem");
        std::fs::write(&path, list).expect("writable");
        let command = |script: &str| Signer::Command(script.into());
        let says = format!(
            r#"read q; case $q in *nextUpdate*) echo '{{"id":"sign","answer":"value","value":"{}"}}';; esac"#,
            path.display()
        );
        let lists = Lists::new(pki.to_be_revoked(), command(&says)).expect("a kit");
        assert!(lists.of_nobody().await.is_ok());
        let cannot = Lists::new(pki.to_be_revoked(), command("exit 127")).expect("a kit");
        assert!(cannot.of_nobody().await.is_err());
    }
}
