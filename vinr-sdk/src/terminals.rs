//! Where the terminals are, and the lines to them that wait for a payment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use vinr_discovery::StaticHost;
use vinr_protocol::client::hedge::{First, Second};
use vinr_protocol::{JournalId, TerminalId};
use vinr_transport::Connector;

use crate::dialling::{Stranger, dial};
use crate::error::Error;
use crate::finder::Finder;
use crate::line::Line;
use crate::lines::{Dial, Keeper, Lease, Lines, Tended, Undone, keep};
use crate::queue::Queue;

/// How many addresses of one terminal are remembered.
const ADDRESSES_MAX: usize = 4;

/// What took longer counts as this.
const PACE_MAX: Duration = Duration::from_millis(50);

/// The address book and the idle lines. Filled by discovery and by the builder: paying looks here and nowhere else.
/// \[NET-2\]
pub(crate) struct Terminals {
    shared: Arc<Shared>,
    task: Mutex<Option<AbortHandle>>,
}

/// What the task that opens lines shares with those who pay.
pub(crate) struct Shared {
    connector: Connector,
    finder: Finder,
    /// Hears of each terminal that is reached again.
    queue: Queue,
    began: Instant,
    pulse: Arc<Notify>,
    state: Mutex<State>,
}

struct State {
    book: BTreeMap<TerminalId, Known>,
    keeper: Keeper,
}

#[derive(Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    /// By which it was found; its name may lead elsewhere later.
    host: Option<StaticHost>,
    /// The one that was used last is the last.
    idle: Vec<Line>,
    /// How many lines there are, in whoever's hands.
    open: Arc<AtomicUsize>,
    /// Of the device that was there last.
    journal: Option<JournalId>,
    /// How long a head takes.
    pace: Option<Duration>,
}

/// A line for a payment.
pub(crate) struct Taken {
    pub(crate) line: Line,
    /// It lay idle: that the terminal is still there is a guess.
    pub(crate) was_idle: bool,
    /// When it was asked for.
    pub(crate) asked: Instant,
}

impl Taken {
    pub(crate) fn idle(line: Line) -> Self {
        Self {
            line,
            was_idle: true,
            asked: Instant::now(),
        }
    }

    pub(crate) fn new(line: Line) -> Self {
        Self {
            was_idle: false,
            ..Self::idle(line)
        }
    }
}

impl Terminals {
    pub(crate) fn new(connector: Connector, lines: Lines, queue: Queue) -> Self {
        let state = State {
            book: BTreeMap::new(),
            keeper: Keeper::new(lines),
        };
        Self {
            shared: Arc::new(Shared {
                connector,
                finder: Finder::default(),
                queue,
                began: Instant::now(),
                pulse: Arc::default(),
                state: Mutex::new(state),
            }),
            task: Mutex::default(),
        }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.shared.connector
    }

    pub(crate) fn finder(&self) -> &Finder {
        &self.shared.finder
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.shared.queue
    }

    /// Notes where a terminal is; the newest word is tried first.
    pub(crate) fn learn(&self, terminal: TerminalId, address: SocketAddr) {
        let mut state = self.shared.lock();
        state.keeper.known(&terminal);
        state.book.entry(terminal).or_default().is_at(address);
        drop(state);
        self.tend();
    }

    /// Notes that this static host is where the terminal is, whatever its name resolves to.
    pub(crate) fn is_host(&self, terminal: &TerminalId, host: StaticHost) {
        if let Some(known) = self.shared.lock().book.get_mut(terminal) {
            known.host = Some(host);
        }
    }

    /// Every terminal whose address is known.
    pub(crate) fn ids(&self) -> Vec<TerminalId> {
        self.shared.lock().book.keys().cloned().collect()
    }

    /// How many lines to a terminal are open, in whoever's hands.
    pub(crate) fn open(&self, terminal: &TerminalId) -> usize {
        self.shared.lock().open(terminal)
    }

    /// The journal of the device that was there when the terminal was last reached. \[REC-23\]
    pub(crate) fn journal(&self, terminal: &TerminalId) -> Option<JournalId> {
        self.shared.lock().book.get(terminal)?.journal.clone()
    }

    /// How long a head of this terminal takes, as far as is known.
    pub(crate) fn pace(&self, terminal: &TerminalId) -> Option<Duration> {
        self.shared.lock().book.get(terminal)?.pace
    }

    /// A head took so long: an eighth of what is thought of the next. And a line was of use.
    pub(crate) fn paced(&self, terminal: &TerminalId, took: Duration) {
        let mut state = self.shared.lock();
        state.keeper.reached(terminal);
        if let Some(known) = state.book.get_mut(terminal) {
            // One that was lost on its way is no measure.
            let took = took.min(PACE_MAX);
            let pace = known.pace.map_or(took, |pace| (pace * 7 + took) / 8);
            known.pace = Some(pace);
        }
    }

