//! A search that goes on: what is there now, one terminal by its id, and what changes. \[DISC-2, DISC-5\]
//!
//! The rules are in `search.rs`; this drives them with sockets and a clock.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout_at};
use tracing::{debug, trace, warn};
use vinr_protocol::TerminalId;

use crate::answer;
use crate::blocked::Blocked;
use crate::browse::BrowseError;
use crate::candidate::{Candidate, Found};
use crate::interfaces::{HeardOn, Interface, Interfaces};
use crate::multicast::{self, Sockets};
use crate::query::Query;
use crate::search::{Effect, Input, Search};
use crate::slots::{Moment, Way};
use crate::watch::{SETTLE, Watch};

/// The largest multicast DNS message (RFC 6762 §17).
const PACKET_MAX: usize = 9000;

/// How many packets wait for the search to take them; more wait in their sockets, and are lost there.
const WAITING_MAX: usize = 64;

/// How often it is looked whether interfaces came or went.
const LOOK: Duration = Duration::from_secs(5);

/// How long a snapshot stands at least, and whoever waits for the next: under a flood not every packet makes one,
const SNAPSHOT: Duration = Duration::from_millis(1);

/// and they take a tenth of the time at most, however large they are.
const SNAPSHOT_SHARE: u32 = 10;

/// How often a terminal that somebody waits for is asked for by its name.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A search for terminals that goes on until the last of its clones and watches is dropped.
#[derive(Clone)]
pub struct Browser {
    inner: Arc<Inner>,
}

struct Inner {
    found: watch::Receiver<Arc<Found>>,
    requests: mpsc::UnboundedSender<Input>,
    task: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Browser {
    /// Asks on the given interfaces. Needs a tokio runtime.
    ///
    /// Fails when no query can be sent anywhere; where only some interfaces refuse, they are among the
    /// [troubles](Found::troubles).
    pub fn start(which: Interfaces) -> Result<Self, BrowseError> {
        let (publish, found) = watch::channel(Arc::new(Found::default()));
        let (requests, asked) = mpsc::unbounded_channel();
        let mut driver = Driver::new(which, publish);
        driver.look();
        driver.can_ask()?;
        let task = tokio::spawn(driver.run(asked)).abort_handle();
        Ok(Self {
            inner: Arc::new(Inner {
                found,
                requests,
                task,
            }),
        })
    }

    /// What is there now.
    pub fn found(&self) -> Arc<Found> {
        Arc::clone(&self.inner.found.borrow())
    }

    /// Listens for the whole window and says what is there then.
    pub async fn during(&self, window: Duration) -> Found {
        sleep(window).await;
        Found::clone(&self.found())
    }

    /// Waits until this terminal can be dialled, `window` at most.
    ///
    /// From the first call on the terminal has its place in this search, however many others are made up, and
    /// it is asked for by its name. Where a connection to an address from here failed, call
    /// [`doubt`](Self::doubt) first.
    pub async fn find(&self, id: &TerminalId, window: Duration) -> Option<Candidate> {
        self.request(Input::Await(id.clone()));
        let mut found = self.inner.found.clone();
        let mut end = Instant::now() + window;
        let mut ask_again = Instant::now() + ASK_AGAIN;
        loop {
            let candidate = found.borrow_and_update().candidate(id).cloned();
            match &candidate {
                Some(there) if !is_link_local(there) => return candidate,
                // Link-local IPv6 often comes first, and is the most fragile.
                Some(_) => end = end.min(Instant::now() + SETTLE),
                None => {}
            }
            match timeout_at(end.min(ask_again), found.changed()).await {
                Ok(Ok(())) => {}
                Err(_) if Instant::now() < end => {
                    self.request(Input::Await(id.clone()));
                    ask_again = Instant::now() + ASK_AGAIN;
                }
                Ok(Err(_)) | Err(_) => return candidate,
            }
        }
    }

    /// Says that a connection to this terminal failed: what is known of it is asked for again, and forgotten
    /// unless it is confirmed within 10 seconds. How a terminal that moved is found anew.
    pub fn doubt(&self, id: &TerminalId) {
        self.request(Input::Doubt(id.clone()));
    }

    /// Listens until what was found is enough, `window` at most, and says what was found.
    pub async fn until(&self, window: Duration, mut enough: impl FnMut(&Found) -> bool) -> Found {
        let end = Instant::now() + window;
        let mut receiver = self.inner.found.clone();
        loop {
            let found = Arc::clone(&receiver.borrow_and_update());
            let is_over =
                enough(&found) || !matches!(timeout_at(end, receiver.changed()).await, Ok(Ok(())));
            if is_over {
                return Found::clone(&found);
            }
        }
    }

    /// What changes from now on, beginning with all that is there.
    pub fn watch(&self) -> Watch {
        Watch::new(self.clone(), self.inner.found.clone())
    }

    fn request(&self, input: Input) {
        // The only error is that the runtime is shutting down.
        let _ = self.inner.requests.send(input);
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser")
            .field("found", &self.found())
            .finish_non_exhaustive()
    }
}

fn is_link_local(candidate: &Candidate) -> bool {
    let first = candidate.addresses.first();
    first.is_none_or(|a| matches!(a, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local()))
}

/// The task behind a browser.
struct Driver {
    which: Interfaces,
    search: Search,
    began: Instant,
    open: BTreeMap<HeardOn, Open>,
    blocked: Option<Blocked>,
    packets: mpsc::Receiver<Input>,
    heard: mpsc::Sender<Input>,
    publish: watch::Sender<Arc<Found>>,
    is_news: bool,
    may_publish: Instant,
}

/// The sockets of an interface, and the tasks that read them until this is dropped.
struct Open {
    sockets: Sockets,
    _readers: JoinSet<()>,
}

impl Driver {
    fn new(which: Interfaces, publish: watch::Sender<Arc<Found>>) -> Self {
        let (heard, packets) = mpsc::channel(WAITING_MAX);
        let now = Instant::now();
        Self {
            which,
            search: Search::new(which),
            began: now,
            open: BTreeMap::new(),
            blocked: None,
            packets,
            heard,
            publish,
            is_news: false,
            may_publish: now,
        }
    }

