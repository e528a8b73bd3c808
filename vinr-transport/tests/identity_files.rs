//! PKCS#12 as it comes: every form, kind of key, passphrase and chain that a till may be given, and every way in which
//! such a file is not one. \[TLS-11\]
//!
//! What the openssl command line can make is made here, while the test runs; the rest are fixtures, see
//! `fixtures/make` and `fixtures/make.py`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod skip;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcgen::date_time_ymd;
use skip::skip;
use support::{TERMINAL, ca, id, issue_pem, pos_leaf, urn};
use vinr_transport::{Check, Identity, IdentityError, Side};

const PASSPHRASE: &str = "correct horse";

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(path.join(name)).unwrap()
}

fn p12(name: &str) -> Result<Identity, IdentityError> {
    Identity::from_p12_bytes(&fixture(name), PASSPHRASE)
}

/// What protects a file, and what tells openssl to write it so.
const FORMS: &[(&str, &[&str])] = &[
    ("today's: AES-256, HMAC-SHA-256", &[]),
    (
        "AES-128",
        &["-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"],
    ),
    (
        "AES-192 and a MAC with SHA-512",
        &[
            "-keypbe",
            "AES-192-CBC",
            "-certpbe",
            "AES-192-CBC",
            "-macalg",
            "SHA512",
        ],
    ),
    (
        "PBES2 with 3DES and a MAC with SHA-384",
        &[
            "-keypbe",
            "DES-EDE3-CBC",
            "-certpbe",
            "DES-EDE3-CBC",
            "-macalg",
            "SHA384",
        ],
    ),
    ("legacy: RC2-40, 3DES, SHA-1", &["-legacy"]),
    (
        "legacy: 3DES for both, SHA-1",
        &["-legacy", "-descert", "-macalg", "SHA1"],
    ),
    (
        "legacy: RC2-128 and 3DES with two keys",
        &[
            "-legacy",
            "-certpbe",
            "PBE-SHA1-RC2-128",
            "-keypbe",
            "PBE-SHA1-2DES",
        ],
    ),
    (
        "a MAC, and no encryption",
        &["-keypbe", "NONE", "-certpbe", "NONE"],
    ),
    (
        "as Windows adorns it",
        &[
            "-legacy",
            "-descert",
            "-keyex",
            "-LMK",
            "-CSP",
            "Microsoft Software Key Storage Provider",
            "-name",
            "te-1f2e3d4c Kasse Süd",
        ],
    ),
    ("a MAC of one round", &["-nomaciter", "-noiter"]),
];

