//! hyper as it comes: its HTTP/1.1 client over tokio-rustls on one thread, and nothing of ours.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use vinr_protocol::TerminalId;
use vinr_simulator::provision::Pki;

use crate::floor::client_config;
use crate::shop::Failure;

/// Dials.
#[derive(Debug, Clone)]
pub struct Dialler {
    to: SocketAddr,
    terminal: TerminalId,
    config: Arc<ClientConfig>,
}

/// A connection, on which one payment after another is asked for.
#[derive(Debug)]
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    terminal: TerminalId,
}

impl Dialler {
    /// To a terminal at this address.
    pub fn new(pki: &Pki, terminal: &TerminalId, to: SocketAddr) -> Result<Self, Failure> {
        let (terminal, config) = (terminal.clone(), client_config(pki)?);
        Ok(Self {
            to,
            terminal,
            config,
        })
    }

    /// Connects and shakes hands.
    pub async fn dial(&self) -> Result<Line, Failure> {
        let tcp = TcpStream::connect(self.to).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(self.terminal.to_string())?;
        let tls = TlsConnector::from(self.config.clone())
            .connect(name, tcp)
            .await?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        // The answers say how it ended.
        tokio::spawn(async move { drop(connection.await) });
        let terminal = self.terminal.clone();
        Ok(Line { sender, terminal })
    }
}

impl Line {
    /// Asks for a payment and resolves at the head of the answer.
    pub async fn ask(&mut self, reference: &str) -> Result<Response<Incoming>, Failure> {
        let terminal = &self.terminal;
        let body = format!(
            r#"{{"terminalId":"{terminal}","amount":2500,"currency":"USD","reference":"{reference}"}}"#
        );
        let request = Request::post("/v1/pay")
            .header(header::HOST, terminal.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", reference)
            .body(Full::new(Bytes::from(body)))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(response.status().to_string().into()),
        }
    }
}

/// The whole body of an answer.
pub async fn body(response: Response<Incoming>) -> Result<Bytes, Failure> {
    Ok(response.into_body().collect().await?.to_bytes())
}
