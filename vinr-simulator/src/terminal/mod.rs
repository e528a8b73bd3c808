//! One simulated terminal: the session machine over a durable journal, behind mutual TLS, on the LAN. \[SIM-2\]
//!
//! A terminal boots in a fixed order: the journal is recovered, what it left open is settled, and only then do
//! sockets open. [`power_cycle`](Terminal::power_cycle) takes the power away as a cut would: every connection
//! drops, nothing says goodbye, and all that comes back is what the disk holds.

mod actor;
pub(crate) mod archive;
mod ask;
mod board;
mod clock;
mod conditions;
mod http;
#[doc(hidden)]
pub mod month;
mod options;
mod power;
mod quirk;
pub(crate) mod record;
mod reset;
mod rotate;
mod settings;
mod storage;
pub(crate) mod trust;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;
use vinr_discovery::{Advert, Announcement};
use vinr_journal::DataDir;
use vinr_protocol::TerminalId;
use vinr_protocol::question::LedgerEntry;
use vinr_protocol::reader::Activity;
use vinr_protocol::terminal::{Archived, Config, Effect, Record, Recovery, Screen, Session};
use vinr_transport::server::Server;

use crate::cardholder::{Act, Script};
use crate::cloud::link::device::{self, Device};
use crate::data_dir::open_patiently;
use crate::defect::{Defect, Elsewhere, LaxLists, LaxServer, Wire, faulty};
use crate::host::{Guard, Host, Link};
use crate::provision::Pki;
use crate::screen::{Display, ScreenEvent};
pub(crate) use actor::fresh_payment_id;
use actor::{Actor, Brain, Message, Parts};
pub(crate) use actor::{Reports, Way};
pub(crate) use ask::Commands;
use board::Board;
pub use board::JournalEvent;
use clock::DeviceClock;
pub use clock::Setting;
pub(crate) use http::{Asked, Counter, Said};
pub use options::{Mdns, Options, StartError};
use power::{Front, Power};
use quirk::Quirk;
pub use quirk::{LOCAL_SIMULATOR, OFFLINE_FOR, SANDBOX, TEST_BUSY, TEST_DEFAULT, TEST_OFFLINE};
use record::Journal;
pub use reset::{Reset, ResetError};
pub use rotate::{RotateError, Rotated, rotate_key};
use settings::Settings;
pub use settings::Sheet;
use trust::Trust;

/// What `GET /v1/reader` says this is.
const SOFTWARE_VERSION: &str = concat!("vinr-simulator/", env!("CARGO_PKG_VERSION"));

/// A running terminal.
#[derive(Debug)]
pub struct Terminal {
    options: Options,
    address: SocketAddr,
    trust: Arc<Trust>,
    /// Locked for as long as the terminal exists, power cuts included.
    dir: DataDir,
    /// The card network does not share our power.
    host: Arc<Host>,
    display: Arc<Display>,
    board: Arc<Board>,
    clock: DeviceClock,
    settings: std::sync::Mutex<Settings>,
    quirk: Arc<Quirk>,
    script: std::sync::Mutex<Script>,
    power: Mutex<Option<Power>>,
    /// Readable while the power is being switched.
    is_on: AtomicBool,
    lan: std::sync::Mutex<Link>,
    /// Looks at the files of its trust for as long as it exists.
    follower: Option<AbortOnDropHandle<()>>,
}

