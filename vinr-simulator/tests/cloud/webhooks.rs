//! Webhooks as the merchant's server gets them, and believes them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac as _};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vinr_protocol::timing::WEBHOOK_RETRIES;
use vinr_protocol::webhook::{self, Mac, Refused};

use crate::api::{Api, PATIENCE};
use crate::shop::{A, Shop};

/// A merchant's server: it keeps what it gets, and answers as it was told.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    got: Vec<Webhook>,
    answers: VecDeque<StatusCode>,
    secrets: Vec<String>,
}

#[derive(Clone)]
struct Webhook {
    headers: HeaderMap,
    body: Bytes,
}

impl Webhook {
    /// As a merchant reads it: its signature, then its body.
    fn verified(&self, secret: &str) -> Result<Value, Refused> {
        let header = self.headers["vinr-signature"].to_str().unwrap();
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
        webhook::verify(&Sha, &[secret.as_bytes()], header, &self.body, now)?;
        Ok(serde_json::from_slice(&self.body).unwrap())
    }
}

/// HMAC-SHA256 by another hand than the cloud's.
struct Sha;

impl Mac for Sha {
    fn sign(&self, secret: &[u8], message: &[u8]) -> [u8; 32] {
        keyed(secret, message).finalize().into_bytes().into()
    }

    fn verify(&self, secret: &[u8], message: &[u8], tag: &[u8; 32]) -> bool {
        keyed(secret, message).verify_slice(tag).is_ok()
    }
}

fn keyed(secret: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message);
    mac
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::with(None).await
    }

    /// Over TLS, where there is an acceptor.
    async fn with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (shared, tls) = (shared.clone(), tls.clone());
                let service = service_fn(move |request| answer(shared.clone(), request));
                tokio::spawn(async move {
                    let http = http1::Builder::new();
                    // A client that does not trust us breaks off.
                    let _ = match tls {
                        None => http.serve_connection(TokioIo::new(tcp), service).await,
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(tls) => http.serve_connection(TokioIo::new(tls), service).await,
                            Err(_) => return,
                        },
                    };
                });
            }
        });
        Self { address, state }
    }

    /// Has the cloud send events here; gives the endpoint's id.
    pub(crate) async fn register(&self, api: &mut Api) -> String {
        let url = format!("http://{}/hooks", self.address);
        let said = api
            .post("/v1/webhook-endpoints", &json!({ "url": url }))
            .await;
        assert_eq!(said.status, 200, "{said:?}");
        let secret = said.body["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("whsec_"));
        self.state.lock().unwrap().secrets.push(secret);
        said.body["id"].as_str().unwrap().to_owned()
    }

    /// What the next webhooks are answered with; afterwards 200.
    fn answers(&self, with: impl IntoIterator<Item = u16>) {
        let with = with
            .into_iter()
            .map(|status| StatusCode::from_u16(status).unwrap());
        self.state.lock().unwrap().answers.extend(with);
    }

    fn secret(&self) -> String {
        self.state.lock().unwrap().secrets.last().unwrap().clone()
    }

    fn all(&self) -> Vec<Webhook> {
        self.state.lock().unwrap().got.clone()
    }

    /// How many there were so far.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().got.len()
    }

    /// All events so far, each signed.
    pub(crate) fn events(&self) -> Vec<Value> {
        let (all, secret) = (self.all(), self.secret());
        all.iter().map(|it| it.verified(&secret).unwrap()).collect()
    }

    /// Waits for so many, and gives them.
    async fn gets(&self, count: usize) -> Vec<Webhook> {
        let begun = std::time::Instant::now();
        loop {
            let all = self.all();
            if all.len() >= count {
                return all;
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {count}", all.len());
            tokio::task::yield_now().await;
        }
    }

    /// Waits for an event about a sale, signed, and gives it.
    pub(crate) async fn hears(&self, kind: &str, reference: &str) -> Value {
        let begun = std::time::Instant::now();
        loop {
            let events = self
                .all()
                .into_iter()
                .map(|it| it.verified(&self.secret()).unwrap());
            let fits = |event: &Value| {
                event["type"] == kind && event["data"]["object"]["reference"] == reference
            };
            if let Some(event) = events.into_iter().find(fits) {
                return event;
            }
            assert!(begun.elapsed() < PATIENCE, "{kind} of {reference}");
            tokio::task::yield_now().await;
        }
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut state = state.lock().unwrap();
    let headers = head.headers;
    state.got.push(Webhook { headers, body });
    let status = state.answers.pop_front().unwrap_or(StatusCode::OK);
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect()
}

// [EVT-1]
#[tokio::test]
async fn a_local_payment_fires_webhooks_that_the_secret_signed() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    receiver.register(&mut shop.api().await).await;
    let mut till = shop.till(A).await;
    let (paid, ()) = tokio::join!(till.pay(A, "order_1"), shop.present(A, "approved"));
    let event = receiver
        .hears("terminal_payment.completed", "order_1")
        .await;
    assert_eq!(
        event["data"]["object"], paid,
        "the payment as the till got it"
    );
    assert_eq!(
        event["data"]["object"]["metadata"]["connectionMode"],
        "local"
    );
    receiver.hears("terminal_payment.created", "order_1").await;
}

