//! The disk reports errors, is full, rots, is rolled back, loses files. `spec/safety.md`, faults.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::path::Path;

use support::*;
use vinr_journal::sim::{Bounds, Fault, Image, SimDisk};
use vinr_journal::{Log, OpenError, Settings, Space, StorageFailed};

/// Pays, and tells what was acknowledged; ends at the first error.
fn pay(
    log: &mut Log<Steps>,
    ids: std::ops::Range<u32>,
    acked: &mut Vec<Step>,
) -> Result<(), StorageFailed> {
    for it in ids.flat_map(|id| (0..3).map(move |nth| step(id, nth))) {
        log.append(std::slice::from_ref(&it))?;
        acked.push(it);
        log.tidy()?;
    }
    Ok(())
}

/// A disk with a journal of so many payments.
fn paid(payments: u32) -> (SimDisk, Vec<Step>) {
    let disk = SimDisk::default();
    let mut acked = Vec::new();
    let mut log = open(&disk).unwrap().log;
    pay(&mut log, 0..payments, &mut acked).unwrap();
    log.write_mark().unwrap();
    (disk, acked)
}

/// A life in which anything may fail.
fn life(disk: &SimDisk, acked: &mut Vec<Step>) {
    let Ok(Read { mut log, .. }) = open(disk) else {
        return;
    };
    if pay(&mut log, 0..6, acked).is_ok() {
        let _ = log.compact();
        let _ = pay(&mut log, 6..9, acked).and_then(|()| log.write_mark());
    }
    // After an error it takes nothing, and so it must have been right to go on.
    let _ = pay(&mut log, 99..100, acked);
}

/// Every acknowledged record is there, and at most one more.
fn check(read: &Read, acked: &[Step], why: &str) {
    let (found, wanted) = (latest(&read.records), latest(acked));
    for (id, wanted) in &wanted {
        let found = found
            .get(id)
            .unwrap_or_else(|| panic!("{why}: payment {id} is lost"));
        assert!(found.step >= wanted.step, "{why}: {wanted:?} is lost");
    }
    let sequence = read.log.stats().sequence;
    let more = sequence - acked.len() as u64;
    assert!(more <= 1, "{why}: {more} more than were acknowledged");
}

// The first error of a write or a sync is the last word; a restart, with or without a power cut, loses nothing, and
// what it shows stays. [REC-21]
#[test]
fn each_operation_may_fail_and_a_restart_recovers() {
    let whole = SimDisk::default();
    life(&whole, &mut Vec::new());
    let (mut failed, mut states) = (0, 0);
    for nth in 0..whole.tried() {
        for fault in [
            Fault::Error,
            Fault::Full,
            Fault::Short(1),
            Fault::Short(100),
            Fault::Short(600),
        ] {
            let why = format!("operation {nth}, {fault:?}");
            let (disk, mut acked) = (SimDisk::default(), Vec::new());
            disk.fail_after(nth, fault);
            life(&disk, &mut acked);
            failed += 1;

            // The power is cut before anybody restarts it.
            disk.crashes(disk.position(), &Bounds::FEW, &mut |_, image| {
                let read =
                    open(&SimDisk::of(image)).unwrap_or_else(|it| panic!("{why}, cut: {it}"));
                check(&read, &acked, &why);
                states += 1;
            });
            // It is restarted, and what the cache shows, true or not, is made true.
            let read = open(&disk).unwrap_or_else(|it| panic!("{why}, restarted: {it}"));
            check(&read, &acked, &why);
            let shown = read.records;
            disk.crashes(disk.position(), &Bounds::FEW, &mut |_, image| {
                let read =
                    open(&SimDisk::of(image)).unwrap_or_else(|it| panic!("{why}, then cut: {it}"));
                assert_eq!(read.records, shown, "{why}, restarted, then cut");
                states += 1;
            });
        }
    }
    println!("{failed} faults, {states} states");
    assert!(failed > 400, "{failed}");
}