/// Kinds of key, and what tells openssl to draw one.
const KEYS: &[(&str, &[&str])] = &[
    (
        "P-256",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ),
    ("Ed25519", &["-algorithm", "ED25519"]),
    (
        "RSA",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ),
    (
        "P-384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ),
];

const PASSPHRASES: &[&str] = &[
    "correct horse",
    "",
    "Käse, süß & groß",
    "café",
    "密码 パスワード 비밀번호",
    "🔑 pay 💳",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
];

/// A root, an intermediate and a till's certificate for each kind of key.
struct Openssl {
    dir: tempfile::TempDir,
}

impl Openssl {
    /// None where there is no openssl command.
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            skip(
                "the openssl command is not there",
                "apt-get install openssl",
            );
            return None;
        }
        let openssl = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let (_, p256) = KEYS[0];
        for name in ["root", "middle"] {
            openssl.draw(name, p256);
        }
        openssl.write(
            "ca.ext",
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
        );
        openssl.write(
            "till.ext",
            &format!(
                "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                 extendedKeyUsage=clientAuth\nsubjectAltName=URI:urn:vinr:terminal:{TERMINAL}\n"
            ),
        );
        openssl.issue("root", "root", "ca.ext");
        openssl.issue("middle", "root", "ca.ext");
        for (name, kind) in KEYS {
            openssl.draw(name, kind);
            openssl.issue(name, "middle", "till.ext");
        }
        Some(openssl)
    }

    fn draw(&self, name: &str, kind: &[&str]) {
        let out = format!("{name}.key");
        self.run(&[&["genpkey", "-out", &out], kind].concat());
    }

    fn issue(&self, name: &str, by: &str, extensions: &str) {
        let [key, request, certificate] =
            ["key", "csr", "pem"].map(|kind| format!("{name}.{kind}"));
        let subject = format!("/CN={name}");
        self.run(&[
            "req", "-new", "-key", &key, "-subj", &subject, "-out", &request,
        ]);
        let [ca, ca_key] = ["pem", "key"].map(|kind| format!("{by}.{kind}"));
        let mut issue = vec![
            "x509",
            "-req",
            "-in",
            &request,
            "-days",
            "36500",
            "-extfile",
            extensions,
            "-out",
            &certificate,
        ];
        if name == by {
            issue.extend(["-signkey", &ca_key]);
        } else {
            issue.extend(["-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"]);
        }
        self.run(&issue);
    }

    /// Exports a key under a passphrase, with these certificates in this order.
    fn export(&self, key: &str, certificates: &[&str], form: &[&str], passphrase: &str) -> Vec<u8> {
        let chain: String = certificates
            .iter()
            .map(|name| self.read(&format!("{name}.pem")))
            .collect();
        self.write("chain.pem", &chain);
        let key = format!("{key}.key");
        let command = [
            &[
                "pkcs12",
                "-export",
                "-in",
                "chain.pem",
                "-inkey",
                &key,
                "-passout",
                "env:PASSPHRASE",
                "-out",
                "out.p12",
            ],
            form,
        ];
        self.run_with(&command.concat(), passphrase);
        std::fs::read(self.path("out.p12")).unwrap()
    }

    fn run(&self, arguments: &[&str]) {
        self.run_with(arguments, "");
    }

    fn run_with(&self, arguments: &[&str], passphrase: &str) {
        let output = Command::new("openssl")
            .args(arguments)
            .env("PASSPHRASE", passphrase)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

/// One case of the matrix, told when it fails.
fn read(bytes: &[u8], passphrase: &str, case: &str) -> Identity {
    Identity::from_p12_bytes(bytes, passphrase).unwrap_or_else(|error| panic!("{case}: {error}"))
}

// [TLS-11]
#[test]
fn every_form_is_read_with_every_kind_of_key() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    for (form, options) in FORMS {
        for (kind, _) in KEYS {
            let file = openssl.export(kind, &[kind], options, PASSPHRASE);
            let identity = read(&file, PASSPHRASE, &format!("{form}, {kind}"));
            assert_eq!(identity.names(), [id(TERMINAL)], "{form}, {kind}");
        }
    }
}

// [TLS-11]
#[test]
fn every_form_is_read_under_every_passphrase_and_under_no_other() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    for (form, options) in FORMS {
        for passphrase in PASSPHRASES {
            let file = openssl.export("P-256", &["P-256"], options, passphrase);
            let case = format!("{form}, {passphrase:?}");
            read(&file, passphrase, &case);
            for wrong in [format!("{passphrase} "), format!("X{passphrase}")] {
                let error = Identity::from_p12_bytes(&file, &wrong).unwrap_err();
                assert!(
                    matches!(error, IdentityError::WrongPassphrase),
                    "{case}: {error}"
                );
                let shown = format!("{error} {error:?}");
                assert!(
                    wrong.len() < 3 || !shown.contains(&wrong),
                    "{case}: {shown}"
                );
            }
        }
    }
}

// [TLS-11]
#[test]
fn a_chain_is_read_in_any_order_and_shown_leaf_first_without_its_root() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    let alone = read(
        &openssl.export("P-256", &["P-256"], &[], PASSPHRASE),
        PASSPHRASE,
        "alone",
    );
    assert_eq!(alone.chain().len(), 1);
    let orders: &[&[&str]] = &[
        &["P-256", "middle"],
        &["middle", "P-256"],
        &["P-256", "middle", "root"],
        &["root", "middle", "P-256"],
        &["middle", "root", "P-256"],
        &["root", "P-256", "middle"],
        &["Ed25519", "root", "RSA", "P-256", "middle"],
    ];
    let mut shown: Vec<_> = orders
        .iter()
        .map(|order| {
            let file = openssl.export("P-256", order, &[], PASSPHRASE);
            read(&file, PASSPHRASE, &order.join(" ")).chain().to_vec()
        })
        .collect();
    shown.dedup();
    assert_eq!(shown.len(), 1, "the order in the file shows nowhere");
    assert_eq!(shown[0].len(), 2);
    assert_eq!(shown[0][0], alone.chain()[0]);
}

// [TLS-14]
#[test]
fn a_key_that_terminals_refuse_is_read_and_said_to_be_one() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    let fits = |kind| {
        let file = openssl.export(kind, &[kind], &[], PASSPHRASE);
        read(&file, PASSPHRASE, kind).fits(Side::Pos)
    };
    assert_eq!(fits("P-256"), Ok(()));
    assert_eq!(fits("Ed25519"), Ok(()));
    assert_eq!(fits("RSA"), Err(Check::KeyType));
    assert_eq!(fits("P-384"), Err(Check::KeyType));
}

