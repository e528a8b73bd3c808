//! What a scenario remembers from step to step: a shop with its terminals, and the till that is judged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cucumber::gherkin::StepType;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;

use super::adapter::Adapter;
use super::papers::{IdentityFiles, Papers};
use super::pki::Shown;
use super::protocol::{Configure, Op, Sale};
use super::shared::{Judged, Shared};
use super::stage::{Booth, CloudDesk, Desk, Ear, Of};
use super::till::{Till, Waiting};
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

/// See the module.
pub(super) struct Scene {
    pub(super) shared: Arc<Shared>,
    journal: Journal,
    pub(super) papers: Arc<Papers>,
    pub(super) terminals: Vec<Booth>,
    /// Further addresses of the same terminals.
    twins: Vec<Booth>,
    cloud: Option<Booth>,
    till: Option<Till>,
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
        let number = shared.scenes.fetch_add(1, Ordering::Relaxed) + 1;
        let (papers, reference) = match &shared.judged {
            Judged::Screen(counter) => {
                // Somebody may have to type it, and the till may know those of an earlier run.
                let from = shared.prefix.len().saturating_sub(4);
                (
                    counter.papers.clone(),
                    format!("S{}-{number}", &shared.prefix[from..]),
                )
            }
            Judged::Adapter(_) => {
                let name = format!("term_{}_{number}", shared.prefix);
                let papers =
                    Papers::new(&shared.authorities, &name).map_err(|error| error.to_string())?;
                shared.gives(&papers.veil);
                (Arc::new(papers), format!("sale-{}-{number}", shared.prefix))
            }
        };
        // The same seed throws the same dice in the same scenario, whatever runs beside it.
        let digest = crate::plan::sha256(format!("{} {scenario}", shared.seed).as_bytes());
        let dice = u64::from_str_radix(&digest[..16], 16).unwrap_or(shared.seed);
        Ok(Self {
            reference,
            shared,
            journal,
            papers,
            terminals: Vec::new(),
            twins: Vec::new(),
            cloud: None,
            till: None,
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
        if count > 1 && self.shared.counter().is_some() {
            return self.stop("a till with a screen is judged at one terminal");
        }
        for id in self.papers.ids.clone().into_iter().take(count) {
            let journal = self.journal.clone();
            let veil = self.papers.veil.clone();
            let desk = Desk::new(id.clone(), Model::NexgoCt20, journal, veil);
            let certificates = Shown::ALL
                .into_iter()
                .map(|shown| Ok((shown, self.shared.authorities.terminal(&id, shown)?)))
                .collect::<Result<BTreeMap<_, _>, super::pki::PkiError>>();
            let opened = match certificates {
                Ok(certificates) => {
                    Booth::terminal(self.place_of_a_terminal(), desk, certificates).await
                }
                Err(error) => Err(error.to_string()),
            };
            match opened {
                Ok(booth) => self.terminals.push(booth),
                Err(why) => return self.stop(why),
            }
        }
        let cloud = CloudDesk::new(&self.papers.secret_key);
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
            veil: self.papers.veil.clone(),
            till: self.papers.identity.sha256.clone(),
            listen: None,
        }
    }

    /// A till with a screen was told once where its terminal is.
    fn place_of_a_terminal(&self) -> Of {
        Of {
            listen: self.shared.counter().map(|counter| counter.listen),
            ..self.place()
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
        self.papers
            .id(letter)
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
        let begun = match &self.till {
            Some(till) => till.begin(op),
            None => Err("the adapter is not running".into()),
        };
        match begun {
            Ok(waiting) => {
                self.op = waiting.op();
                self.ops.insert(op.name().to_owned(), waiting.op());
                self.waiting = Some(waiting);
            }
            Err(why) => self.stop(why),
        }
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

    /// Starts the till: its process, or what is left of it when its power is back.
    pub(super) async fn start(&mut self) {
        let (life, before) = (self.lives, self.till.take());
        self.lives += 1;
        self.is_configured = false;
        let started = match (&self.shared.judged, before) {
            (_, Some(Till::Screen(screen))) => screen.comes_back(life).await.map(Till::Screen),
            (Judged::Screen(counter), _) => Ok(Till::Screen(counter.till(
                life,
                &self.journal,
                &self.shared.ops,
            ))),
            (Judged::Adapter(program), _) => Adapter::start(
                program,
                life,
                &self.journal,
                &self.papers.veil,
                &self.shared.ops,
                Some(&self.papers.folder().join("system-roots.pem")),
            )
            .map(Till::Adapter),
        };
        match started {
            Ok(till) => self.till = Some(till),
            Err(why) => self.stop(why),
        }
    }

    /// Sets the till up, started if it was not; the answer.
    pub(super) async fn configure(&mut self) -> Option<Answered> {
        if self.till.is_none() {
            self.start().await;
        }
        if self.shared.counter().is_some() {
            // They were installed once, before the first scenario.
            if self.files != IdentityFiles::Both {
                self.stop("a till with a screen has all its files from the beginning");
            }
            self.is_configured = true;
            return None;
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
        let host = |booth: &Booth| {
            let desk = booth.desk()?;
            Some((desk.terminal().to_string(), booth.address().to_string()))
        };
        let hosts = match self.knows_hosts {
            true => self.terminals.iter().filter_map(host).collect(),
            false => BTreeMap::new(),
        };
        let cloud = self.cloud.as_ref();
        let cloud_url = cloud.map(|cloud| format!("https://{}", cloud.address()));
        let cloud_url = cloud_url.unwrap_or_default();
        self.papers
            .configure(self.files, hosts, cloud_url, self.deadline_ms)
    }

    /// SIGKILL, or a power cut.
    pub(super) async fn kill(&mut self) {
        self.waiting = None;
        self.is_configured = false;
        let Some(till) = self.till.take() else {
            return;
        };
        match till.kill().await {
            Ok(left) => self.till = left,
            Err(why) => self.stop(why),
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
            if let Some(why) = self.till.as_ref().and_then(Till::broke) {
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
        let broke = self.till.as_ref().and_then(Till::broke);
        if let Some(till) = self.till.take() {
            till.end().await;
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
