//! POS identities that a terminal must refuse: what the conformance suite knocks with.

use rcgen::ExtendedKeyUsagePurpose;
use vinr_protocol::TerminalId;

use super::authority::{Authority, Issued, Leaf, Validity};
use super::{pos_leaf, pos_names};

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
