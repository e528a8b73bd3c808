//! HTTP to the cloud: one request on a connection of its own, and exactly what is known of its end.
//!
//! It shares neither a connection, a header nor a trust root with what speaks to terminals: that is how the key stays
//! here. \[TLS-7\]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use vinr_protocol::AttemptKey;

use super::{CloudError, SecretKey};

/// For name, connection and handshake together.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Lists are never paged.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A cloud's address and what opens it.
pub(super) struct Http {
    host: String,
    port: u16,
    name: ServerName<'static>,
    authority: HeaderValue,
    tls: TlsConnector,
    key: SecretKey,
}

/// There is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// No byte of the request left.
    NotSent(String),
    /// It may have been processed.
    Lost(String),
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Http {
    pub(super) fn new(url: &str, key: SecretKey, roots: RootCertStore) -> Result<Self, CloudError> {
        let not = || CloudError::NotAUrl(url.to_owned());
        let place = url.strip_prefix("https://").ok_or_else(not)?;
        let authority: http::uri::Authority =
            place.trim_end_matches('/').parse().map_err(|_| not())?;
        if authority.as_str().contains('@') {
            return Err(not());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| not())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider has cipher suites for TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            port: authority.port_u16().unwrap_or(443),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| not())?,
            host,
            name,
            tls: TlsConnector::from(Arc::new(config)),
            key,
        })
    }

    /// Asks, and waits for the whole answer for as long as it takes. Dropping it hangs up.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&AttemptKey>,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Failed> {
        let request = self.request(method, path, key, body)?;
        let mut sender = match timeout(CONNECT_WITHIN, self.connect()).await {
            Ok(connected) => connected.map_err(Failed::NotSent)?,
            Err(_) => return Err(Failed::NotSent("no answer in time".to_owned())),
        };
        let response = match sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                return Err(match error.take_message() {
                    Some(_) => Failed::NotSent(innermost(&error.into_error())),
                    None => Failed::Lost(innermost(&error.into_error())),
                });
            }
        };
        let status = response.status();
        match Limited::new(response.into_body(), LARGEST_ANSWER)
            .collect()
            .await
        {
            Ok(body) => Ok(Answer {
                status,
                body: body.to_bytes(),
            }),
            Err(error) => Err(Failed::Lost(innermost(&*error))),
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| error.to_string())?;
        let _ = tcp.set_nodelay(true);
        let tls = self
            .tls
            .connect(self.name.clone(), tcp)
            .await
            .map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(tls))
            .await
            .map_err(|error| error.to_string())?;
        // It ends with the sender; what broke it, the request is told.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        key: Option<&AttemptKey>,
        body: Option<Vec<u8>>,
    ) -> Result<Request<Full<Bytes>>, Failed> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, self.key.authorization());
        if let Some(key) = key {
            request = request.header(&IDEMPOTENCY_KEY, key.as_str());
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|error| Failed::NotSent(error.to_string()))
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "https://{}:{}", self.host, self.port)
    }
}

/// The reason at the bottom of a chain of errors.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<Http, CloudError> {
        let key = SecretKey::new("sk_test_canary").unwrap();
        Http::new(url, key, RootCertStore::empty())
    }

    #[test]
    fn a_cloud_is_an_https_origin() {
        for (url, host, port) in [
            ("https://cloud.example", "cloud.example", 443),
            ("https://cloud.example/", "cloud.example", 443),
            ("https://127.0.0.1:8445", "127.0.0.1", 8445),
            ("https://[::1]:8445", "::1", 8445),
        ] {
            let http = at(url).unwrap();
            assert_eq!((http.host.as_str(), http.port), (host, port), "{url}");
        }
        for url in [
            "http://cloud.example",
            "cloud.example",
            "https://",
            "https://a/b",
            "https://key@cloud.example",
        ] {
            assert!(at(url).is_err(), "{url}");
        }
    }

    #[test]
    fn nothing_that_prints_a_cloud_or_a_request_shows_the_key() {
        let http = at("https://cloud.example").unwrap();
        let request = http.request(Method::GET, "/v1", None, None).unwrap();
        let shown = format!("{http:?} {request:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