    /// A line for a payment: an idle one, or a new one. `first` says what an idle line is to be tried with.
    pub(crate) async fn take(
        &self,
        terminal: &TerminalId,
        first: impl Fn(&Line, Second) -> First,
        stranger: &Stranger,
    ) -> Result<Taken, Error> {
        let asked = Instant::now();
        drop(self.shared.uses(terminal));
        while let Some(idle) = self.idle(terminal) {
            let warm = match first(&idle, self.second(terminal)) {
                First::Pay => Some(idle),
                First::Question => idle.still_there().await,
            };
            if let Some(line) = warm {
                let taken = Taken::idle(line);
                return Ok(Taken { asked, ..taken });
            }
        }
        let taken = Taken::new(self.dial_noting(terminal, stranger).await?);
        Ok(Taken { asked, ..taken })
    }

    /// Is there one more idle line, for a copy?
    fn second(&self, terminal: &TerminalId) -> Second {
        let state = self.shared.lock();
        let known = state.book.get(terminal);
        match known.is_some_and(|known| known.idle.iter().any(Line::is_usable)) {
            true => Second::AtHand,
            false => Second::Missing,
        }
    }

    /// A line that lies idle and can be used at once.
    pub(crate) fn idle(&self, terminal: &TerminalId) -> Option<Line> {
        self.tend();
        loop {
            // One that has died drops here, outside of the lock.
            let line = self.shared.lock().book.get_mut(terminal)?.idle.pop()?;
            if line.is_usable() {
                return Some(line);
            }
        }
    }

    /// A new line: for a question while a payment is held, and after a loss.
    pub(crate) async fn dial(&self, terminal: &TerminalId) -> Result<Line, Error> {
        self.dial_noting(terminal, &Stranger::default()).await
    }

    /// The same for whoever may stop waiting, and then wants to know whom it met.
    async fn dial_noting(&self, terminal: &TerminalId, stranger: &Stranger) -> Result<Line, Error> {
        // Counted from here on, so that the task does not open another one for it.
        let (addresses, lease) = self.shared.addresses(terminal);
        self.tend();
        let connector = &self.shared.connector;
        match dial(connector, &addresses, Some(terminal), stranger).await {
            Ok(line) => {
                let mut state = self.shared.lock();
                state.keeper.reached(terminal);
                let known = state.book.entry(terminal.clone()).or_default();
                known.journal = line.reader.journal_id.clone();
                drop(state);
                self.shared.queue.reached(terminal.clone());
                Ok(line.counted(|| lease))
            }
            Err(Some(why)) => Err(why.into_error(terminal)),
            Err(None) => Err(Error::UnknownReader {
                reader: terminal.clone(),
            }),
        }
    }

    /// Keeps a line that was just used for the next payment, while there is room.
    pub(crate) fn keep(&self, line: Line) {
        self.shared.keep(line.touched());
        self.tend();
    }

