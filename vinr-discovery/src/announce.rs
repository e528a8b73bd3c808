//! Advertises one terminal, keeps the advertisement true, and takes it back. \[DISC-1, DISC-6, DISC-7\]
//!
//! | when | what the network sees |
//! |---|---|
//! | [`Announcement::start`] | three probes for the name, 250 ms apart, then two announcements |
//! | [`Announcement::update`] | two announcements of the new TXT record, the first at once |
//! | the addresses of an interface change | two announcements of the new ones, within two seconds |
//! | somebody else has the name | the instance is renamed, `term_1 (2)`; the id in TXT stays |
//! | [`Announcement::goodbye`] | two goodbyes |
//! | dropped | one goodbye |
//! | [`Announcement::vanish`] | nothing, as after a power cut |

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mdns_sd::{DaemonEvent, IfKind, Receiver, ServiceDaemon, ServiceInfo};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};

use crate::SERVICE_TYPE;
use crate::blocked::Blocked;
use crate::host_name::host_name;
use crate::interfaces::{HeardOn, Interface, Interfaces};
use crate::multicast;
use crate::txt::Txt;

/// When an announcement is repeated: RFC 6762 §8.3 wants a second one a second later, and within the
/// first second a repetition would be held back (§6).
const REPEAT: Duration = Duration::from_millis(1100);

/// How many seconds after its address moved a terminal announces the new one, at most.
const MOVED: u32 = 2;

/// When `mdns-sd` has sent its second goodbye.
const GOODBYE: Duration = Duration::from_millis(200);

/// What a terminal advertises.
#[derive(Debug, Clone)]
pub struct Advert {
    /// Its id: the instance name, and the `id` of the TXT record.
    pub terminal: TerminalId,
    /// Its model.
    pub model: Model,
    /// Has it the internet?
    pub status: ReaderStatus,
    /// Is it free?
    pub activity: Activity,
    /// Where it listens. With 0.0.0.0 or `[::]` it is advertised on every interface, with that
    /// interface's addresses; else on the interface of this address alone.
    pub listens_on: SocketAddr,
}

/// A terminal cannot be advertised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot advertise the terminal by mDNS: {blocked}; {}", blocked.advice())]
pub struct AnnounceError {
    /// What keeps it from working.
    pub blocked: Blocked,
}

impl From<io::Error> for AnnounceError {
    fn from(error: io::Error) -> Self {
        let blocked = match error.kind() {
            io::ErrorKind::NotFound => Blocked::NoInterface,
            _ => Blocked::from(&error),
        };
        Self { blocked }
    }
}

/// A terminal that is being advertised.
pub struct Announcement {
    state: watch::Sender<(ReaderStatus, Activity)>,
    name: watch::Receiver<Option<String>>,
    daemon: ServiceDaemon,
    fullname: String,
    keeper: JoinHandle<()>,
}

impl Announcement {
    /// Claims the name and announces the terminal; returns at once. Needs a tokio runtime.
    pub async fn start(advert: Advert) -> Result<Self, AnnounceError> {
        let ip = advert.listens_on.ip();
        multicast::probe(&interfaces_of(advert.listens_on)?)?;
        let daemon = ServiceDaemon::new().map_err(io::Error::other)?;
        if !ip.is_unspecified() {
            // Anything in 127.0.0.0/8 is at home on loopback without being an interface's address.
            let kind = if ip.is_loopback() && ip.is_ipv4() {
                IfKind::LoopbackV4
            } else {
                IfKind::Addr(ip)
            };
            daemon
                .disable_interface(IfKind::All)
                .map_err(io::Error::other)?;
            daemon.enable_interface(kind).map_err(io::Error::other)?;
        }
        daemon
            .set_ip_check_interval(MOVED)
            .map_err(io::Error::other)?;
        let monitor = daemon.monitor().map_err(io::Error::other)?;
        let (state, states) = watch::channel((advert.status.clone(), advert.activity.clone()));
        let (name_is, name) = watch::channel(None);
        let fullname = format!("{}.{SERVICE_TYPE}", advert.terminal);
        let keeper = Keeper {
            advert,
            daemon: daemon.clone(),
            states,
            name_is,
            announced: false,
        };
        keeper.register().map_err(io::Error::other)?;
        let keeper = tokio::spawn(keeper.run(monitor));
        Ok(Self {
            state,
            name,
            daemon,
            fullname,
            keeper,
        })
    }

    /// Announces a new state. Nothing is sent where nothing changed.
    pub fn update(&self, status: ReaderStatus, activity: Activity) {
        self.state.send_if_modified(|state| {
            let new = (status, activity);
            let changed = *state != new;
            *state = new;
            changed
        });
    }

