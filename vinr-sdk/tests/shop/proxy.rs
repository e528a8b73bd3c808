//! A TCP proxy that cuts one connection at a chosen moment of the next request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// When the connection of the next request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The till sent it, and the terminal never gets it.
    BeforeTheRequest,
    /// The terminal got it, and its first word is lost.
    BeforeTheHead,
    /// The till knows that it was accepted, and no more.
    AfterTheHead,
    /// The outcome is on its way, and is lost.
    BeforeTheBody,
    /// Half of the outcome arrives.
    MidBody,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: SocketAddr,
    armed: Mutex<Option<Armed>>,
    open: watch::Sender<bool>,
    /// Connections up to this one are dead, and nobody was told.
    silent: AtomicUsize,
    /// So is this one.
    silent_one: AtomicUsize,
    /// So will be the one of the next request.
    silences_next: AtomicBool,
    accepted: AtomicUsize,
    /// How many connections there are.
    there: watch::Sender<usize>,
}

/// A TLS goodbye is shorter than any request, and not one.
const GOODBYE: usize = 64;

type Armed = (Cut, oneshot::Sender<()>);

impl Proxy {
    pub(crate) async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target,
            armed: Mutex::default(),
            open: watch::channel(true).0,
            silent: AtomicUsize::new(0),
            silent_one: AtomicUsize::new(0),
            silences_next: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            there: watch::channel(0).0,
        });
        let shared = state.clone();
        tokio::spawn(async move {
            for number in 1.. {
                let Ok((client, _)) = listener.accept().await else {
                    return;
                };
                shared.accepted.store(number, Ordering::Relaxed);
                let shared = shared.clone();
                shared.there.send_modify(|there| *there += 1);
                tokio::spawn(async move {
                    carry(number, client, shared.clone()).await;
                    shared.there.send_modify(|there| *there -= 1);
                });
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Arms a cut for the next request on any connection that is there. Once it has happened, new
    /// connections wait for [`mend`](Self::mend).
    pub(crate) fn cut(&self, cut: Cut) -> oneshot::Receiver<()> {
        let (happened, happens) = oneshot::channel();
        *self.state.armed.lock().unwrap() = Some((cut, happened));
        happens
    }

    /// The connections that are there die without a word, as when the terminal's plug is pulled.
    pub(crate) fn silence(&self) {
        let accepted = self.state.accepted.load(Ordering::Relaxed);
        self.state.silent.store(accepted, Ordering::Relaxed);
    }

    /// The connection with this number, from 1, dies without a word.
    pub(crate) fn silence_one(&self, number: usize) {
        self.state.silent_one.store(number, Ordering::Relaxed);
    }

    /// Whichever connection the next request comes on dies with it, without a word.
    pub(crate) fn silence_next(&self) {
        self.state.silences_next.store(true, Ordering::Relaxed);
    }

    /// How many connections were made through it so far.
    pub(crate) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::Relaxed)
    }

    /// Waits until nobody is connected any more.
    pub(crate) async fn is_left(&self) {
        let mut there = self.state.there.subscribe();
        there.wait_for(|there| *there == 0).await.unwrap();
    }

    /// New connections go through again.
    pub(crate) fn mend(&self) {
        self.state.open.send_replace(true);
    }
}

async fn carry(number: usize, mut client: TcpStream, state: Arc<State>) {
    if state.open.subscribe().wait_for(|open| *open).await.is_err() {
        return;
    }
    let Ok(mut terminal) = TcpStream::connect(state.target).await else {
        return;
    };
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut armed: Option<Armed> = None;
    let mut head_passed = false;
    let mut is_silent = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                is_silent |=
                    length > GOODBYE && state.silences_next.swap(false, Ordering::Relaxed);
                if is_silent
                    || number <= state.silent.load(Ordering::Relaxed)
                    || number == state.silent_one.load(Ordering::Relaxed)
                {
                    continue;
                }
                if armed.is_none() && length > GOODBYE {
                    armed = state.armed.lock().unwrap().take();
                }
                if is(&armed, Cut::BeforeTheRequest) {
                    break;
                }
                if terminal.write_all(&up[..length]).await.is_err() { return }
            }
            read = terminal.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                let passes = match armed.as_ref().map(|(cut, _)| cut) {
                    Some(Cut::BeforeTheHead) => 0,
                    Some(Cut::BeforeTheBody) if head_passed => 0,
                    Some(Cut::MidBody) if head_passed => length / 2,
                    _ => length,
                };
                if client.write_all(&down[..passes]).await.is_err() { return }
                head_passed |= armed.is_some();
                if passes < length || is(&armed, Cut::AfterTheHead) {
                    break;
                }
            }
        }
    }
    state.open.send_replace(false);
    // Half of an answer has to arrive before its end.
    let _ = client.shutdown().await;
    drop((client, terminal));
    if let Some((_, happened)) = armed {
        let _ = happened.send(());
    }
}

fn is(armed: &Option<Armed>, cut: Cut) -> bool {
    armed.as_ref().is_some_and(|(armed, _)| *armed == cut)
}
