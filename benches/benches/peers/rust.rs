//! Who pays in this process.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use vinr_benches::floor::client_config;
use vinr_benches::shop::Failure;
use vinr_benches::{by_hand, plain};
use vinr_protocol::payment::Status;
use vinr_protocol::{Amount, AttemptKey, Currency, PayRequest, Payment, TerminalId};
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{CreateLocal, Lines, PaymentResult, Vinr};
use vinr_transport::{Connection, Connector, Identity, TrustBundle};

use crate::Shop;
use crate::table::{Client, Took};

/// What every till does: no thread but its own.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Numbers the sales of one client.
struct Sales(&'static str, u64);

impl Sales {
    fn next(&mut self) -> String {
        self.1 += 1;
        format!("{}_{}", self.0, self.1)
    }
}

fn completed(body: &[u8]) -> Result<(), Failure> {
    let payment: Payment = serde_json::from_slice(body)?;
    match payment.status {
        Status::Completed => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// HTTP/1.1 by hand over blocking rustls.
pub(crate) struct ByHand {
    dialler: by_hand::Dialler,
    line: Option<by_hand::Line>,
    is_kept: bool,
    sales: Sales,
}

impl ByHand {
    pub(crate) fn new(shop: &Shop, is_kept: bool) -> Result<Self, Failure> {
        Ok(Self {
            dialler: by_hand::Dialler::new(&shop.pki, &shop.terminal, shop.quick)?,
            line: None,
            is_kept,
            sales: Sales("by_hand", 0),
        })
    }
}

impl Client for ByHand {
    fn pay(&mut self) -> Result<Took, Failure> {
        let sale = self.sales.next();
        let begun = Instant::now();
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.dialler.dial()?,
        };
        let answer = line.ask(&sale)?;
        let head = begun.elapsed();
        completed(&answer.body()?)?;
        let whole = begun.elapsed();
        self.line = self.is_kept.then_some(line);
        Ok(Took { head, whole })
    }
}

/// hyper as it comes.
pub(crate) struct Hyper {
    runtime: Runtime,
    dialler: plain::Dialler,
    line: Option<plain::Line>,
    is_kept: bool,
    sales: Sales,
}

impl Hyper {
    pub(crate) fn new(shop: &Shop, is_kept: bool) -> Result<Self, Failure> {
        Ok(Self {
            runtime: runtime()?,
            dialler: plain::Dialler::new(&shop.pki, &shop.terminal, shop.quick)?,
            line: None,
            is_kept,
            sales: Sales("hyper", 0),
        })
    }
}

impl Client for Hyper {
    fn pay(&mut self) -> Result<Took, Failure> {
        let sale = self.sales.next();
        self.runtime.block_on(async {
            let begun = Instant::now();
            let mut line = match self.line.take() {
                Some(line) => line,
                None => self.dialler.dial().await?,
            };
            let answer = line.ask(&sale).await?;
            let head = begun.elapsed();
            completed(&plain::body(answer).await?)?;
            let whole = begun.elapsed();
            self.line = self.is_kept.then_some(line);
            Ok(Took { head, whole })
        })
    }
}

/// reqwest over the same rustls.
pub(crate) struct Reqwest {
    runtime: Runtime,
    tls: rustls::ClientConfig,
    at: SocketAddr,
    terminal: TerminalId,
    kept: Option<reqwest::Client>,
    is_kept: bool,
    sales: Sales,
}

impl Reqwest {
    pub(crate) fn new(shop: &Shop, is_kept: bool) -> Result<Self, Failure> {
        Ok(Self {
            runtime: runtime()?,
            tls: client_config(&shop.pki)?.as_ref().clone(),
            at: shop.quick,
            terminal: shop.terminal.clone(),
            kept: None,
            is_kept,
            sales: Sales("reqwest", 0),
        })
    }

    fn client(&self) -> Result<reqwest::Client, Failure> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .resolve(self.terminal.as_str(), self.at)
            .no_proxy();
        Ok(builder.build()?)
    }
}

impl Client for Reqwest {
    fn pay(&mut self) -> Result<Took, Failure> {
        let sale = self.sales.next();
        let client = match self.kept.take() {
            Some(client) => client,
            None => self.client()?,
        };
        let terminal = &self.terminal;
        let url = format!("https://{terminal}:{}/v1/pay", self.at.port());
        self.runtime.block_on(async {
            let begun = Instant::now();
            let body = format!(
                r#"{{"terminalId":"{terminal}","amount":2500,"currency":"USD","reference":"{sale}"}}"#
            );
            let request = client
                .post(&url)
                .header("content-type", "application/json")
                .header("idempotency-key", &sale)
                .body(body);
            let answer = request.send().await?.error_for_status()?;
            let head = begun.elapsed();
            completed(&answer.bytes().await?)?;
            let whole = begun.elapsed();
            self.kept = self.is_kept.then_some(client);
            Ok(Took { head, whole })
        })
    }
}

/// Our wire, without what the SDK does around it.
pub(crate) struct OurWire {
    runtime: Runtime,
    connector: Connector,
    request: PayRequest,
    at: SocketAddr,
    line: Option<Connection>,
    is_kept: bool,
    sales: Sales,
}

impl OurWire {
    pub(crate) fn new(shop: &Shop, at: SocketAddr, is_kept: bool) -> Result<Self, Failure> {
        let pos = Identity::from_pem_files(shop.pki.pos_cert(), shop.pki.pos_key())?;
        let ca = TrustBundle::from_pem_file(shop.pki.terminal_ca())?;
        let amount = Amount::new(2500)?;
        let sale = "wire".parse()?;
        Ok(Self {
            runtime: runtime()?,
            connector: Connector::new(ca, pos)?,
            request: PayRequest::new(shop.terminal.clone(), amount, Currency::USD, sale),
            at,
            line: None,
            is_kept,
            sales: Sales("wire", 0),
        })
    }
}

impl Client for OurWire {
    fn pay(&mut self) -> Result<Took, Failure> {
        let sale = self.sales.next();
        self.request.reference = sale.parse()?;
        let key = AttemptKey::new(&sale)?;
        self.runtime.block_on(async {
            let begun = Instant::now();
            let mut line = match self.line.take() {
                Some(line) => line,
                None => {
                    let terminal = &self.request.terminal_id;
                    self.connector.connect(self.at, terminal).await?
                }
            };
            let accepted = line.pay(&self.request, Some(&key)).await?;
            let head = begun.elapsed();
            accepted.outcome().await?;
            let whole = begun.elapsed();
            self.line = self.is_kept.then_some(line);
            Ok(Took { head, whole })
        })
    }
}

/// A customer leaves before the next one pays; until then what became of the last attempt is written down as well.
const BETWEEN: Duration = Duration::from_millis(2);

/// Where the SDK keeps its attempts.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kept {
    InMemory,
    OnDisk,
}

