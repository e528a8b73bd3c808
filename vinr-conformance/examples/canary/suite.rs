//! The whole conformance suite against its embedded simulators, while every file that any of them makes is kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vinr_conformance::bundle::{Contents, Directory};
use vinr_conformance::features;
use vinr_conformance::journal::{Event, Journal};
use vinr_conformance::known::KnownFailures;
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::Profile;
use vinr_conformance::run::{self, Order};
use vinr_conformance::subject;

use crate::canaries::{self, Canary};
use crate::{keep, plain};

type Failure = Box<dyn std::error::Error>;

pub(crate) fn run(work: &Path) -> Result<(), Failure> {
    listen_to_every_log();
    let kept = Keeping::begin(work);
    let runtime = tokio::runtime::Runtime::new()?;
    let told = runtime.block_on(certify(work))?;
    // A last look, while the simulators' files are still there.
    let harvested = kept.end();
    canaries::tell(work, &told)?;
    canaries::tell(work, &harvested)?;
    Ok(())
}

/// All that anybody logs, of whatever crate.
pub(crate) fn listen_to_every_log() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .init();
}

async fn certify(work: &Path) -> Result<Vec<Canary>, Failure> {
    let profile = Profile::simulator();
    let nothing: [&str; 0] = [];
    let selection = Selection::parse(&nothing, &nothing)?;
    let plan = run::plan(features::all(), &profile, &selection);
    let order = Order {
        plan,
        seed: 7,
        strict: false,
        real_time: false,
        known: KnownFailures::default(),
        resumed: None,
        command: "canary".into(),
        profile,
    };
    let (subject, embedded) = subject::embedded(&[]).await?;
    println!("{:?} {:?}", subject.till, subject.control);
    let directory = Directory::claim(work.join("report"))?;
    let journal = Journal::in_file(&directory.journal())?;
    let stop = CancellationToken::new();
    let certified = run::certify(
        subject,
        &order,
        features::all(),
        journal.clone(),
        &stop,
        |told| println!("{told:?}"),
    )
    .await?;
    println!("{certified:?}");
    journal.flush()?;
    let secrets = certified
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Endpoint(endpoint) => Some(&endpoint.secret),
            _ => None,
        });
    let mut told: Vec<_> = secrets
        .map(|secret| {
            Canary::new(
                canaries::WEBHOOK,
                "an endpoint of the suite",
                secret.as_bytes(),
            )
        })
        .collect();
    if let Some(passphrase) = embedded.passphrase() {
        let secret = passphrase.reveal().as_bytes();
        told.push(Canary::new(
            canaries::PASSPHRASE,
            "pos.p12 of the suite",
            secret,
        ));
    }
    directory.finish(&Contents {
        results: &certified.results,
        plan: &order.plan,
        profile: &order.profile.effective().text(),
        entries: &certified.entries,
        known: None,
        signer: None,
        // The suite's own search is left out: it would stop at what this one is to find.
        secrets: &[],
    })?;
    embedded.shutdown().await;
    Ok(told)
}

/// A second name for each file below `tmp`, so that what is deleted stays to be searched.
pub(crate) struct Keeping {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Canary>>,
}

/// Far shorter than any scenario that starts a simulator of its own.
const EVERY: Duration = Duration::from_millis(100);

impl Keeping {
    pub(crate) fn begin(work: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (from, to) = (work.join("tmp"), work.join("kept"));
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let mut seen = BTreeSet::new();
                let mut harvest = Vec::new();
                loop {
                    let last = stop.load(Ordering::Acquire);
                    keep_new(&from, &to, &mut seen, &mut harvest);
                    if last {
                        return harvest;
                    }
                    std::thread::sleep(EVERY);
                }
            }
        });
        Self { stop, thread }
    }

    /// The secrets that stood in the kept files.
    pub(crate) fn end(self) -> Vec<Canary> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_default()
    }
}

fn keep_new(
    from: &Path,
    to: &Path,
    seen: &mut BTreeSet<(PathBuf, u64)>,
    harvest: &mut Vec<Canary>,
) {
    use std::os::unix::fs::MetadataExt as _;
    for path in plain::files(from).unwrap_or_default() {
        let Ok(inode) = std::fs::metadata(&path).map(|it| it.ino()) else {
            continue;
        };
        let Ok(below) = path.strip_prefix(from) else {
            continue;
        };
        if !seen.insert((below.to_owned(), inode)) {
            continue;
        }
        let place = to.join(format!("{inode}")).join(below);
        if let Some(dir) = place.parent() {
            // A file that is gone by now had no secret of ours for longer than a moment.
            let _ = std::fs::create_dir_all(dir).and_then(|()| std::fs::hard_link(&path, &place));
        }
        if let Ok(bytes) = std::fs::read(&path) {
            harvest.extend(keep::harvest(below, &bytes));
        }
    }
}
