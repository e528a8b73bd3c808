//! What a scenario remembers from step to step: a shop with its terminals, and the till that is judged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cucumber::gherkin::StepType;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;

use super::adapter::{Adapter, Program, Waiting};
use super::pki::{Authorities, Shown, TillIdentity};
use super::protocol::{Configure, Op, Sale};
use super::stage::{Booth, CloudDesk, Desk, Ear, Numbers, Of};
use super::veil::Veil;
use crate::journal::{Answered, Claim, Event, Journal, Said, TillClaim, TillEvent};
use crate::run::Staged;

/// How long an answer may take that needs no customer.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// How much longer than its deadline a till may take to say that nobody knows.
const SLACK: Duration = Duration::from_secs(20);

/// How long a till may take for a payment, where the scenario does not say.
const DEADLINE_MS: u64 = 180_000;

/// The pause between two looks at the journal.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What every scenario of a run shares.
pub(super) struct Shared {
    pub(super) program: Program,
    pub(super) authorities: Authorities,
    pub(super) numbers: Arc<Numbers>,
    pub(super) ops: Arc<AtomicU64>,
    pub(super) seed: u64,
    /// What the names of this run begin with: its moment, since others may be on the same network.
    pub(super) prefix: String,
    scenes: AtomicU64,
    /// Every secret that some till was given, by what it is.
    given: Mutex<Vec<(String, String)>>,
}

impl Shared {
    pub(super) fn new(program: Program, authorities: Authorities, seed: u64) -> Self {
        Self {
            program,
            authorities,
            numbers: Arc::default(),
            ops: Arc::default(),
            seed,
            prefix: format!("{:X}", jiff::Timestamp::now().as_millisecond()),
            scenes: AtomicU64::new(0),
            given: Mutex::default(),
        }
    }

    /// Every secret so far.
    pub(super) fn given(&self) -> Vec<(String, String)> {
        self.lock().clone()
    }