/// The SDK.
pub(crate) struct Till {
    runtime: Runtime,
    vinr: Vinr,
    terminal: TerminalId,
    kept: Kept,
    sales: Sales,
}

impl Till {
    pub(crate) fn new(
        shop: &Shop,
        at: SocketAddr,
        kept: Kept,
        lines: Lines,
    ) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let pos = Identity::from_pem_files(shop.pki.pos_cert(), shop.pki.pos_key())?;
        let builder = Vinr::builder()
            .terminal_ca(TrustBundle::from_pem_file(shop.pki.terminal_ca())?)
            .identity(pos)
            .lines(lines)
            .terminal(shop.terminal.as_str(), at);
        let builder = match kept {
            Kept::InMemory => builder.store(MemoryStore::new()),
            Kept::OnDisk => {
                let own = tempfile::tempdir_in(shop.dir.path())?.keep();
                builder.store_dir(own.join("attempts"))
            }
        };
        Ok(Self {
            vinr: runtime.block_on(async { builder.build() })?,
            runtime,
            terminal: shop.terminal.clone(),
            kept,
            sales: Sales("sdk", 0),
        })
    }
}

impl Client for Till {
    fn pay(&mut self) -> Result<Took, Failure> {
        if self.kept == Kept::OnDisk {
            let next = Instant::now() + BETWEEN;
            // Whoever sleeps finds everything cold.
            while Instant::now() < next {
                std::hint::spin_loop();
            }
        }
        let reference = self.sales.next();
        let sale = CreateLocal {
            reader_id: self.terminal.as_str(),
            amount: 2500,
            currency: "USD",
            reference: &reference,
            ..CreateLocal::default()
        };
        let before = self.vinr.counters().activation;
        let begun = Instant::now();
        let paid = self.vinr.payments().create_local(sale);
        let paid = self.runtime.block_on(paid)?;
        let whole = begun.elapsed();
        // Its own word on when the head was there: from the moment when it asked for a line.
        let after = self.vinr.counters().activation;
        let head = Duration::from_micros(after.total_us - before.total_us);
        match paid {
            PaymentResult::Completed(_) => Ok(Took { head, whole }),
            other => Err(format!("{other:?}").into()),
        }
    }
}
