//! The cable between till and terminal, which can be pulled while the outcome is on its way.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP proxy on 127.0.0.1.
pub(crate) struct Cable {
    pub(crate) address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Whole,
    /// The next request is accepted, and its outcome is lost.
    AboutToBreak,
    Broken,
}

impl Cable {
    pub(crate) async fn to(terminal: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(watch::channel(State::Whole).0);
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((till, _)) = listener.accept().await {
                tokio::spawn(carry(till, terminal, shared.clone()));
            }
        });
        Ok(Self { address, state })
    }

    /// Breaks it when the outcome of the next payment arrives, and resolves then.
    pub(crate) async fn break_at_the_outcome(&self) {
        self.state.send_replace(State::AboutToBreak);
        let mut state = self.state.subscribe();
        let _ = state.wait_for(|state| *state == State::Broken).await;
    }

    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn carry(
    mut till: TcpStream,
    terminal: SocketAddr,
    state: Arc<watch::Sender<State>>,
) -> std::io::Result<()> {
    if *state.borrow() == State::Broken {
        return Ok(());
    }
    let mut terminal = TcpStream::connect(terminal).await?;
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut heard = 0;
    loop {
        tokio::select! {
            length = till.read(&mut up) => match length? {
                0 => return Ok(()),
                length => terminal.write_all(&up[..length]).await?,
            },
            length = terminal.read(&mut down) => {
                if *state.borrow() == State::AboutToBreak {
                    heard += 1;
                    // First the head, "accepted"; then the outcome.
                    if heard == 2 {
                        state.send_replace(State::Broken);
                        return Ok(());
                    }
                }
                match length? {
                    0 => return Ok(()),
                    length => till.write_all(&down[..length]).await?,
                }
            }
        }
    }
}