impl Terminal {
    /// Boots a terminal.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        // Who it is comes first: a terminal that was never provisioned has no data.
        trust::read_identity(&options.pki, &options.terminal)?;
        let dir = open_patiently(&options.data).await?;
        let doubles = [Defect::ChargedTwice, Defect::DoubledOnReconnect];
        let guard = match doubles.iter().any(|it| options.defects.contains(it)) {
            true => Guard::Off,
            false => Guard::OnePerReference,
        };
        let trust = Trust::load(&options, dir.path())?;
        let settings = |source| StartError::Settings {
            terminal: options.terminal.clone(),
            source,
        };
        let mut terminal = Self {
            address: match options.defects.contains(&Defect::WrongPort) {
                true => SocketAddr::new(options.listen.ip(), 0),
                false => options.listen,
            },
            host: Arc::new(match &options.cloud {
                Some(join) => {
                    let (terminal, join) = (options.terminal.clone(), join.clone());
                    Host::of_cloud(Device::new(terminal, join, trust.clone()))
                }
                None => Host::open(&dir, guard)?,
            }),
            settings: std::sync::Mutex::new(Settings::load(&dir).map_err(settings)?),
            clock: DeviceClock::open(dir.path()).map_err(settings)?,
            trust,
            dir,
            display: Arc::new(Display::new(options.terminal.clone())),
            board: Arc::new(Board::new()),
            quirk: Arc::new(Quirk::of(&options.terminal)),
            is_on: AtomicBool::new(false),
            lan: std::sync::Mutex::default(),
            script: std::sync::Mutex::new(options.script.clone()),
            power: Mutex::new(None),
            follower: None,
            options,
        };
        terminal.set_the_scene();
        let power = terminal.power_on().await?;
        terminal.address = power.front.address();
        terminal.power = Mutex::new(Some(power));
        let following = tokio::spawn(follow(terminal.trust.clone(), terminal.clock.clone()));
        terminal.follower = Some(AbortOnDropHandle::new(following));
        Ok(terminal)
    }

    /// Its id.
    pub fn id(&self) -> &TerminalId {
        &self.options.terminal
    }

    /// Where it listens; the same after a power cycle.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its screen shows now.
    pub fn screen(&self) -> ScreenEvent {
        self.display.now()
    }

    /// Gives the cardholder another script, from the next screen on.
    pub async fn set_script(&self, script: Script) {
        *self.script() = script.clone();
        if let Some(power) = self.power.lock().await.as_ref() {
            let _ = power.sender.send(Message::Script(script));
        }
    }

    /// What the card network's host knows.
    pub async fn ledger(&self) -> Vec<LedgerEntry> {
        self.host.entries().await
    }

    pub(crate) fn display(&self) -> &Display {
        &self.display
    }

    pub(crate) fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The cardholder does something; true where the terminal took it.
    pub(crate) async fn act(&self, act: Act) -> bool {
        let (taken, is_taken) = oneshot::channel();
        match self.power.lock().await.as_ref() {
            Some(power) => drop(power.sender.send(Message::Act(act, taken))),
            None => return false,
        }
        is_taken.await.unwrap_or(false)
    }

    async fn power_on(&self) -> Result<Power, StartError> {
        let options = &self.options;
        let (machine, journal, effects) = self.recover()?;
        let settings = self.settings();
        let (sender, inbox) = mpsc::unbounded_channel();
        let wire =
            Wire::new(options.defects.clone(), options.pace).beside(self.host.line().watch());
        // Before it is asked whether the host can be reached: over this link it can.
        let link = match self.host.device() {
            Some(device) => {
                let line = self.host.line().watch();
                device.power_on(Commands::new(sender.clone()), line).await
            }
            None => None,
        };
        let parts = Parts {
            machine,
            space: match &journal {
                Some(journal) => journal.space(),
                None => watch::channel(vinr_journal::Space::Enough).1,
            },
            journal,
            host: self.host.clone(),
            reachable: self.host.reachable(),
            reports: self.host.reports(),
            display: self.display.clone(),
            board: self.board.clone(),
            clock: self.clock.clone(),
            settings: vec![
                actor::Setting::LocalMode(settings.local_mode()),
                actor::Setting::Clock(self.clock.state()),
            ],
            quirk: self.quirk.clone(),
            terminal: options.terminal.clone(),
            script: self.script().clone(),
            wire: wire.clone(),
            inbox,
            sender: sender.clone(),
        };
        let actor = Actor::boot(parts, effects).await;
        // The sockets open only now. [REC-15]
        let counter = Arc::new(Counter::new(sender.clone(), wire));
        let front = self.open_front(counter).await?;
        let (announcement, elsewhere) = match self.lan() {
            Link::Up => self.advertise(front.address()).await,
            Link::Cut => (None, None),
        };
        let heard_by_actor = announcement
            .as_ref()
            .map(Arc::downgrade)
            .unwrap_or_default();
        let mut power = Power {
            actor: AbortOnDropHandle::new(tokio::spawn(actor.run(heard_by_actor))),
            sender,
            front,
            announcement,
            elsewhere,
            _link: link,
        };
        if self.lan() == Link::Cut {
            power.pull_cable();
        }
        self.is_on.store(true, Ordering::Relaxed);
        self.board.touch();
        Ok(power)
    }

    /// Reads the journal. What is damaged still runs, and refuses everything. \[REC-21\]
    fn recover(&self) -> Result<Recovered, StartError> {
        let options = &self.options;
        let mut config = Config::new(
            options.terminal.clone(),
            options.model.clone(),
            SOFTWARE_VERSION,
        );
        config.offline = self.settings().limits(self.sheet());
        let (pki, terminal) = (&options.pki, &options.terminal);
        let place = record::place(pki, terminal, &options.data);
        let keys = record::keys(pki, terminal, &place)?;
        // Only a terminal that breaks promises needs every record at once.
        let is_honest = options.defects.is_empty();
        let is_linked = self.host.device().is_some();
        let (mut records, mut not_final) = (Vec::new(), BTreeMap::new());
        let mut recovery = Recovery::new(config.clone());
        self.board.clear();
        let mut each = |record: Record| {
            self.board.read(&record);
            if let (true, Record::Attempt(attempt)) = (is_linked, &record) {
                // The last record of a payment is how it is.
                let payment = &attempt.payment;
                match payment.status.is_final() {
                    true => drop(not_final.remove(&payment.id)),
                    false => drop(not_final.insert(payment.id.clone(), payment.clone())),
                }
            }
            match is_honest {
                true => recovery.read(record),
                false => records.push(record),
            }
        };
        let opened = record::open(&self.dir, place, keys, &mut each);
        self.board.touch();
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) if error.is_storage_failed() => {
                tracing::error!(terminal = %options.terminal, %error, "OUT OF SERVICE: every payment, cancel and look-up is refused with storage_failed");
                let show = vec![Effect::Show(Screen::OutOfService)];
                return Ok((Box::new(Session::damaged(config)), None, show));
            }
            Err(error) => return Err(error.into()),
        };
        let id = record::id(&opened)?;
        let now = self.clock.now();
        if let Some(device) = self.host.device() {
            device.recovered(device::Recovered {
                id: id.clone(),
                not_final,
                pages: opened.journal.pages(),
            });
        }
        let journal = Arc::new(opened.journal);
        let (machine, effects): (Brain, _) = if is_honest {
            let (session, effects) = recovery.finish(id, now);
            (
                Box::new(Archived::over(session, archive::Running(journal.clone()))),
                effects,
            )
        } else {
            faulty(config, id, records, now, &options.defects)
        };
        Ok((machine, Some(journal), effects))
    }

    async fn open_front(&self, counter: Arc<Counter>) -> Result<Front, StartError> {
        let Options {
            terminal,
            pki,
            defects,
            ..
        } = &self.options;
        let lax = LaxServer::DEFECTS.iter().copied();
        if let Some(defect) = lax.into_iter().find(|defect| defects.contains(defect)) {
            let address = self.address;
            let lists = Arc::new(LaxLists::new(defect, terminal.clone(), self.trust.pos_ca()));
            let server = LaxServer::bind(address, terminal, pki, lists.clone(), counter)
                .await
                .map_err(|source| StartError::Lax { address, source })?;
            self.trust.opened(trust::Front::Lax(lists));
            return Ok(Front::Lax(server));
        }
        let options = self.trust.server_options();
        let clock = self.clock.of_certificates();
        let server = Server::bind_with_clock(self.address, options, clock, counter).await?;
        let server = Arc::new(server);
        self.trust
            .opened(trust::Front::Strict(Arc::downgrade(&server)));
        Ok(Front::Strict(server))
    }

    /// A terminal that cannot be advertised still takes payments: tills may know its address. \[DISC-1\]
    async fn advertise(
        &self,
        address: SocketAddr,
    ) -> (Option<Arc<Announcement>>, Option<Elsewhere>) {
        let Options {
            terminal,
            model,
            mdns,
            defects,
            ..
        } = &self.options;
        if *mdns == Mdns::Off {
            return (None, None);
        }
        let advert = Advert {
            terminal: terminal.clone(),
            model: model.clone(),
            status: self.board.status(),
            activity: Activity::Idle,
            listens_on: address,
        };
        let not_advertised =
            |error: &dyn std::fmt::Display| tracing::warn!(%terminal, %error, "not advertised");
        if Elsewhere::DEFECTS.iter().any(|own| defects.contains(own)) {
            let elsewhere =
                Elsewhere::start(&advert, defects).inspect_err(|error| not_advertised(error));
            return (None, elsewhere.ok());
        }
        let announcement = Announcement::start(advert)
            .await
            .inspect_err(|error| not_advertised(error));
        (announcement.ok().map(Arc::new), None)
    }
}

/// Looks at what a terminal trusts, and writes down how late it is.
async fn follow(trust: Arc<Trust>, clock: DeviceClock) {
    loop {
        tokio::time::sleep(trust::LOOK_EVERY).await;
        trust.look();
        clock.note();
    }
}

/// What a boot comes to: the machine, the journal where it reads, and what is to be done before any socket opens.
type Recovered = (Brain, Option<Arc<Journal>>, Vec<Effect>);

/// Where a terminal of a provisioned directory keeps its data.
pub fn data_dir(pki: &Pki, terminal: &TerminalId) -> PathBuf {
    pki.dir().join("data").join(terminal.as_str())
}