    async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Input>) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        loop {
            let wake = self.search.next_wake().map(|at| self.instant(at));
            let news = self.is_news.then_some(self.may_publish);
            tokio::select! {
                Some(input) = self.packets.recv() => self.step(input),
                Some(input) = requests.recv() => self.step(input),
                () = at(wake) => self.step(Input::Elapsed),
                () = at(news) => self.publish(),
                _ = look.tick() => self.look(),
            }
        }
    }

    fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.search.step(self.now(), input) {
                match effect {
                    Effect::Changed => self.is_news = true,
                    Effect::Ask(query) => inputs.extend(self.ask(&query)),
                }
            }
        }
    }

    fn ask(&mut self, query: &Query) -> Vec<Input> {
        trace!(?query, "asks");
        let mut results = Vec::new();
        for (on, open) in &self.open {
            let sent = open.sockets.send(query);
            // Who cannot hear may still be answered directly, but should know.
            let deaf = open.sockets.deaf();
            let result = sent.and(deaf.map_or(Ok(()), Err)).map_err(|error| {
                debug!(interface = open.sockets.interface().name, %error, "cannot ask or hear");
                Blocked::from(&error)
            });
            results.push(Input::Sent(*on, result));
        }
        results
    }

    fn publish(&mut self) {
        let begun = Instant::now();
        let found = self.search.found();
        for trouble in &found.troubles {
            if !self.publish.borrow().troubles.contains(trouble) {
                warn!(%trouble, "discovery");
            }
        }
        self.publish.send_replace(Arc::new(found));
        self.is_news = false;
        self.may_publish = begun + SNAPSHOT.max(begun.elapsed() * SNAPSHOT_SHARE);
    }

    /// Looks which interfaces there are, and opens and closes sockets accordingly.
    fn look(&mut self) {
        let interfaces = match self.which.list() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                debug!(%error, "cannot list the network interfaces");
                self.blocked = Some(Blocked::from(&error));
                return;
            }
        };
        let mut before: HashMap<HeardOn, Open> =
            std::mem::take(&mut self.open).into_iter().collect();
        let mut is_same = before.len() == interfaces.len();
        for interface in &interfaces {
            let on = interface.heard_on();
            let known = before.remove(&on);
            let known = known.filter(|open| open.sockets.interface() == interface);
            is_same &= known.is_some();
            let open = known.unwrap_or_else(|| self.open(interface));
            self.open.insert(on, open);
        }
        if !is_same {
            let chance = RandomState::new().hash_one(self.began) % 101;
            let chance = u8::try_from(chance).unwrap_or(0);
            self.step(Input::Interfaces(interfaces, chance));
        }
    }

    fn open(&self, interface: &Interface) -> Open {
        let sockets = Sockets::open(interface);
        let mut readers = JoinSet::new();
        let shared = sockets.shared().map(|socket| (socket, Way::Multicast));
        for (socket, way) in shared.chain(sockets.own().map(|socket| (socket, Way::Direct))) {
            let reader = Reader::new(socket, interface, way, self.heard.clone());
            match reader {
                Ok(reader) => {
                    readers.spawn(reader.run());
                }
                Err(error) => debug!(interface = interface.name, %error, "cannot read a socket"),
            }
        }
        Open {
            sockets,
            _readers: readers,
        }
    }

    fn can_ask(&self) -> Result<(), BrowseError> {
        let blocked = match (self.blocked, self.open.is_empty()) {
            (Some(blocked), _) => blocked,
            (None, true) => Blocked::NoInterface,
            (None, false) => match self.search.all_blocked() {
                Some(blocked) => blocked,
                None => return Ok(()),
            },
        };
        Err(BrowseError { blocked })
    }

    fn now(&self) -> Moment {
        Moment::default() + self.began.elapsed()
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.began + Duration::from_millis(moment.0)
    }
}

