//! POS identities that a terminal must refuse, and one that it must refuse once it is revoked: what the conformance
//! suite knocks with.

use std::path::PathBuf;

use rcgen::ExtendedKeyUsagePurpose;
use vinr_protocol::TerminalId;

use super::authority::{Authority, Issued, Leaf, Validity};
use super::{Pki, ProvisionError, files, pos_leaf, pos_names, write_pair};

/// The name of the files of the identity that is revoked while a suite runs.
const TO_BE_REVOKED: &str = "pos-to-be-revoked";

/// What is wrong with a POS identity of the certification set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// Past its last day. \[TLS-5\]
    Expired,
    /// Before its first day. \[TLS-5\]
    NotYetValid,
    /// For servers. \[TLS-5\]
    ServerAuth,
    /// Without any purpose: path validation alone would take it. \[TLS-14\]
    NoPurpose,
    /// Signed by a CA that nobody knows. \[TLS-5\]
    ForeignCa,
    /// Lawful, and for another terminal. \[TLS-6\]
    OtherTerminal,
}

impl Flaw {
    /// Every flaw of the set.
    pub const ALL: &'static [Flaw] = &[
        Flaw::Expired,
        Flaw::NotYetValid,
        Flaw::ServerAuth,
        Flaw::NoPurpose,
        Flaw::ForeignCa,
        Flaw::OtherTerminal,
    ];

    /// The name of its files, without `.pem` and `.key`.
    pub fn file_stem(self) -> &'static str {
        match self {
            Flaw::Expired => "pos-expired",
            Flaw::NotYetValid => "pos-not-yet-valid",
            Flaw::ServerAuth => "pos-server-auth",
            Flaw::NoPurpose => "pos-no-purpose",
            Flaw::ForeignCa => "pos-foreign-ca",
            Flaw::OtherTerminal => "pos-other-terminal",
        }
    }

    /// Issues it: everything but the flaw is as it should be.
    pub(super) fn issue(
        self,
        pos_ca: &Authority,
        terminals: &[TerminalId],
    ) -> Result<Issued, rcgen::Error> {
        let good = pos_leaf(pos_names(terminals)?);
        match self {
            Flaw::Expired => pos_ca.issue(Leaf {
                validity: Validity::days_from_today(-400, -30),
                ..good
            }),
            Flaw::NotYetValid => pos_ca.issue(Leaf {
                validity: Validity::days_from_today(365, 730),
                ..good
            }),
            Flaw::ServerAuth => pos_ca.issue(Leaf {
                purpose: Some(ExtendedKeyUsagePurpose::ServerAuth),
                ..good
            }),
            Flaw::NoPurpose => pos_ca.issue(Leaf {
                purpose: None,
                ..good
            }),
            Flaw::ForeignCa => Authority::create("foreign POS CA")?.0.issue(good),
            Flaw::OtherTerminal => {
                let other = TerminalId::new("term_of_another_shop").expect("a lawful id");
                pos_ca.issue(pos_leaf(pos_names(&[other])?))
            }
        }
    }
}

impl Pki {
    /// The certificate and the key of a lawful till that a suite revokes, and takes off the list again. \[TLS-12\]
    pub fn to_be_revoked(&self) -> (PathBuf, PathBuf) {
        let file = |end| {
            let name = format!("{TO_BE_REVOKED}.{end}");
            self.dir.join("certification").join(name)
        };
        (file("pem"), file("key"))
    }

    /// Makes that till, where an earlier version provisioned the directory without it.
    pub fn provision_to_be_revoked(&self) -> Result<(), ProvisionError> {
        let (certificate, key) = self.to_be_revoked();
        if certificate.exists() && key.exists() {
            return Ok(());
        }
        let pos_ca = self.authority_of(&self.pos_ca(), "pos-ca")?;
        self.issue_to_be_revoked(&pos_ca, &self.terminals())
    }

    pub(super) fn issue_to_be_revoked(
        &self,
        pos_ca: &Authority,
        terminals: &[TerminalId],
    ) -> Result<(), ProvisionError> {
        let (certificate, key) = self.to_be_revoked();
        let issued = pos_ca.issue(pos_leaf(pos_names(terminals)?))?;
        write_pair(&certificate, &key, &issued, files::replace)
    }
}
