//! Measures activation on a thread of its own, away from the scenarios' executor. \[LAT-1\]
//!
//! T0 is the moment at which the last byte of the request was handed to the kernel, on a connection that is
//! warm. The screen is active when the control port says so: its clock is another one, and the offset
//! between the two is taken as the smallest difference that any event of the series showed, which errs
//! towards a slower screen and never towards a quicker one.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Context;
use crate::journal::Event;
use crate::probe::{Connection, Request};

/// How many activations are measured on connections of their own: for information, no rule is about them.
const COLD: usize = 30;

const ROUND_TRIPS: usize = 200;
const WITHIN: Duration = Duration::from_secs(5);

/// How long screen events may take to arrive after the last sample.
const EVENTS_WITHIN: Duration = Duration::from_millis(500);

/// Measures so many warm-ups and samples; the error says why that was not possible.
pub(crate) async fn measure(
    context: &Context,
    warm_ups: u64,
    samples: u64,
    offline: bool,
) -> Result<(), String> {
    let noisy = |error: io::Error| format!("the machine could not be calibrated: {error}");
    let opened = tokio::task::spawn_blocking(Loopback::calibrated).await;
    let (mut loopback, samples_ns) = opened.map_err(|error| error.to_string())?.map_err(noisy)?;
    context.journal.record(Event::Calibration { samples_ns });

    let first_seq = context.journal.last_seq();
    let worker = context.clone();
    let series = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let warm = series(&worker, warm_ups + samples, &mut loopback).await?;
            let cold = match offline {
                true => Vec::new(),
                false => cold(&worker, COLD).await?,
            };
            Ok::<_, String>((warm, cold))
        })
    });
    let ((series, samples_ns), cold) = series.await.map_err(|error| error.to_string())??;
    context.journal.record(Event::Calibration { samples_ns });

    wait_for_screens(context, first_seq, cold.last().or(series.last())).await;
    let screens = screens(context, first_seq);
    for (index, sample) in (0_u64..).zip(series) {
        let screen_ns = screens.get(&sample.reference).copied();
        context.journal.record(Event::LatencySample {
            index,
            warm_up: index < warm_ups,
            head_ns: sample.head_ns,
            screen_ns: screen_ns.map(|at| at.saturating_sub(sample.from_ns)),
            reference: sample.reference,
            offline,
        });
    }
    for (index, sample) in (0_u64..).zip(cold) {
        let screen_ns = screens.get(&sample.reference).copied();
        context.journal.record(Event::ColdSample {
            index,
            handshake_ns: sample.handshake_ns,
            head_ns: sample.head_ns,
            screen_ns: screen_ns.map(|at| at.saturating_sub(sample.from_ns)),
            reference: sample.reference,
        });
    }
    Ok(())
}

struct Sample {
    reference: String,
    /// T0 on the journal's clock.
    from_ns: u64,
    /// How long it took from T0 to the end of the handshake; nothing on a warm connection.
    handshake_ns: u64,
    head_ns: u64,
}

/// Payments one after the other, each given up as soon as its head is there. After each a byte goes round the machine's own
/// loopback: a machine that other work slows down shows it in the very stretch in which the terminal is measured.
async fn series(
    context: &Context,
    count: u64,
    loopback: &mut Loopback,
) -> Result<(Vec<Sample>, Vec<u64>), String> {
    let mut till = context.probe.connect(Some(&context.subject.till)).await;
    let mut other = context.probe.connect(Some(&context.subject.till)).await;
    let (mut samples, mut noise) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (sample, warm) = one(context, None, till, other).await?;
        samples.push(sample);
        (till, other) = warm;
        let trip = loopback.round_trip();
        noise.push(trip.map_err(|error| format!("the loopback went wrong: {error}"))?);
    }
    Ok((samples, noise))
}

/// The same, each on a connection that is dialled for it. T0 is the moment before the first packet.
async fn cold(context: &Context, count: usize) -> Result<Vec<Sample>, String> {
    let mut other = context.probe.connect(Some(&context.subject.till)).await;
    let mut samples = Vec::new();
    for _ in 0..count {
        let dialled = Instant::now();
        let till = context.probe.connect(Some(&context.subject.till)).await;
        let handshake_ns = nanos(dialled.elapsed());
        let (sample, (cold, warm)) = one(context, Some(dialled), till, other).await?;
        samples.push(Sample {
            handshake_ns,
            ..sample
        });
        cold.hang_up();
        other = warm;
    }
    Ok(samples)
}

