//! What a stranger on the shop's network can do to a terminal with sockets alone, and with a till's certificate.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConnection;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Pki, TERMINAL, issue_pem, pos_leaf, stock, urn};

/// The address that a lawful till of these tests comes from.
pub(crate) const TILLS_OWN: u8 = 1;

/// Enough for a thousand sockets and what a terminal holds against them.
const HANDLES: u64 = 4096;

/// As many file handles as a thousand sockets need, or the reason why not.
#[cfg(unix)]
pub(crate) fn raise_handles() -> Result<(), String> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(HANDLES);
    if limit.current.is_some_and(|now| now < HANDLES) {
        limit.current = Some(most.min(HANDLES));
        setrlimit(Resource::Nofile, limit).map_err(|error| error.to_string())?;
    }
    match limit.current {
        Some(now) if now < HANDLES => Err(format!("{now} file handles are fewer than {HANDLES}")),
        _ => Ok(()),
    }
}

/// A socket of 127.0.0.`from`, connected.
pub(crate) async fn dial(from: u8, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, from), 0)))?;
    socket.connect(to).await
}

/// So many sockets, from these addresses by turns, that say this and then nothing.
pub(crate) async fn crowd(
    count: usize,
    from: &[u8],
    to: SocketAddr,
    words: &[u8],
) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for &from in from.iter().cycle().take(count) {
        let mut one = dial(from, to).await.unwrap();
        // Closed already, perhaps: that is what a crowd has to expect.
        let _ = one.write_all(words).await;
        crowd.push(one);
    }
    crowd
}

/// The first words of a lawful handshake.
pub(crate) fn client_hello(pki: &Pki) -> Vec<u8> {
    let config = stock(pki).with_no_client_auth();
    let name = ServerName::try_from(TERMINAL).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// A till with a lawful certificate of its own, and what it likes to write.
pub(crate) struct Insider {
    connector: TlsConnector,
}

impl Insider {
    pub(crate) fn new(pki: &Pki) -> Self {
        let (certificate, key) = issue_pem(pos_leaf(vec![urn(TERMINAL)]), &pki.pos_ca);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = stock(pki)
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        Self {
            connector: TlsConnector::from(Arc::new(config)),
        }
    }

    pub(crate) async fn says(
        &self,
        from: u8,
        to: SocketAddr,
        words: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.says_on(dial(from, to).await?, words).await
    }

    pub(crate) async fn says_on(
        &self,
        tcp: TcpStream,
        words: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(TERMINAL).unwrap();
        let mut tls = self.connector.connect(name, tcp).await?;
        tls.write_all(words).await?;
        tls.flush().await?;
        Ok(tls)
    }
}

/// Waits until the terminal closes it.
pub(crate) async fn closed(mut stream: impl AsyncRead + Unpin) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut rest).await;
}
