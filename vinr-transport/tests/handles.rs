//! A terminal survives that the system has no file handle left: strangers give theirs back. \[NET-5\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(target_os = "linux")]

mod attack;
mod support;

use std::time::Duration;

use attack::{Insider, dial};
use rustix::process::{Resource, getrlimit, setrlimit};
use support::{Pki, Terminal};
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

// [NET-5]
// The limit is the process's: this test is alone in its binary.
#[tokio::test]
async fn a_till_gets_the_handle_of_a_stranger() {
    let pki = Pki::new();
    let mut options = pki.options();
    // Nothing but the handles may end a stranger.
    options.limits.handshake = Duration::from_secs(24 * 3600);
    let terminal = Terminal::start(options).await;
    let insider = Insider::new(&pki);
    // The till's own handle is put by, for both ends are in this process.
    let till = TcpSocket::new_v4().unwrap();

    let mut few = getrlimit(Resource::Nofile);
    few.current = Some(64);
    setrlimit(Resource::Nofile, few).unwrap();
    let mut strangers = Vec::new();
    while let Ok(stranger) = dial(2, terminal.addr()).await {
        strangers.push(stranger);
    }
    let asks = async {
        let till = till.connect(terminal.addr()).await.unwrap();
        let request = b"GET /v1/x HTTP/1.1\r\n\r\n";
        let mut till = insider.says_on(till, request).await.unwrap();
        let mut answer = [0; 12];
        till.read_exact(&mut answer).await.unwrap();
        answer
    };
    // A guard against hanging.
    let answer = tokio::time::timeout(Duration::from_secs(120), asks).await;
    assert_eq!(&answer.unwrap(), b"HTTP/1.1 200");
    assert!(terminal.server.load().made_room > 0);
}
