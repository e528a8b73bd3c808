//! The options of our TCP sockets: small messages leave at once, and a peer that vanished is noticed.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use vinr_protocol::timing::CLIENT_HOLD;

/// When a terminal first asks a silent till whether it is still there.
const TERMINAL_ASKS_AFTER: Duration = Duration::from_secs(60);

/// How long a till lets its request be unacknowledged: a terminal whose Wi-Fi is gone takes a `pay` and
/// says nothing, and the loss has to be looked up within seconds. It counts only while something that was
/// sent is not acknowledged, which is never so while a payment is held.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// The options of a terminal's side. \[LAT-1\]
pub(crate) fn prepare_terminal(tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    apply(socket.set_tcp_nodelay(true));
    apply(socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(TERMINAL_ASKS_AFTER)));
}

/// The options of a till's side. \[LAT-2\]
pub(crate) fn prepare_till(tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    apply(socket.set_tcp_nodelay(true));
    // Not before a held payment is over: a network that is away and comes back must not end it. [PAY-5]
    apply(socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(CLIENT_HOLD)));
    #[cfg(target_os = "linux")]
    apply(socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)));
    #[cfg(not(target_os = "linux"))]
    let _ = UNACKNOWLEDGED;
}

/// A connection works without them, only worse.
fn apply(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a socket option was not taken");
    }
}