    fn gives(&self, veil: &Veil) {
        let all = veil
            .secrets()
            .map(|(what, text)| (what.to_owned(), text.to_owned()));
        self.lock().extend(all);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a till is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentityFiles {
    Both,
    P12,
    WrongPassphrase,
}

/// See the module.
pub(super) struct Scene {
    pub(super) shared: Arc<Shared>,
    journal: Journal,
    dir: tempfile::TempDir,
    veil: Veil,
    passphrase: String,
    wrong_passphrase: String,
    secret_key: String,
    pub(super) webhook_secret: String,
    /// Takes the other's place when secrets rotate.
    pub(super) next_webhook_secret: String,
    ids: Vec<TerminalId>,
    identity: TillIdentity,
    pub(super) terminals: Vec<Booth>,
    /// Further addresses of the same terminals.
    twins: Vec<Booth>,
    cloud: Option<Booth>,
    adapter: Option<Adapter>,
    lives: u32,
    is_configured: bool,
    /// The till is told where its terminals are.
    pub(super) knows_hosts: bool,
    pub(super) files: IdentityFiles,
    pub(super) deadline_ms: u64,
    pub(super) advertised: Vec<(TerminalId, vinr_discovery::Announcement)>,
    pub(super) ear: Option<Ear>,
    waiting: Option<Waiting>,
    /// The last op.
    pub(super) op: u64,
    /// The last op of each name.
    ops: BTreeMap<String, u64>,
    pub(super) reference: String,
    cited: Vec<String>,
    stopped: Option<String>,
    dice: u64,
}

impl Scene {
    pub(super) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        scenario: &str,
    ) -> Result<Self, String> {
        let fault = |error: &dyn std::fmt::Display| error.to_string();
        let number = shared.scenes.fetch_add(1, Ordering::Relaxed) + 1;
        let id =
            |letter: char| TerminalId::new(&format!("term_{}_{number}_{letter}", shared.prefix));
        let ids = ['A', 'B', 'C']
            .into_iter()
            .map(id)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| fault(&error))?;
        let passphrase = secret("till ");
        let wrong_passphrase = secret("wrong ");
        let secret_key = secret("sk_test_");
        let webhook_secret = secret("whsec_");
        let next_webhook_secret = secret("whsec_");
        let mut veil = Veil::default();
        veil.add("the passphrase", &passphrase);
        veil.add("the wrong passphrase", &wrong_passphrase);
        veil.add("the API secret key", &secret_key);
        veil.add("a webhook secret", &webhook_secret);
        veil.add("a webhook secret", &next_webhook_secret);
        let identity = shared
            .authorities
            .till(&ids, &passphrase)
            .map_err(|error| fault(&error))?;
        if let Some(line) = identity.key.lines().nth(1) {
            veil.add("the private key", line);
        }
        shared.gives(&veil);
        let dir = tempfile::Builder::new()
            .prefix("vinr-client-")
            .tempdir()
            .map_err(|error| fault(&error))?;
        let files: [(&str, &[u8]); 6] = [
            (
                "system-roots.pem",
                shared.authorities.foreign_ca().as_bytes(),
            ),
            (
                "terminal-ca.pem",
                shared.authorities.terminal_ca().as_bytes(),
            ),
            ("cloud-ca.pem", shared.authorities.cloud_ca().as_bytes()),
            ("pos.pem", identity.certificate.as_bytes()),
            ("pos.key", identity.key.as_bytes()),
            ("pos.p12", &identity.p12),
        ];
        for (name, bytes) in files {
            write_private(&dir.path().join(name), bytes).map_err(|error| fault(&error))?;
        }
        // The same seed throws the same dice in the same scenario, whatever runs beside it.
        let digest = crate::plan::sha256(format!("{} {scenario}", shared.seed).as_bytes());
        let dice = u64::from_str_radix(&digest[..16], 16).unwrap_or(shared.seed);
        Ok(Self {
            reference: format!("sale-{}-{number}", shared.prefix),
            shared,
            journal,
            dir,
            veil,
            passphrase,
            wrong_passphrase,
            secret_key,
            webhook_secret,
            next_webhook_secret,
            ids,
            identity,
            terminals: Vec::new(),
            twins: Vec::new(),
            cloud: None,
            adapter: None,
            lives: 0,
            is_configured: false,
            knows_hosts: true,
            files: IdentityFiles::Both,
            deadline_ms: DEADLINE_MS,
            advertised: Vec::new(),
            ear: None,
            waiting: None,
            op: 0,
            ops: BTreeMap::new(),
            cited: Vec::new(),
            stopped: None,
            dice,
        })
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(super) fn stop(&mut self, why: impl Into<String>) {
        self.stopped.get_or_insert(why.into());
    }

    /// Writes what must be true, for every requirement that the step decides.
    pub(super) fn claim(&self, said: TillClaim) {
        for requirement in &self.cited {
            self.journal.record(Event::Claim(Claim {
                requirement: requirement.clone(),
                said: Said::Till(said.clone()),
            }));
        }
    }

    /// A number below `most`, by the seed.
    pub(super) fn throw(&mut self, most: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % most.max(1)
    }

    /// Opens so many terminals.
    pub(super) async fn open(&mut self, count: usize) {
        for id in self.ids.iter().take(count).cloned().collect::<Vec<_>>() {
            let journal = self.journal.clone();
            let desk = Desk::new(id.clone(), Model::NexgoCt20, journal, self.veil.clone());
            let certificates = Shown::ALL
                .into_iter()
                .map(|shown| Ok((shown, self.shared.authorities.terminal(&id, shown)?)))
                .collect::<Result<BTreeMap<_, _>, super::pki::PkiError>>();
            let opened = match certificates {
                Ok(certificates) => Booth::terminal(self.place(), desk, certificates).await,
                Err(error) => Err(error.to_string()),
            };
            match opened {
                Ok(booth) => self.terminals.push(booth),
                Err(why) => return self.stop(why),
            }
        }
        let cloud = CloudDesk::new(&self.secret_key);
        let authorities = &self.shared.authorities;
        match Booth::cloud(self.place(), cloud, |ip| authorities.cloud(ip)).await {
            Ok(cloud) => {
                for desk in self.terminals.iter().filter_map(Booth::desk) {
                    cloud.knows(desk.clone());
                }
                self.cloud = Some(cloud);
            }
            Err(why) => self.stop(why),
        }
    }

    /// Opens another address of a terminal that stands there already.
    pub(super) async fn opens_a_twin(&mut self, desk: Desk) -> Option<SocketAddr> {
        let own = self
            .shared
            .authorities
            .terminal(desk.terminal(), Shown::Own)
            .map_err(|error| error.to_string());
        let opened = match own {
            Ok(own) => {
                Booth::terminal(self.place(), desk, BTreeMap::from([(Shown::Own, own)])).await
            }
            Err(why) => Err(why),
        };
        match opened {
            Ok(booth) => {
                let address = booth.address();
                self.twins.push(booth);
                Some(address)
            }
            Err(why) => {
                self.stop(why);
                None
            }
        }
    }

    fn place(&self) -> Of {
        Of {
            journal: self.journal.clone(),
            numbers: self.shared.numbers.clone(),
            veil: self.veil.clone(),
            till: self.identity.sha256.clone(),
        }
    }

    /// The terminal with this letter.
    pub(super) fn terminal(&self, letter: &str) -> Option<&Booth> {
        let place = letter.bytes().next()?.checked_sub(b'A')?;
        self.terminals.get(usize::from(place))
    }

    /// The first one.
    pub(super) fn first(&self) -> Option<&Booth> {
        self.terminals.first()
    }

    /// The cloud.
    pub(super) fn cloud(&self) -> Option<&Booth> {
        self.cloud.as_ref()
    }

    /// The id of the terminal with this letter, whether it stands there or not.
    pub(super) fn id(&self, letter: &str) -> String {
        let place = letter.bytes().next().unwrap_or(b'A').saturating_sub(b'A');
        self.ids
            .get(usize::from(place))
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Asks the till, set up if it was not, and waits for its answer.
    pub(super) async fn ask(&mut self, op: Op) -> Option<Answered> {
        self.begin(op).await;
        self.answer().await
    }

    /// Asks the till and does not wait.
    pub(super) async fn begin(&mut self, op: Op) {
        self.must_configure().await;
        if self.stopped.is_none() {
            self.write(&op);
        }
    }

    fn write(&mut self, op: &Op) {
        let Some(adapter) = &self.adapter else {
            return self.stop("the adapter is not running");
        };
        let waiting = adapter.begin(op);
        self.op = waiting.op;
        self.ops.insert(op.name().to_owned(), waiting.op);
        self.waiting = Some(waiting);
    }

    /// Waits for the answer of what was asked last.
    pub(super) async fn answer(&mut self) -> Option<Answered> {
        let limit = Duration::from_millis(self.deadline_ms) + SLACK;
        self.answer_within(limit).await
    }

    async fn answer_within(&mut self, limit: Duration) -> Option<Answered> {
        let waiting = self.waiting.take()?;
        match waiting.within(limit).await {
            Ok(Answered::Unsupported) => {
                self.stop("the adapter says that it has no such op");
                None
            }
            Ok(answer) => Some(answer),
            Err(why) => {
                self.stop(why);
                None
            }
        }
    }

    /// The last op of this name.
    pub(super) fn last(&self, name: &str) -> u64 {
        self.ops.get(name).copied().unwrap_or_default()
    }

    /// Starts the adapter.
    pub(super) fn start(&mut self) {
        let started = Adapter::start(
            &self.shared.program,
            self.lives,
            &self.journal,
            &self.veil,
            &self.shared.ops,
            Some(&self.dir.path().join("system-roots.pem")),
        );
        self.lives += 1;
        self.is_configured = false;
        match started {
            Ok(adapter) => self.adapter = Some(adapter),
            Err(why) => self.stop(why),
        }
    }

    /// Sets the till up, started if it was not; the answer.
    pub(super) async fn configure(&mut self) -> Option<Answered> {
        if self.adapter.is_none() {
            self.start();
        }
        self.write(&Op::Hello);
        self.answer_within(SOON).await?;
        self.is_configured = true;
        let configure = self.set_up();
        self.write(&Op::Configure(Box::new(configure)));
        self.answer_within(SOON).await
    }

    /// Sets the till up where it was not; a scenario whose till cannot be set up ends.
    pub(super) async fn must_configure(&mut self) {
        if self.is_configured {
            return;
        }
        if let Some(Answered::Error { class, message, .. }) = self.configure().await {
            self.stop(format!("the till cannot be set up ({class}): {message}"));
        }
    }

    fn set_up(&self) -> Configure {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let host = |booth: &Booth| {
            let desk = booth.desk()?;
            Some((desk.terminal().to_string(), booth.address().to_string()))
        };
        let pem = self.files == IdentityFiles::Both;
        let passphrase = match self.files {
            IdentityFiles::WrongPassphrase => self.wrong_passphrase.clone(),
            IdentityFiles::Both | IdentityFiles::P12 => self.passphrase.clone(),
        };
        Configure {
            store: path("store"),
            ca: path("terminal-ca.pem"),
            p12: Some(path("pos.p12")),
            passphrase: Some(passphrase),
            cert: pem.then(|| path("pos.pem")),
            key: pem.then(|| path("pos.key")),
            hosts: match self.knows_hosts {
                true => self.terminals.iter().filter_map(host).collect(),
                false => BTreeMap::new(),
            },
            secret_key: self.secret_key.clone(),
            cloud_url: self
                .cloud
                .as_ref()
                .map(|cloud| format!("https://{}", cloud.address()))
                .unwrap_or_default(),
            cloud_ca: path("cloud-ca.pem"),
            webhook_secrets: vec![self.webhook_secret.clone()],
            deadline_ms: self.deadline_ms,
        }
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self) {
        self.waiting = None;
        self.is_configured = false;
        if let Some(adapter) = self.adapter.take() {
            adapter.kill().await;
        }
    }

    /// What is sold in this scenario.
    pub(super) fn sale(&self, amount: u64, currency: &str) -> Sale {
        Sale {
            terminal_id: Some(self.id("A")),
            amount,
            currency: currency.to_owned(),
            reference: self.reference.clone(),
            capture_method: None,
        }
    }

    /// Waits until something stands in the journal of this scenario.
    pub(super) async fn wait_for(
        &mut self,
        what: &str,
        limit: Duration,
        mut wanted: impl FnMut(&TillEvent) -> bool,
    ) {
        let name = self.journal.scenario();
        let until = tokio::time::Instant::now() + limit;
        let mut seen = 0;
        loop {
            let last = self.journal.last_seq();
            let found = self.journal.any_after(seen, |entry| {
                entry.scenario.as_deref() == name.as_deref()
                    && matches!(&entry.event, Event::Till(till) if wanted(till))
            });
            if found {
                return;
            }
            seen = last;
            if let Some(why) = self.adapter.as_ref().and_then(Adapter::broke) {
                return self.stop(why);
            }
            if tokio::time::Instant::now() >= until {
                return self.stop(format!("{what} within {limit:?}"));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Ends the till in good order, takes the shop down; why nothing that the adapter said counts, if that is so.
    pub(super) async fn tidy_up(mut self) -> Option<String> {
        let broke = self.adapter.as_ref().and_then(Adapter::broke);
        if let Some(adapter) = self.adapter.take() {
            adapter.end().await;
        }
        for (_, announcement) in self.advertised.drain(..) {
            announcement.vanish();
        }
        broke
    }
}

impl Staged for Scene {
    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn begins(&mut self, _: StepType, cited: Vec<String>) {
        self.cited = cited;
    }

    fn stopped(&mut self) -> Option<String> {
        self.stopped.clone()
    }
}

/// A secret that nobody used before.
fn secret(prefix: &str) -> String {
    let mut random = [0; 16];
    // Without randomness there is no TLS either, and the run ends there.
    let _ = aws_lc_rs::rand::fill(&mut random);
    random
        .iter()
        .fold(prefix.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Others must not be able to read a till's files, or a till may refuse them.
fn write_private(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(bytes)
}
