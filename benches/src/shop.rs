//! The subjects: our client against our server, with and without the journal of a terminal.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, oneshot};
use vinr_protocol::device::Model;
use vinr_protocol::{Amount, AttemptKey, CancelRequest, Currency, PayRequest, TerminalId};
use vinr_simulator::Simulator;
use vinr_simulator::cardholder::Script;
use vinr_simulator::provision::Pki;
use vinr_transport::client::{Connection, Connector};
use vinr_transport::identity::Identity;
use vinr_transport::server::{Aborted, Handler, Limits, Reply, Request, Server, ServerOptions};
use vinr_transport::trust::TrustBundle;

use crate::floor::Floor;
use crate::{cores, counter};

/// What goes wrong in a bench ends it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A simulated terminal with its journal, and a bare server that accepts everything at once.
#[derive(Debug)]
pub struct Shop {
    /// The servers' threads, apart from the client's.
    _servers: Runtime,
    simulator: Arc<Simulator>,
    _bare: Server,
    /// The identities.
    pub pki: Pki,
    /// Where everything is kept.
    pub dir: TempDir,
    /// The one terminal.
    pub terminal: TerminalId,
    durable_at: SocketAddr,
    bare_at: SocketAddr,
}

impl Shop {
    /// Opens it.
    pub fn open() -> Result<Self, Failure> {
        let servers = Runtime::new()?;
        let dir = tempfile::tempdir()?;
        let terminal = TerminalId::new("term_BENCH_1")?;
        let (simulator, bare) = servers.block_on(async {
            let simulator = Simulator::builder(dir.path())
                .terminal(terminal.clone(), Model::NexgoCt20)
                .cardholder(Script::by_hand())
                .start()
                .await?;
            let bare = serve(simulator.pki(), &terminal, Bare::new(&terminal)).await?;
            Ok::<_, Failure>((simulator, bare))
        })?;
        Ok(Self {
            pki: simulator.pki().clone(),
            durable_at: simulator.terminal().address(),
            bare_at: bare.local_addr(),
            _servers: servers,
            simulator: Arc::new(simulator),
            _bare: bare,
            dir,
            terminal,
        })
    }

    /// Opens it with the floor beside it, on the terminal's core.
    pub fn open_beside_floor() -> Result<(Self, Floor), Failure> {
        cores::terminal(|| {
            let shop = Self::open()?;
            let floor = Floor::start(&shop.pki, &shop.terminal)?;
            Ok((shop, floor))
        })
    }

    /// A till at the terminal with its journal.
    pub fn durable(&self) -> Result<Till, Failure> {
        let till = Till::new(self, self.durable_at)?;
        let simulator = Some(self.simulator.clone());
        Ok(Till { simulator, ..till })
    }

    /// A till at the bare server.
    pub fn bare(&self) -> Result<Till, Failure> {
        Till::new(self, self.bare_at)
    }

    /// The same, at the end of a [long wire](crate::relay).
    pub fn far_away(&self) -> Result<Till, Failure> {
        Till::new(self, crate::relay::start(self.bare_at)?)
    }
}

/// A server with the terminal's certificate, on a free port of the loopback.
pub async fn serve<H: Handler>(
    pki: &Pki,
    terminal: &TerminalId,
    handler: H,
) -> Result<Server, Failure> {
    serve_many(pki, terminal, handler, Limits::default().connections).await
}

/// The same for so many connections, all of them from one address.
pub async fn serve_many<H: Handler>(
    pki: &Pki,
    terminal: &TerminalId,
    handler: H,
    connections: usize,
) -> Result<Server, Failure> {
    let options = ServerOptions {
        terminal: terminal.clone(),
        identity: Identity::from_pem_files(
            pki.terminal_cert(terminal),
            pki.terminal_key(terminal),
        )?,
        pos_ca: TrustBundle::from_pem_file(pki.pos_ca())?,
        limits: limits(connections),
        crl: None,
    };
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(Server::bind(any, options, Arc::new(handler)).await?)
}

/// A terminal's, but as many handshakes in a second as there come: here one till connects as fast as it can.
fn limits(connections: usize) -> Limits {
    let mut limits = Limits::default();
    if connections > limits.connections {
        limits.connections = connections;
        limits.connections_per_address = connections;
    }
    limits.handshakes_per_second = u32::MAX;
    limits.handshakes_per_second_per_address = u32::MAX;
    limits
}

/// Sends every head at once; a cancel ends the body. What it answers is a payment in form only.
struct Bare {
    terminal: TerminalId,
    held: Mutex<Option<oneshot::Sender<Result<Bytes, Aborted>>>>,
}