#[test]
fn what_we_write_of_any_kind_of_key_we_read() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    for (kind, _) in KEYS {
        let file = openssl.export(kind, &[kind, "middle"], &[], PASSPHRASE);
        let identity = read(&file, PASSPHRASE, kind);
        let written = identity.write_p12("Käse 密码").unwrap();
        let again = read(&written, "Käse 密码", kind);
        assert_eq!(again.chain(), identity.chain(), "{kind}");
    }
}

#[test]
fn a_passphrase_that_would_not_open_everywhere_is_not_written_under() {
    let identity = p12("today.p12").unwrap();
    let error = identity.write_p12("pay 💳").unwrap_err();
    assert!(matches!(error, IdentityError::NotWritable(_)), "{error}");
    assert!(!error.to_string().contains("💳"), "{error}");
}

// [TLS-11]
#[test]
fn what_java_makes_is_read() {
    for name in ["java.p12", "java-legacy.p12"] {
        assert_eq!(p12(name).unwrap().names(), [id(TERMINAL)], "{name}");
    }
}

// [TLS-11]
#[test]
fn the_mac_of_rfc_9579_is_read_and_a_wrong_passphrase_named() {
    assert_eq!(p12("pbmac1.p12").unwrap().names(), [id(TERMINAL)]);
    let error = Identity::from_p12_bytes(&fixture("pbmac1.p12"), "correct hors").unwrap_err();
    assert!(matches!(error, IdentityError::WrongPassphrase), "{error}");
}

#[test]
fn a_key_inside_the_encrypted_part_is_found() {
    assert!(p12("key-inside.p12").is_ok());
}

/// A file that is not an identity, and what it is refused as.
#[test]
fn each_fault_has_an_error_of_its_own() {
    type Expected = fn(&IdentityError) -> bool;
    let cases: &[(&str, Expected)] = &[
        ("no-mac.p12", |e| matches!(e, IdentityError::NoMac)),
        ("no-key.p12", |e| matches!(e, IdentityError::NoKey)),
        ("no-certificate.p12", |e| {
            matches!(e, IdentityError::NoCertificate)
        }),
        ("two-keys-inside.p12", |e| {
            matches!(e, IdentityError::SeveralKeys { count: 2 })
        }),
        ("many-rounds.p12", too_many),
        // 2³¹ − 1 rounds: in the MAC, in a bag that only the right passphrase shows, and in many of these.
        ("bomb-in-pbmac1.p12", too_many),
        ("bomb-inside.p12", too_many),
        ("many-bombs-inside.p12", too_many),
        ("cert.pem", |e| matches!(e, IdentityError::NotPkcs12)),
    ];
    for (name, is_expected) in cases {
        let error = p12(name).unwrap_err();
        assert!(is_expected(&error), "{name}: {error:?}");
    }
}

fn too_many(error: &IdentityError) -> bool {
    matches!(error, IdentityError::TooManyIterations { .. })
}

#[test]
fn a_secret_of_another_kind_is_never_opened() {
    // It asks for 2³¹ − 1 rounds.
    assert!(p12("secret-beside.p12").is_ok());
}

#[test]
fn an_expired_file_says_when() {
    let mut params = pos_leaf(vec![urn(TERMINAL)]);
    params.not_after = date_time_ymd(2020, 1, 1);
    let (certificate, key) = issue_pem(params, &ca("CA"));
    let lenient = Identity::loader().out_of_time();
    let identity = lenient.pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let file = identity.write_p12(PASSPHRASE).unwrap();
    let error = Identity::from_p12_bytes(&file, PASSPHRASE).unwrap_err();
    assert!(matches!(error, IdentityError::Expired { .. }), "{error}");
    assert!(error.to_string().contains("2020-01-01T00:00:00"), "{error}");
}

#[test]
fn every_form_cut_anywhere_is_refused_and_what_follows_one_is_too() {
    for name in ["pbmac1.p12", "key-inside.p12", "java.p12", "no-mac.p12"] {
        let mut file = fixture(name);
        for length in 0..file.len() {
            let cut = Identity::from_p12_bytes(&file[..length], PASSPHRASE);
            assert!(cut.is_err(), "{name} cut to {length}");
        }
        file.push(0);
        let longer = Identity::from_p12_bytes(&file, PASSPHRASE);
        assert!(longer.is_err(), "{name} and a byte");
    }
}
