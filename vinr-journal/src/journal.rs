//! The journal of a running terminal: a [`Log`] with a thread that writes, so that a slow disk holds up nobody who
//! does not wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::core::{Core, Place, Settings};
use crate::data_dir::DataDir;
use crate::disk::{Disk, RealDisk};
use crate::error::{CompactError, OpenError, ReadError, StorageFailed};
use crate::frame;
use crate::key::{KeyId, KeyRing};
use crate::log::{Log, Prepared, Space, Stats, prepare};
use crate::open::Found;
use crate::pages::Pages;
use crate::policy::Policy;

/// An open journal; dropping it waits for the write that runs.
#[derive(Debug)]
pub struct Journal<P: Policy> {
    core: Arc<Core<P>>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    space: watch::Receiver<Space>,
}

/// A journal that was opened, and what it held.
#[derive(Debug)]
pub struct Opened<P: Policy> {
    /// The journal.
    pub journal: Journal<P>,
    /// The id that was drawn when it was made.
    pub id: String,
    /// What was found.
    pub found: Found,
}

enum Job {
    Append(Vec<Prepared>, oneshot::Sender<Result<(), StorageFailed>>),
    Compact(oneshot::Sender<Result<(), CompactError>>),
    Rotate(KeyRing, oneshot::Sender<Result<(), StorageFailed>>),
    TryForSpace,
}

/// After so long without a record nobody waits.
const IDLE: Duration = Duration::from_millis(200);
/// The mark is behind by no more than this, however busy the journal is.
const BEHIND: Duration = Duration::from_secs(1);
/// So many closed segments with something to drop start a pass of compaction.
const UNTIDY: usize = 4;
/// After a pass that failed none begins by itself for so long: on a full disk it takes, for a moment, the room that the
/// payments need.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);

