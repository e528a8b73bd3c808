//! The power is cut at every operation of a store's life, and again while it opens; and every write fails once.
//!
//! A life begins with the files of an earlier version, and has puts, one of them again under its key, removals, files that
//! are closed and compacted, a clean end and a reopening. Whatever happens, every attempt that was acknowledged and not
//! removed is there, nothing is that was not put, and what was removed comes back only until that was acknowledged.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use vinr_journal::sim::{Bounds, Fault, Image, SimDisk};
use vinr_journal::{Disk, Settings};
use vinr_protocol::AttemptKey;
use vinr_protocol::client::attempt::StoredAttempt;
use vinr_protocol::payment::ConnectionMode;

use super::book::Book;
use super::earlier::sealed;
use super::error::FileStoreError;
use super::tests::attempt;

/// Small, so that a few attempts fill a file, and it grows meanwhile.
const SMALL: Settings = Settings {
    segment: 2048,
    chunk: 512,
};
const DIR: &str = "/store";

fn open(disk: &SimDisk) -> Result<Book, FileStoreError> {
    Book::open(Arc::new(disk.clone()), DIR.into(), SMALL)
}

/// A disk with these files, all of them durable.
fn disk_with(files: &[(&str, &str)]) -> SimDisk {
    let disk = SimDisk::default();
    for (name, content) in files {
        let file = disk.create(&Path::new(DIR).join(name)).unwrap();
        file.write_at(content.as_bytes(), 0).unwrap();
    }
    SimDisk::of(disk.image())
}

fn earlier_disk() -> SimDisk {
    let [one, two] = ["01OLD", "02OLD"].map(|key| sealed(&attempt(key)));
    disk_with(&[
        ("01OLD.attempt", &one),
        ("02OLD.attempt", &two),
        ("03OLD.tmp", "vinr-att"),
    ])
}

/// What must be there, and what may.
#[derive(Debug, Clone, Default, Hash)]
struct Expected {
    /// Acknowledged, and not removed.
    kept: BTreeMap<AttemptKey, StoredAttempt>,
    /// What is being put, or was when it failed; and what was removed while nobody says yet that this is durable.
    maybe: Vec<StoredAttempt>,
}

impl Expected {
    fn check(&self, found: &[StoredAttempt]) -> Result<(), String> {
        let maybe = |it: &StoredAttempt| self.maybe.contains(it);
        for (key, wanted) in &self.kept {
            let there = found.iter().find(|it| it.key == *key);
            if !there.is_some_and(|it| it == wanted || maybe(it)) {
                return Err(format!("{key:?} is lost: {there:?}"));
            }
        }
        let invented = |it: &&StoredAttempt| self.kept.get(&it.key) != Some(it) && !maybe(it);
        match found.iter().find(invented) {
            Some(it) => Err(format!("{it:?} was not put, or was removed for good")),
            None => Ok(()),
        }
    }
}

/// What happened until when: from each position on, that is expected.
struct Life {
    disk: SimDisk,
    expected: BTreeMap<usize, Expected>,
}

impl Life {
    fn begin(disk: SimDisk, kept: Expected) -> Self {
        Self {
            disk,
            expected: BTreeMap::from([(0, kept)]),
        }
    }

    fn at(&self, position: usize) -> &Expected {
        let before = self.expected.range(..=position).next_back();
        before.expect("something is expected from the beginning").1
    }

    fn now(&mut self, change: impl FnOnce(&mut Expected)) {
        let mut expected = self.at(usize::MAX).clone();
        change(&mut expected);
        self.expected.insert(self.disk.position(), expected);
    }

    fn put(&mut self, book: &Book, attempt: &StoredAttempt) -> Result<(), FileStoreError> {
        self.now(|it| it.maybe.push(attempt.clone()));
        book.put(attempt)?;
        // What was removed went with it.
        self.now(|it| {
            it.maybe.clear();
            it.kept.insert(attempt.key.clone(), attempt.clone());
        });
        Ok(())
    }

    fn remove(&mut self, book: &Book, attempt: &StoredAttempt) {
        self.now(|it| {
            it.maybe.push(attempt.clone());
            it.kept.remove(&attempt.key);
        });
        book.remove(&attempt.key);
    }

    fn settle(&mut self, book: &Book) -> Result<(), FileStoreError> {
        book.settle()?;
        self.now(|it| it.maybe.clear());
        Ok(())
    }
}

fn life() -> Life {
    let earlier = ["01OLD", "02OLD"].map(attempt);
    let kept = earlier.iter().map(|it| (it.key.clone(), it.clone()));
    let expected = Expected {
        kept: kept.collect(),
        ..Expected::default()
    };
    let mut life = Life::begin(earlier_disk(), expected);
    let mut book = open(&life.disk).unwrap();
    life.remove(&book, &earlier[1]);
    life.settle(&book).unwrap();
    for n in 0..24 {
        let mut attempt = attempt(&format!("{n:02}"));
        life.put(&book, &attempt).unwrap();
        if n % 7 == 1 {
            // It goes through the cloud instead.
            attempt.path = ConnectionMode::Cloud;
            life.put(&book, &attempt).unwrap();
        }
        if n % 6 == 0 {
            continue;
        }
        life.remove(&book, &attempt);
        // Else it goes with the next put.
        if n % 3 > 0 {
            life.settle(&book).unwrap();
        }
        if n == 12 {
            life.remove(&book, &earlier[0]);
            book.close().unwrap();
            life.now(|it| it.maybe.clear());
            book = open(&life.disk).unwrap();
        }
    }
    life
}

