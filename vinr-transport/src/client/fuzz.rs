//! A door for the fuzz target: what a terminal may answer, read as a till reads it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use vinr_protocol::{PayRequest, Payment, PaymentList, Reference, TerminalId};

use super::peer::Peer;
use super::watch::{Noted, Watched};
use super::{CallError, Connection};

/// Asks for a payment and then for the attempts of its sale, where these bytes are all that comes back.
pub async fn answers(
    request: &PayRequest,
    reference: &Reference,
    terminal: TerminalId,
    bytes: &[u8],
) -> (
    Result<Payment, CallError>,
    Option<Result<PaymentList, CallError>>,
) {
    let (mut peer, ours) = duplex(1024 * 1024);
    let noted = Arc::new(Noted::default());
    let io = TokioIo::new(Watched::new(ours, noted.clone()));
    let (sender, driver) = http1::Builder::new()
        .max_buf_size(64 * 1024)
        .handshake::<_, Full<Bytes>>(io)
        .await
        .expect("nothing is read or written yet");
    let mut connection = Connection {
        sender: Ok(sender),
        noted,
        ended: tokio::sync::watch::channel(()).1,
        terminal,
        host: HeaderValue::from_static("term_1:8443"),
        addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
        peer: Peer::Anybody,
    };
    let terminal = async {
        let mut asked = [0; 16 * 1024];
        // However it ends, the till sees it.
        let _ = peer.read(&mut asked).await;
        let _ = peer.write_all(bytes).await;
        let _ = peer.shutdown().await;
    };
    let till = async {
        let paid = match connection.pay(request, None).await {
            Ok(accepted) => accepted.outcome().await,
            Err(error) => Err(error),
        };
        let listed = match connection.is_ready() {
            true => Some(connection.payments(reference).await),
            false => None,
        };
        drop(connection);
        (paid, listed)
    };
    let (_, _, told) = tokio::join!(terminal, driver, till);
    told
}