impl<P: Policy> Journal<P>
where
    P::Record: 'static,
{
    /// Opens the journal of a directory, or makes it under a fresh id. `each` is given every record that is there,
    /// in the order in which they were appended.
    pub fn open(
        dir: &DataDir,
        place: Place,
        keys: KeyRing,
        policy: P,
        settings: Settings,
        fresh_id: impl FnOnce() -> String,
        each: &mut dyn FnMut(P::Record),
    ) -> Result<Opened<P>, OpenError> {
        let disk = Arc::new(RealDisk);
        Self::open_on(
            disk,
            Some(dir.clone()),
            place,
            keys,
            policy,
            settings,
            fresh_id,
            each,
        )
    }

    /// As [`open`](Self::open), on any disk.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one thing that only the caller knows"
    )]
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: Option<DataDir>,
        place: Place,
        keys: KeyRing,
        policy: P,
        settings: Settings,
        fresh_id: impl FnOnce() -> String,
        each: &mut dyn FnMut(P::Record),
    ) -> Result<Opened<P>, OpenError> {
        let name = place.name.clone();
        let (log, found) = Log::open(disk, place, keys, policy, settings, fresh_id, each)?;
        if found.torn {
            tracing::warn!(journal = %name, "dropped a record whose write a power cut broke off");
        }
        let id = log.id().to_owned();
        let journal = Self::start(log, dir);
        Ok(Opened { journal, id, found })
    }

    fn start(log: Log<P>, dir: Option<DataDir>) -> Self {
        let (jobs, queue) = mpsc::channel();
        let (say, space) = watch::channel(log.space());
        let core = log.core.clone();
        let writer = Writer {
            log,
            space: say,
            opened: Instant::now(),
            marked: Instant::now(),
            compaction: None,
            no_pass_before: Duration::ZERO,
            stop: Arc::new(AtomicBool::new(false)),
            waiting: Vec::new(),
            _nobody_else_opens_it_meanwhile: dir,
        };
        Self {
            core,
            jobs: Some(jobs),
            writer: Some(std::thread::spawn(move || writer.run(&queue))),
            space,
        }
    }

    /// Makes a record durable. \[REC-6\]
    pub async fn append(&self, record: &P::Record) -> Result<(), StorageFailed> {
        self.append_all(std::slice::from_ref(record)).await
    }

    /// Makes records durable, all or none of them. Of more than 32, or 256 KiB, none is written.
    pub async fn append_all(&self, records: &[P::Record]) -> Result<(), StorageFailed> {
        let prepared: Result<Vec<_>, _> = records
            .iter()
            .map(|record| prepare(&self.core.policy, record))
            .collect();
        let prepared = prepared?;
        let text = frame::text_length(prepared.iter().map(|it| &it.json[..]));
        if text > frame::MAX_TEXT || prepared.len() > frame::MAX_RECORDS {
            return Err(StorageFailed);
        }
        self.ask(|done| Job::Append(prepared, done))
            .await
            .unwrap_or(Err(StorageFailed))
    }

    /// Is there room for new payments? Changes are told while the journal lives.
    pub fn space(&self) -> watch::Receiver<Space> {
        self.space.clone()
    }

    /// Asks whether the disk has room by now, where it was full. It is also asked with every record.
    pub fn try_for_space(&self) {
        self.send(Job::TryForSpace);
    }

    /// The latest record of a key, from the disk.
    pub fn get(&self, key: &[u8]) -> Result<Option<P::Record>, ReadError> {
        self.core.get(key)
    }

    /// The latest records of a group, from the disk, in the order in which they were written.
    pub fn of_group(&self, group: &[u8]) -> Result<Vec<P::Record>, ReadError> {
        self.core.of_group(group)
    }

    /// The latest record of every key, some at a time.
    pub fn pages(&self) -> Pages<P> {
        Pages::over(self.core.clone())
    }

    /// Rewrites what may go, now. It also happens by itself, now and then.
    pub async fn compact(&self) -> Result<(), CompactError> {
        let asked = self.ask(Job::Compact).await;
        asked.unwrap_or_else(|| Err(CompactError("the journal has ended".into())))
    }

    /// Encrypts with these keys from here on; the older ones must be among them until nothing [needs
    /// them](Self::keys_in_use), which a [`compact`](Self::compact) brings about.
    pub async fn rotate(&self, keys: KeyRing) -> Result<(), StorageFailed> {
        self.ask(|done| Job::Rotate(keys, done))
            .await
            .unwrap_or(Err(StorageFailed))
    }

    /// Which keys encrypted what there is.
    pub fn keys_in_use(&self) -> Vec<KeyId> {
        self.core.keys_in_use()
    }

    /// What it is made of.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        let (done, is_done) = oneshot::channel();
        self.send(job(done));
        is_done.await.ok()
    }

    /// Where the writer has ended, the job and its answer are dropped.
    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }
}

impl<P: Policy> Drop for Journal<P> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// The thread that writes.
struct Writer<P: Policy> {
    log: Log<P>,
    space: watch::Sender<Space>,
    opened: Instant,
    /// When the mark was last right.
    marked: Instant,
    compaction: Option<JoinHandle<Result<(), CompactError>>>,
    /// None begins by itself so soon after the opening.
    no_pass_before: Duration,
    stop: Arc<AtomicBool>,
    /// Who asked for a pass.
    waiting: Vec<oneshot::Sender<Result<(), CompactError>>>,
    _nobody_else_opens_it_meanwhile: Option<DataDir>,
}