    /// Waits until the name is ours and the first announcement is out, and says the full instance name.
    pub async fn announced(&self) -> String {
        let mut name = self.name.clone();
        match name.wait_for(Option::is_some).await {
            Ok(name) => name.clone().unwrap_or_default(),
            // The keeper lives as long as we do, unless its runtime is shutting down.
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes the advertisement back, so that tills drop it at once; done when the goodbye is out. \[DISC-5\]
    pub async fn goodbye(self) {
        self.keeper.abort();
        match self.daemon.unregister(&self.fullname) {
            Ok(done) => {
                // The answer comes when the first goodbye is out; the second repeats it for Wi-Fi.
                let _ = done.recv_async().await;
                sleep(GOODBYE).await;
            }
            Err(error) => debug!(%error, "no goodbye"),
        }
    }

    /// Falls silent without a word, as in a power cut.
    pub fn vanish(self) {
        self.keeper.abort();
        let _ = self.daemon.disable_interface(IfKind::All);
    }
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcement")
            .field("fullname", &self.fullname)
            .finish_non_exhaustive()
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.keeper.abort();
        // Says goodbye for what is still registered. The only error is that the daemon has gone already.
        let _ = self.daemon.shutdown();
    }
}

/// The interfaces on which a listener of this address can be reached.
fn interfaces_of(listens_on: SocketAddr) -> io::Result<Vec<Interface>> {
    let ip = listens_on.ip();
    let mut all = Interfaces::All.list()?;
    all.retain(|i| {
        let is_loopback = i.heard_on() == HeardOn::Loopback;
        ip.is_unspecified() || i.is_own(ip) || ip.is_loopback() && is_loopback
    });
    Ok(all)
}

/// The task that owns the registration.
struct Keeper {
    advert: Advert,
    daemon: ServiceDaemon,
    states: watch::Receiver<(ReaderStatus, Activity)>,
    name_is: watch::Sender<Option<String>>,
    announced: bool,
}

impl Keeper {
    async fn run(mut self, monitor: Receiver<DaemonEvent>) {
        let mut repeat_at: Option<Instant> = None;
        loop {
            tokio::select! {
                changed = self.states.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    (self.advert.status, self.advert.activity) = self.states.borrow_and_update().clone();
                    self.register_again();
                    repeat_at = Some(Instant::now() + REPEAT);
                }
                event = monitor.recv_async() => match event {
                    Ok(event) => match self.learn(event) {
                        Then::Nothing => {}
                        Then::Repeat => repeat_at = Some(Instant::now() + REPEAT),
                        Then::Announce => {
                            self.register_again();
                            repeat_at = Some(Instant::now() + REPEAT);
                        }
                    },
                    Err(_) => return,
                },
                () = at(repeat_at) => {
                    self.register_again();
                    repeat_at = None;
                }
            }
        }
    }

    /// Takes in what the daemon says.
    fn learn(&mut self, event: DaemonEvent) -> Then {
        match event {
            DaemonEvent::Announce(name, _) if !self.announced => {
                info!(terminal = %self.advert.terminal, port = self.advert.listens_on.port(), "advertised");
                self.announced = true;
                self.name_is.send_replace(Some(name));
                Then::Repeat
            }
            DaemonEvent::NameChange(change) => {
                warn!(terminal = %self.advert.terminal, now = change.new_name, "the name was taken");
                Then::Nothing
            }
            // The daemon would claim the name anew for another address, and gets lost (see below).
            DaemonEvent::IpAdd(ip) | DaemonEvent::IpDel(ip) if self.announced => {
                info!(terminal = %self.advert.terminal, %ip, "the addresses changed");
                Then::Announce
            }
            DaemonEvent::Error(error) => {
                warn!(terminal = %self.advert.terminal, %error, "mDNS");
                Then::Nothing
            }
            _ => Then::Nothing,
        }
    }

    /// Announces the present state: what the daemon repeats of its own accord gets lost where the name has
    /// a capital letter, as terminal ids have.
    fn register_again(&self) {
        if let Err(error) = self.register() {
            warn!(terminal = %self.advert.terminal, %error, "not announced");
        }
    }

    fn register(&self) -> mdns_sd::Result<()> {
        let Advert {
            terminal,
            model,
            status,
            activity,
            listens_on,
        } = &self.advert;
        let txt = Txt {
            id: Some(terminal.clone()),
            model: Some(model.clone()),
            status: Some(status.clone()),
            activity: Some(activity.clone()),
            api: Some(vinr_protocol::API.to_owned()),
        };
        let ip = listens_on.ip();
        let addresses = if ip.is_unspecified() {
            vec![]
        } else {
            vec![ip]
        };
        let mut service = ServiceInfo::new(
            SERVICE_TYPE,
            terminal.as_str(),
            &host_name(terminal),
            &addresses[..],
            listens_on.port(),
            &txt.entries()[..],
        )?;
        if ip.is_unspecified() {
            service = service.enable_addr_auto();
        }
        // The name is claimed once. Probing again for each change of TXT would take us off the network for
        // most of a second.
        service.set_requires_probe(!self.announced);
        self.daemon.register(service)
    }
}

/// What the news of the daemon asks of us.
enum Then {
    Nothing,
    /// The first announcement is out: the second is ours.
    Repeat,
    Announce,
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
