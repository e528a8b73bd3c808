//! The terminal's end of its link: what it authorizes over, reports on and takes commands from.
//!
//! It shares the terminal's power and its internet. A cut line ends the link without a byte: the socket is kept, unread
//! and unwritten, until the line is mended, as a cable that somebody stepped on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{BufReader, split};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use vinr_journal::Pages;
use vinr_protocol::command::Command;
use vinr_protocol::payment::{DeclineCode, Payment};
use vinr_protocol::reader::Activity;
use vinr_protocol::request::CancelRequest;
use vinr_protocol::terminal::{Answer, HostVerdict, Record};
use vinr_protocol::{JournalId, PaymentId, TerminalId};

use super::telling::{PAGE, Telling};
use super::{Down, PING_EVERY, Said, Up, lines};
use crate::cloud::join::Join;
use crate::cloud::tls;
use crate::host::Link;
use crate::terminal::record::Attempts;
use crate::terminal::trust::{Origin, Trust};
use crate::terminal::{Commands, Reports, Way};

/// How long an answer of the host is waited for; the machine asks again long before.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The pauses between two attempts to link.
const TRY_AGAIN: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
];

/// How long a terminal that boots waits for its link before it says that it has none.
const FIRST_LINK: Duration = Duration::from_secs(1);

/// The link of one terminal.
#[derive(Debug)]
pub(crate) struct Device {
    terminal: TerminalId,
    join: Join,
    /// Who takes the POS CA's lists. §2
    trust: Arc<Trust>,
    linked: watch::Sender<Link>,
    state: Mutex<State>,
    /// A page of the journal may be due.
    may_read: Notify,
}

/// What a terminal that is switched on gives its link.
struct PowerOn {
    journal: JournalId,
    commands: Commands,
    /// The terminal's internet.
    line: watch::Receiver<Link>,
}

/// What a journal holds for the cloud.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) id: JournalId,
    /// The payments that are not final.
    pub(crate) not_final: BTreeMap<PaymentId, Payment>,
    /// Everything.
    pub(crate) pages: Pages<Attempts>,
}

#[derive(Debug)]
struct State {
    /// None where it could not be read: such a terminal has nothing to say.
    journal: Option<JournalId>,
    /// To the link, while it is up.
    up: Option<mpsc::UnboundedSender<Up>>,
    /// Who waits for the host's word, by number.
    waiting: BTreeMap<u64, oneshot::Sender<HostVerdict>>,
    telling: Telling,
    /// What of the journal was not told yet.
    pages: Option<Pages<Attempts>>,
}

/// A link whose terminal is switched on; dropping it is the end of that.
#[derive(Debug)]
pub(crate) struct Powered {
    device: Arc<Device>,
    _task: AbortOnDropHandle<()>,
}

impl Drop for Powered {
    fn drop(&mut self) {
        self.device.ended();
        // The journal's index is nobody's any more.
        let mut state = self.device.state();
        (state.telling, state.pages) = (Telling::nothing(), None);
    }
}

impl Device {
    pub(crate) fn new(terminal: TerminalId, join: Join, trust: Arc<Trust>) -> Arc<Self> {
        Arc::new(Self {
            terminal,
            join,
            trust,
            linked: watch::Sender::new(Link::Cut),
            state: Mutex::new(State {
                journal: None,
                up: None,
                waiting: BTreeMap::new(),
                telling: Telling::nothing(),
                pages: None,
            }),
            may_read: Notify::new(),
        })
    }

    /// The journal was read: all that it holds is told when the link comes up.
    pub(crate) fn recovered(&self, journal: Recovered) {
        let Recovered {
            id,
            not_final,
            pages,
        } = journal;
        let mut state = self.state();
        state.journal = Some(id);
        state.telling = Telling::all_of_a_journal(not_final);
        state.pages = Some(pages);
    }

    /// Links, and links again, until the power goes. Returns when it is linked, or is not soon enough.
    pub(crate) async fn power_on(
        self: &Arc<Self>,
        commands: Commands,
        line: watch::Receiver<Link>,
    ) -> Option<Powered> {
        let journal = self.state().journal.take()?;
        let is_cut = *line.borrow() == Link::Cut;
        let on = PowerOn {
            journal,
            commands,
            line,
        };
        let (device, mut linked) = (self.clone(), self.linked());
        let task = tokio::spawn(async move { device.keep_linked(on).await });
        let powered = Powered {
            device: self.clone(),
            _task: AbortOnDropHandle::new(task),
        };
        if !is_cut {
            let _ = timeout(FIRST_LINK, linked.wait_for(|link| *link == Link::Up)).await;
        }
        Some(powered)
    }

    /// Is it linked, now and from here on?
    pub(crate) fn linked(&self) -> watch::Receiver<Link> {
        self.linked.subscribe()
    }

    pub(crate) async fn authorize(
        &self,
        payment: Payment,
        decline: Option<DeclineCode>,
    ) -> Option<HostVerdict> {
        let payment = Box::new(payment);
        self.ask(|number| Up::Authorize {
            number,
            payment,
            decline,
        })
        .await
    }

