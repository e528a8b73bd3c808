//! An append: one record that waits for its sync, and twenty that share one.

use vinr_benches::disk::Disk;
use vinr_benches::ratio::timed;
use vinr_benches::shop::Failure;
use vinr_journal::{DataDir, Facts, Journal, Keep, Key, KeyRing, Place, Policy, Settings};

use crate::Bench;

/// Records that say which they are and are as long as a payment's.
struct Numbered;

#[derive(serde::Serialize, serde::Deserialize)]
struct Record {
    number: u64,
    rest: String,
}

impl Policy for Numbered {
    type Record = Record;

    fn facts(&self, record: &Record) -> Facts {
        // The next thousand take the place of these, so that the journal stays as short as a day's.
        let key = (record.number % 1000).to_le_bytes().to_vec();
        Facts {
            group: key.clone(),
            key,
            keep: Keep::Always,
            rank: Some(record.number),
        }
    }
}

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Failure> {
    let target = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let dir = tempfile::tempdir_in(target)?;
    let data = DataDir::open(&dir.path().join("data"))?;
    let place = Place {
        dir: data.path().to_owned(),
        name: "journal".to_owned(),
        mark: dir.path().join("mark"),
    };
    let keys = KeyRing::of(Key::draw()?);
    let id = || "jrn_01JD0000000000000000000000".to_owned();
    let (settings, each) = (Settings::default(), &mut |_| {});
    let journal = Journal::open(&data, place, keys, Numbered, settings, id, each)?.journal;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut number = 0;
    let mut next = || {
        number += 1;
        let rest = "x".repeat(500);
        Record { number, rest }
    };
    let mut disk = Disk::open(dir.path(), "one-sync")?;
    bench.run("disk: one sync of the same kind", &mut || {
        timed(|| Ok(disk.sync()?))
    })?;
    bench.run("journal: append one record", &mut || {
        let record = next();
        timed(|| Ok(runtime.block_on(journal.append(&record))?))
    })?;
    bench.run("journal: append 20 records at once", &mut || {
        let records: Vec<_> = (0..20).map(|_| next()).collect();
        timed(|| Ok(runtime.block_on(journal.append_all(&records))?))
    })?;
    bench.run("journal: read one record back", &mut || {
        timed(|| Ok(journal.get(&7_u64.to_le_bytes())?))
    })
}
