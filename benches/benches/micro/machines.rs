//! Pure machines and the codec: no clock but the one that times them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vinr_benches::counter;
use vinr_benches::ratio::timed;
use vinr_benches::shop::Failure;
use vinr_protocol::client::group::Left;
use vinr_protocol::client::lanes::{self, Call, Lanes};
use vinr_protocol::device::Model;
use vinr_protocol::payment::{Brand, ConnectionMode, EntryMode};
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{
    Caller, CardFacts, Config, Effect, HostVerdict, Input, PinEntry, Recovery, Revocation, Session,
};
use vinr_protocol::{
    Amount, Currency, JournalId, Machine, PayRequest, Payment, PaymentId, Reference, TerminalId,
    Timestamp,
};
use vinr_simulator::world::seeded::campaign;

use crate::Bench;

/// The members of the group. \[GRP-1\]
const MEMBERS: u64 = 1000;

/// What a CT20 queues. \[OFF-3\]
const QUEUED: u64 = 10;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Failure> {
    codec(bench)?;
    routing(bench)?;
    offline(bench)
}

/// How much faster than a real clock the deterministic world is on one core.
pub(crate) fn world(days: u64) -> f64 {
    let begun = Instant::now();
    let played = campaign(0..days, 1);
    played.tally.speed(begun.elapsed())
}

fn request(nth: u64) -> Result<PayRequest, Failure> {
    let (terminal, sale) = (
        TerminalId::new("term_BENCH_1")?,
        Reference::new(&format!("micro_{nth}"))?,
    );
    Ok(PayRequest::new(
        terminal,
        Amount::new(2500)?,
        Currency::USD,
        sale,
    ))
}

fn codec(bench: &mut Bench<'_>) -> Result<(), Failure> {
    let request = request(1)?;
    let text = serde_json::to_vec(&request)?;
    let terminal = &request.terminal_id;
    let answer = counter::payment(terminal, "key_1", &text).ok_or("no answer")?;
    let payment: Payment = serde_json::from_str(&answer)?;
    bench.run("codec: write a request", &mut || {
        timed(|| Ok(serde_json::to_vec(&request)?))
    })?;
    bench.run("codec: read a request", &mut || {
        timed(|| PayRequest::parse(&text).map_err(|it| format!("{it:?}").into()))
    })?;
    bench.run("codec: write a payment", &mut || {
        timed(|| Ok(serde_json::to_vec(&payment)?))
    })?;
    bench.run("codec: read a payment", &mut || {
        timed(|| Ok(serde_json::from_str::<Payment>(&answer)?))
    })
}

/// A call comes, and leaves again.
fn routing(bench: &mut Bench<'_>) -> Result<(), Failure> {
    let id = |nth| TerminalId::new(&format!("term_{nth:04}"));
    let members: Arc<[TerminalId]> = (0..MEMBERS).map(id).collect::<Result<_, _>>()?;
    let mut idle = Lanes::default();
    bench.run("routing: 1 000 idle terminals", &mut || {
        choose(&mut idle, MEMBERS, &members)
    })?;
    // Everybody but the last is held by a call of this process.
    let mut busy = Lanes::default();
    for nth in 0..MEMBERS - 1 {
        chosen(&mut busy, nth, &members)?;
    }
    bench.run("routing: 999 held, one idle", &mut || {
        choose(&mut busy, MEMBERS, &members)
    })?;
    // Everybody said that it is busy, but the last.
    let mut told = Lanes::default();
    let call = Call(0);
    let mut tried = chosen(&mut told, 0, &members)?;
    for _ in 1..MEMBERS {
        let (why, retry_after) = (Left::Busy, Some(Duration::from_secs(60)));
        let effects = told.step(lanes::Input::Left {
            call,
            why,
            retry_after,
        });
        tried = only(&effects)?;
    }
    let _ = told.step(lanes::Input::Ended(call));
    let _ = told.step(lanes::Input::Idle(tried));
    bench.run("routing: 999 busy, one idle", &mut || {
        choose(&mut told, MEMBERS, &members)
    })
}

