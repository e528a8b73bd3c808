//! `GET /v1/reader` at a terminal that proved who it is, as the till: the only thing that is ever sent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::client::TlsStream;
use vinr_protocol::TerminalId;
use vinr_protocol::error_body::ErrorEnvelope;

use super::tls::{Failed, Strict, config, shake_hands};
use super::{alert, dial, files};
use crate::doctor::seen::{Answered, Dialled, Talk};
use crate::probe::{read_head, read_whole};

/// The largest answer that is read.
const ANSWER_MAX: usize = 64 * 1024;

/// Nothing without a CA bundle and an identity.
pub(super) async fn ask(
    address: SocketAddr,
    terminal: &TerminalId,
    files: &files::Read,
    within: Duration,
) -> Option<Talk> {
    let bundle = files.bundle.as_ref().ok()?.clone();
    let own = files.identity.as_ref().ok()?;
    let mut talk = Talk {
        dial: Duration::ZERO,
        handshake: Duration::ZERO,
        first_byte: None,
        asked_for_ours: false,
        date: None,
        answered: Answered::NotAgain("it was not tried".into()),
    };
    let tcp = match dial::dial(address, within).await {
        (Dialled::Connected(after), Some(tcp)) => {
            talk.dial = after;
            tcp
        }
        (outcome, _) => {
            talk.answered = Answered::NotAgain(format!("{outcome:?}"));
            return Some(talk);
        }
    };
    let verifier = Strict {
        bundle,
        terminal: terminal.clone(),
    };
    let offer = Arc::new(Offer {
        own: Arc::new(own.identity.certified_key()),
        asked: AtomicBool::new(false),
    });
    let config = config(Arc::new(verifier)).with_client_cert_resolver(offer.clone());
    let begun = Instant::now();
    let shaken = shake_hands(config, address, tcp, within).await;
    talk.handshake = begun.elapsed();
    talk.asked_for_ours = offer.asked.load(Ordering::Relaxed);
    match shaken {
        Ok(stream) => exchange(stream, terminal, within, &mut talk).await,
        Err(Failed::Silent) => talk.answered = Answered::NotAgain("it fell silent".into()),
        Err(Failed::Io(error)) => talk.answered = refused(&error),
    }
    Some(talk)
}

fn refused(error: &io::Error) -> Answered {
    use rustls::{CertificateError, Error};
    if let Some((number, name)) = alert::received(error) {
        return Answered::Alert(number, name);
    }
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            Answered::OtherCertificate
        }
        Some(Error::InvalidCertificate(_)) => Answered::NoKey,
        _ => Answered::NotAgain(error.to_string()),
    }
}

async fn exchange(
    mut stream: TlsStream<TcpStream>,
    terminal: &TerminalId,
    within: Duration,
    talk: &mut Talk,
) {
    let question =
        format!("GET /v1/reader HTTP/1.1\r\nhost: {terminal}\r\nconnection: close\r\n\r\n");
    let asked = Instant::now();
    let end = tokio::time::Instant::now() + within;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let talking = async {
        stream.write_all(question.as_bytes()).await?;
        stream.flush().await?;
        loop {
            let count = stream.read(&mut buffer).await?;
            if count > 0 && answer.is_empty() {
                talk.first_byte = Some(asked.elapsed());
            }
            answer.extend_from_slice(&buffer[..count]);
            if count == 0 || read_whole(&answer).is_ok() || answer.len() > ANSWER_MAX {
                return io::Result::Ok(());
            }
        }
    };
    let talked = timeout_at(end, talking).await;
    let arrived = jiff::Timestamp::now();
    if let Ok(Some((_, head))) = read_head(&answer) {
        let date = head.value("date").map(str::to_owned);
        talk.date = date.map(|date| (date, arrived));
    }
    talk.answered = match (read_whole(&answer), talked) {
        (Ok(whole), _) => answered(whole.status, &whole.body),
        (Err(_), Err(_)) => Answered::Silent(within),
        (Err(_), Ok(Err(error))) => match alert::received(&error) {
            Some((number, name)) => Answered::Alert(number, name),
            None => Answered::Closed(error.to_string()),
        },
        (Err(_), Ok(Ok(()))) if answer.is_empty() => {
            Answered::Closed("the connection ended".into())
        }
        (Err(why), Ok(Ok(()))) => Answered::NotOurs(why),
    };
}

fn answered(status: u16, body: &[u8]) -> Answered {
    if status == 200 {
        return match serde_json::from_slice(body) {
            Ok(reader) => Answered::Reader(Box::new(reader)),
            Err(error) => Answered::NotOurs(format!("not a reader: {error}")),
        };
    }
    match serde_json::from_slice::<ErrorEnvelope>(body) {
        Ok(ErrorEnvelope { error }) => {
            Answered::Refused(status, error.code.as_str().to_owned(), error.message)
        }
        Err(_) => Answered::NotOurs(format!("status {status} without an error object")),
    }
}

/// Notes that the till's certificate was asked for, and shows it.
#[derive(Debug)]
struct Offer {
    own: Arc<CertifiedKey>,
    asked: AtomicBool,
}

impl ResolvesClientCert for Offer {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        Some(self.own.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
