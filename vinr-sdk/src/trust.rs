//! Whom a running till trusts and what it shows of itself: exchanged without a restart. \[TLS-12\]

use vinr_transport::revocation::Installed;
use vinr_transport::{CrlError, Identity, TrustBundle};

use crate::vinr::Vinr;

/// Certificates and lists of a running till: [`Vinr::trust`].
///
/// What is handed over counts for connections to come and, but for the till's own certificate, for the next request on
/// each that is open: a terminal that was trusted and is no longer is an [`Error::Identity`](crate::Error::Identity), and
/// gets not one byte of a payment. An answer that is under way is still read. Nothing of it is kept over a restart: a
/// till hands it to the [builder](crate::Builder) then.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a>(pub(crate) &'a Vinr);

impl Trust<'_> {
    /// Takes a revocation list of the terminal CA, PEM or DER. Where a bundle has several CAs it is called for each.
    ///
    /// **From the first list on, lists are asked for**: a terminal is refused where it is on its CA's list, where that
    /// list is past its date, and where its CA has none. So a till that begins with it must get new lists in time. A list
    /// that cannot be used, or is older than the one in use, changes nothing. \[TLS-15\]
    pub fn install_terminal_crl(self, list: impl AsRef<[u8]>) -> Result<Installed, CrlError> {
        let terminals = &self.0.inner.terminals;
        let installed = terminals.connector().install_crl(list.as_ref())?;
        tracing::info!("a revocation list of terminals was installed");
        Ok(installed)
    }

    /// Trusts the CAs of this bundle, and no others: a renewal hands over the old and the new ones together first.
    pub fn replace_terminal_ca(self, terminal_ca: TrustBundle) {
        let terminals = &self.0.inner.terminals;
        terminals.connector().replace_terminal_ca(terminal_ca);
        tracing::info!("the bundle of terminal CAs was replaced");
    }

    /// Shows this certificate on connections to come, after a renewal; open ones go on with the one that they were
    /// made with, until the terminal takes it no longer.
    pub fn replace_identity(self, identity: Identity) {
        self.0
            .inner
            .terminals
            .connector()
            .replace_identity(identity);
        tracing::info!("the till's certificate was replaced");
    }
}
