//! A TCP proxy on 127.0.0.1: what goes through it is counted and recorded, and it breaks when told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the cable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Whole,
    /// It takes connections and bytes, and nothing arrives: a switch without power behind it.
    Silent,
    /// What the terminal says is lost, and what it is told arrives.
    Deaf,
    /// The terminal is switched off: what is open is silent, and nobody takes a new connection.
    Off,
    /// Connections end, and new ones end at once.
    Broken,
    /// The next answer's head passes; its outcome is lost, and the cable is whole again.
    LosesTheOutcome,
}

pub(crate) struct Cable {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    state: watch::Sender<State>,
    connections: AtomicUsize,
    sent: Mutex<Vec<u8>>,
}

impl Cable {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to: target,
            state: watch::channel(State::Whole).0,
            connections: AtomicUsize::new(0),
            sent: Mutex::default(),
        });
        let of_task = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                of_task.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, of_task.clone()));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made to it so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Every byte that a client sent into it.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.shared.sent.lock().unwrap().clone()
    }

    pub(crate) fn is(&self, state: State) {
        self.shared.state.send_replace(state);
    }
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let mut state = shared.state.subscribe();
    if matches!(*state.borrow_and_update(), State::Broken | State::Off) {
        return;
    }
    let Ok(mut target) = TcpStream::connect(shared.to).await else {
        return;
    };
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut heads = 0;
    loop {
        tokio::select! {
            changed = state.changed() => {
                if changed.is_err() || *state.borrow() == State::Broken {
                    return;
                }
            }
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                shared.sent.lock().unwrap().extend(&up[..length]);
                if matches!(*shared.state.borrow(), State::Silent | State::Off) {
                    continue;
                }
                if target.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = target.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                let now = *shared.state.borrow();
                match now {
                    State::Silent | State::Deaf | State::Off => continue,
                    State::LosesTheOutcome if heads == 0 => heads = 1,
                    State::LosesTheOutcome => {
                        shared.state.send_replace(State::Whole);
                        return;
                    }
                    State::Whole | State::Broken => {}
                }
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
