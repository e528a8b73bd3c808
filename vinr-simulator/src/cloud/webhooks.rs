//! Sending webhooks: signed, once, with 5 s for a 2xx. When again is the outbox's rule. \[EVT-2\]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use vinr_protocol::cloud::WebhookSecret;
use vinr_protocol::cloud::outbox::{Delivery, Receipt};
use vinr_protocol::timing::WEBHOOK_ACKNOWLEDGED_WITHIN;
use vinr_protocol::webhook::{self, Event, Mac, SIGNATURE_HEADER};

use super::desk::Message;
use super::tls::{self, TlsError};
use crate::defect::{Defects, Mail};

/// At one time; the others wait their turn.
const AT_ONCE: usize = 16;

/// Where webhooks may go. A sandbox stands on a LAN that need not be knocked at by whoever has its key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// To this machine.
    #[default]
    Loopback,
    /// To any.
    Anywhere,
}

/// The sender.
#[derive(Debug, Clone)]
pub(super) struct Webhooks {
    reach: Reach,
    within: Duration,
    tls: Quiet,
    places: Arc<Semaphore>,
    mail: Mail,
    desk: mpsc::UnboundedSender<Message>,
}

impl Webhooks {
    /// An `https` endpoint must have a certificate of one of these CAs.
    pub(super) fn new(
        reach: Reach,
        cas: &[PathBuf],
        desk: mpsc::UnboundedSender<Message>,
    ) -> Result<Self, TlsError> {
        let cas: Vec<&std::path::Path> = cas.iter().map(PathBuf::as_path).collect();
        let config = tls::client(tls::roots(&cas)?).with_no_client_auth();
        Ok(Self {
            reach,
            within: WEBHOOK_ACKNOWLEDGED_WITHIN,
            tls: Quiet(TlsConnector::from(Arc::new(config))),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            mail: Mail::default(),
            desk,
        })
    }

    /// Breaks promises.
    pub(super) fn broken(mut self, defects: Defects) -> Self {
        self.mail = Mail::new(defects);
        self
    }

    /// May events be sent there? Names are resolved when one is sent, and asked again.
    pub(super) fn may_send_to(&self, url: &str) -> Result<(), String> {
        let place = Place::of(url)?;
        let is_here = match place.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => place.host.eq_ignore_ascii_case("localhost"),
        };
        if is_here || self.reach == Reach::Anywhere {
            return Ok(());
        }
        Err("webhooks are sent to this machine only (localhost, 127.0.0.1, [::1]); start the cloud with --webhooks-anywhere to send them elsewhere".into())
    }

    /// Sends it in a task of its own, and tells the desk what became of it.
    pub(super) fn send(
        &self,
        delivery: Delivery,
        url: String,
        secrets: Vec<WebhookSecret>,
        event: Arc<Event>,
    ) {
        let this = self.clone();
        tokio::spawn(async move {
            let _place = this.places.acquire().await;
            let sent = timeout(this.within, this.try_send(&url, &secrets, &event)).await;
            let receipt = match sent {
                Ok(Ok(status)) if status.is_success() => Receipt::Acknowledged,
                Ok(Ok(status)) => missing(&delivery, &format!("it answered {status}")),
                Ok(Err(error)) => missing(&delivery, &error.to_string()),
                Err(_) => missing(&delivery, "it did not answer within 5 s"),
            };
            let _ = this.desk.send(Message::Sent(delivery, receipt));
        });
    }

    async fn try_send(
        &self,
        url: &str,
        secrets: &[WebhookSecret],
        event: &Event,
    ) -> io::Result<http::StatusCode> {
        let place = Place::of(url).map_err(io::Error::other)?;
        let resolved = lookup_host((place.host.as_str(), place.port)).await?;
        let may = |it: &SocketAddr| self.reach == Reach::Anywhere || it.ip().is_loopback();
        let addresses: Vec<SocketAddr> = resolved.filter(may).collect();
        if addresses.is_empty() {
            return Err(io::Error::other("its name is not one of this machine"));
        }
        let tcp = TcpStream::connect(addresses.as_slice()).await?;
        tcp.set_nodelay(true)?;
        if self.mail.swallows(event) {
            return Ok(http::StatusCode::OK);
        }
        let request = signed(&place, &self.mail.secrets(secrets), &self.mail.bend(event))?;
        match &place.tls {
            None => exchange(tcp, request).await,
            Some(name) => exchange(self.tls.0.connect(name.clone(), tcp).await?, request).await,
        }
    }
}