    /// Lets the task go on, or begin. Without a runtime nothing is opened in advance.
    pub(crate) fn tend(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let is_running = task.as_ref().is_some_and(|task| !task.is_finished());
        if !is_running && let Ok(runtime) = Handle::try_current() {
            self.shared.lock().keeper.begin();
            let keeping = keep(Arc::downgrade(&self.shared), self.shared.pulse.clone());
            *task = Some(runtime.spawn(keeping).abort_handle());
        }
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

impl Shared {
    /// What is to be dialled now.
    pub(crate) fn to_open(self: &Arc<Self>) -> Vec<Dial> {
        let dead = self.take_idle(|line| !line.is_usable());
        drop(dead);
        let mut state = self.lock();
        let State { book, keeper } = &mut *state;
        let open = |id: &TerminalId| book.get(id).map_or(0, Known::open);
        let terminals = keeper.open(self.began.elapsed(), open);
        terminals
            .into_iter()
            .map(|terminal| Dial {
                addresses: book
                    .get(&terminal)
                    .map_or_else(Vec::new, |known| known.addresses.clone()),
                host: book.get(&terminal).and_then(|known| known.host.clone()),
                undone: Undone::new(self, terminal.clone()),
                terminal,
                connector: self.connector.clone(),
                finder: self.finder.clone(),
            })
            .collect()
    }

    /// When there will be something to dial again.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let next = self.lock().keeper.next_wake(self.began.elapsed())?;
        Some(self.began + next)
    }

    /// The lines that lay idle for so long.
    pub(crate) fn idle_for(&self, long: Duration) -> Vec<Line> {
        self.take_idle(|line| line.idle_for() >= long)
    }

    /// What came of the task's work.
    pub(crate) fn tended(&self, tended: Tended) {
        match tended {
            Tended::Opened(line) => {
                let terminal = line.connection.terminal().clone();
                let mut state = self.lock();
                state.keeper.opened(self.began.elapsed(), &terminal);
                let known = state.book.entry(terminal.clone()).or_default();
                known.is_at(line.connection.addr());
                drop(state);
                self.keep(line);
                // Once its line is there for whoever waits.
                self.queue.reached(terminal);
            }
            Tended::NotOpened(terminal, failure) => {
                let now = self.began.elapsed();
                self.lock()
                    .keeper
                    .failed(now, &terminal, failure, chance(now));
            }
            Tended::Asked(Some(line)) => {
                self.lock().keeper.reached(line.connection.terminal());
                self.keep(line);
            }
            Tended::Asked(None) => {}
        }
    }

    /// The terminal is paid at; the lines that lose their place for it.
    fn uses(&self, terminal: &TerminalId) -> Vec<Line> {
        let mut state = self.lock();
        // Whoever mistypes an id takes no terminal's place.
        if !state.book.contains_key(terminal) {
            return Vec::new();
        }
        let let_go = state.keeper.used(terminal);
        let known = let_go.and_then(|id| state.book.get_mut(&id));
        known.map_or_else(Vec::new, |known| std::mem::take(&mut known.idle))
    }

    fn addresses(&self, terminal: &TerminalId) -> (Vec<SocketAddr>, Lease) {
        let mut state = self.lock();
        // A terminal that nobody told of has no page in the book.
        let Some(known) = state.book.get_mut(terminal) else {
            return (Vec::new(), Lease::new(Arc::default(), self.pulse.clone()));
        };
        let lease = Lease::new(known.open.clone(), self.pulse.clone());
        (known.addresses.clone(), lease)
    }

    fn keep(&self, line: Line) {
        if !line.connection.is_open() {
            return;
        }
        let terminal = line.connection.terminal().clone();
        let mut state = self.lock();
        state.keeper.known(&terminal);
        let room = state.keeper.worth_keeping(&terminal);
        let known = state.book.entry(terminal).or_default();
        known.journal = line.reader.journal_id.clone();
        if known.idle.len() < room {
            let lease = || Lease::new(known.open.clone(), self.pulse.clone());
            let line = line.counted(lease);
            known.idle.push(line);
        }
    }

    fn take_idle(&self, which: impl Fn(&Line) -> bool) -> Vec<Line> {
        let mut state = self.lock();
        let all = state.book.values_mut();
        all.flat_map(|known| known.idle.extract_if(.., |line| which(line)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half-done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&self, terminal: &TerminalId) -> usize {
        self.book.get(terminal).map_or(0, Known::open)
    }
}

impl Known {
    fn is_at(&mut self, address: SocketAddr) {
        self.addresses.retain(|other| *other != address);
        self.addresses.insert(0, address);
        self.addresses.truncate(ADDRESSES_MAX);
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }
}

/// A number that other tills do not have at the same time.
fn chance(now: Duration) -> u8 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(now).to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use vinr_simulator::Pki;
    use vinr_transport::{Identity, TrustBundle};

    use super::*;

    fn id(number: usize) -> TerminalId {
        TerminalId::new(&format!("term_{number}")).unwrap()
    }

    /// Lines are kept to one terminal, whose address is known. No runtime is there to open any.
    fn terminals() -> Terminals {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::provision(dir.path(), &[id(1)]).unwrap().pki;
        let trust = TrustBundle::from_pem_file(pki.terminal_ca()).unwrap();
        let identity = Identity::from_pem_files(pki.pos_cert(), pki.pos_key()).unwrap();
        let connector = Connector::new(trust, identity).unwrap();
        let lines = Lines::default().terminals(1);
        let terminals = Terminals::new(connector, lines, Queue::default());
        terminals.learn(id(1), SocketAddr::from(([127, 0, 0, 1], 1)));
        terminals
    }

    #[test]
    fn an_id_that_nobody_has_takes_no_terminals_place() {
        let terminals = terminals();
        drop(terminals.shared.uses(&id(2)));
        let dialled = terminals.shared.to_open();
        assert_eq!(dialled[0].terminal, id(1));
    }

    #[test]
    fn a_terminal_whose_dialling_panicked_is_dialled_again_after_a_pause() {
        let terminals = terminals();
        let mut dialled = terminals.shared.to_open();
        assert_eq!((dialled.len(), terminals.shared.to_open().len()), (1, 0));
        assert_eq!(terminals.shared.next_wake(), None);
        let dial = dialled.remove(0);
        let panics = std::thread::spawn(move || {
            let _dial = dial;
            panic!("in the middle of it");
        });
        assert!(panics.join().is_err());
        assert!(terminals.shared.next_wake().is_some());
    }
}
