//! The journal with its thread, on this computer's disk.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::*;
use vinr_journal::sim::{Fault, SimDisk};
use vinr_journal::{
    Access, DataDir, Disk, Facts, Journal, KeyError, KeyRing, OpenError, Opened, Place, Policy,
    RealDisk, Settings, Space, StorageFailed, keys_of_file,
};

fn place_in(dir: &Path) -> Place {
    std::fs::create_dir_all(dir.join("keys")).unwrap();
    Place {
        dir: dir.join("data"),
        name: "journal".into(),
        mark: dir.join("keys").join("mark"),
    }
}

/// Opens the journal of a directory with its key file, as a terminal does.
fn start(dir: &Path, records: &mut Vec<Step>) -> Result<Opened<Steps>, OpenError> {
    let place = place_in(dir);
    let data = DataDir::open(&place.dir).unwrap();
    let keys = keys_of_file(&RealDisk, &place, &dir.join("keys").join("key"))?;
    let mut each = |record| records.push(record);
    Journal::open(
        &data,
        place,
        keys,
        Steps,
        SMALL,
        || "jrn_1".into(),
        &mut each,
    )
}

fn start_on(disk: &SimDisk, settings: Settings) -> Journal<Steps> {
    let disk = Arc::new(disk.clone());
    let fresh_id = || "jrn_1".into();
    let opened = Journal::open_on(
        disk,
        None,
        place(),
        ring(1),
        Steps,
        settings,
        fresh_id,
        &mut |_| {},
    );
    opened.unwrap().journal
}

// [OFF-5]
#[tokio::test]
async fn what_was_appended_is_there_after_a_restart_and_can_be_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let journal = start(dir.path(), &mut Vec::new()).unwrap().journal;
    let mut written = Vec::new();
    for it in (0..20).flat_map(|id| (0..3).map(move |nth| step(id, nth))) {
        journal.append(&it).await.unwrap();
        assert_eq!(journal.get(&it.id.to_le_bytes()).unwrap(), Some(it.clone()));
        written.push(it);
    }
    assert_eq!(
        journal.of_group(b"order_3").unwrap(),
        [step(6, 2), step(7, 2)]
    );
    drop(journal);
    let mut read = Vec::new();
    let opened = start(dir.path(), &mut read).unwrap();
    assert_eq!(latest(&read), latest(&written));
    assert_eq!((opened.id.as_str(), opened.found.torn), ("jrn_1", false));
}

#[tokio::test]
async fn whoever_waits_together_shares_a_sync() {
    let disk = SimDisk::default();
    let journal = Arc::new(start_on(&disk, Settings::default()));
    let before = disk.tried();
    let all: Vec<_> = (0..200)
        .map(|id| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(&step(id, 0)).await })
        })
        .collect();
    for it in all {
        it.await.unwrap().unwrap();
    }
    assert!(disk.tried() - before < 2 * 200, "{}", disk.tried() - before);
    assert_eq!(journal.stats().sequence, 200);
    drop(journal);
    assert_eq!(open(&disk).unwrap().records.len(), 200);
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_taken_any_more() {
    let disk = SimDisk::default();
    let journal = start_on(&disk, SMALL);
    journal.append(&step(1, 0)).await.unwrap();
    disk.fail_after(0, Fault::Broken);
    assert_eq!(journal.append(&step(2, 0)).await, Err(StorageFailed));
    assert_eq!(journal.append(&step(3, 0)).await, Err(StorageFailed));
    assert_eq!(journal.get(&1u32.to_le_bytes()).unwrap(), Some(step(1, 0)));
}

#[tokio::test]
async fn a_record_that_is_too_long_is_refused_and_ends_nothing() {
    let disk = SimDisk::default();
    let journal = start_on(&disk, Settings::default());
    let mut it = step(1, 0);
    it.text = "x".repeat(70_000);
    assert_eq!(journal.append(&it).await, Err(StorageFailed));
    it.text.truncate(60_000);
    assert_eq!(journal.append(&it).await, Ok(()));
}

#[tokio::test]
async fn a_full_disk_is_told_and_so_is_its_end() {
    let disk = SimDisk::default();
    let journal = start_on(&disk, SMALL);
    let mut space = journal.space();
    disk.set_capacity(Some(disk.used()));
    let mut id = 0;
    while *space.borrow_and_update() == Space::Enough {
        journal.append(&step(id, 0)).await.unwrap();
        id += 1;
        tokio::task::yield_now().await;
    }
    journal.append(&step(0, 1)).await.unwrap();
    disk.set_capacity(None);
    journal.try_for_space();
    space.wait_for(|it| *it == Space::Enough).await.unwrap();
}

/// [`Steps`], and how often it was asked.
#[derive(Debug, Clone)]
struct Counted(Arc<AtomicUsize>);

impl Policy for Counted {
    type Record = Step;