/// Opens every image that a power cut may leave, and each again after a cut while it opens.
struct Search {
    seen: HashSet<(u64, u64)>,
    by_depth: [u64; 2],
}

impl Search {
    fn cut(&mut self, life: &Life, depth: usize) {
        let bounds = match depth {
            0 => Bounds {
                torn_every: 11,
                sectors: true,
                subsets: 2,
            },
            _ => Bounds::FEW,
        };
        life.disk.crashes(0, &bounds, &mut |position, image| {
            self.recover(image, life.at(position), depth, position);
        });
    }

    fn recover(&mut self, image: Image, expected: &Expected, depth: usize, position: usize) {
        let mut hasher = DefaultHasher::new();
        expected.hash(&mut hasher);
        let fingerprint = image.fingerprint();
        if !self.seen.insert((fingerprint, hasher.finish())) {
            return;
        }
        self.by_depth[depth] += 1;
        let disk = SimDisk::of(image);
        let opened = open(&disk).unwrap_or_else(|error| panic!("cut at {position}: {error}"));
        let found = opened.unresolved().unwrap();
        if let Err(why) = expected.check(&found) {
            panic!("cut at {position}, depth {depth}: {why}");
        }
        drop(opened);
        let names = disk.list(Path::new(DIR)).unwrap();
        let is_earlier = |name: &String| name.ends_with(".attempt") || name.ends_with(".tmp");
        assert!(!names.iter().any(is_earlier), "{names:?}");
        if depth + 1 < self.by_depth.len() && fingerprint.is_multiple_of(31) {
            // While it opens, what was expected stays so.
            self.cut(&Life::begin(disk, expected.clone()), depth + 1);
        }
    }
}

// [REC-12]
#[test]
fn a_power_cut_anywhere_loses_no_attempt_and_invents_none() {
    let life = life();
    let image = life.disk.image();
    let is_gone = |n: u32| {
        let path = Path::new(DIR).join(format!("attempts.{n:08}"));
        image.bytes(&path).is_none()
    };
    assert!((1..=2).any(is_gone), "nothing was compacted");
    let mut search = Search {
        seen: HashSet::new(),
        by_depth: [0; 2],
    };
    search.cut(&life, 0);
    println!(
        "{} operations, {:?} states",
        life.disk.position(),
        search.by_depth
    );
    assert!(
        search.by_depth.iter().all(|it| *it > 500),
        "{:?}",
        search.by_depth
    );
}

// [REC-12] The till is not restarted: the next call finds its way.
#[test]
fn a_write_that_fails_loses_nothing_and_the_next_one_works() {
    for fault in [Fault::Error, Fault::Full, Fault::Short(40)] {
        for after in 0.. {
            let mut life = Life::begin(SimDisk::default(), Expected::default());
            let book = open(&life.disk).unwrap();
            let first = life.disk.tried();
            life.disk.fail_after(after, fault);
            for n in 0..14 {
                let attempt = attempt(&format!("{n:02}"));
                // What failed is tried once more, as one does.
                for _ in 0..2 {
                    if life.put(&book, &attempt).is_ok() {
                        break;
                    }
                }
                assert!(life.at(usize::MAX).kept.contains_key(&attempt.key));
                if n % 4 > 0 {
                    life.remove(&book, &attempt);
                    let _ = life.settle(&book);
                }
                life.at(usize::MAX)
                    .check(&book.unresolved().unwrap())
                    .unwrap_or_else(|why| panic!("{fault:?} after {after}: {why}"));
            }
            let is_over = life.disk.tried() - first <= after;
            let expected = life.at(usize::MAX).clone();
            let bounds = Bounds::FEW;
            let last = life.disk.position();
            life.disk.crashes(last, &bounds, &mut |_, image| {
                let found = open(&SimDisk::of(image)).unwrap().unresolved().unwrap();
                expected
                    .check(&found)
                    .unwrap_or_else(|why| panic!("{fault:?} after {after}, then a cut: {why}"));
            });
            if is_over {
                assert!(after > 40, "{after}");
                break;
            }
        }
    }
}