// A new segment whose name may be on the disk begins where the last record was; one more in the old one, and a restart
// would miss it.
#[test]
fn nothing_is_appended_beside_a_segment_whose_name_a_full_disk_left_in_doubt() {
    let whole = SimDisk::default();
    life(&whole, &mut Vec::new());
    let mut low = 0;
    for nth in 0..whole.tried() {
        let (disk, mut acked) = (SimDisk::default(), Vec::new());
        disk.fail_after(nth, Fault::Full);
        let Ok(Read { mut log, .. }) = open(&disk) else {
            continue;
        };
        for it in (0..6).flat_map(|id| (0..3).map(move |nth| step(id, nth))) {
            if log.append(std::slice::from_ref(&it)).is_err() {
                break;
            }
            acked.push(it);
            if log.tidy() == Ok(Space::Low) {
                low += 1;
                if log.append(&[step(90, 0)]).is_ok() {
                    acked.push(step(90, 0));
                }
                break;
            }
        }
        drop(log);
        if disk.tried() <= nth {
            break; // This life has no such operation.
        }
        let read = open(&disk).unwrap_or_else(|it| panic!("operation {nth}: {it}"));
        check(&read, &acked, &format!("operation {nth}"));
    }
    assert!(low > 10, "{low}");
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let (disk, _) = paid(1);
    let mut log = open(&disk).unwrap().log;
    disk.fail_after(1, Fault::Error);
    assert_eq!(log.append(&[step(5, 0)]), Err(StorageFailed));
    let before = disk.tried();
    assert_eq!(log.append(&[step(6, 0)]), Err(StorageFailed));
    assert_eq!(log.tidy(), Err(StorageFailed));
    assert_eq!(log.write_mark(), Err(StorageFailed));
    assert_eq!(disk.tried(), before);
}

#[test]
fn an_error_in_compaction_costs_nothing_but_the_pass() {
    let (disk, acked) = paid(9);
    let tries = {
        let disk = SimDisk::of(disk.image());
        let log = open(&disk).unwrap().log;
        let before = disk.tried();
        log.compact().unwrap();
        disk.tried() - before
    };
    for nth in 0..tries {
        let disk = SimDisk::of(disk.image());
        let mut log = open(&disk).unwrap().log;
        disk.fail_after(nth, Fault::Error);
        let _ = log.compact();
        let mut acked = acked.clone();
        pay(&mut log, 20..22, &mut acked).unwrap();
        for it in latest(&acked).values() {
            let found = log.get(&it.id.to_le_bytes()).unwrap();
            assert_eq!(found.as_ref(), Some(it), "operation {nth}");
        }
        assert_eq!(
            latest(&open(&disk).unwrap().records),
            latest(&acked),
            "operation {nth}"
        );
    }
}