    pub(crate) async fn status(&self, payment: PaymentId) -> Option<HostVerdict> {
        self.ask(|number| Up::Status { number, payment }).await
    }

    pub(crate) async fn reverse(&self, payment: PaymentId) -> Option<HostVerdict> {
        self.ask(|number| Up::Reverse { number, payment }).await
    }

    /// The ledger, where it is in this process.
    pub(crate) async fn ledger(&self) -> Vec<vinr_protocol::question::LedgerEntry> {
        match self.join.here.upgrade() {
            Some(host) => host.entries().await,
            None => Vec::new(),
        }
    }

    async fn ask(&self, question: impl FnOnce(u64) -> Up) -> Option<HostVerdict> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (waiting, verdict) = oneshot::channel();
        {
            let mut state = self.state();
            state.up.as_ref()?.send(question(number)).ok()?;
            state.waiting.insert(number, waiting);
        }
        let verdict = timeout(ANSWER_WITHIN, verdict).await;
        self.state().waiting.remove(&number);
        verdict.ok()?.ok()
    }

    async fn keep_linked(&self, on: PowerOn) {
        let mut line = on.line.clone();
        let mut failed = 0;
        loop {
            if line.wait_for(|link| *link == Link::Up).await.is_err() {
                return;
            }
            let stream = tokio::select! {
                stream = tls::open_link(&self.join) => stream,
                _ = line.wait_for(|link| *link == Link::Cut) => continue,
            };
            match stream {
                Ok(stream) => {
                    let (mut read, mut write) = split(stream);
                    let ended = {
                        let session = self.session(&on, BufReader::new(&mut read), &mut write);
                        tokio::select! {
                            ended = session => Some(ended),
                            _ = line.wait_for(|link| *link == Link::Cut) => None,
                        }
                    };
                    self.ended();
                    match ended {
                        Some(ended) => {
                            let terminal = &self.terminal;
                            tracing::info!(%terminal, error = ?ended.err(), "the link to the cloud ended");
                            failed = 0;
                        }
                        None => {
                            // Not a byte more: not even a farewell. Then the wreck is cleared away.
                            let _ = line.wait_for(|link| *link == Link::Up).await;
                            continue;
                        }
                    }
                }
                Err(error) => {
                    let terminal = &self.terminal;
                    if failed == 0 {
                        tracing::warn!(%terminal, cloud = %self.join, %error, "not linked to the cloud; tried again until it is");
                    }
                    failed += 1;
                }
            }
            sleep(TRY_AGAIN[failed.min(TRY_AGAIN.len() - 1)]).await;
        }
    }

    async fn session<S>(
        &self,
        on: &PowerOn,
        mut read: BufReader<&mut tokio::io::ReadHalf<S>>,
        write: &mut tokio::io::WriteHalf<S>,
    ) -> io::Result<()>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let hello = Up::Hello {
            terminal: self.terminal.clone(),
            journal: on.journal.clone(),
        };
        lines::write(write, &hello).await?;
        let (up, mut to_write) = mpsc::unbounded_channel();
        let writing = async {
            loop {
                match timeout(PING_EVERY, to_write.recv()).await {
                    Ok(Some(value)) => lines::write(write, &value).await?,
                    Ok(None) => return Ok(()),
                    Err(_) => lines::write(write, &Up::Ping).await?,
                }
            }
        };
        let reading = async {
            loop {
                let down = lines::read(&mut read).await?;
                self.heard(on, &up, down);
            }
        };
        tokio::select! {
            ended = writing => ended,
            ended = reading => ended,
            never = self.retell(&up) => match never {},
        }
    }

    /// Tells what the journal holds, page by page, for as long as this link lasts. §9
    async fn retell(&self, up: &mpsc::UnboundedSender<Up>) -> Infallible {
        loop {
            let Some(mut pages) = self.reads(up) else {
                self.may_read.notified().await;
                continue;
            };
            let read = spawn_blocking(move || (pages.next_page(PAGE), pages)).await;
            match read {
                Ok((Ok(records), pages)) => self.read(up, records, pages),
                Ok((Err(error), _)) => {
                    let terminal = &self.terminal;
                    tracing::error!(%terminal, %error, "what was journaled cannot be read back: it is told to the cloud when the link comes up again");
                    return std::future::pending().await;
                }
                // It runs into no panic, and is not aborted but with all else.
                Err(_) => return std::future::pending().await,
            }
        }
    }

    /// What is to be read now, if anything. Over a link that is not the latest nothing is.
    fn reads(&self, up: &mpsc::UnboundedSender<Up>) -> Option<Pages<Attempts>> {
        let mut state = self.state();
        if !state.is_over(up) || !state.telling.is_page_due() {
            return None;
        }
        let pages = state.pages.clone()?;
        state.telling.reads();
        Some(pages)
    }

    /// A page was read, and is told.
    fn read(&self, up: &mpsc::UnboundedSender<Up>, records: Vec<Record>, rest: Pages<Attempts>) {
        let mut state = self.state();
        if !state.is_over(up) {
            return;
        }
        let is_last = records.is_empty();
        let payments = records.into_iter().filter_map(|record| match record {
            Record::Attempt(attempt) => Some(attempt.payment.clone()),
            Record::Tombstone { .. } => None,
        });
        // Under the lock: what changes from here on is told after it.
        if let Some(page) = state.telling.read(payments.collect(), is_last) {
            state.pages = Some(rest);
            for payment in page.into_iter().map(Box::new) {
                let _ = up.send(Up::Report { payment });
            }
        }
    }

    fn heard(&self, on: &PowerOn, up: &mpsc::UnboundedSender<Up>, down: Down) {
        match down {
            Down::Welcome => {
                tracing::info!(terminal = %self.terminal, cloud = %self.join, "linked to the cloud");
                {
                    let mut state = self.state();
                    // Of all of them, when the link comes up: first of these. §9
                    for payment in state.telling.linked().cloned().map(Box::new) {
                        let _ = up.send(Up::Report { payment });
                    }
                    state.up = Some(up.clone());
                }
                self.may_read.notify_one();
                self.linked.send_replace(Link::Up);
            }
            Down::Ping => {}
            Down::Verdict { number, verdict } => {
                // One that comes twice, or too late, finds nobody.
                if let Some(waiting) = self.state().waiting.remove(&number) {
                    let _ = waiting.send(verdict.into());
                }
            }
            Down::Command { command } => {
                let id = command.payment.clone();
                let _ = up.send(Up::HandedOver {
                    command: id.clone(),
                });
                let pay = Command::Pay {
                    request: command.request.for_terminal(&self.terminal),
                    key: Some(command.key.clone()),
                };
                let way = Way::Cloud {
                    expires_at: Some(command.expires_at),
                    id: Some(id.clone()),
                };
                self.carry_out(on, up, pay, way, |answer| {
                    let word = match answer {
                        Answer::Payment(payment) => Said::Payment(Box::new(payment)),
                        Answer::Refused(refusal) => refusal.into(),
                        _ => return None,
                    };
                    Some(Up::Answered { command: id, word })
                });
            }
            Down::Ask { command, reference } => {
                self.carry_out(
                    on,
                    up,
                    Command::Payments(reference),
                    AT_ANY_TIME,
                    |answer| match answer {
                        Answer::Payments(list) => Some(Up::Listed { command, list }),
                        _ => None,
                    },
                );
            }
            Down::Cancel { by, reference, key } => {
                let cancel = Command::Cancel(CancelRequest {
                    terminal_id: self.terminal.clone(),
                    reference,
                    attempt_key: key,
                });
                self.carry_out(on, up, cancel, AT_ANY_TIME, |answer| {
                    let answer = match answer {
                        Answer::Cancellation(word) => Some(Box::new(word)),
                        _ => None,
                    };
                    Some(Up::Cancelled { by, answer })
                });
            }
            Down::Acknowledge { payment } => {
                let mut state = self.state();
                state.telling.acknowledged(&payment);
                if state.telling.is_page_due() {
                    self.may_read.notify_one();
                }
            }
            // What is refused is logged there. The cloud is not told: it only passes on what the CA signed.
            Down::Crl { pem } => drop(self.trust.offer(pem.as_bytes(), Origin::Cloud)),
        }
    }

    fn carry_out(
        &self,
        on: &PowerOn,
        up: &mpsc::UnboundedSender<Up>,
        command: Command,
        way: Way,
        say: impl FnOnce(Answer) -> Option<Up> + Send + 'static,
    ) {
        let asked = on.commands.ask(command, way);
        let (up, commands) = (up.clone(), on.commands.clone());
        tokio::spawn(async move {
            tokio::select! {
                answer = asked.answer => {
                    if let Some(said) = answer.ok().and_then(say) {
                        let _ = up.send(said);
                    }
                }
                // The link is over. The payment goes on, and is reported over the next.
                () = up.closed() => commands.hang_up(asked.caller),
            }
        });
    }

    fn ended(&self) {
        let mut state = self.state();
        state.up = None;
        state.telling.unlinked();
        // Whoever waits hears that nothing will come.
        state.waiting.clear();
        drop(state);
        self.linked.send_replace(Link::Cut);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Is this the link that is up?
    fn is_over(&self, up: &mpsc::UnboundedSender<Up>) -> bool {
        self.up.as_ref().is_some_and(|it| it.same_channel(up))
    }
}

const AT_ANY_TIME: Way = Way::Cloud {
    expires_at: None,
    id: None,
};

impl Reports for Device {
    fn changed(&self, payment: &Payment) {
        let mut state = self.state();
        let begins_again = state.telling.changed(payment);
        if begins_again && let Some(pages) = &mut state.pages {
            pages.begin_again();
            self.may_read.notify_one();
        }
        if let Some(up) = &state.up {
            let payment = Box::new(payment.clone());
            let _ = up.send(Up::Report { payment });
        }
    }

    fn activity(&self, activity: &Activity) {
        if let (Activity::Idle, Some(up)) = (activity, &self.state().up) {
            let _ = up.send(Up::Freed);
        }
    }
}
