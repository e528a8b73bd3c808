//! A merchant's server: plain HTTP/1.1 over TLS with the cloud's CA, and nothing of our client.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vinr_simulator::Pki;

pub(crate) use crate::support::PATIENCE;

/// One connection to the cloud.
pub(crate) struct Api {
    sender: SendRequest<Full<Bytes>>,
    pub(crate) key: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Said {
    pub(crate) fn code(&self) -> (u16, &str) {
        let code = self.body["error"]["code"].as_str();
        (self.status.as_u16(), code.unwrap_or_default())
    }
}

impl Api {
    pub(crate) async fn connect(address: SocketAddr, pki: &Pki, key: &str) -> Self {
        let stream = tls(address, pki).await;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let key = key.to_owned();
        Self { sender, key }
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Said {
        self.sender.ready().await.unwrap();
        let answered = async {
            let response = self.sender.send_request(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Said {
                status: head.status,
                headers: head.headers,
                body: serde_json::from_slice(&body).unwrap(),
            }
        };
        tokio::time::timeout(PATIENCE, answered)
            .await
            .expect("an answer")
    }

    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Said {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Full::from(body.to_string())
            }
            None => Full::default(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Said {
        self.ask(Method::POST, path, Some(body), None).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Said {
        self.ask(Method::GET, path, None, None).await
    }

    /// `POST /v1/terminal/payments`.
    pub(crate) async fn pay(&mut self, body: &Value, key: &str) -> Said {
        self.ask(Method::POST, "/v1/terminal/payments", Some(body), Some(key))
            .await
    }

    /// `GET /v1/terminal/payments?reference=R`.
    pub(crate) async fn payments(&mut self, reference: &str) -> Value {
        let said = self
            .get(&format!("/v1/terminal/payments?reference={reference}"))
            .await;
        assert_eq!(said.status, 200, "{said:?}");
        said.body
    }

    /// Looks a payment up until it is like this.
    pub(crate) async fn sees(&mut self, id: &str, status: &str) -> Value {
        let path = format!("/v1/terminal/payments/{id}");
        let begun = std::time::Instant::now();
        loop {
            let said = self.get(&path).await;
            if said.body["status"] == status {
                return said.body;
            }
            assert!(begun.elapsed() < PATIENCE, "{status}: {said:?}");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn cancel(&mut self, id: &str) -> Said {
        let path = format!("/v1/terminal/payments/{id}/cancel");
        self.ask(Method::POST, &path, None, None).await
    }
}

/// A TLS connection that trusts the cloud's CA and shows nothing.
pub(crate) async fn tls(address: SocketAddr, pki: &Pki) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let ca: Vec<_> = CertificateDer::pem_file_iter(pki.cloud_ca())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    roots.add_parsable_certificates(ca);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::from(address.ip());
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .unwrap()
}