#[tokio::test]
async fn a_cancelled_payment_fires_cancelled() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    let mut api = shop.api().await;
    receiver.register(&mut api).await;
    let said = api.pay(&crate::shop::sale(A, "order_1"), "k1").await;
    shop.sees(A, "amount").await;
    api.cancel(said.body["id"].as_str().unwrap()).await;
    receiver
        .hears("terminal_payment.cancelled", "order_1")
        .await;
}

// [EVT-2]
#[tokio::test]
async fn what_is_not_acknowledged_comes_again_after_each_pause_with_the_same_id() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    receiver.register(&mut shop.api().await).await;
    // Every event of the payment, and then the last of them again and again.
    receiver.answers(std::iter::repeat_n(503, 6 * 8));
    let mut till = shop.till(A).await;
    let (_, ()) = tokio::join!(till.pay(A, "order_1"), shop.present(A, "approved"));
    receiver
        .hears("terminal_payment.completed", "order_1")
        .await;
    for (in_vain, pause) in (1..).zip(WEBHOOK_RETRIES) {
        shop.stands(|it| it.owed.iter().all(|(_, sent)| *sent == in_vain))
            .await;
        let before = receiver.all().len();
        let events = shop.cloud().standing().await.unwrap().owed.len();
        shop.cloud().advance(pause - Duration::from_secs(30));
        shop.cloud().standing().await.unwrap();
        assert_eq!(receiver.all().len(), before, "not before its time");
        shop.cloud().advance(Duration::from_secs(30));
        receiver.gets(before + events).await;
    }
    shop.stands(|it| it.owed.is_empty()).await;
    let secret = receiver.secret();
    let all: Vec<Value> = receiver
        .all()
        .iter()
        .map(|it| it.verified(&secret).unwrap())
        .collect();
    let completed: Vec<&Value> = all
        .iter()
        .filter(|it| it["type"] == "terminal_payment.completed")
        .collect();
    assert_eq!(completed.len(), 6);
    assert!(
        completed.iter().all(|it| it == &completed[0]),
        "the same event each time"
    );
}

// [EVT-2]
#[tokio::test]
async fn a_restart_of_the_cloud_loses_no_webhook() {
    let mut shop = Shop::open().await;
    let receiver = Receiver::start().await;
    receiver.register(&mut shop.api().await).await;
    receiver.answers(std::iter::repeat_n(500, 8));
    let mut till = shop.till(A).await;
    let (_, ()) = tokio::join!(till.pay(A, "order_1"), shop.present(A, "approved"));
    let first = receiver
        .hears("terminal_payment.completed", "order_1")
        .await;
    let owed = shop
        .stands(|it| !it.owed.is_empty() && it.owed.iter().all(|(_, sent)| *sent == 1))
        .await
        .owed;
    let before = receiver.all().len();
    shop.restart_cloud().await;
    let kept = shop.cloud().standing().await.unwrap().owed;
    assert_eq!(kept, owed);
    receiver.state.lock().unwrap().answers.clear();
    shop.cloud().advance(WEBHOOK_RETRIES[0]);
    let all = receiver.gets(before + owed.len()).await;
    let secret = receiver.secret();
    let again: Vec<Value> = all[before..]
        .iter()
        .map(|it| it.verified(&secret).unwrap())
        .collect();
    assert!(again.contains(&first), "{:?}", types(&again));
    shop.stands(|it| it.owed.is_empty()).await;
}

