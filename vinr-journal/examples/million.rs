//! A million payments of three records each: how fast, how big, how soon up again.
//!
//! ```text
//! cargo run --release -p vinr-journal --example million -- [payments] [directory]
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vinr_journal::{
    DataDir, Facts, Journal, Keep, Key, KeyRing, Log, OpenError, Place, Policy, RealDisk, Settings,
};

/// A payment as a terminal journals it, of about 600 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    id: String,
    object: String,
    terminal_id: String,
    attempt_key: String,
    amount: u64,
    currency: String,
    reference: String,
    description: String,
    capture_method: String,
    status: String,
    amount_captured: u64,
    last4: Option<String>,
    brand: Option<String>,
    entry_mode: Option<String>,
    created_at: String,
    updated_at: String,
    metadata: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy)]
struct Payments;

impl Policy for Payments {
    type Record = Payment;

    fn facts(&self, payment: &Payment) -> Facts {
        Facts {
            key: payment.id.as_bytes().to_vec(),
            group: payment.reference.as_bytes().to_vec(),
            keep: match payment.status.as_str() {
                "completed" => Keep::For(Duration::from_secs(30 * 24 * 60 * 60)),
                _ => Keep::Always,
            },
            rank: None,
        }
    }
}

fn id(number: u64) -> String {
    format!("tpay_01JC{number:022}")
}

fn reference(number: u64) -> String {
    format!("order_2026_{number:08}")
}