fn choose(lanes: &mut Lanes, call: u64, members: &Arc<[TerminalId]>) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let terminal = chosen(lanes, call, members)?;
    let took = begun.elapsed();
    let _ = lanes.step(lanes::Input::Ended(Call(call)));
    // What it did not use is as idle as before, and nobody need be given way.
    let _ = lanes.step(lanes::Input::Elapsed(lanes::Timer::GiveWay(terminal)));
    Ok(took)
}

fn chosen(
    lanes: &mut Lanes,
    call: u64,
    members: &Arc<[TerminalId]>,
) -> Result<TerminalId, Failure> {
    let (call, members) = (Call(call), members.clone());
    only(&lanes.step(lanes::Input::Came { call, members }))
}

/// The one terminal that is tried: a call never asks them all.
fn only(effects: &[lanes::Effect]) -> Result<TerminalId, Failure> {
    let mut tried = effects.iter().filter_map(|it| match it {
        lanes::Effect::Try { terminal, .. } => Some(terminal.clone()),
        lanes::Effect::NoneReachable(_) | lanes::Effect::Arm(..) => None,
    });
    match (tried.next(), tried.next()) {
        (Some(terminal), None) => Ok(terminal),
        _ => Err(format!("not one terminal is tried: {effects:?}").into()),
    }
}

/// A queue is filled while the host is away, and forwarded when it is back.
fn offline(bench: &mut Bench<'_>) -> Result<(), Failure> {
    let terminal = TerminalId::new("term_BENCH_1")?;
    let fresh = Recovery::new(Config::new(terminal, Model::NexgoCt20, "bench"));
    let journal = JournalId::new("jrn_01JD0000000000000000000000")?;
    let (mut session, _) = fresh.finish(journal, now());
    let status = ReaderStatus::Offline;
    let _ = session.step(Input::Internet { status });
    let empty = session.clone();
    let mut full = session;
    for nth in 0..QUEUED {
        admit(&mut full, nth)?;
    }
    bench.run("offline: admit one, card read, queued", &mut || {
        let mut session = empty.clone();
        timed(|| admit(&mut session, 0))
    })?;
    bench.run("offline: drain a queue of 10", &mut || {
        let mut session = full.clone();
        let begun = Instant::now();
        let drained = drain(&mut session);
        let took = begun.elapsed();
        match drained {
            QUEUED => Ok(took),
            other => Err(format!("{other} of {QUEUED} were forwarded").into()),
        }
    })
}

fn admit(session: &mut Session, nth: u64) -> Result<(), Failure> {
    let id = PaymentId::new(&format!("tpay_01JD00000000000000000000{nth:02}"))?;
    let _ = session.step(Input::Pay {
        caller: Caller(nth),
        request: request(nth)?,
        key: None,
        path: ConnectionMode::Local,
        expires_at: None,
        id,
        now: now(),
        revocation: Revocation::InForce,
    });
    let card = CardFacts {
        last4: "4242".to_owned(),
        brand: Brand::Visa,
        entry_mode: EntryMode::Contactless,
        pin: PinEntry::NotRequired,
    };
    let mut effects = session.step(Input::CardRead { card, now: now() });
    // It is tried over the line once, which is down.
    while let Some(effect) = effects.pop() {
        if let Effect::Authorize { payment } = effect {
            let (payment, now) = (payment.id, now());
            effects.extend(session.step(Input::NotSent { payment, now }));
        }
    }
    Ok(())
}

fn drain(session: &mut Session) -> u64 {
    let status = ReaderStatus::Online;
    let mut effects = session.step(Input::Internet { status });
    let mut forwarded = 0;
    while let Some(effect) = effects.pop() {
        if let Effect::Authorize { payment } = effect {
            forwarded += 1;
            effects.extend(session.step(Input::HostAnswered {
                payment: payment.id,
                verdict: HostVerdict::Approved,
                now: now(),
            }));
        }
    }
    forwarded
}

fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