#[test]
fn a_full_disk_is_told_while_there_is_room_for_what_is_live() {
    // One where it cannot grow, one where no further segment can be begun.
    let chunk = 1024;
    let sizes = [1 << 20, 4096].map(|segment| Settings { segment, chunk });
    for (free, settings) in (0..40).flat_map(|free| sizes.map(|it| (free, it))) {
        let (disk, mut acked) = paid(3);
        let open = |disk| open_as(disk, ring(1), settings);
        let mut log = open(&disk).unwrap().log;
        assert_eq!(log.space(), Space::Enough);
        disk.set_capacity(Some(disk.used() + 100 * free));
        let mut id = 10;
        while log.tidy().unwrap() == Space::Enough {
            log.append(&[step(id, 0)]).unwrap();
            acked.push(step(id, 0));
            id += 1;
        }
        assert_eq!(log.space(), Space::Low);
        // What was begun still ends.
        for it in [step(8, 1), step(8, 2), step(9, 2)] {
            log.append(std::slice::from_ref(&it)).unwrap();
            acked.push(it);
            assert_eq!(log.tidy(), Ok(Space::Low));
        }
        // A restart on a full disk reads everything, and says so too.
        let mut read = open(&disk).unwrap();
        assert_eq!((&read.records, read.log.space()), (&acked, Space::Low));
        disk.set_capacity(None);
        assert_eq!(read.log.tidy(), Ok(Space::Enough));
        pay(&mut read.log, 90..92, &mut acked).unwrap();
        assert_eq!(open(&disk).unwrap().records, acked);
    }
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_fails_the_record_and_keeps_the_others() {
    let (disk, mut acked) = paid(3);
    let mut log = open(&disk).unwrap().log;
    disk.set_capacity(Some(disk.used()));
    while log.append(&[step(50, 0)]).is_ok() {
        acked.push(step(50, 0));
    }
    assert_eq!(log.append(&[step(51, 0)]), Err(StorageFailed));
    assert_eq!(open(&disk).unwrap().records, acked);
}

/// What came of an image that was tampered with.
fn read(image: &Image) -> Result<Vec<Step>, OpenError> {
    open(&SimDisk::of(image.clone())).map(|it| it.records)
}

// [REC-21]
#[test]
fn a_flipped_bit_is_damage_or_changes_nothing() {
    let (disk, acked) = paid(4);
    let mut log = open(&disk).unwrap().log;
    log.compact().unwrap();
    pay(&mut log, 4..6, &mut Vec::new()).unwrap();
    drop(log);
    let whole = disk.image();
    let wanted = latest(&read(&whole).unwrap());
    assert!(wanted.len() > latest(&acked).len());
    let (mut damaged, mut harmless) = (0, 0);
    let files: Vec<_> = whole
        .files()
        .map(|(path, bytes)| (path.to_owned(), bytes.len()))
        .collect();
    for (path, length) in files {
        for byte in 0..length {
            let mut image = whole.clone();
            assert!(image.flip(&path, byte, byte as u32 * 7));
            match read(&image) {
                Ok(found) => {
                    harmless += 1;
                    assert_eq!(latest(&found), wanted, "{} byte {byte}", path.display());
                }
                Err(_) => damaged += 1,
            }
        }
    }
    println!("{damaged} told, {harmless} harmless");
    assert!(damaged > 3000, "{damaged}");
}

// [REC-21]
#[test]
fn a_missing_file_is_never_an_empty_journal() {
    let (disk, _) = paid(9);
    let whole = disk.image();
    let last = whole
        .files()
        .filter(|(path, _)| path.starts_with(DATA))
        .count() as u32;
    assert!(last > 3);
    for number in 1..=last {
        let mut image = whole.clone();
        assert!(image.remove(&segment(number)));
        assert!(
            matches!(read(&image), Err(OpenError::Missing(path)) if path == segment(number)),
            "segment {number}"
        );
    }
    let mut image = whole.clone();
    for number in 1..=last {
        image.remove(&segment(number));
    }
    assert!(matches!(read(&image), Err(OpenError::Missing(_))));
    let mut image = whole;
    image.remove(&mark_path());
    assert!(matches!(read(&image), Err(OpenError::Mark { .. })));
}

#[test]
fn a_file_that_lost_its_end_is_damage() {
    let (disk, _) = paid(9);
    let whole = disk.image();
    for length in [0, 1, 511, 512, 1024, 1535] {
        for number in [1, 2] {
            let mut image = whole.clone();
            let bytes = image.bytes(&segment(number)).unwrap()[..length].to_vec();
            image.put(&segment(number), bytes);
            assert!(
                matches!(read(&image), Err(OpenError::Damaged { .. })),
                "{length} bytes"
            );
        }
    }
}

// A copy beside the original, as a careless backup makes it, must not have the original taken for a leftover.
#[test]
fn a_segment_s_number_under_another_name_is_no_segment() {
    let (disk, acked) = paid(9);
    let mut image = disk.image();
    let copy = Path::new(DATA).join("journal.000000002");
    image.put(&copy, image.bytes(&segment(2)).unwrap().to_vec());
    let disk = SimDisk::of(image);
    for boot in [1, 2] {
        assert_eq!(open(&disk).unwrap().records, acked, "boot {boot}");
    }
    assert!(disk.image().bytes(&copy).is_some());
}

#[test]
fn a_mark_that_can_count_no_further_is_told() {
    let (disk, _) = paid(2);
    for (at, counter) in [
        (60, &u32::MAX.to_le_bytes()[..]),
        (64, &u64::MAX.to_le_bytes()),
    ] {
        let mut image = disk.image();
        let mut mark = image.bytes(&mark_path()).unwrap().to_vec();
        for slot in [0, 4096] {
            let slot = &mut mark[slot..slot + 96];
            slot[at..at + counter.len()].copy_from_slice(counter);
            let check = crc32c::crc32c(&slot[..92]);
            slot[92..].copy_from_slice(&check.to_le_bytes());
        }
        image.put(&mark_path(), mark);
        assert!(matches!(read(&image), Err(OpenError::Mark { .. })), "{at}");
    }
}

#[test]
fn a_foreign_file_is_told() {
    let (disk, _) = paid(2);
    let other = SimDisk::default();
    let fresh_id = || "jrn_2".into();
    let opened = Log::open(
        std::sync::Arc::new(other.clone()),
        place(),
        ring(1),
        Steps,
        SMALL,
        fresh_id,
        &mut |_| {},
    );
    drop(opened.unwrap());
    let mut image = disk.image();
    image.put(
        &segment(1),
        other.image().bytes(&segment(1)).unwrap().to_vec(),
    );
    assert!(matches!(
        read(&image),
        Err(OpenError::Foreign { found, expected, .. }) if (&*found, &*expected) == ("jrn_2", "jrn_1")
    ));
    image.put(&segment(1), b"rubbish".repeat(1000));
    assert!(matches!(read(&image), Err(OpenError::Damaged { .. })));
}

#[test]
fn segments_that_changed_places_are_damage() {
    let (disk, _) = paid(9);
    let mut image = disk.image();
    let [one, two] = [1, 2].map(|number| image.bytes(&segment(number)).unwrap().to_vec());
    image.put(&segment(1), two);
    image.put(&segment(2), one);
    assert!(matches!(read(&image), Err(OpenError::Damaged { .. })));
}

// §6: the queue detects roll-back.
#[test]
fn an_image_older_than_the_mark_is_refused() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    let mut images = Vec::new();
    for it in (0..12).flat_map(|id| (0..3).map(move |nth| step(id, nth))) {
        if it.id < 11 {
            log.tidy().unwrap();
        }
        images.push((disk.image(), log.stats().sequence));
        if it == step(6, 0) {
            log.compact().unwrap();
        }
        log.append(&[it]).unwrap();
    }
    log.write_mark().unwrap();
    let mut in_one_segment = 0;
    for (older, sequence) in images {
        let mut image = disk.image();
        image.roll_back(Path::new(DATA), &older);
        match read(&image) {
            Err(OpenError::RolledBack { .. }) => in_one_segment += 1,
            Err(OpenError::Missing(_)) => {}
            other => panic!("at {sequence}: {other:?}"),
        }
    }
    assert!(in_one_segment > 2, "{in_one_segment}");
}