/// T0 is when the last byte was sent, unless somebody says otherwise.
async fn one(
    context: &Context,
    from: Option<Instant>,
    till: Connection,
    other: Connection,
) -> Result<(Sample, (Connection, Connection)), String> {
    let reference = context.fresh("latency");
    let terminal = &context.subject.terminal;
    let pay =
        json!({"terminalId": terminal, "amount": 100, "currency": "USD", "reference": reference});
    let pay = Request::post("/v1/pay", pay.to_string()).header("idempotency-key", &reference);
    let mut held = till.send(pay).await;
    let from = from.unwrap_or_else(|| held.sent_at());
    let Some((head, first_byte)) = held.head_within(WITHIN).await else {
        return Err("an activation got no answer".into());
    };
    if head.status != 200 {
        return Err(format!("an activation was answered {}", head.status));
    }
    let cancel = json!({"terminalId": terminal, "reference": reference, "attemptKey": reference});
    let cancel = other
        .send(Request::post("/v1/cancel", cancel.to_string()))
        .await;
    let other = cancel
        .connection_within(WITHIN)
        .await
        .ok_or("a cancel got no answer")?;
    let till = held
        .connection_within(WITHIN)
        .await
        .ok_or("a cancelled payment was not answered")?;
    let sample = Sample {
        from_ns: context.journal.ns_of(from),
        handshake_ns: 0,
        head_ns: nanos(first_byte.saturating_duration_since(from)),
        reference,
    };
    Ok((sample, (till, other)))
}

async fn wait_for_screens(context: &Context, since: u64, last: Option<&Sample>) {
    let Some(last) = last else {
        return;
    };
    let shown = |event: &Event| match event {
        Event::Screen(screen) => {
            screen.screen == "present_card" && screen.reference.as_ref() == Some(&last.reference)
        }
        _ => false,
    };
    let deadline = Instant::now() + EVENTS_WITHIN;
    while Instant::now() < deadline
        && !context
            .journal
            .any_after(since, |entry| shown(&entry.event))
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// When each sale's prompt was lit, on the journal's clock.
fn screens(context: &Context, since: u64) -> BTreeMap<String, u64> {
    let entries = context.journal.entries();
    let seen = entries
        .iter()
        .filter(|entry| entry.seq > since)
        .filter_map(|entry| match &entry.event {
            Event::Screen(screen) => Some((entry.at_ns, screen)),
            _ => None,
        });
    let seen: Vec<_> = seen.collect();
    let offset = seen
        .iter()
        .filter_map(|(at_ns, screen)| Some(i128::from(*at_ns) - i128::from(screen.observer_ns?)))
        .min()
        .unwrap_or_default();
    seen.into_iter()
        .filter(|(_, screen)| screen.screen == "present_card")
        .filter_map(|(_, screen)| {
            let lit = i128::from(screen.observer_ns?) + offset;
            Some((screen.reference.clone()?, u64::try_from(lit).ok()?))
        })
        .collect()
}

/// A byte that goes from one thread of this process to another and back. It ends with the connection.
struct Loopback(TcpStream);

impl Loopback {
    /// Opens it, and takes the first round trips.
    fn calibrated() -> io::Result<(Self, Vec<u64>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || -> io::Result<()> {
            let (mut peer, _) = listener.accept()?;
            peer.set_nodelay(true)?;
            let mut byte = [0];
            while peer.read(&mut byte)? == 1 {
                peer.write_all(&byte)?;
            }
            Ok(())
        });
        let tcp = TcpStream::connect(address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(WITHIN))?;
        let mut loopback = Self(tcp);
        let trips = (0..ROUND_TRIPS).map(|_| loopback.round_trip());
        let trips = trips.collect::<io::Result<_>>()?;
        Ok((loopback, trips))
    }

    /// How long one takes, in nanoseconds.
    fn round_trip(&mut self) -> io::Result<u64> {
        let began = Instant::now();
        self.0.write_all(b"x")?;
        self.0.read_exact(&mut [0])?;
        Ok(nanos(began.elapsed()))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
