//! What was appended is there, whatever happened to the files in good order.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::time::Duration;

use support::*;
use vinr_journal::sim::SimDisk;
use vinr_journal::{Facts, Keep, Log, OpenError, Pages, Policy};

fn fill(log: &mut Log<Steps>, ids: std::ops::Range<u32>) -> Vec<Step> {
    let mut written = Vec::new();
    for id in ids {
        for it in (0..3).map(|nth| step(id, nth)) {
            log.append(std::slice::from_ref(&it)).unwrap();
            log.tidy().unwrap();
            written.push(it);
        }
    }
    written
}

#[test]
fn what_was_appended_is_there_after_reopening() {
    let disk = SimDisk::default();
    let written = fill(&mut open(&disk).unwrap().log, 0..20);
    let read = open(&disk).unwrap();
    assert_eq!((read.records, read.found.torn), (written, false));
    assert!(read.log.stats().segments > 3);
}

#[test]
fn the_id_is_drawn_once() {
    let disk = SimDisk::default();
    assert_eq!(open(&disk).unwrap().log.id(), "jrn_1");
    let opened = Log::open(
        std::sync::Arc::new(disk),
        place(),
        ring(1),
        Steps,
        SMALL,
        || panic!("it has one"),
        &mut |_| {},
    );
    assert_eq!(opened.unwrap().0.id(), "jrn_1");
}

#[test]
fn records_are_found_by_their_key_and_by_their_group() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    fill(&mut log, 0..20);
    let check = |log: &Log<Steps>| {
        for id in 0..20 {
            assert_eq!(log.get(&u32::to_le_bytes(id)).unwrap(), Some(step(id, 2)));
        }
        let pair = log.of_group(b"order_4").unwrap();
        assert_eq!(pair, [step(8, 2), step(9, 2)]);
        assert_eq!(log.get(&u32::to_le_bytes(20)).unwrap(), None);
        assert_eq!(log.of_group(b"order_10").unwrap(), []);
    };
    check(&log);
    log.compact().unwrap();
    check(&log);
    check(&open(&disk).unwrap().log);
}

#[test]
fn records_appended_together_are_one_write() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    let batch: Vec<_> = (0..3).map(|id| step(id, 0)).collect();
    let before = disk.position();
    log.append(&batch).unwrap();
    assert_eq!(disk.position(), before + 2); // a write and a sync
    assert_eq!(open(&disk).unwrap().records, batch);
}

#[test]
fn compaction_drops_what_was_superseded_and_nothing_else() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    let written = fill(&mut log, 0..40);
    let before = log.stats();
    log.compact().unwrap();
    let after = log.stats();
    assert!(after.segments < before.segments && after.bytes < before.bytes / 2);
    assert_eq!(after.latest, 40);
    let read = open(&disk).unwrap();
    assert_eq!(latest(&read.records), latest(&written));
    assert!(read.records.len() < 50, "{}", read.records.len());
    // Another pass finds nothing to do.
    let position = disk.position();
    read.log.compact().unwrap();
    assert_eq!(disk.position(), position);
}

#[test]
fn what_says_that_there_is_nothing_goes_with_what_it_took_the_place_of() {
    let disk = SimDisk::default();
    let open = || {
        let fresh_id = || "jrn_1".to_owned();
        let mut left = Vec::new();
        let mut each = |it| left.push(it);
        let opened = Log::open(
            std::sync::Arc::new(disk.clone()),
            place(),
            ring(1),
            Present,
            SMALL,
            fresh_id,
            &mut each,
        );
        (opened.unwrap().0, left)
    };
    let (mut log, _) = open();
    for id in 0..60 {
        log.append(&[(id, true)]).unwrap();
        log.append(&[(id, id < 2)]).unwrap();
        log.tidy().unwrap();
    }
    let closed = log.stats().segments - 1;
    assert_eq!(log.untidy_segments(), closed);
    log.compact().unwrap();
    assert_eq!(log.untidy_segments(), 0);
    assert_eq!(log.get(&[0]).unwrap(), Some((0, true)));
    assert_eq!(log.get(&[2]).unwrap(), None);
    drop(log);
    let (log, left) = open();
    assert_eq!(left[..2], [(0, true), (1, true)]);
    assert!(left.len() < 30, "the open segment alone: {}", left.len());
    assert_eq!(log.get(&[2]).unwrap(), None);
}

/// Is it there?
struct Present;

impl Policy for Present {
    type Record = (u8, bool);

    fn facts(&self, (id, is_there): &(u8, bool)) -> Facts {
        let keep = if *is_there { Keep::Always } else { Keep::Gone };
        Facts {
            key: vec![*id],
            group: vec![*id],
            keep,
            rank: None,
        }
    }
}

