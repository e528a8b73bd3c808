//! What a till shows and trusts, exchanged under all clones of its connector: each connection is made by what is
//! current when it is begun.

use std::sync::{Arc, PoisonError, RwLock};

use vinr_protocol::Timestamp;

use crate::identity::Identity;
use crate::pin::{Expected, TerminalVerifier};
use crate::revocation::{CrlError, Installed, Lists, RevocationList};
use crate::trust::TrustBundle;

/// Shared by the clones of a connector.
#[derive(Debug, Clone)]
pub(super) struct Till(Arc<RwLock<Current>>);

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
        Self(Arc::new(RwLock::new(Current { trust, pos, lists })))
    }

    pub(super) fn current(&self) -> Current {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    pub(super) fn replace_identity(&self, pos: Identity) {
        self.exchange(|current| current.pos = pos);
    }

    pub(super) fn replace_terminal_ca(&self, trust: TrustBundle) {
        self.exchange(|current| current.trust = trust);
    }

    pub(super) fn start_with(&self, list: RevocationList) {
        self.exchange(|current| {
            let lists = current.lists.get_or_insert_default();
            lists.start_with(list);
        });
    }

    pub(super) fn install_crl(&self, bytes: &[u8], now: Timestamp) -> Result<Installed, CrlError> {
        let list = RevocationList::read(bytes, &self.current().trust)?;
        self.exchange(|current| {
            let mut lists = current.lists.clone().unwrap_or_default();
            let installed = lists.install(list, now)?;
            current.lists = Some(lists);
            Ok(installed)
        })
    }

    fn exchange<T>(&self, change: impl FnOnce(&mut Current) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
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
}