impl<P: Policy> Writer<P>
where
    P::Record: 'static,
{
    fn run(mut self, queue: &mpsc::Receiver<Job>) {
        let mut left = None;
        loop {
            let job = match left.take() {
                Some(job) => Ok(job),
                None if self.is_idle() => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                None => queue.recv_timeout(IDLE),
            };
            self.log.set_powered(self.opened.elapsed());
            let done = match job {
                Ok(Job::Append(records, done)) => {
                    let (batch, other) = gather(records, done, queue);
                    left = other;
                    self.append(batch)
                }
                Ok(Job::Compact(done)) => {
                    self.waiting.push(done);
                    Ok(())
                }
                Ok(Job::Rotate(keys, done)) => {
                    self.log.rotate(keys);
                    let rotated = self.tidy();
                    let _ = done.send(rotated);
                    rotated
                }
                Ok(Job::TryForSpace) => self.tidy(),
                Err(RecvTimeoutError::Timeout) => self.while_nobody_waits(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // Whoever comes after the first error finds the queue closed.
            if done.is_err() {
                break;
            }
            self.see_to_compaction();
        }
        self.stop.store(true, Ordering::Relaxed);
        if let Some(compaction) = self.compaction.take() {
            let _ = compaction.join();
        }
        let _ = self.log.write_mark();
    }

    fn append(&mut self, batch: Vec<Waiting>) -> Result<(), StorageFailed> {
        let (records, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let records: Vec<Prepared> = records.into_iter().flatten().collect();
        if !self.log.is_unmarked() {
            self.marked = Instant::now();
        }
        let appended = self.log.append_prepared(&records);
        for done in waiting {
            let _ = done.send(appended);
        }
        appended?;
        // Nobody waits for these.
        self.tidy()?;
        match self.marked.elapsed() > BEHIND {
            true => self.log.write_mark(),
            false => Ok(()),
        }
    }

    fn tidy(&mut self) -> Result<(), StorageFailed> {
        let space = self.log.tidy()?;
        let is_new = |before: &mut Space| std::mem::replace(before, space) != space;
        self.space.send_if_modified(is_new);
        Ok(())
    }

    fn while_nobody_waits(&mut self) -> Result<(), StorageFailed> {
        if self.log.space() == Space::Low {
            self.tidy()?;
        }
        self.log.write_mark()
    }

    /// Is there nothing to be done while nobody waits?
    fn is_idle(&self) -> bool {
        !self.log.is_unmarked() && self.log.space() == Space::Enough && self.compaction.is_none()
    }

    /// Collects a pass that has ended, and starts the next one where it is time.
    fn see_to_compaction(&mut self) {
        match self.compaction.take() {
            Some(pass) if pass.is_finished() => {
                let ended = pass
                    .join()
                    .unwrap_or_else(|_| Err(CompactError("it broke off".into())));
                if let Err(error) = &ended {
                    tracing::warn!(journal = %self.log.core.place.name, %error, "old records stay for now");
                    self.no_pass_before = self.opened.elapsed() + AFTER_A_FAILURE;
                }
            }
            Some(pass) => {
                self.compaction = Some(pass);
                return;
            }
            None => {}
        }
        let minutes = self.log.meter.minutes();
        let is_time = self.opened.elapsed() >= self.no_pass_before
            && self.log.core.untidy_segments(minutes) >= UNTIDY;
        if self.waiting.is_empty() && !is_time {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (core, stop) = (self.log.core.clone(), self.stop.clone());
        self.compaction = Some(std::thread::spawn(move || {
            let ended = core.compact(minutes, &stop);
            for done in waiting {
                let said = ended.as_ref().map_err(|it| CompactError(it.0.clone()));
                let _ = done.send(said.copied());
            }
            ended
        }));
    }
}

type Waiting = (Vec<Prepared>, oneshot::Sender<Result<(), StorageFailed>>);

/// Everybody who waits shares one write and one sync, as far as it fits. Gives the job back that does not.
fn gather(
    records: Vec<Prepared>,
    done: oneshot::Sender<Result<(), StorageFailed>>,
    queue: &mpsc::Receiver<Job>,
) -> (Vec<Waiting>, Option<Job>) {
    let text = |records: &[Prepared]| frame::text_length(records.iter().map(|it| &it.json[..]));
    let (mut length, mut count) = (text(&records), records.len());
    let mut batch = vec![(records, done)];
    while let Ok(job) = queue.try_recv() {
        match job {
            Job::Append(records, done)
                if length + text(&records) <= frame::MAX_TEXT
                    && count + records.len() <= frame::MAX_RECORDS =>
            {
                length += text(&records);
                count += records.len();
                batch.push((records, done));
            }
            other => return (batch, Some(other)),
        }
    }
    (batch, None)
}
