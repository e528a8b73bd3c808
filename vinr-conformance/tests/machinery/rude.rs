//! Terminals that hang, crash, lie and half-close: the suite says so and ends; it never hangs with them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use vinr_protocol::TerminalId;
use vinr_simulator::Pki;

use crate::tools::{Ran, ends_with, run, text};

/// Beyond every wait of one scenario and of tidying up after it.
const ENDS_WITHIN: Duration = Duration::from_secs(110);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rude {
    /// Takes a connection and says nothing.
    HangsBeforeTls,
    /// Takes a request and says nothing.
    Hangs,
    /// Resets the connection when a request comes.
    Crashes,
    /// Resets it in the middle of an answer.
    CrashesHalfWay,
    /// Says 200 to everything, with a body that is none.
    Lies,
    /// Promises more bytes than it sends, and waits.
    PromisesMore,
    /// Sends headers without an end.
    NeverEnds,
    /// Ends its own direction after the handshake, and reads on.
    HalfCloses,
    /// Sends one byte at a time, slowly.
    Drips,
}

use Rude::{
    Crashes, CrashesHalfWay, Drips, HalfCloses, Hangs, HangsBeforeTls, Lies, NeverEnds,
    PromisesMore,
};

async fn start(rude: Rude, dir: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let acceptor = acceptor(dir);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if rude == HangsBeforeTls {
                    // It is held, not closed.
                    tokio::time::sleep(ENDS_WITHIN * 2).await;
                    return;
                }
                if let Ok(tls) = acceptor.accept(tcp).await {
                    behave(rude, tls).await;
                }
            });
        }
    });
    address
}

fn acceptor(dir: &Path) -> TlsAcceptor {
    let id = TerminalId::new("term_rude").expect("lawful");
    let provisioned = Pki::provision(dir, std::slice::from_ref(&id)).expect("provisioned");
    drop(provisioned);
    let pki = Pki::open(dir).expect("it was provisioned");
    let chain: Vec<_> = CertificateDer::pem_file_iter(pki.terminal_cert(&id))
        .expect("a file")
        .collect::<Result<_, _>>()
        .expect("certificates");
    let key = PrivateKeyDer::from_pem_file(pki.terminal_key(&id)).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3 is there")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

async fn behave(rude: Rude, mut tls: TlsStream<TcpStream>) {
    if rude == HalfCloses {
        let _ = tls.shutdown().await;
    }
    let mut request = [0; 8192];
    while let Ok(1..) = tls.read(&mut request).await {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let answered = match rude {
            HangsBeforeTls | Hangs | HalfCloses => continue,
            Crashes => return reset(&tls),
            CrashesHalfWay => {
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await;
                let _ = tls.flush().await;
                return reset(&tls);
            }
            Lies => {
                let lie = format!("{head}Content-Length: 9\r\n\r\nall paid!");
                tls.write_all(lie.as_bytes()).await
            }
            PromisesMore => {
                let lie = format!("{head}Content-Length: 1000000\r\n\r\n{{\"status\":");
                tls.write_all(lie.as_bytes()).await
            }
            NeverEnds => loop {
                let line = format!("{head}X-Filler: {}\r\n", "x".repeat(4000));
                if tls.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            },
            Drips => loop {
                if tls.write_all(b"H").await.is_err() || tls.flush().await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            },
        };
        if answered.is_err() || tls.flush().await.is_err() {
            return;
        }
    }
}

/// Whoever dropped it now would send a reset.
fn reset(tls: &TlsStream<TcpStream>) {
    let _ = tls.get_ref().0.set_zero_linger();
}

async fn certified(rude: Rude) -> (Rude, Ran, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let address = start(rude, dir.path()).await.to_string();
    let out = dir.path().join("report");
    let arguments = [
        "terminal",
        &address,
        "--dir",
        text(dir.path()),
        "--only",
        "pay.approved",
        "--out",
        text(&out),
    ];
    let ran = tokio::time::timeout(ENDS_WITHIN, run(&arguments)).await;
    let ran = ran.unwrap_or_else(|_| panic!("the suite hangs with a terminal that {rude:?}"));
    (rude, ran, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rude_terminal_hangs_the_suite_or_passes() {
    let all = [
        HangsBeforeTls,
        Hangs,
        Crashes,
        CrashesHalfWay,
        Lies,
        PromisesMore,
        NeverEnds,
        HalfCloses,
        Drips,
    ];
    let runs = futures_util::future::join_all(all.map(certified)).await;
    for (rude, ran, dir) in runs {
        let code = ran.code;
        assert!(
            matches!(code, Some(1 | 3)),
            "{rude:?} ends with {code:?}: {}{}",
            ran.out,
            ran.err
        );
        let out = dir.path().join("report");
        let verified = ends_with(0, &["verify", text(&out), "--json"]).await;
        assert!(
            !verified.out.contains("\"conformant\""),
            "{rude:?}: {}",
            verified.out
        );
        let result = crate::tools::json(&out.join("result.json"));
        let kept = result["findings"].as_array().expect("a list").iter();
        let kept: Vec<_> = kept.filter(|one| one["state"] == "pass").collect();
        assert!(kept.is_empty(), "{rude:?} passes: {kept:#?}");
    }
}