// [REC-12]
#[test]
fn a_full_disk_refuses_attempts_until_there_is_room_and_keeps_those_it_has() {
    let disk = SimDisk::default();
    let book = open(&disk).unwrap();
    let mut kept = Vec::new();
    disk.set_capacity(Some(disk.used()));
    let refused = loop {
        let attempt = attempt(&format!("{:03}", kept.len()));
        match book.put(&attempt) {
            Ok(()) => kept.push(attempt),
            Err(error) => break error,
        }
        assert!(kept.len() < 100);
    };
    let FileStoreError::Io { source, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(source.kind(), ErrorKind::StorageFull, "{refused}");
    assert!(book.put(&attempt("still")).is_err());
    assert_eq!(book.unresolved().unwrap(), kept);
    disk.set_capacity(None);
    kept.push(attempt("then"));
    book.put(&kept[kept.len() - 1]).unwrap();
    assert_eq!(book.unresolved().unwrap(), kept);
    assert_eq!(open(&disk).unwrap().unresolved().unwrap(), kept);
}

#[test]
fn a_put_is_one_write_and_one_sync_and_takes_along_what_was_removed() {
    let disk = SimDisk::default();
    let book = open(&disk).unwrap();
    book.put(&attempt("01")).unwrap();
    book.settle().unwrap();
    book.remove(&attempt("01").key);
    let before = disk.position();
    book.put(&attempt("02")).unwrap();
    assert_eq!(disk.position(), before + 2);
    let found = open(&disk).unwrap().unresolved().unwrap();
    assert_eq!(found, [attempt("02")]);
}

#[test]
fn what_is_put_again_after_it_was_removed_stays_however_late_the_removal_is() {
    let disk = SimDisk::default();
    let book = open(&disk).unwrap();
    // More than go with one put.
    let all: Vec<_> = (10..60).map(|n| attempt(&n.to_string())).collect();
    for attempt in &all {
        book.put(attempt).unwrap();
        book.remove(&attempt.key);
    }
    let again = [all[0].clone(), all[49].clone()];
    for attempt in &all {
        book.remove(&attempt.key);
    }
    for attempt in again.iter().rev() {
        book.put(attempt).unwrap();
    }
    book.close().unwrap();
    assert_eq!(book.unresolved().unwrap(), again);
    let found = open(&disk).unwrap().unresolved().unwrap();
    assert_eq!(found, again);
}

#[test]
fn a_till_that_sells_all_day_keeps_a_few_files() {
    let disk = SimDisk::default();
    let mut book = open(&disk).unwrap();
    let mut most = 0;
    for n in 0..600 {
        let attempt = attempt(&format!("{n:04}"));
        book.put(&attempt).unwrap();
        book.remove(&attempt.key);
        book.settle().unwrap();
        // A program that ends after each payment has no time with the power on.
        if n % 2 == 0 {
            book = open(&disk).unwrap();
        }
        most = most.max(disk.used());
    }
    assert!(most < 32 * 1024, "{most}");
    assert!(disk.list(Path::new(DIR)).unwrap().len() < 8);
}

#[test]
fn a_flipped_bit_is_damage_that_says_what_to_do() {
    let disk = SimDisk::default();
    let book = open(&disk).unwrap();
    for n in 0..3 {
        book.put(&attempt(&format!("{n}"))).unwrap();
    }
    let path = Path::new(DIR).join("attempts.00000001");
    let image = disk.image();
    let end = image
        .bytes(&path)
        .unwrap()
        .iter()
        .rposition(|it| *it != 0)
        .unwrap();
    for at in 0..=end {
        let disk = SimDisk::of(image.clone());
        let byte = image.bytes(&path).unwrap()[at] ^ 4;
        let file = disk.open(&path, vinr_journal::Access::Write).unwrap();
        file.write_at(&[byte], at as u64).unwrap();
        // Between two frames there are zeros that nobody reads.
        match open(&disk) {
            Ok(opened) => assert_eq!(opened.unresolved().unwrap().len(), 3, "byte {at}"),
            Err(FileStoreError::AnotherVersion { .. }) => assert!(at < 512),
            Err(error) => {
                assert!(matches!(error, FileStoreError::Damaged { .. }), "{error}");
                let words = error.to_string();
                assert!(words.contains("attempts.00000001"), "{words}");
                assert!(words.ends_with("then move /store away"), "{words}");
            }
        }
    }
}

#[test]
fn a_mark_that_is_gone_is_damage_never_an_empty_store() {
    let disk = SimDisk::default();
    open(&disk).unwrap().put(&attempt("01")).unwrap();
    disk.remove(&Path::new(DIR).join("mark")).unwrap();
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, FileStoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_damaged_file_of_an_earlier_version_leaves_all_as_it_is() {
    let disk = disk_with(&[
        ("01OLD.attempt", &sealed(&attempt("01OLD"))),
        ("02OLD.attempt", "vinr-attempt/1 00000000\n{}\n"),
        ("03OLD.tmp", "vinr-att"),
    ]);
    let before = disk.image().fingerprint();
    let error = open(&disk).unwrap_err();
    let words = error.to_string();
    assert!(matches!(error, FileStoreError::Damaged { .. }), "{words}");
    assert!(
        words.ends_with("then move /store/02OLD.attempt away"),
        "{words}"
    );
    assert_eq!(disk.image().fingerprint(), before);
}