// A sector that became zero looks like one that was never written, but not to the mark.
#[test]
fn a_lost_sector_of_a_record_that_the_mark_knows_is_damage() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    let mut it = step(1, 0);
    it.text = "x".repeat(1200);
    log.append(&[it]).unwrap();
    let lose = |disk: &SimDisk| {
        let mut image = disk.image();
        let mut bytes = image.bytes(&segment(1)).unwrap().to_vec();
        bytes[1024..1536].fill(0);
        image.put(&segment(1), bytes);
        read(&image)
    };
    assert_eq!(lose(&disk).unwrap(), []);
    log.write_mark().unwrap();
    assert!(matches!(lose(&disk), Err(OpenError::Damaged { .. })));
}

// The mark may be behind by what was written since; the next boot brings it up, and then such an image is refused too.
#[test]
fn an_image_of_another_history_with_as_many_records_is_refused() {
    let (disk, _) = paid(2);
    let fork = disk.image();
    let mut log = open(&disk).unwrap().log;
    log.append(&[step(50, 0)]).unwrap();
    let one = disk.image();
    drop(log);
    // The fork is put back, which nothing can tell yet, and goes on otherwise.
    let mut image = one.clone();
    image.roll_back(Path::new(DATA), &fork);
    let disk = SimDisk::of(image);
    let mut log = open(&disk).unwrap().log;
    log.append(&[step(60, 0)]).unwrap();
    drop(log);
    drop(open(&disk).unwrap());
    let mut image = disk.image();
    assert!(read(&image).is_ok());
    image.roll_back(Path::new(DATA), &one);
    assert!(matches!(read(&image), Err(OpenError::RolledBack { .. })));
}

#[test]
fn a_mark_that_was_put_back_is_told() {
    let (disk, _) = paid(2);
    let old = disk.image().bytes(&mark_path()).unwrap().to_vec();
    let mut log = open(&disk).unwrap().log;
    log.append(&[step(50, 0)]).unwrap();
    let mut image = disk.image();
    image.put(&mark_path(), old);
    assert!(matches!(read(&image), Err(OpenError::Mark { .. })));
}

#[test]
fn a_wrong_key_is_an_error_of_its_own() {
    let (disk, acked) = paid(2);
    let error = open_with(&disk, ring(2)).unwrap_err();
    assert!(matches!(error, OpenError::WrongKey { key, .. } if key == support::key(1).id()));
    assert!(!error.is_storage_failed());
    assert_eq!(open(&disk).unwrap().records, acked);
}

#[test]
fn what_ended_it_is_told_and_a_record_that_is_too_long_ends_nothing() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    let mut too_long = step(1, 0);
    too_long.text = "x".repeat(64 * 1024);
    assert_eq!(log.append(&[too_long]), Err(StorageFailed));
    assert!(log.failure().is_none());
    disk.fail_after(0, Fault::Full);
    assert_eq!(log.append(&[step(1, 0)]), Err(StorageFailed));
    let why = log.failure().unwrap();
    assert_eq!(why.kind(), std::io::ErrorKind::StorageFull);
}
