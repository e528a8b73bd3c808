//! One connection of a till: the handshake, lawful or wrong as it was planned, and then requests.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::booth::Inner;
use super::fault::{Fault, Moment};
use super::hello::{self, Tap};
use super::http::{self, NoMore, Wire};
use crate::client::pki::Shown;
use crate::journal::{TillEvent, Whose};
use crate::probe::facts;

/// How long a till may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Takes it from its first byte to its end, and journals both.
pub(super) async fn serve(inner: Arc<Inner>, tcp: TcpStream) {
    let _ = tcp.set_nodelay(true);
    let connection = inner.numbers.connection();
    inner.record(TillEvent::Accepted {
        connection,
        at: inner.at.clone(),
    });
    let mut changes = inner.changes.subscribe();
    let now = *changes.borrow_and_update();
    if !now.is_multiple_of(2) {
        // It was taken in the moment in which the terminal went away.
        http::reset(&tcp);
        return inner.record(TillEvent::Ended {
            connection,
            by: Whose::Suite,
            how: "the terminal is gone".into(),
        });
    }
    let how = tokio::select! {
        how = meet(&inner, connection, tcp) => how,
        // The sockets are dropped with the future that holds them.
        _ = changes.wait_for(|changes| *changes != now) => (Whose::Suite, "the terminal is gone".into()),
    };
    let (by, how) = how;
    inner.record(TillEvent::Ended {
        connection,
        by,
        how,
    });
}

type Ending = (Whose, String);

async fn meet(inner: &Arc<Inner>, connection: u64, tcp: TcpStream) -> Ending {
    let (mut shown, mut resets) = (Shown::Own, false);
    match inner.faults.strike(Moment::Connection, None) {
        Some(Fault::Refuse) => {
            http::reset(&tcp);
            return (Whose::Suite, "reset as soon as it was there".into());
        }
        Some(Fault::Plaintext) => return speak_plain(inner, connection, tcp).await,
        Some(Fault::Mute) => {
            let mut wire = Tap::new(tcp).0;
            return (Whose::Till, read_to_end(&mut wire).await);
        }
        Some(Fault::Show(other)) => shown = other,
        Some(Fault::ResetAfterHandshake) => resets = true,
        Some(Fault::Answer { .. }) | None => {}
    }
    let config = match inner.config(shown) {
        Ok(config) => config,
        Err(why) => return (Whose::Suite, why),
    };
    let (tap, first) = Tap::new(tcp);
    let accepted = timeout(HANDSHAKE, TlsAcceptor::from(config).accept(tap)).await;
    let bytes = first.bytes();
    heard(inner, connection, &bytes);
    let met = |certificate, refused, error| TillEvent::Met {
        connection,
        shown: shown.words().into(),
        certificate,
        refused,
        error,
    };
    let stream = match accepted {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            inner.record(met(None, None, Some(error.to_string())));
            return (Whose::Till, error.to_string());
        }
        Err(_) => {
            inner.record(met(None, None, Some("no handshake within 10 s".into())));
            return (Whose::Suite, "no handshake within 10 s".into());
        }
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map(|leaf| facts(leaf));
    let refused = inner.refuses(certificate.as_ref().map(|own| own.sha256.as_str()));
    inner.record(met(certificate, refused.clone(), None));
    let mut wire = Wire::new(stream);
    if resets {
        // The till has its part of the handshake, and may have written more.
        wire.let_through().await;
        wire.reset_at_once();
        return (Whose::Suite, "reset after the handshake".into());
    }
    loop {
        let raw = match wire.next().await {
            Ok(raw) => raw,
            Err(NoMore::Closed(how)) => return (Whose::Till, how),
            Err(NoMore::Unlawful(why)) => return (Whose::Suite, why),
        };
        let exchange = inner.request(connection, &raw);
        if shown != Shown::Own {
            wire.reset_at_once();
            return (Whose::Suite, "a stranger has what it wanted".into());
        }
        if let Some(why) = &refused {
            let body = super::serve::refusal("certificate_not_acceptable", exchange);
            let _ = wire.write(&http::answer(403, &[], &body)).await;
            wire.close().await;
            return (Whose::Suite, why.clone());
        }
        match super::serve::serve(inner, wire, exchange, raw).await {
            Ok(still) => wire = still,
            Err(ending) => return ending,
        }
    }
}

async fn read_to_end(wire: &mut Tap) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut chunk = [0; 4096];
    loop {
        match wire.read(&mut chunk).await {
            Ok(0) => return "closed".into(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

/// Writes down what a till began with: a hello, or what is none.
fn heard(inner: &Inner, connection: u64, bytes: &[u8]) {
    match hello::read(bytes) {
        Some(hello) => inner.record(TillEvent::Hello { connection, hello }),
        None if bytes.first().is_some_and(|first| *first != 22) => {
            inner.plain(connection, bytes);
        }
        // Nothing, or a hello that was cut short.
        None => {}
    }
}

/// Plain HTTP where TLS was expected: what a till says to that is in the journal.
async fn speak_plain(inner: &Inner, connection: u64, tcp: TcpStream) -> Ending {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut tap, first) = Tap::new(tcp);
    let mut chunk = [0; 4096];
    let _ = timeout(HANDSHAKE, tap.read(&mut chunk)).await;
    let bytes = first.bytes();
    heard(inner, connection, &bytes);
    inner.record(TillEvent::Met {
        connection,
        shown: "plain HTTP".into(),
        certificate: None,
        refused: None,
        error: Some("the terminal speaks no TLS".into()),
    });
    let plain = http::answer(400, &[], "{\"error\":\"this is plain HTTP\"}");
    let _ = tap.write_all(&plain).await;
    let _ = tap.shutdown().await;
    let how = timeout(HANDSHAKE, read_to_end(&mut tap)).await;
    let bytes = first.bytes();
    if bytes.windows(4).any(|window| window == b"HTTP") {
        inner.plain(connection, &bytes);
    }
    (Whose::Till, how.unwrap_or_else(|_| "still open".into()))
}