fn record(number: u64, status: &str) -> Payment {
    let card = status == "completed";
    Payment {
        id: id(number),
        object: "terminal_payment".into(),
        terminal_id: "term_CT20_0042".into(),
        attempt_key: format!("8f14e45f-ceea-467f-a8d1-{number:012}"),
        amount: 100 + number % 15_000,
        currency: "USD".into(),
        reference: reference(number),
        description: "2 x espresso, 1 x orange juice, table 14 on the terrace".into(),
        capture_method: "automatic".into(),
        status: status.into(),
        amount_captured: 0,
        last4: card.then(|| "4242".into()),
        brand: card.then(|| "visa".into()),
        entry_mode: card.then(|| "contactless".into()),
        created_at: "2026-05-31T14:23:00.000Z".into(),
        updated_at: "2026-05-31T14:23:04.512Z".into(),
        metadata: [("cashier", "Anna"), ("shift", "late"), ("lane", "3")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let payments: u64 = arguments.next().map_or(Ok(1_000_000), |it| it.parse())?;
    let dir = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    if !dir.is_dir() {
        return Err(format!("{} is no directory: make it first", dir.display()).into());
    }
    let dir = dir.join(format!("vinr-million-{}", std::process::id()));
    std::fs::create_dir(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
    let ended = run(payments, &dir);
    std::fs::remove_dir_all(&dir)?;
    ended
}

fn run(payments: u64, dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let place = Place {
        dir: dir.join("data"),
        name: "journal".into(),
        mark: dir.join("mark"),
    };
    let keys = KeyRing::of(Key::draw()?);
    let _lock = DataDir::open(&place.dir)?;
    let json = serde_json::to_vec(&record(1, "completed"))?.len();
    println!("{payments} payments of 3 records, the last of {json} bytes of JSON\n");

    one_by_one(&place, &keys)?;

    let (mut log, _) = open(&place, &keys, &mut |_| {})?;
    let begun = Instant::now();
    let mut batch = Vec::new();
    // Those of 32 payments are written together, interleaved as in a busy hall.
    for first in (0..payments).step_by(32) {
        for status in ["pending", "processing", "completed"] {
            batch.extend((first..payments.min(first + 32)).map(|it| record(it, status)));
            log.append(&batch)?;
            log.tidy()?;
            batch.clear();
        }
    }
    log.write_mark()?;
    let took = begun.elapsed();
    row(
        "append, 32 waiting",
        format!(
            "{:.0} records/s",
            3.0 * payments as f64 / took.as_secs_f64()
        ),
    );
    size(&log, "before compaction");
    drop(log);
    start_up(&place, &keys, "before compaction")?;

    let (log, _) = open(&place, &keys, &mut |_| {})?;
    let begun = Instant::now();
    log.compact()?;
    row(
        "compaction",
        format!("{:.1} s", begun.elapsed().as_secs_f64()),
    );
    size(&log, "after compaction");
    drop(log);
    start_up(&place, &keys, "after compaction")?;

    let (log, _) = open(&place, &keys, &mut |_| {})?;
    look_up(&log, payments)?;
    Ok(())
}

/// What a terminal feels: one record at a time, through the thread that writes.
fn one_by_one(place: &Place, keys: &KeyRing) -> Result<(), Box<dyn std::error::Error>> {
    let place = Place {
        name: "single".into(),
        mark: place.mark.with_extension("single"),
        ..place.clone()
    };
    let disk = Arc::new(RealDisk);
    let fresh_id = || "jrn_1".to_owned();
    let opened = Journal::open_on(
        disk,
        None,
        place,
        keys.clone(),
        Payments,
        Settings::default(),
        fresh_id,
        &mut |_| {},
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut times: Vec<Duration> = Vec::new();
    for number in 0..1000 {
        for status in ["pending", "processing", "completed"] {
            let it = record(number, status);
            let begun = Instant::now();
            runtime.block_on(opened.journal.append(&it))?;
            times.push(begun.elapsed());
        }
    }
    row("append, alone", percentiles(times));
    Ok(())
}

fn open(
    place: &Place,
    keys: &KeyRing,
    each: &mut dyn FnMut(Payment),
) -> Result<(Log<Payments>, vinr_journal::Found), OpenError> {
    let disk = Arc::new(RealDisk);
    let fresh_id = || "jrn_1".to_owned();
    let settings = Settings::default();
    Log::open(
        disk,
        place.clone(),
        keys.clone(),
        Payments,
        settings,
        fresh_id,
        each,
    )
}

fn start_up(place: &Place, keys: &KeyRing, when: &str) -> Result<(), Box<dyn std::error::Error>> {
    let is_cold = drop_caches();
    let (before, cpu_before) = (resident(), cpu());
    let begun = Instant::now();
    let mut open_ones = 0_u64;
    let (log, found) = open(place, keys, &mut |it| {
        open_ones += u64::from(it.status != "completed")
    })?;
    let (took, busy) = (begun.elapsed().as_secs_f64(), cpu() - cpu_before);
    let cache = if is_cold { "cold" } else { "cached" };
    row(
        &format!("start-up {when}, {cache}"),
        format!(
            "{took:.1} s for {} records, {busy:.1} s of it computing",
            found.records
        ),
    );
    row(
        &format!("memory {when}"),
        format!(
            "{} MB more than before, of which the index {} MB",
            (resident().saturating_sub(before)) / 1_000_000,
            log.stats().index_bytes / 1_000_000
        ),
    );
    Ok(())
}

fn size(log: &Log<Payments>, when: &str) {
    let stats = log.stats();
    row(
        &format!("size {when}"),
        format!(
            "{} MB in {} files, {} records, {} latest",
            stats.bytes / 1_000_000,
            stats.segments,
            stats.records,
            stats.latest
        ),
    );
    let each = stats.index_bytes as f64 / stats.latest.max(1) as f64;
    row("index", format!("{each:.1} bytes for each latest record"));
}

fn look_up(log: &Log<Payments>, payments: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % payments
    };
    for (what, by_group) in [("look-up by id", false), ("look-up by reference", true)] {
        let mut times = Vec::new();
        for _ in 0..100_000 {
            let number = roll();
            let (id, reference) = (id(number), reference(number));
            let begun = Instant::now();
            let found = match by_group {
                true => log.of_group(reference.as_bytes())?.pop(),
                false => log.get(id.as_bytes())?,
            };
            times.push(begun.elapsed());
            assert_eq!(
                found.map(|it| (it.id, it.status)),
                Some((id, "completed".into()))
            );
        }
        row(what, percentiles(times));
    }
    Ok(())
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
    format!(
        "p50 {:.0} µs, p99 {:.0} µs, worst {:.0} µs",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

fn row(what: &str, value: String) {
    println!("{what:<38} {value}");
}

/// Bytes of memory that this process takes, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Seconds that this thread computed, where the system tells: a busy computer shows in the difference.
fn cpu() -> f64 {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = status
        .split(' ')
        .next()
        .and_then(|it| it.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}

/// Makes the next reading come from the disk; only root may.
fn drop_caches() -> bool {
    std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}