fn missing(delivery: &Delivery, why: &str) -> Receipt {
    tracing::info!(event = %delivery.event, endpoint = %delivery.endpoint, why, "a webhook was not acknowledged");
    Receipt::Missing
}

/// Signed with the date of this very sending: a retry a day later is not too old.
fn signed(
    place: &Place,
    secrets: &[WebhookSecret],
    event: &Event,
) -> io::Result<Request<Full<Bytes>>> {
    let body = serde_json::to_vec(event)?;
    let secrets: Vec<&[u8]> = secrets.iter().map(|it| it.expose().as_bytes()).collect();
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let signature = webhook::sign(&HmacSha256, &secrets, now, &body);
    Request::post(&place.path)
        .header(HOST, &place.authority)
        .header(CONTENT_TYPE, "application/json")
        .header(
            USER_AGENT,
            concat!("vinr-simulator/", env!("CARGO_PKG_VERSION")),
        )
        .header(SIGNATURE_HEADER, signature)
        .body(Full::from(body))
        .map_err(io::Error::other)
}

/// The status is all that counts; a redirection is none that was asked for.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> io::Result<http::StatusCode> {
    let (mut sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let asked = async {
        let response = sender.send_request(request).await;
        response.map(|it| it.status()).map_err(io::Error::other)
    };
    // An answer may come together with its connection's end, and counts: whoever asked says whether there is one.
    let served = async {
        let _ = connection.await;
        std::future::pending::<std::convert::Infallible>().await
    };
    tokio::select! {
        status = asked => status,
        never = served => match never {},
    }
}

/// A URL, taken apart.
struct Place {
    host: String,
    port: u16,
    authority: String,
    path: String,
    /// The name to verify, for `https`.
    tls: Option<ServerName<'static>>,
}

impl Place {
    fn of(url: &str) -> Result<Self, String> {
        let wrong = || "url is http:// or https://, a host, and a path".to_owned();
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        // What stands before an @ would be sent to nobody, and misleads whoever reads the URL.
        let has_bad_port = authority.port_u16().is_none() && authority.as_str() != authority.host();
        if authority.as_str().contains('@') || has_bad_port {
            return Err(wrong());
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
                (443, Some(name))
            }
            _ => return Err(wrong()),
        };
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(port),
            authority: authority.to_string(),
            path: uri
                .path_and_query()
                .map_or("/", |it| it.as_str())
                .to_owned(),
            tls,
        })
    }
}

/// The one crypto stack, for the signature's rule.
pub(crate) struct HmacSha256;

impl Mac for HmacSha256 {
    fn sign(&self, secret: &[u8], message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    fn verify(&self, secret: &[u8], message: &[u8], tag: &[u8; 32]) -> bool {
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, tag).is_ok()
    }
}

/// A connector that `Debug` can print.
#[derive(Clone)]
struct Quiet(TlsConnector);

impl std::fmt::Debug for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhooks(reach: Reach) -> Webhooks {
        Webhooks::new(reach, &[], mpsc::unbounded_channel().0).unwrap()
    }

    #[test]
    fn webhooks_go_to_this_machine_unless_somebody_said_anywhere() {
        for (url, is_here) in [
            ("http://127.0.0.1:9000/hooks", true),
            ("http://[::1]:9000/", true),
            ("https://localhost/a?b=c", true),
            ("http://192.168.1.9/", false),
            ("http://localhost.example/", false),
        ] {
            assert_eq!(
                webhooks(Reach::Loopback).may_send_to(url).is_ok(),
                is_here,
                "{url}"
            );
            assert!(webhooks(Reach::Anywhere).may_send_to(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for wrong in [
            "http://",
            "http:///a",
            "http://a@127.0.0.1/",
            "https://-/",
            "http://127.0.0.1:99999/",
        ] {
            assert!(
                webhooks(Reach::Anywhere).may_send_to(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    // [EVT-2]
    #[test]
    fn our_hmac_is_that_of_rfc_4231() {
        // Test case 2: key "Jefe", data "what do ya want for nothing?".
        let tag = HmacSha256.sign(b"Jefe", b"what do ya want for nothing?");
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(HmacSha256.verify(b"Jefe", b"what do ya want for nothing?", &tag));
        assert!(!HmacSha256.verify(b"jefe", b"what do ya want for nothing?", &tag));
    }
}
