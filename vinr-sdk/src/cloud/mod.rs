//! VINR's cloud: the second path of a hybrid payment, and where webhook endpoints are registered.
//!
//! Nothing here runs in local mode: a till without a [`Cloud`], and every call that does not say *hybrid*, makes no
//! connection to it. \[NET-2\]

mod api;
mod calls;
mod http;
mod key;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

pub use api::WebhookEndpoint;
pub(crate) use calls::{cancel, look_up, pay};
use http::Http;
pub use key::SecretKey;

/// The cloud of a till or of a merchant's server: where it is, whom it is trusted by, and the key that opens it. Cheap to
/// clone; no connection is made before the first call.
#[derive(Debug, Clone)]
pub struct Cloud {
    http: Arc<Http>,
}

/// The cloud cannot be used, or did not do it. **No call that returns this takes a payment.**
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// The address is not one.
    #[error("{0} is no cloud: it is https://HOST or https://HOST:PORT")]
    NotAUrl(String),
    /// The text is no secret key. It is not repeated here.
    #[error("an API secret key is 'sk_' and letters, digits and underscores: is it set?")]
    NotAKey,
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No certificate says whom to trust.
    #[error("{0} has no CA certificate that can be used")]
    NoRoots(String),
    /// It was not reached, or its answer was lost.
    #[error("the cloud did not answer: {0}")]
    Unreachable(String),
    /// It refused.
    #[error("the cloud refused ({status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its reason.
        message: String,
    },
    /// Its answer is not one of this API.
    #[error("the cloud's answer cannot be understood")]
    BadAnswer,
}

impl Cloud {
    /// The cloud at `https://host`, whose certificate leads to one of this system's roots.
    pub fn new(url: &str, key: SecretKey) -> Result<Self, CloudError> {
        let mut roots = RootCertStore::empty();
        let of_system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(of_system.certs);
        if roots.is_empty() {
            let why = of_system.errors.first().map(ToString::to_string);
            let system = "this system".to_owned();
            return Err(CloudError::NoRoots(match why {
                Some(why) => format!("{system} ({why})"),
                None => system,
            }));
        }
        Self::of(url, key, roots)
    }

    /// The cloud at `https://host:port`, whose certificate leads to a CA of this PEM file **and to no other**: a sandbox.
    pub fn with_ca_file(
        url: &str,
        key: SecretKey,
        ca: impl AsRef<Path>,
    ) -> Result<Self, CloudError> {
        let ca = ca.as_ref();
        let no_roots = || CloudError::NoRoots(ca.display().to_string());
        let pem = std::fs::read(ca).map_err(|source| CloudError::File {
            path: ca.to_owned(),
            source,
        })?;
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(&pem) {
            roots
                .add(root.map_err(|_| no_roots())?)
                .map_err(|_| no_roots())?;
        }
        if roots.is_empty() {
            return Err(no_roots());
        }
        Self::of(url, key, roots)
    }

    fn of(url: &str, key: SecretKey, roots: RootCertStore) -> Result<Self, CloudError> {
        let http = Arc::new(Http::new(url, key, roots)?);
        Ok(Self { http })
    }
}
