//! One TCP connection, and what came of it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::doctor::seen::Dialled;

pub(super) async fn dial(address: SocketAddr, within: Duration) -> (Dialled, Option<TcpStream>) {
    let begun = Instant::now();
    let failed = |outcome| (outcome, None);
    match timeout(within, TcpStream::connect(address)).await {
        Ok(Ok(tcp)) => {
            let after = begun.elapsed();
            // A till does the same; without it Nagle is measured.
            let _ = tcp.set_nodelay(true);
            (Dialled::Connected(after), Some(tcp))
        }
        Ok(Err(error)) => failed(match error.kind() {
            ErrorKind::ConnectionRefused => Dialled::Refused,
            ErrorKind::TimedOut => Dialled::NoAnswer(begun.elapsed()),
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable => Dialled::NoRoute(error.to_string()),
            _ => Dialled::Failed(error.to_string()),
        }),
        Err(_) => failed(Dialled::NoAnswer(within)),
    }
}
