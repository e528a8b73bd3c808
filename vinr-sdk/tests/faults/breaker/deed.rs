//! Doing it.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::Shared;
use super::fault::Deed;

/// What is no HTTP and no TLS.
pub(super) const GARBAGE: &[u8] = &[0xa5; 300];

/// The till's end of a connection.
pub(super) trait End: AsyncRead + AsyncWrite + Unpin + Send {
    fn tcp(&mut self) -> &mut TcpStream;
}

impl End for TcpStream {
    fn tcp(&mut self) -> &mut TcpStream {
        self
    }
}

impl End for TlsStream<TcpStream> {
    fn tcp(&mut self) -> &mut TcpStream {
        self.get_mut().0
    }
}

/// Goes the connection on?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    GoesOn,
    Over,
}

/// Does it at the till's end. `last` is what passed last.
pub(super) async fn perform(deed: Deed, till: &mut impl End, last: &[u8], shared: &Shared) -> Flow {
    let mut mended = shared.mended.subscribe();
    mended.mark_unchanged();
    match deed {
        Deed::Reset => {
            let _ = till.tcp().set_zero_linger();
        }
        Deed::Ends => {
            let _ = till.tcp().shutdown().await;
        }
        Deed::Goodbye => {
            let _ = till.shutdown().await;
        }
        Deed::Garbles => {
            let _ = till.write_all(GARBAGE).await;
            let _ = till.flush().await;
        }
        Deed::Repeats => {
            let _ = till.write_all(last).await;
            let _ = till.flush().await;
        }
        Deed::Swallows | Deed::Delays => {}
    }
    shared.has_happened();
    match deed {
        // The other end stays open beside it, and hears nothing either.
        Deed::Swallows | Deed::Garbles => {
            swallow(till).await;
            Flow::Over
        }
        Deed::Delays => {
            let _ = mended.changed().await;
            Flow::GoesOn
        }
        Deed::Repeats => Flow::GoesOn,
        Deed::Reset | Deed::Ends | Deed::Goodbye => Flow::Over,
    }
}

/// Hears whatever it says, until it hangs up.
pub(super) async fn swallow(end: &mut (impl AsyncRead + Unpin)) {
    let mut heard = [0; 4096];
    while let Ok(1..) = end.read(&mut heard).await {}
}
