//! From an address to a verified connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vinr_protocol::TerminalId;

use super::Connection;
use super::error::ConnectError;
use super::peer::{Peer, Verified};
use super::till::{Current, Till};
use super::watch::{Noted, Watched};
use crate::check::Check;
use crate::clock::Clock;
use crate::identity::Identity;
use crate::pin::{Expected, Seen, TerminalVerifier};
use crate::revocation::{CrlError, Installed, RevocationList};
use crate::socket::prepare_till;
use crate::tls;
use crate::trust::TrustBundle;

/// Dial and handshake together; a terminal on the LAN needs milliseconds.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Makes connections to terminals: trusts the terminal CA bundle and nothing else, shows the till's
/// certificate on every connection, and sends nothing to a terminal other than the one that was meant.
/// \[TLS-3, TLS-4, TLS-8, TLS-10\]
///
/// Clones share the identity, the bundle and the lists: what is exchanged on one counts for the next connection of all,
/// and bundle and lists for the next request on every open one.
#[derive(Debug, Clone)]
pub struct Connector {
    till: Till,
    clock: Clock,
    within: Duration,
}

/// What a terminal shows, looked at without saying anything to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// The certificates that it showed, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Which terminal it is, or which check it failed.
    pub verdict: Result<TerminalId, Check>,
}

impl Connector {
    /// A connector for one till.
    ///
    /// An identity that a terminal will refuse is taken all the same: the terminal says so. (Nothing
    /// fails here at present.)
    pub fn new(terminal_ca: TrustBundle, pos: Identity) -> Result<Self, ConnectError> {
        Ok(Self {
            till: Till::new(terminal_ca, pos),
            clock: Clock::system(),
            within: CONNECT_WITHIN,
        })
    }

    /// Bounds dial and handshake together by this instead of 5 s.
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = limit;
        self
    }

    /// Judges certificates by this clock instead of the system's.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Asks whether terminals were revoked, beginning with this list of the terminal CA. Once asked, a terminal is
    /// refused where it is on the list, where the list is past its date, and where its CA has none. \[TLS-12\]
    ///
    /// For several CAs it is called once for each.
    pub fn with_crl(self, list: RevocationList) -> Self {
        self.till.start_with(list);
        self
    }

    /// Takes a list of the terminal CA, PEM or DER, as [`Server::install_crl`](crate::Server::install_crl) does; from then
    /// on lists are asked for. It counts for the connections to come and for the next request on each that is open.
    /// \[TLS-12\]
    pub fn install_crl(&self, bytes: &[u8]) -> Result<Installed, CrlError> {
        self.till.install_crl(bytes, self.clock.now())
    }

    /// Shows this certificate on the connections to come; open ones go on with the one they were made with, until the
    /// terminal no longer takes it.
    pub fn replace_identity(&self, pos: Identity) {
        self.till.replace_identity(pos);
    }

    /// Trusts these CAs of terminals, on the connections to come and from the next request on those that are open.
    pub fn replace_terminal_ca(&self, terminal_ca: TrustBundle) {
        self.till.replace_terminal_ca(terminal_ca);
    }

    /// Connects to this terminal and no other.
    pub async fn connect(
        &self,
        addr: SocketAddr,
        terminal: &TerminalId,
    ) -> Result<Connection, ConnectError> {
        self.make(addr, Expected::Terminal(terminal.clone())).await
    }

    /// Connects to whichever terminal of this PKI is there: for a static host, whose id the certificate
    /// tells ([`Connection::terminal`]).
    pub async fn connect_any(&self, addr: SocketAddr) -> Result<Connection, ConnectError> {
        self.make(addr, Expected::Any).await
    }

    /// Looks at the certificates of whoever answers, and hangs up before anything is said: for diagnosis.
    pub async fn inspect(&self, addr: SocketAddr) -> Result<Inspection, ConnectError> {
        let till = self.till.current();
        let verifier = Arc::new(till.onlooker());
        let outcome = self.shake_hands(addr, &till, verifier.clone()).await;
        match (verifier.seen(), outcome) {
            (Some(Seen { chain, verdict, .. }), _) => Ok(Inspection { chain, verdict }),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(ConnectError::Identity {
                addr,
                check: Check::NoCertificate,
            }),
        }
    }

    async fn make(&self, addr: SocketAddr, expected: Expected) -> Result<Connection, ConnectError> {
        let till = self.till.current();
        let verifier = Arc::new(till.verifier(expected));
        let tls = self.shake_hands(addr, &till, verifier.clone()).await?;
        let shown = verifier.seen().ok_or(Check::NoCertificate);
        let peer = shown
            .and_then(|seen| Verified::new(self.till.clone(), &till, self.clock.clone(), seen))
            .map_err(|check| ConnectError::Identity { addr, check })?;
        let terminal = peer.terminal().clone();
        let noted = Arc::new(Noted::default());
        let io = TokioIo::new(Watched::new(tls, noted.clone()));
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(64 * 1024)
            .handshake::<_, Full<Bytes>>(io)
            .await
            .map_err(|error| ConnectError::of_dial(addr, std::io::Error::other(error)))?;
        let (open, ended) = watch::channel(());
        // Ends when the connection does, or when the last answer is read and nobody will ask again.
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%addr, error = super::error::innermost(&error), "the connection broke off");
            }
            drop(open);
        });
        let host = HeaderValue::from_str(&format!("{terminal}:{}", addr.port()))
            .expect("a terminal id and a port are visible ASCII");
        Ok(Connection {
            sender: Ok(sender),
            noted,
            ended,
            terminal,
            host,
            addr,
            peer: Peer::Terminal(Box::new(peer)),
        })
    }

    async fn shake_hands(
        &self,
        addr: SocketAddr,
        till: &Current,
        verifier: Arc<TerminalVerifier>,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let config = tls::client_config(&till.pos, verifier, &self.clock);
        let end = Instant::now() + self.within;
        let tcp = timeout_at(end, TcpStream::connect(addr))
            .await
            .map_err(|_| ConnectError::timed_out(addr))?
            .map_err(|error| ConnectError::of_dial(addr, error))?;
        prepare_till(&tcp);
        // Not sent and not compared: the verifier knows whom it expects.
        let name = ServerName::IpAddress(addr.ip().into());
        timeout_at(end, TlsConnector::from(config).connect(name, tcp))
            .await
            .map_err(|_| ConnectError::silent(addr))?
            .map_err(|error| ConnectError::of_handshake(addr, error))
    }
}