/// Reads one socket.
struct Reader {
    socket: tokio::net::UdpSocket,
    query_id: u16,
    index: u32,
    on: HeardOn,
    way: Way,
    heard: mpsc::Sender<Input>,
}

impl Reader {
    fn new(
        socket: &std::net::UdpSocket,
        interface: &Interface,
        way: Way,
        heard: mpsc::Sender<Input>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            query_id: multicast::query_id(socket)?,
            socket: tokio::net::UdpSocket::from_std(socket.try_clone()?)?,
            index: interface.index,
            on: interface.heard_on(),
            way,
            heard,
        })
    }

    async fn run(self) {
        let mut buffer = vec![0; PACKET_MAX];
        loop {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer).await else {
                // An ICMP error of an earlier packet says nothing about the next; an interface that is down
                // says the same over and over.
                sleep(SETTLE).await;
                continue;
            };
            let bytes = &buffer[..length];
            if self.is_of_another_interface(from) {
                trace!(%from, "heard on another interface");
                continue;
            }
            let is_answer_to_us = from.port() == multicast::PORT
                && bytes.get(..2) == Some(&self.query_id.to_be_bytes());
            if self.way == Way::Direct && !is_answer_to_us {
                continue;
            }
            let input = Input::Heard {
                on: self.on,
                from: from.ip(),
                way: self.way,
                message: answer::read(bytes),
            };
            // Waits its turn, so that one flooded interface does not silence the others.
            if self.heard.send(input).await.is_err() {
                return;
            }
        }
    }
}

impl Reader {
    /// IPv6 tells where a packet came in; a socket may hear more than its own interface.
    fn is_of_another_interface(&self, from: SocketAddr) -> bool {
        matches!(from, SocketAddr::V6(v6) if v6.scope_id() != 0 && v6.scope_id() != self.index)
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