const CANCELLED: &str = r#"{"id":"tpay_1","object":"terminal_payment","terminalId":"term_BENCH_1","amount":2500,
"currency":"USD","reference":"bench","status":"cancelled","createdAt":"2026-05-31T14:23:00.000Z"}"#;

impl Bare {
    fn new(terminal: &TerminalId) -> Self {
        let (terminal, held) = (terminal.clone(), Mutex::default());
        Self { terminal, held }
    }
}

impl Handler for Bare {
    async fn handle(&self, request: Request) -> Reply {
        if request.path == "/v1/reader" {
            return Reply::full(http::StatusCode::OK, counter::reader(&self.terminal));
        }
        if request.path != "/v1/pay" {
            if let Some(held) = self.held.lock().await.take() {
                // A till that hung up needs no body.
                let _ = held.send(Ok(Bytes::from_static(CANCELLED.as_bytes())));
            }
            return Reply::full(http::StatusCode::OK, "{}");
        }
        let (sender, body) = oneshot::channel();
        *self.held.lock().await = Some(sender);
        Reply::held(HeaderMap::new(), body)
    }
}

/// A till that lights the screen and gives up, over and over. Only the lighting is timed.
#[derive(Debug)]
pub struct Till {
    runtime: Runtime,
    connector: Connector,
    at: SocketAddr,
    request: PayRequest,
    pay: Option<Connection>,
    cancel: Connection,
    count: u64,
    /// Whose screen is looked at.
    simulator: Option<Arc<Simulator>>,
    /// From the last call to its lit screen, where there is one.
    lit: Option<Duration>,
}

impl Till {
    fn new(shop: &Shop, at: SocketAddr) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let pos = Identity::from_pem_files(shop.pki.pos_cert(), shop.pki.pos_key())?;
        let connector = Connector::new(TrustBundle::from_pem_file(shop.pki.terminal_ca())?, pos)?;
        let cancel = runtime.block_on(connector.connect(at, &shop.terminal))?;
        let amount = Amount::new(2500)?;
        let request = PayRequest::new(
            shop.terminal.clone(),
            amount,
            Currency::USD,
            "bench".parse()?,
        );
        Ok(Self {
            runtime,
            connector,
            at,
            request,
            pay: None,
            cancel,
            count: 0,
            simulator: None,
            lit: None,
        })
    }

    /// From the call to the lit screen, on a connection that is open.
    pub fn lit(&mut self) -> Result<Duration, Failure> {
        self.warm()?;
        self.lit.ok_or_else(|| "nobody has a screen there".into())
    }

    /// From the call to the head, on a connection that is open.
    pub fn warm(&mut self) -> Result<Duration, Failure> {
        if self.pay.is_none() {
            self.cold()?;
        }
        self.activate()
    }

    /// From nothing to the head: dial, handshake, request.
    pub fn cold(&mut self) -> Result<Duration, Failure> {
        self.pay = None;
        self.activate()
    }

    /// Opens a line and asks who is there, so that the next payment is the first one on it.
    pub fn prime(&mut self) -> Result<(), Failure> {
        self.pay = Some(self.runtime.block_on(async {
            let connect = self.connector.connect(self.at, &self.request.terminal_id);
            let mut connection = connect.await?;
            connection.reader().await?;
            Ok::<_, Failure>(connection)
        })?);
        Ok(())
    }

    fn activate(&mut self) -> Result<Duration, Failure> {
        self.count += 1;
        self.request.reference = format!("bench_{}", self.count).parse()?;
        let key = AttemptKey::new(&self.count.to_string())?;
        let cancel = CancelRequest {
            terminal_id: self.request.terminal_id.clone(),
            reference: self.request.reference.clone(),
            attempt_key: None,
        };
        self.runtime.block_on(async {
            let start = Instant::now();
            let mut connection = match self.pay.take() {
                Some(connection) => connection,
                None => {
                    self.connector
                        .connect(self.at, &self.request.terminal_id)
                        .await?
                }
            };
            let accepted = connection.pay(&self.request, Some(&key)).await?;
            let took = start.elapsed();
            let screen = self.simulator.as_ref().map(|it| it.terminal().screen());
            self.lit = screen.map(|it| it.lit.duration_since(start));
            // The bare server's answer to this is no cancellation; the payment's body ends all the same.
            let _ = self.cancel.cancel(&cancel).await;
            accepted.outcome().await?;
            self.pay = Some(connection);
            Ok(took)
        })
    }
}
