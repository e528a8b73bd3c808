//! A listener between the till and the terminal that ends TLS on both sides and hears what the till says in clear.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use vinr_simulator::Pki;

use crate::support::tls::{as_terminal, as_till};

pub(crate) struct Tap {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Vec<u8>>,
    swallows: AtomicBool,
}

impl Tap {
    /// It has the terminal's key, and the till's.
    pub(crate) async fn before(terminal: SocketAddr, name: &str, pki: &Pki) -> Self {
        let to_till = TlsAcceptor::from(Arc::new(as_terminal(name, pki)));
        let to_terminal = TlsConnector::from(Arc::new(as_till(pki)));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let of_task = shared.clone();
        tokio::spawn(async move {
            while let Ok((till, _)) = listener.accept().await {
                let (to_till, to_terminal) = (to_till.clone(), to_terminal.clone());
                let (name, shared) = (name.clone(), of_task.clone());
                tokio::spawn(async move {
                    let Ok(mut till) = to_till.accept(till).await else {
                        return;
                    };
                    let tcp = TcpStream::connect(terminal).await.unwrap();
                    let mut terminal = to_terminal.connect(name, tcp).await.unwrap();
                    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
                    loop {
                        tokio::select! {
                            read = till.read(&mut up) => {
                                let Ok(length @ 1..) = read else { return };
                                shared.heard.lock().unwrap().extend(&up[..length]);
                                if terminal.write_all(&up[..length]).await.is_err() { return }
                            }
                            read = terminal.read(&mut down) => {
                                let Ok(length @ 1..) = read else { return };
                                if shared.swallows.load(Ordering::Relaxed) { continue }
                                if till.write_all(&down[..length]).await.is_err() { return }
                            }
                        }
                    }
                });
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the till is told nothing.
    pub(crate) fn swallow_answers(&self) {
        self.shared.swallows.store(true, Ordering::Relaxed);
    }

    /// All that the till said.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.shared.heard.lock().unwrap().clone()
    }
}