// [EVT-1]
#[tokio::test]
async fn a_payment_that_settled_while_the_cloud_was_away_fires_when_it_is_back() {
    let mut shop = Shop::open().await;
    let receiver = Receiver::start().await;
    receiver.register(&mut shop.api().await).await;
    let mut till = shop.till(A).await;
    let (paid, ()) = tokio::join!(till.pay(A, "order_1"), async {
        shop.sees(A, "amount").await;
        shop.cut_cloud().await;
        shop.present(A, "approved").await;
        shop.start_cloud().await;
    });
    assert!(
        ["completed", "processing"].contains(&paid["status"].as_str().unwrap()),
        "{paid}"
    );
    receiver
        .hears("terminal_payment.completed", "order_1")
        .await;
}

// [EVT-4]
#[tokio::test]
async fn while_a_secret_rotates_either_verifies() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    let mut api = shop.api().await;
    let id = receiver.register(&mut api).await;
    let old = receiver.secret();
    let path = format!("/v1/webhook-endpoints/{id}/rotate-secret");
    let said = api.ask(Method::POST, &path, None, None).await;
    let new = said.body["secret"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    let mut till = shop.till(A).await;
    let (_, ()) = tokio::join!(till.pay(A, "order_1"), shop.present(A, "approved"));
    let webhook = receiver.gets(1).await.remove(0);
    assert!(webhook.verified(&old).is_ok() && webhook.verified(&new).is_ok());
    shop.cloud().advance(Duration::from_secs(24 * 3600));
    let before = receiver.gets(2).await.len();
    shop.stands(|it| it.owed.is_empty()).await;
    let before = before.max(receiver.all().len());
    let (_, ()) = tokio::join!(till.pay(A, "order_2"), shop.present(A, "approved"));
    let webhook = receiver.gets(before + 1).await.remove(before);
    assert_eq!(webhook.verified(&old), Err(Refused::NotSigned));
    assert!(webhook.verified(&new).is_ok());
}

#[tokio::test]
async fn an_endpoint_is_listed_without_its_secret_until_it_is_removed() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    let mut api = shop.api().await;
    let id = receiver.register(&mut api).await;
    let list = api.get("/v1/webhook-endpoints").await.body;
    let url = format!("http://{}/hooks", receiver.address);
    let listed = json!([{ "id": id, "object": "webhook_endpoint", "url": url }]);
    assert_eq!(list, json!({ "object": "list", "data": listed }));
    let path = format!("/v1/webhook-endpoints/{id}");
    assert_eq!(api.ask(Method::DELETE, &path, None, None).await.status, 200);
    assert_eq!(
        api.get("/v1/webhook-endpoints").await.body["data"],
        json!([])
    );
    let again = api.ask(Method::DELETE, &path, None, None).await;
    assert_eq!(again.code(), (404, "not_found"));
}

/// A certificate for localhost that vouches for itself, as a file and as an acceptor.
fn self_signed(dir: &std::path::Path) -> (std::path::PathBuf, TlsAcceptor) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let file = dir.join("webhook-ca.pem");
    std::fs::write(&file, certificate.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (file, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn an_https_endpoint_gets_webhooks_where_its_ca_was_named_and_else_none() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, acceptor) = self_signed(dir.path());
    for trusts in [true, false] {
        let mut options = crate::shop::on_any_port();
        options.webhook_cas.extend(trusts.then(|| ca.clone()));
        let shop = Shop::with(options).await;
        let receiver = Receiver::with(Some(acceptor.clone())).await;
        let url = format!("https://localhost:{}/hooks", receiver.address.port());
        let body = json!({ "url": url });
        let said = shop.api().await.post("/v1/webhook-endpoints", &body).await;
        assert_eq!(said.status, 200, "{said:?}");
        let mut till = shop.till(A).await;
        let (_, ()) = tokio::join!(till.pay(A, "order_1"), shop.present(A, "approved"));
        match trusts {
            true => drop(receiver.gets(2).await),
            false => {
                shop.stands(|it| it.owed.len() >= 2 && it.owed.iter().all(|(_, sent)| *sent == 1))
                    .await;
                assert!(receiver.all().is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_webhook_goes_to_this_machine_only() {
    let shop = Shop::open().await;
    let body = json!({ "url": "https://shop.example/hooks" });
    let said = shop.api().await.post("/v1/webhook-endpoints", &body).await;
    assert_eq!(said.code(), (400, "invalid_field"));
    assert!(
        said.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("--webhooks-anywhere")
    );
}
