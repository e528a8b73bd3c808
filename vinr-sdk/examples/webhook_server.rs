//! A merchant's server that reads webhooks.
//!
//! ```text
//! cargo run -p vinr-sdk --example webhook_server
//! VINR_WEBHOOK_SECRET=whsec_… cargo run -p vinr-sdk --example webhook_server -- 127.0.0.1:9000
//! ```
//!
//! Without an address it shows itself: it starts a terminal and a sandbox cloud, registers there, takes one payment over
//! the LAN, and ends when the payment's `completed` arrived. With an address it serves until it is stopped.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use vinr_protocol::device::Model;
use vinr_sdk::webhooks::{Event, EventType, SIGNATURE_HEADER, WebhookSecret, construct_event};
use vinr_sdk::{Cloud, CreateLocal, SecretKey, TerminalId, Vinr};
use vinr_simulator::Simulator;

const READER: &str = "term_CT20_0042";

#[tokio::main]
async fn main() -> ExitCode {
    let ran = match std::env::args().nth(1) {
        Some(address) => serve(address).await,
        None => run().await,
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: String) -> anyhow::Result<()> {
    let secret = std::env::var("VINR_WEBHOOK_SECRET").context("VINR_WEBHOOK_SECRET is not set")?;
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    let mut events = receive(listener, WebhookSecret::new(secret)?);
    while let Some(event) = events.recv().await {
        print(&event);
    }
    Ok(())
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let simulator = Simulator::builder(dir.path().join("vinr-local"))
        .terminal(TerminalId::new(READER)?, Model::NexgoCt20)
        .cloud(SocketAddr::from(([127, 0, 0, 1], 0)))
        .start()
        .await?;
    let (pki, sandbox) = (simulator.pki(), simulator.cloud().context("no cloud")?);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let key = SecretKey::from_file(pki.api_key())?;
    let cloud = Cloud::with_ca_file(&sandbox.url(), key, pki.cloud_ca())?;
    let endpoint = cloud.register_webhook(&url).await?;
    println!("registered {} for {url}", endpoint.id);
    let mut events = receive(listener, endpoint.secret);

    let till = Vinr::builder()
        .terminal_ca_file(pki.terminal_ca())?
        .identity_pem_files(pki.pos_cert(), pki.pos_key())?
        .store_dir(dir.path().join("till"))
        .terminal(READER, simulator.terminal().address())
        .build()?;
    let sale = CreateLocal {
        reader_id: READER,
        amount: 2500,
        currency: "USD",
        reference: "order_8821",
        ..CreateLocal::default()
    };
    println!(
        "the till: {}",
        till.payments().create_local(sale).await?.status
    );

    while let Some(event) = events.recv().await {
        print(&event);
        if event.kind == EventType::Completed {
            break;
        }
    }
    Ok(())
}

fn print(event: &Event) {
    let payment = &event.data.object;
    println!("{}: {}, {}", event.kind, payment.reference, payment.id);
}

/// Each event once, however often it comes. A shop keeps the ids that it has booked in its database.
fn receive(listener: TcpListener, secret: WebhookSecret) -> mpsc::Receiver<Event> {
    let (books, booked) = mpsc::channel(64);
    let server = Arc::new(Server {
        secret,
        seen: Mutex::default(),
        books,
    });
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let server = server.clone();
            let service = service_fn(move |request| answer(server.clone(), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
        }
    });
    booked
}

struct Server {
    secret: WebhookSecret,
    seen: Mutex<BTreeSet<String>>,
    books: mpsc::Sender<Event>,
}

async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let status = match read(request).await {
        Some((header, body)) => match construct_event(body, &header, &server.secret) {
            Ok(event) => book(&server, event).await,
            Err(error) => {
                eprintln!("refused: {error}");
                StatusCode::BAD_REQUEST
            }
        },
        None => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

/// The header and the body byte for byte, before any parser.
async fn read(request: Request<Incoming>) -> Option<(String, Bytes)> {
    let header = request
        .headers()
        .get(SIGNATURE_HEADER)?
        .to_str()
        .ok()?
        .to_owned();
    let body = Limited::new(request.into_body(), 64 * 1024).collect().await;
    Some((header, body.ok()?.to_bytes()))
}

async fn book(server: &Server, event: Event) -> StatusCode {
    let id = event.id.to_string();
    let is_new = match server.seen.lock() {
        Ok(mut seen) => seen.insert(id),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR,
    };
    // 200 only once it is booked: what is not acknowledged comes again.
    if is_new && server.books.send(event).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::OK
}
