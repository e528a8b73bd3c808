//! What a till shows and trusts, exchanged under all clones of its connector: each connection is made by what is
//! current when it is begun, and its terminal judged by what is current at each request.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};
use vinr_protocol::{TerminalId, Timestamp};

use crate::check::Check;
use crate::exchange::{Exchanged, Generation};
use crate::identity::Identity;
use crate::pin::{Expected, TerminalVerifier};
use crate::revocation::{CrlError, Installed, Lists, RevocationList};
use crate::trust::TrustBundle;
use crate::verdict::{self, Verdict};

/// Shared by the clones of a connector and their connections.
#[derive(Debug, Clone)]
pub(super) struct Till(Arc<Exchanged<Current>>);

#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) trust: TrustBundle,
    pub(super) pos: Identity,
    /// None where the till does not ask for lists.
    lists: Option<Lists>,
}

impl Till {
    pub(super) fn new(trust: TrustBundle, pos: Identity) -> Self {
        let lists = None;
        Self(Arc::new(Exchanged::new(Current { trust, pos, lists })))
    }

    pub(super) fn current(&self) -> Arc<Generation<Current>> {
        self.0.current()
    }

    /// Counts the exchanges.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation()
    }

    /// Judges again what the handshake of this terminal showed.
    pub(super) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        terminal: &TerminalId,
        now: UnixTime,
    ) -> Verdict<()> {
        let current = self.current();
        let outcome = current.judge(chain, terminal, now);
        verdict_on(chain, &current, now, outcome)
    }

    pub(super) fn replace_identity(&self, pos: Identity) {
        self.0.exchange(|current| current.pos = pos);
    }

    pub(super) fn replace_terminal_ca(&self, trust: TrustBundle) {
        self.0.exchange(|current| current.trust = trust);
    }

    pub(super) fn start_with(&self, list: RevocationList) {
        self.0.exchange(|current| {
            let lists = current.lists.get_or_insert_default();
            lists.start_with(list);
        });
    }

    pub(super) fn install_crl(&self, bytes: &[u8], now: Timestamp) -> Result<Installed, CrlError> {
        // Parsed before the lock: a long list takes its time, and nobody shall wait for it.
        let list = RevocationList::read(bytes, &self.current().trust)?;
        self.0.try_exchange(|current| {
            let lists = current.lists.get_or_insert_default();
            lists.install(list, now)
        })
    }
}

/// What came of judging a chain by what was current, and how long that holds.
pub(super) fn verdict_on(
    chain: &[CertificateDer<'_>],
    by: &Generation<Current>,
    now: UnixTime,
    outcome: Result<(), Check>,
) -> Verdict<()> {
    let holds = verdict::unchanged_around(now, chain, &by.trust, by.lists.as_ref());
    Verdict::new(by.number(), holds, outcome)
}

impl Current {
    /// For one connection.
    pub(super) fn verifier(&self, expected: Expected) -> TerminalVerifier {
        TerminalVerifier::new(self.trust.clone(), self.lists.clone(), expected)
    }

    /// For a look without a word.
    pub(super) fn onlooker(&self) -> TerminalVerifier {
        TerminalVerifier::onlooker(self.trust.clone(), self.lists.clone())
    }

    fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        terminal: &TerminalId,
        now: UnixTime,
    ) -> Result<(), Check> {
        let (leaf, issuers) = chain.split_first().ok_or(Check::NoCertificate)?;
        let verifier = self.verifier(Expected::Terminal(terminal.clone()));
        match verifier.judge(leaf, issuers, now) {
            Ok(_) => Ok(()),
            Err(error) => Err(Check::of(&error)),
        }
    }
}
