//! The cloud's end of the links.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufRead, BufReader, split};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use vinr_protocol::{JournalId, TerminalId};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::{Down, Outgoing, PING_EVERY, Up, lines};
use crate::cloud::desk::Message;
use crate::cloud::host::CloudHost;

/// What every link works with.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    pub(crate) desk: mpsc::UnboundedSender<Message>,
    pub(crate) host: Arc<CloudHost>,
    /// What the POS CA revoked.
    pub(crate) crl: watch::Receiver<Option<String>>,
}

/// One link; a terminal that links again has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Session(u64);

impl Session {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Hub {
    /// Serves a link to its end.
    pub(crate) async fn serve(&self, tls: TlsStream<TcpStream>, peer: SocketAddr) {
        if let Err(error) = self.try_serve(tls).await {
            tracing::info!(%peer, %error, "a device link ended");
        }
    }

    async fn try_serve(&self, tls: TlsStream<TcpStream>) -> io::Result<()> {
        let certificate = tls.get_ref().1.peer_certificates().unwrap_or_default();
        let certificate = certificate.first().cloned();
        let (read, mut write) = split(tls);
        let mut read = BufReader::new(read);
        let Up::Hello { terminal, journal } = lines::read(&mut read).await? else {
            return Err(io::Error::other("a link begins with a hello"));
        };
        let is_its_own = certificate.is_some_and(|it| names(&it, &terminal));
        if !is_its_own {
            let why = format!("the link certificate is not that of {terminal}");
            return Err(io::Error::other(why));
        }
        let outgoing = Arc::new(Outgoing::default());
        outgoing.push(Down::Welcome);
        let writing = async {
            loop {
                match timeout(PING_EVERY, outgoing.next()).await {
                    Ok(Some(value)) => lines::write(&mut write, &value).await?,
                    Ok(None) => return Ok(()),
                    Err(_) => lines::write(&mut write, &Down::Ping).await?,
                }
            }
        };
        let session = Session::next();
        self.began(&terminal, journal, session, &outgoing);
        let ended = tokio::select! {
            ended = self.read(&mut read, &terminal, session, &outgoing) => ended,
            ended = writing => ended,
            () = self.hand_out(&outgoing) => Ok(()),
        };
        let unsent = outgoing.close();
        let _ = self.desk.send(Message::LinkEnded {
            terminal,
            session,
            unsent,
        });
        ended
    }

    fn began(
        &self,
        terminal: &TerminalId,
        journal: JournalId,
        session: Session,
        outgoing: &Arc<Outgoing>,
    ) {
        tracing::info!(%terminal, "linked");
        let _ = self.desk.send(Message::LinkBegan {
            terminal: terminal.clone(),
            journal,
            session,
            outgoing: outgoing.clone(),
        });
    }

    /// The list as it is, and each new one. §2
    async fn hand_out(&self, outgoing: &Outgoing) {
        let mut crl = self.crl.clone();
        loop {
            if let Some(pem) = crl.borrow_and_update().clone() {
                outgoing.push(Down::Crl { pem });
            }
            if crl.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn read(
        &self,
        stream: &mut (impl AsyncBufRead + Unpin),
        terminal: &TerminalId,
        session: Session,
        outgoing: &Arc<Outgoing>,
    ) -> io::Result<()> {
        loop {
            match lines::read(stream).await? {
                Up::Ping => {}
                Up::Hello { .. } => return Err(io::Error::other("a second hello")),
                Up::Authorize {
                    number,
                    payment,
                    decline,
                } => {
                    if &payment.terminal_id != terminal {
                        return Err(io::Error::other("the payment of another terminal"));
                    }
                    let host = self.host.clone();
                    let asked = async move { host.authorize(&payment, decline).await };
                    answer(outgoing, number, asked);
                }
                Up::Status { number, payment } => {
                    let host = self.host.clone();
                    answer(outgoing, number, async move { host.status(&payment).await });
                }
                Up::Reverse { number, payment } => {
                    let host = self.host.clone();
                    answer(
                        outgoing,
                        number,
                        async move { host.reverse(&payment).await },
                    );
                }
                up => {
                    let (terminal, up) = (terminal.clone(), Box::new(up));
                    let said = Message::Said {
                        terminal,
                        session,
                        up,
                    };
                    let _ = self.desk.send(said);
                }
            }
        }
    }
}

/// The host's word goes out when it comes, as often as it comes: an answer may be silence, or be there twice.
fn answer(
    outgoing: &Arc<Outgoing>,
    number: u64,
    asked: impl Future<Output = Vec<vinr_protocol::terminal::HostVerdict>> + Send + 'static,
) {
    let outgoing = outgoing.clone();
    tokio::spawn(async move {
        for verdict in asked.await {
            let verdict = verdict.into();
            outgoing.push(Down::Verdict { number, verdict });
        }
    });
}

/// Is this terminal the one that the certificate names, byte for byte? The link CA signed it for a client, which the
/// handshake saw.
fn names(certificate: &[u8], terminal: &TerminalId) -> bool {
    let named = || {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let names = parsed.subject_alternative_name().ok()??;
        Some(match names.value.general_names.as_slice() {
            [GeneralName::DNSName(name)] => *name == terminal.as_str(),
            _ => false,
        })
    };
    named().unwrap_or(false)
}