    fn facts(&self, step: &Step) -> Facts {
        self.0.fetch_add(1, Ordering::Relaxed);
        Steps.facts(step)
    }
}

// On a disk that is full, or damaged, every pass ends where the one before did.
#[tokio::test]
async fn a_pass_that_failed_is_not_begun_anew_with_every_record() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    for it in (0..30).flat_map(|id| (0..3).map(move |nth| step(id, nth))) {
        log.append(&[it]).unwrap();
        log.tidy().unwrap();
    }
    drop(log);
    let asked = Counted(Arc::default());
    let journal = Journal::open_on(
        Arc::new(disk.clone()),
        None,
        place(),
        ring(1),
        asked.clone(),
        SMALL,
        || panic!("it has one"),
        &mut |_| {},
    );
    let journal = journal.unwrap().journal;
    let broken = disk.open(&segment(1), Access::Write).unwrap();
    broken.write_at(&[0xff; 64], 1024).unwrap();
    asked.0.store(0, Ordering::Relaxed);
    for id in 100..200 {
        journal.append(&step(id, 0)).await.unwrap();
    }
    drop(journal);
    let in_passes = asked.0.load(Ordering::Relaxed) - 100;
    assert!((1..10).contains(&in_passes), "{in_passes}");
}

#[tokio::test]
async fn keys_are_rotated_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys").join("key");
    let journal = start(dir.path(), &mut Vec::new()).unwrap().journal;
    for id in 0..30 {
        journal.append(&step(id, 2)).await.unwrap();
    }
    let old = KeyRing::read(&path).unwrap().current().id();
    let ring = KeyRing::rotate(&path).unwrap();
    journal.rotate(ring).await.unwrap();
    journal.append(&step(30, 2)).await.unwrap();
    assert!(journal.keys_in_use().contains(&old));
    journal.compact().await.unwrap();
    assert!(!journal.keys_in_use().contains(&old));
    KeyRing::retire(&path, &journal.keys_in_use()).unwrap();
    drop(journal);
    let mut read = Vec::new();
    start(dir.path(), &mut read).unwrap();
    assert_eq!(read.len(), 31);
}

#[tokio::test]
async fn a_key_is_never_made_anew_beside_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys").join("key");
    let journal = start(dir.path(), &mut Vec::new()).unwrap().journal;
    journal.append(&step(1, 0)).await.unwrap();
    drop(journal);
    let key = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = start(dir.path(), &mut Vec::new()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::KeyLost {
                source: KeyError::Missing(_)
            }
        ),
        "{error}"
    );
    assert!(!path.exists());
    std::fs::write(&path, key).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(start(dir.path(), &mut Vec::new()).is_ok());
}

// A hole costs no disk, and so a damaged length may be any: no memory is asked for on its word.
#[tokio::test]
async fn a_segment_that_is_longer_than_any_can_be_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let journal = start(dir.path(), &mut Vec::new()).unwrap().journal;
    journal.append(&step(1, 0)).await.unwrap();
    drop(journal);
    let path = place_in(dir.path()).segment(1);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(1 << 43).unwrap();
    let error = start(dir.path(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn reading_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let journal = start(dir.path(), &mut Vec::new()).unwrap().journal;
    for id in 0..20 {
        journal.append(&step(id, 0)).await.unwrap();
    }
    drop(journal);
    let place = place_in(dir.path());
    let files = || {
        let names = std::fs::read_dir(&place.dir)
            .unwrap()
            .map(|it| it.unwrap().path());
        let files = names.map(|path| (path.clone(), std::fs::read(path).unwrap()));
        files.collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = files();
    let mut read = Vec::new();
    let keys = KeyRing::read(&dir.path().join("keys").join("key")).unwrap();
    let mut each = |record| read.push(record);
    vinr_journal::read(Arc::new(RealDisk), place.clone(), keys, Steps, &mut each).unwrap();
    assert_eq!((read.len(), files()), (20, before));
}

// The journal contains no clear text that a thief could use. [OFF-5]
#[tokio::test]
async fn no_file_shows_a_reference_a_card_or_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let journal = start(dir.path(), &mut Vec::new()).unwrap().journal;
    for id in 0..40 {
        let mut it = step(id, id % 3);
        it.text = "CANARY-4f1d last4:4242 Mrs Example".into();
        journal.append(&it).await.unwrap();
    }
    journal.compact().await.unwrap();
    let data = place_in(dir.path()).dir;
    let mut bytes = 0;
    for file in std::fs::read_dir(&data).unwrap() {
        let file = std::fs::read(file.unwrap().path()).unwrap();
        for word in [
            "CANARY", "4242", "Example", "order_", "offline", "isFinal", "is_final", "\"id\"",
        ] {
            let found = file
                .windows(word.len())
                .any(|it| it.eq_ignore_ascii_case(word.as_bytes()));
            assert!(!found, "{word}");
        }
        bytes += file.len();
    }
    assert!(bytes > 3000, "{bytes}");
}
