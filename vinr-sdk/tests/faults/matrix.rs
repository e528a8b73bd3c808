//! Each row for each way of paying: the fault passes, it stays, the till goes down with it, or the terminal does.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use vinr_sdk::{Charged, Error, PaymentResult, Resolution};
use vinr_simulator::cardholder::Script;

use crate::breaker::{Breaker, Call, Deed, Fault, Moment, Point, Weather};
use crate::counter::{Counter, Kind};
use crate::rows::{connecting, dying, paying, recovering};
use crate::support::{passes, taps};

/// What becomes of the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// It was one of a moment.
    Passes,
    /// From then on nothing works, until the till has said its word.
    Stays,
    /// The till goes down with it, and comes up over the same store.
    TillDies,
    /// The terminal loses its power at that moment.
    TerminalDies,
}

pub(crate) type Paid = Result<PaymentResult, Error>;

/// Where the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first terminal.
    Lan,
    /// Before the cloud, while the LAN is dead.
    Cloud,
}

const LAN: Place = Place::Lan;
const BOTH: &[Act] = &[Act::Passes, Act::Stays];
const DEATHS: &[Act] = &[Act::TillDies, Act::TerminalDies];

// [REC-1, REC-3, REC-5, REC-9]
#[test]
fn local_connecting() {
    all(Kind::Local, LAN, connecting(), BOTH);
}

#[test]
fn local_paying() {
    all(Kind::Local, LAN, paying(), BOTH);
}

// [REC-2]
#[test]
fn local_recovering() {
    all(Kind::Local, LAN, recovering(), BOTH);
}

// What breaks one copy of a pay does not break the other.
#[test]
fn hedged_paying() {
    all(Kind::Hedged, LAN, paying(), BOTH);
}

#[test]
fn hedged_dying() {
    all(Kind::Hedged, LAN, dying(), DEATHS);
}

// [REC-12]
#[test]
fn local_dying() {
    all(Kind::Local, LAN, dying(), DEATHS);
}

// [HYB-1, HYB-2, HYB-5, REC-9]
#[test]
fn hybrid_connecting() {
    all(Kind::Hybrid, LAN, connecting(), BOTH);
}

#[test]
fn hybrid_paying() {
    all(Kind::Hybrid, LAN, paying(), BOTH);
}

#[test]
fn hybrid_dying() {
    all(Kind::Hybrid, LAN, dying(), DEATHS);
}

#[test]
fn cloud_connecting() {
    all(Kind::Hybrid, Place::Cloud, connecting(), &[Act::Passes]);
}

#[test]
fn cloud_paying() {
    all(Kind::Hybrid, Place::Cloud, paying(), &[Act::Passes]);
}

#[test]
fn cloud_dying() {
    all(Kind::Hybrid, Place::Cloud, dying(), &[Act::TillDies]);
}

// [GRP-4, REC-9]
#[test]
fn group_connecting() {
    all(Kind::Group, LAN, connecting(), &[Act::Passes]);
}

#[test]
fn group_paying() {
    all(Kind::Group, LAN, paying(), BOTH);
}

#[test]
fn group_recovering() {
    all(Kind::Group, LAN, recovering(), &[Act::Passes]);
}

#[test]
fn group_dying() {
    all(Kind::Group, LAN, dying(), DEATHS);
}

#[test]
fn hybrid_group_paying() {
    all(Kind::HybridGroup, LAN, paying(), BOTH);
}

#[test]
fn hybrid_group_dying() {
    all(Kind::HybridGroup, LAN, dying(), DEATHS);
}

