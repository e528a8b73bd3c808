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

/// How long the pauses are between a till's questions whether a terminal is still there: an idle line to one that was
/// switched off is noticed within 3 min.
const TILL_ASKS_EVERY: Duration = Duration::from_secs(15);

/// How soon an unacknowledged packet may be sent again, at least. The usual 200 ms are made for the Internet; on a LAN
/// an answer takes 5 ms, and each packet that a Wi-Fi loses would be felt at the counter. \[LAT-1\]
#[cfg(target_os = "linux")]
const RESENT_AFTER: Duration = Duration::from_millis(5);

/// The options of a terminal's side. \[LAT-1\]
pub(crate) fn prepare_terminal(tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    apply(socket.set_tcp_nodelay(true));
    apply(socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(TERMINAL_ASKS_AFTER)));
    for_a_lan(tcp);
}

/// The options of a till's side. \[LAT-2\]
pub(crate) fn prepare_till(tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    apply(socket.set_tcp_nodelay(true));
    // Not before a held payment is over: a network that is away and comes back must not end it. [PAY-5]
    let keepalive = TcpKeepalive::new().with_time(CLIENT_HOLD);
    apply(socket.set_tcp_keepalive(&keepalive.with_interval(TILL_ASKS_EVERY)));
    for_a_lan(tcp);
    #[cfg(target_os = "linux")]
    apply(socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)));
    #[cfg(not(target_os = "linux"))]
    let _ = UNACKNOWLEDGED;
}

/// What both sides want on a network that answers in milliseconds and loses packets.
#[cfg(target_os = "linux")]
fn for_a_lan(tcp: &TcpStream) {
    use std::os::fd::AsRawFd;

    let socket = SockRef::from(tcp);
    // The kernel goes back to delayed acknowledgements by itself; the handshake is over by then.
    apply(socket.set_tcp_quickack(true));
    // A few small packets at a time: a lost one is sent again after equal pauses, not doubled ones.
    apply(socket.set_tcp_thin_linear_timeouts(true));
    // Linux 6.15 and later; no library has a name for it yet. It bounds delayed acknowledgements, too.
    let us = i32::try_from(RESENT_AFTER.as_micros()).unwrap_or(i32::MAX);
    let set = uapi::setsockopt(tcp.as_raw_fd(), uapi::c::IPPROTO_TCP, TCP_RTO_MIN_US, &us);
    apply(set.map_err(|errno| std::io::Error::from_raw_os_error(errno.0)));
}

/// `linux/tcp.h`
#[cfg(target_os = "linux")]
const TCP_RTO_MIN_US: i32 = 45;

#[cfg(not(target_os = "linux"))]
fn for_a_lan(_: &TcpStream) {}

/// A connection works without them, only worse.
fn apply(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a socket option was not taken");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn option(tcp: &TcpStream, name: i32) -> Option<i32> {
        let mut value = 0_i32;
        let asked = uapi::getsockopt(tcp.as_raw_fd(), uapi::c::IPPROTO_TCP, name, &mut value);
        asked.ok().map(|_| value)
    }

    #[tokio::test]
    async fn a_lost_packet_is_sent_again_within_milliseconds_where_the_kernel_can() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let Some(before) = option(&tcp, TCP_RTO_MIN_US) else {
            println!("SKIPPED: this kernel has no TCP_RTO_MIN_US; Linux 6.15 does");
            return;
        };
        prepare_till(&tcp);
        let after = option(&tcp, TCP_RTO_MIN_US).unwrap();
        // The kernel rounds up to its tick.
        assert!(after < before && after < 20_000, "{before} to {after}");
    }
}
