//! The cloud's HTTPS API, as a merchant's server calls it: one request on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

const WITHIN: Duration = Duration::from_secs(10);

/// The API of a cloud, and what opens it.
#[derive(Clone)]
pub struct CloudApi {
    host: String,
    port: u16,
    tls: Arc<ClientConfig>,
    /// A secret: it stands in no report, and is wiped when it is dropped. \[SEC-1\]
    key: Zeroizing<String>,
}

/// The cloud cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// It is not there, or not as the profile says.
    #[error("the cloud cannot be used: {0}")]
    Unusable(String),
    /// It answered something else than a success.
    #[error("the cloud answered {status} to {call}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What was asked.
        call: String,
        /// Its error's code and message.
        message: String,
    },
}

impl CloudApi {
    /// The API at `https://host:port`, whose certificate leads to this CA.
    pub fn new(url: &str, ca_pem: &[u8], key: &str) -> Result<Self, ApiError> {
        let unusable = |why: &str| ApiError::Unusable(format!("{url}: {why}"));
        let place = url
            .strip_prefix("https://")
            .ok_or_else(|| unusable("it is https://HOST:PORT"))?;
        let (host, port) = match place.trim_end_matches('/').rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| unusable("no port"))?),
            None => (place.trim_end_matches('/'), 443),
        };
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(ca_pem) {
            let root = root.map_err(|error| unusable(&error.to_string()))?;
            roots
                .add(root)
                .map_err(|error| unusable(&error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| unusable(&error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            tls: Arc::new(tls),
            key: Zeroizing::new(key.to_owned()),
        })
    }

    /// What opens it, to look for where it must not be.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Calls it, and gives the JSON of a success.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        self.call_with_key(method, path, body, "").await
    }

    /// The same with an attempt key; none where it is empty.
    pub async fn call_with_key(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> Result<Value, ApiError> {
        let unusable =
            |why: String| ApiError::Unusable(format!("{}:{}: {why}", self.host, self.port));
        let answer = timeout(WITHIN, self.exchange(method, path, body, key))
            .await
            .map_err(|_| unusable("no answer in time".into()))?
            .map_err(|error| unusable(error.to_string()))?;
        let answer = crate::probe::read_whole(&answer).map_err(unusable)?;
        match answer.status {
            204 => Ok(Value::Null),
            200..=299 => Ok(answer.json()),
            status => Err(ApiError::Refused {
                status,
                call: format!("{method} {path}"),
                message: answer.json()["error"].to_string(),
            }),
        }
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> std::io::Result<Vec<u8>> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let key = match key {
            "" => String::new(),
            key => format!("idempotency-key: {key}\r\n"),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}:{}\r\nauthorization: Bearer {}\r\nconnection: close\r\n{key}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            self.port,
            self.key.as_str(),
            body.len(),
        );
        let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let mut tls = TlsConnector::from(self.tls.clone())
            .connect(name, tcp)
            .await?;
        tls.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        match tls.read_to_end(&mut answer).await {
            Ok(_) => Ok(answer),
            // A close without TLS's own goodbye; whether the answer is whole, its length says.
            Err(_) if !answer.is_empty() => Ok(answer),
            Err(error) => Err(error),
        }
    }
}

impl std::fmt::Debug for CloudApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CloudApi(https://{}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_a_cloud() {
        assert!(CloudApi::new("http://127.0.0.1:8445", b"", "k").is_err());
        let cloud = CloudApi::new("https://127.0.0.1:8445", b"", "k").expect("an origin");
        assert_eq!((cloud.host.as_str(), cloud.port), ("127.0.0.1", 8445));
    }

    #[test]
    fn the_key_is_not_shown_by_debug() {
        let cloud = CloudApi::new("https://[::1]:8445", b"", "sk_test_1").expect("an origin");
        assert!(!format!("{cloud:?}").contains("sk_test_1"));
    }
}
