//! The floor: a blocking rustls echo over mutual TLS 1.3, with the same certificates and as many bytes as
//! a payment and its head. No HTTP, no JSON, no journal: nothing that speaks TLS is faster here.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::client::Resumption;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use vinr_protocol::TerminalId;
use vinr_simulator::provision::Pki;

use crate::{HEAD_BYTES, REQUEST_BYTES};

/// An echo server on a thread of its own, and how to reach it.
#[derive(Debug, Clone)]
pub struct Floor {
    addr: SocketAddr,
    client: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// A warm connection to the floor.
#[derive(Debug)]
pub struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Floor {
    /// Starts it with the identities of a terminal and of a till.
    pub fn start(pki: &Pki, terminal: &TerminalId) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let server = server_config(pki, terminal)?;
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let server = server.clone();
                // A client that hangs up ends its thread.
                thread::spawn(move || echo(tcp, server));
            }
        });
        Self::at(pki, terminal, addr)
    }

    /// One that somebody else serves.
    pub fn at(pki: &Pki, terminal: &TerminalId, addr: SocketAddr) -> io::Result<Self> {
        let name = ServerName::try_from(terminal.to_string()).map_err(io::Error::other)?;
        let client = client_config(pki)?;
        Ok(Self { addr, client, name })
    }

    /// Dials and shakes hands with the first echo.
    pub fn connect(&self) -> io::Result<Connection> {
        let tcp = TcpStream::connect(self.addr)?;
        tcp.set_nodelay(true)?;
        let tls = ClientConnection::new(self.client.clone(), self.name.clone())
            .map_err(io::Error::other)?;
        Ok(Connection(StreamOwned::new(tls, tcp)))
    }
}

impl Connection {
    /// One request there, one head back.
    pub fn echo(&mut self) -> io::Result<()> {
        self.0.write_all(&[7; REQUEST_BYTES])?;
        self.0.flush()?;
        self.0.read_exact(&mut [0; HEAD_BYTES])
    }
}

fn echo(tcp: TcpStream, server: Arc<ServerConfig>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let tls = ServerConnection::new(server).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(tls, tcp);
    loop {
        stream.read_exact(&mut [0; REQUEST_BYTES])?;
        stream.write_all(&[7; HEAD_BYTES])?;
        stream.flush()?;
    }
}

/// The terminal's end, the same way.
pub fn server_config(pki: &Pki, terminal: &TerminalId) -> io::Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tills = WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots(&pki.pos_ca())?),
        provider.clone(),
    )
    .build()
    .map_err(io::Error::other)?;
    let (chain, key) = identity(&pki.terminal_cert(terminal), &pki.terminal_key(terminal))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_client_cert_verifier(tills)
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A till's end of TLS, as plain as it is lawful: TLS 1.3, its certificate, no resumption.
pub fn client_config(pki: &Pki) -> io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let (chain, key) = identity(&pki.pos_cert(), &pki.pos_key())?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(roots(&pki.terminal_ca())?)
        .with_client_auth_cert(chain, key)
        .map_err(io::Error::other)?;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn roots(path: &std::path::Path) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(io::Error::other)? {
        let certificate = certificate.map_err(io::Error::other)?;
        roots.add(certificate).map_err(io::Error::other)?;
    }
    Ok(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(certificate: &std::path::Path, key: &std::path::Path) -> io::Result<Identity> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    Ok((chain, key))
}