/// Plays every row in each of these ways, and tells every one that failed.
fn all(kind: Kind, place: Place, rows: Vec<Vec<Fault>>, acts: &[Act]) {
    plant();
    let begun = Instant::now();
    let (mut failed, mut played) = (Vec::new(), 0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // Two paths meet at the terminal while the card is looked for.
    let script = Script {
        tap_after: Some(if kind.has_cloud() && place == Place::Lan {
            Duration::from_secs(3)
        } else {
            Duration::ZERO
        }),
        ..taps("approved")
    };
    let mut counter = runtime.block_on(Counter::open(kind, script.clone()));
    for act in acts {
        for row in &rows {
            if *act == Act::Stays && row.last().is_some_and(|it| is_like_another(it.deed)) {
                continue;
            }
            let row_begun = Instant::now();
            let verdict = runtime.block_on(play(&counter, played, place, row, *act));
            let names: Vec<_> = row.iter().map(ToString::to_string).collect();
            let name = format!("{kind:?}, {place:?}: {}, {act:?}", names.join(", "));
            played += 1;
            if let Err(why) = verdict {
                failed.push(format!("{name}: {why}"));
                // What it left behind is not the next one's.
                counter = runtime.block_on(Counter::open(kind, script.clone()));
            }
            if std::env::var_os("VINR_SHOW_ROWS").is_some() {
                println!("{:>6} ms {name}", row_begun.elapsed().as_millis());
            }
        }
    }
    println!("{played} rows in {:?}", begun.elapsed());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// `VINR_MUTANT=SendsBeforeStoring cargo test -p vinr-sdk --features mutants --test faults` must fail.
fn plant() {
    #[cfg(feature = "mutants")]
    if let Ok(name) = std::env::var("VINR_MUTANT") {
        let mut all = vinr_protocol::mutant::Mutant::ALL.iter().copied();
        let mutant = all.find(|mutant| mutant.name() == name);
        vinr_protocol::mutant::plant(Some(mutant.unwrap()));
    }
}

/// One row, from the fault to the end of the sale: it is paid, once.
async fn play(
    counter: &Counter,
    number: usize,
    place: Place,
    row: &[Fault],
    act: Act,
) -> Result<(), String> {
    counter.is_idle().await;
    let (kind, sale) = (counter.kind, &*format!("order_{number}"));
    let till = counter.till(sale).await;
    if place == Place::Cloud || !is_about_connecting(&row[0]) {
        counter.meet(&till).await;
    }
    let breaker = match (&counter.internet, place) {
        (Some(internet), Place::Cloud) => {
            counter.lan[0].is(Weather::Refuses);
            internet
        }
        _ => &counter.lan[0],
    };
    breaker.plan(row, weather(row, act));
    let mut pay = tokio::spawn(kind.pays(till.clone(), sale.to_owned()));
    for (index, fault) in row.iter().enumerate() {
        tokio::select! {
            biased;
            () = breaker.happened(index + 1) => {}
            early = &mut pay => {
                if kind != Kind::Hedged {
                    return Err(format!("the fault did not happen: {early:?}"));
                }
                // Another copy was there before the fault.
                let paid = early.unwrap();
                let told = told(&paid).ok_or_else(|| format!("nothing was lost: {paid:?}"))?;
                agree(told, counter.charges(sale).await, &paid)?;
                drop(till);
                counter.mend();
                return found_out(counter, sale, false).await;
            }
        }
        if act == Act::Passes && is_silent(fault.deed) {
            time_passes(kind, place, fault, breaker, &mut pay).await;
        }
    }
    match act {
        Act::Passes => lapse(&mut pay, Duration::from_secs(20)).await,
        Act::Stays => stays(kind, &mut pay).await,
        Act::TillDies => {
            pay.abort();
            drop(till);
            let _ = pay.await;
            counter.mend();
            // A call for a group that is dropped finds out in the background; SIGKILL leaves it to the store.
            let is_left = is_sent(&row[0]) && !kind.is_group();
            return found_out(counter, sale, is_left).await;
        }
        Act::TerminalDies => {
            let terminal = counter.simulator.terminal();
            terminal.power_cycle(Duration::ZERO).await.unwrap();
            breaker.is(Weather::Clear);
            time_passes(kind, place, &row[0], breaker, &mut pay).await;
        }
    }
    let may_be_unknown = act == Act::Stays || (place == Place::Cloud && is_lost(&row[0]));
    if may_be_unknown && place == Place::Cloud {
        // Nobody but the dead LAN knows.
        time_goes(&mut pay, Duration::from_secs(1), Duration::from_secs(400)).await;
    }
    let paid = tokio::time::timeout(Duration::from_secs(160), pay).await;
    let paid = paid.map_err(|_| "it does not end")?.unwrap();
    if let Some(told) = told(&paid) {
        agree(told, counter.charges(sale).await, &paid)?;
        let unresolved = till.attempts().unresolved().await.unwrap();
        if !unresolved.is_empty() {
            return Err(format!("{paid:?} and yet unresolved: {unresolved:?}"));
        }
    } else if !may_be_unknown {
        return Err(format!("it could have been known: {paid:?}"));
    }
    drop(till);
    counter.mend();
    found_out(counter, sale, false).await
}

/// A till over the same store lists what was left unresolved and finds out about it; then the sale is paid, once.
pub(crate) async fn found_out(counter: &Counter, sale: &str, is_sent: bool) -> Result<(), String> {
    let till = counter.till(sale).await;
    let listed = till.attempts().unresolved().await.unwrap();
    // What the till may have sent it knows of, whatever came of it.
    if is_sent && listed.len() != 1 {
        return Err(format!("the till that came up lists {listed:?}"));
    }
    let resolved = till.attempts().resolve().await.unwrap();
    let mut charged = 0;
    for it in &resolved {
        charged += match &it.resolution {
            Resolution::Result(PaymentResult::Completed(_)) => 1,
            Resolution::Result(_) | Resolution::NeverCharged { .. } => 0,
            Resolution::StillUnknown(why) => return Err(format!("still unknown: {why:?}")),
        };
    }
    if listed.len() != resolved.len() {
        return Err(format!("listed {listed:?}, resolved {resolved:?}"));
    }
    let before = counter.charges(sale).await;
    if !resolved.is_empty() {
        agree(charged, before, &resolved)?;
    }
    if before == 0 {
        let mut pay = tokio::spawn(counter.kind.pays(till, sale.to_owned()));
        lapse(&mut pay, Duration::from_secs(20)).await;
        let paid = pay.await.unwrap();
        let told = told(&paid).ok_or_else(|| format!("again: {paid:?}"))?;
        agree(told, counter.charges(sale).await, &paid)?;
    }
    if counter.nearly_charged_twice(sale).await {
        return Err("only the card network's guard kept it from being charged twice".to_owned());
    }
    agree(1, counter.charges(sale).await, &"in the end it is paid")
}

fn agree(told: usize, charges: usize, words: &impl std::fmt::Debug) -> Result<(), String> {
    if told == charges {
        return Ok(());
    }
    Err(format!("{charges} charges, and the till says {words:?}"))
}

/// What the cable is like after the last fault.
fn weather(row: &[Fault], act: Act) -> Weather {
    match act {
        Act::Passes => Weather::Clear,
        Act::Stays if row.last().is_some_and(|it| is_silent(it.deed)) => Weather::Silent,
        Act::Stays => Weather::Refuses,
        Act::TillDies | Act::TerminalDies => Weather::Holds,
    }
}

/// How many charges the till speaks of; `None` where it says that it does not know.
pub(crate) fn told(paid: &Paid) -> Option<usize> {
    match paid {
        Ok(PaymentResult::Completed(_)) => Some(1),
        Ok(_) => Some(0),
        Err(error) => match error.charged() {
            Charged::No => Some(0),
            Charged::Yes => Some(1),
            Charged::Perhaps => None,
        },
    }
}

/// As long as the till waits at this point.
async fn time_passes(
    kind: Kind,
    place: Place,
    fault: &Fault,
    breaker: &Breaker,
    pay: &mut JoinHandle<Paid>,
) {
    match fault.point {
        Point::Taken | Point::Greeted | Point::MidHandshake | Point::Handshaken => {
            passes(Duration::from_secs(6)).await;
        }
        Point::In(Call::Pay, moment)
            if kind.has_cloud() && place == Place::Lan && !is_accepted(moment) =>
        {
            lapse(pay, Duration::from_secs(2)).await;
            // The quick look found it pending, so the till holds on, to a line that says nothing.
            let is_heard = matches!(
                moment,
                Moment::Heard | Moment::BeforeHead | Moment::HalfHead
            );
            if is_heard && !pay.is_finished() {
                passes(Duration::from_secs(121)).await;
            }
        }
        Point::In(Call::Pay, _) => passes(Duration::from_secs(121)).await,
        Point::In(..) => passes(Duration::from_secs(4)).await,
    }
    breaker.release();
}

/// Until the till has said its word.
async fn stays(kind: Kind, pay: &mut JoinHandle<Paid>) {
    if kind.has_cloud() {
        // Answers come from there in real time; what was accepted over the LAN is held on to.
        lapse(pay, Duration::from_secs(2)).await;
        passes(Duration::from_secs(121)).await;
        lapse(pay, Duration::from_secs(400)).await;
    } else {
        // Nobody answers any more.
        tokio::time::pause();
        while !pay.is_finished() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::resume();
    }
}

/// Time goes by some twenty times as fast, for so long or until the call ends.
pub(crate) async fn lapse(pay: &mut JoinHandle<Paid>, most: Duration) {
    time_goes(pay, Duration::from_millis(100), most).await;
}

/// Time goes by in steps, after each of which whoever is up has a moment.
async fn time_goes(pay: &mut JoinHandle<Paid>, step: Duration, most: Duration) {
    let mut passed = Duration::ZERO;
    while !pay.is_finished() && passed < most {
        passes(step).await;
        passed += step;
        let breath = Instant::now();
        while breath.elapsed() < Duration::from_millis(5) && !pay.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

/// Where nothing works afterwards, these come to what a reset or a silence does.
fn is_like_another(deed: Deed) -> bool {
    matches!(deed, Deed::Ends | Deed::Goodbye | Deed::Delays)
}

/// Nobody tells the till that it is over.
fn is_silent(deed: Deed) -> bool {
    matches!(deed, Deed::Swallows | Deed::Delays | Deed::Garbles)
}

/// The other side may not have it, and cannot say so.
fn is_lost(fault: &Fault) -> bool {
    matches!(
        fault.point,
        Point::Handshaken | Point::In(_, Moment::HalfRequest | Moment::Unheard | Moment::Heard)
    )
}

/// A byte of the pay was sent, and its answer is not there.
pub(crate) fn is_sent(fault: &Fault) -> bool {
    matches!(fault.point, Point::In(Call::Pay, moment) if moment != Moment::AfterAll)
}

fn is_accepted(moment: Moment) -> bool {
    matches!(
        moment,
        Moment::AfterHead | Moment::HalfBody | Moment::LastByte | Moment::AfterAll
    )
}

fn is_about_connecting(fault: &Fault) -> bool {
    !matches!(fault.point, Point::In(..))
}