// §4.6: unresolved ones always, and the one with the highest sequence.
#[test]
fn what_is_past_its_time_goes_but_for_the_highest_rank_and_the_unsettled() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    for id in 0..40 {
        let mut it = step(id, if id == 7 { 1 } else { 2 });
        it.offline = (id < 5).then_some(u64::from(id));
        log.append(&[it]).unwrap();
        log.tidy().unwrap();
    }
    fill(&mut log, 100..110);
    log.set_powered(RETENTION);
    log.compact().unwrap();
    assert_eq!(log.stats().latest, 50, "to the minute, nothing may go");

    log.set_powered(RETENTION + Duration::from_secs(60));
    log.compact().unwrap();
    let left = |log: &Log<Steps>| -> Vec<u32> {
        let all = (0..40).filter(|id| log.get(&u32::to_le_bytes(*id)).unwrap().is_some());
        all.collect()
    };
    assert_eq!(left(&log), [4, 7]);
    assert_eq!(left(&open(&disk).unwrap().log), [4, 7]);
}

#[test]
fn powered_time_counts_on_after_reopening() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    fill(&mut log, 0..20);
    log.set_powered(RETENTION / 2 + Duration::from_secs(60));
    fill(&mut log, 20..21);
    let mut log = open(&disk).unwrap().log;
    log.set_powered(RETENTION / 2 + Duration::from_secs(60));
    log.compact().unwrap();
    assert_eq!(log.get(&u32::to_le_bytes(0)).unwrap(), None);
    assert!(log.get(&u32::to_le_bytes(20)).unwrap().is_some());
}

#[test]
fn an_old_state_never_comes_back_when_the_last_one_goes() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    // The first word on each is in other segments than the last.
    for nth in [0, 2] {
        for id in 0..30 {
            log.append(&[step(id, nth)]).unwrap();
            log.tidy().unwrap();
        }
    }
    log.set_powered(2 * RETENTION);
    // A cut between any two steps of the pass.
    let begin = disk.position();
    log.compact().unwrap();
    let mut images = 0;
    disk.crashes(begin, &vinr_journal::sim::Bounds::FEW, &mut |at, image| {
        images += 1;
        let read = open(&SimDisk::of(image)).unwrap();
        for step in latest(&read.records).values() {
            assert!(step.is_final, "at {at}: {step:?}");
        }
    });
    assert!(images > 100, "{images}");
}

#[test]
fn a_new_key_encrypts_from_then_on_and_the_old_one_may_go_after_compaction() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    let written = fill(&mut log, 0..20);
    let both = ring(2).with_older(key(1));

    log.rotate(both.clone());
    log.tidy().unwrap();
    let old = key(1).id();
    assert!(log.keys_in_use().contains(&old));
    assert!(matches!(
        open_with(&disk, ring(2)),
        Err(OpenError::WrongKey { key, .. }) if key == old
    ));
    let log = open_with(&disk, both).unwrap().log;
    log.compact().unwrap();
    assert_eq!(log.keys_in_use(), [key(2).id()]);
    let read = open_with(&disk, ring(2)).unwrap();
    assert_eq!(latest(&read.records), latest(&written));
}

fn all_pages(mut pages: Pages<Steps>, most: usize) -> Vec<Vec<Step>> {
    let next = || pages.next_page(most).unwrap();
    let all = std::iter::repeat_with(next);
    all.take_while(|page| !page.is_empty()).collect()
}

#[test]
fn pages_give_the_latest_record_of_each_key_once_newest_page_first() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    fill(&mut log, 0..20);
    let check = |log: &Log<Steps>| {
        for most in [1, 2, 19, 20, 21] {
            let pages = all_pages(log.pages(), most);
            assert!(pages.iter().all(|page| page.len() <= most), "{most}");
            let oldest_first: Vec<Step> = pages.into_iter().rev().flatten().collect();
            let latest: Vec<Step> = (0..20).map(|id| step(id, 2)).collect();
            assert_eq!(oldest_first, latest, "{most} a page");
        }
    };
    check(&log);
    log.compact().unwrap();
    check(&log);
}

#[test]
fn a_compaction_between_two_pages_loses_none() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    fill(&mut log, 0..20);
    let mut pages = log.pages();
    let mut seen = pages.next_page(7).unwrap();
    log.compact().unwrap();
    // Nor do records that are appended meanwhile.
    fill(&mut log, 20..30);
    seen.extend(all_pages(pages, 7).into_iter().flatten());
    seen.sort();
    let latest: Vec<Step> = (0..20).map(|id| step(id, 2)).collect();
    assert_eq!(seen, latest);
}

#[test]
fn pages_do_not_give_what_went() {
    let disk = SimDisk::default();
    let mut log = open(&disk).unwrap().log;
    fill(&mut log, 0..20);
    log.set_powered(RETENTION + Duration::from_secs(120));
    fill(&mut log, 20..30);
    log.compact().unwrap();
    let mut left: Vec<Step> = all_pages(log.pages(), 3).into_iter().flatten().collect();
    left.sort();
    let later: Vec<Step> = (20..30).map(|id| step(id, 2)).collect();
    assert!(left.ends_with(&later));
    assert!(
        left.iter()
            .all(|it| log.get(&it.id.to_le_bytes()).unwrap() == Some(it.clone()))
    );
    assert!(left.len() < 20, "some went: {}", left.len());
}
