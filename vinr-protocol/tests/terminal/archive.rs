//! A terminal that holds only what is not settled forgets nothing. Every test of this crate's terminal runs on both
//! machines, see `twin`; here is what they are not made to look for.

use proptest::prelude::*;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{
    Answer, Archive, ArchiveFailed, Archived, Caller, Effect, HostVerdict, Input, LocalMode,
    PinEntry, Record, Revocation, Screen, Session, Space, Timer,
};
use vinr_protocol::{
    Amount, CancelRequest, Machine, PaymentId, Reference, Status, TerminalId, Timestamp,
};

use crate::shop::*;
use crate::twin::Twin;

/// Over a month of sales it holds what ten hold.
#[test]
fn what_is_held_does_not_grow_with_the_sales() {
    let mut archived = Archived::over(Session::new(config(), journal_id()), Forgets);
    for nth in 0..1_000 {
        let id = id(nth);
        let inputs = [
            pay(nth, &format!("order_{nth}"), Some("k"), 2500, id.clone()),
            Input::CardRead {
                card: card(PinEntry::NotRequired),
                now: now(),
            },
            Input::HostAnswered {
                payment: id,
                verdict: HostVerdict::Approved,
                now: now(),
            },
            Input::Cancel {
                caller: Caller(nth),
                request: cancel(&format!("never_{nth}"), Some("k")),
                now: now(),
            },
        ];
        for input in inputs {
            let _ = archived.step(input);
        }
    }
    assert_eq!(archived.session().attempts().count(), 0);
}

/// A terminal that never had a settled attempt in its memory since it started.
fn after_a_restart(made: impl FnOnce(&mut Shop)) -> Shop {
    let mut shop = Shop::open();
    made(&mut shop);
    shop.power_cycle();
    shop
}

#[test]
fn a_late_approval_of_what_was_cancelled_long_ago_is_reversed() {
    let mut shop = after_a_restart(|shop| {
        shop.pay("order_1", "k1");
        shop.cancel("order_1", Some("k1"));
    });
    let id = shop.newest("order_1").id;
    let effects = shop.host_says(&id, HostVerdict::Approved);
    assert!(effects.contains(&Effect::Reverse { payment: id }));
}

// [PAY-11]
#[test]
fn an_old_key_is_a_replay_after_a_restart() {
    let mut shop = after_a_restart(|shop| {
        shop.sale("order_1", "k1", declined());
        shop.sale("order_1", "k2", declined());
    });
    let (caller, effects) = shop.pay("order_1", "k1");
    let replayed = payment_for(caller, &effects).map(|payment| payment.status.clone());
    assert_eq!(replayed, Some(Status::Failed));
}

// [PAY-12]
#[test]
fn a_paid_sale_is_known_after_a_restart() {
    let mut shop = after_a_restart(|shop| drop(shop.sale("order_1", "k1", HostVerdict::Approved)));
    let (caller, effects) = shop.pay("order_1", "k2");
    assert_eq!(code_for(caller, &effects), Some(Code::ReferenceAlreadyPaid));
}

// [REC-8]
#[test]
fn a_tombstone_is_known_after_a_restart() {
    let mut shop = after_a_restart(|shop| drop(shop.cancel("order_1", Some("k1"))));
    let (_, effects) = shop.pay("order_1", "k1");
    assert!(!prompts(&effects));
}

#[test]
fn an_id_is_not_used_twice_whatever_sale_it_was_of() {
    let mut shop = after_a_restart(|shop| drop(shop.sale("order_1", "k1", declined())));
    let id = shop.newest("order_1").id;
    let effects = shop.step(pay(99, "order_2", Some("k2"), 2500, id));
    assert_eq!(code_for(Caller(99), &effects), Some(Code::Internal));
}

// Found by the property below: the late command took the place of the payment that had the id.
#[test]
fn an_id_is_not_used_twice_by_a_late_command_either() {
    let mut shop = Shop::open();
    shop.cancel("order_2", Some("k2"));
    let paid = shop.sale("order_1", "k1", HostVerdict::Approved);
    let effects = shop.step(pay(99, "order_2", Some("k2"), 2500, paid.id.clone()));
    assert_eq!(code_for(Caller(99), &effects), Some(Code::Internal));
    assert_eq!(shop.newest("order_1"), paid);
}

// [REC-13]
#[test]
fn the_order_of_a_look_up_is_that_of_the_journal_whatever_is_held() {
    let mut shop = after_a_restart(|shop| {
        shop.sale("order_1", "k1", declined());
        shop.pay("order_1", "k2");
        shop.tap(); // hangs at the host: this one is held
    });
    let hanging = shop.newest("order_1").id;
    shop.host_says(&hanging, declined());
    shop.pay("order_1", "k3");
    let keys: Vec<String> = shop
        .look_up("order_1")
        .into_iter()
        .filter_map(|payment| payment.attempt_key.map(|key| key.to_string()))
        .collect();
    assert_eq!(keys, ["k3", "k2", "k1"]);
}

// [REC-13]
#[test]
fn the_order_of_a_look_up_is_that_in_which_the_attempts_began_whatever_became_of_them_since() {
    let mut shop = Shop::open();
    let first = shop.sale("order_1", "k1", declined());
    shop.sale("order_1", "k2", declined());
    shop.host_says(&first.id, HostVerdict::Approved); // its record is the last now
    // As a journal has them that was compacted.
    let last = shop.journal.len() - 1;
    shop.journal.drain(..last - 1);
    shop.power_cycle();
    assert_eq!(
        shop.newest("order_1").attempt_key,
        Some("k2".parse().expect("lawful"))
    );
}

// [REC-21] damaged is never "empty"
#[test]
fn a_record_that_cannot_be_read_takes_the_terminal_out_of_service() {
    let mut archived = Archived::over(Session::new(config(), journal_id()), Unreadable);
    let look_up = |caller| Input::LookUp {
        caller: Caller(caller),
        reference: "order_1".parse().expect("lawful"),
    };
    let effects = archived.step(look_up(1));
    assert_eq!(code_for(Caller(1), &effects), Some(Code::StorageFailed));
    assert!(effects.contains(&Effect::Show(Screen::OutOfService)));
    // Not even a look-up that might be readable is tried: a restart tells what the disk holds.
    let effects = archived.step(look_up(2));
    assert_eq!(code_for(Caller(2), &effects), Some(Code::StorageFailed));
}

// [REC-21]
#[test]
fn a_payment_whose_sale_cannot_be_read_is_not_started() {
    let mut archived = Archived::over(Session::new(config(), journal_id()), Unreadable);
    let effects = archived.step(pay(1, "order_1", Some("k1"), 2500, id(1)));
    assert!(!prompts(&effects));
    assert_eq!(code_for(Caller(1), &effects), Some(Code::StorageFailed));
}

/// An archive in which nothing can be found.
#[derive(Debug, PartialEq)]
struct Forgets;

impl Archive for Forgets {
    fn of(&self, _: &Reference) -> Result<Vec<Record>, ArchiveFailed> {
        Ok(Vec::new())
    }

    fn get(&self, _: &PaymentId) -> Result<Option<Record>, ArchiveFailed> {
        Ok(None)
    }
}

/// An archive in which nothing can be read.
struct Unreadable;

impl Archive for Unreadable {
    fn of(&self, _: &Reference) -> Result<Vec<Record>, ArchiveFailed> {
        Err(ArchiveFailed)
    }

    fn get(&self, _: &PaymentId) -> Result<Option<Record>, ArchiveFailed> {
        Err(ArchiveFailed)
    }
}

fn id(nth: u64) -> PaymentId {
    PaymentId::new(&format!("tpay_{nth}")).expect("lawful")
}

fn pay(caller: u64, reference: &str, key: Option<&str>, amount: u64, id: PaymentId) -> Input {
    Input::Pay {
        caller: Caller(caller),
        request: request(reference, amount),
        key: key.map(|key| key.parse().expect("lawful")),
        path: ConnectionMode::Local,
        expires_at: None,
        id,
        now: now(),
        revocation: Revocation::InForce,
    }
}

fn cancel(reference: &str, key: Option<&str>) -> CancelRequest {
    CancelRequest {
        terminal_id: TerminalId::new(TERMINAL).expect("lawful"),
        reference: reference.parse().expect("lawful"),
        attempt_key: key.map(|key| key.parse().expect("lawful")),
    }
}

/// What happens next to both machines.
#[derive(Debug, Clone)]
enum Event {
    Step(Box<Input>),
    /// The power goes after so many of its effects.
    PowerCut(Box<Input>, usize),
    /// The nth record of it cannot be made durable; then the power goes.
    StorageFails(Box<Input>, usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => input().prop_map(|input| Event::Step(input.into())),
        1 => (input(), 0..6usize).prop_map(|(input, after)| Event::PowerCut(input.into(), after)),
        1 => (input(), 0..2usize).prop_map(|(input, nth)| Event::StorageFails(input.into(), nth)),
    ]
}

/// Anything at all, lawful or not, about few enough things that they meet.
fn input() -> impl Strategy<Value = Input> {
    let reference = || (0..2u8).prop_map(|nth| format!("order_{nth}"));
    let key = || proptest::option::weighted(0.9, (0..3u8).prop_map(|nth| format!("k{nth}")));
    let id = || (0..8u64).prop_map(id);
    let verdict = prop_oneof![
        3 => Just(HostVerdict::Approved),
        1 => Just(declined()),
        1 => Just(HostVerdict::Duplicate),
        1 => Just(HostVerdict::Voided),
    ];
    let status = prop_oneof![Just(ReaderStatus::Online), Just(ReaderStatus::Offline)];
    let space = prop_oneof![3 => Just(Space::Enough), 1 => Just(Space::Low)];
    let local_mode = prop_oneof![3 => Just(LocalMode::On), 1 => Just(LocalMode::Off)];
    let pin = prop_oneof![4 => Just(PinEntry::NotRequired), 1 => Just(PinEntry::Required)];
    let expired = prop_oneof![
        8 => Just((ConnectionMode::Local, None)),
        1 => Just((ConnectionMode::Cloud, Timestamp::from_unix_ms(0))),
    ];
    let timer = prop_oneof![
        Just(Timer::CardWait),
        Just(Timer::Interaction),
        Just(Timer::ResultShown),
        (0..8u64).prop_map(|caller| Timer::AnswerBy(Caller(caller))),
        id().prop_map(Timer::HostRetry),
        id().prop_map(Timer::QueueAge),
    ];
    let caller = || (0..8u64).prop_map(Caller);
    prop_oneof![
        6 => (caller(), reference(), key(), 2500..2502u64, id(), expired).prop_map(
            |(caller, reference, key, amount, id, (path, expires_at))| Input::Pay {
                caller,
                request: {
                    let amount = Amount::new(amount).expect("lawful");
                    vinr_protocol::PayRequest { amount, ..request(&reference, 2500) }
                },
                key: key.map(|key| key.parse().expect("lawful")),
                path,
                expires_at,
                id,
                now: now(),
                revocation: Revocation::InForce,
            }
        ),
        2 => (caller(), reference(), key()).prop_map(|(caller, reference, key)| Input::Cancel {
            caller,
            request: cancel(&reference, key.as_deref()),
            now: now(),
        }),
        1 => (caller(), reference()).prop_map(|(caller, reference)| Input::LookUp {
            caller,
            reference: reference.parse().expect("lawful"),
        }),
        1 => (caller(), id()).prop_map(|(caller, id)| Input::LookUpId { caller, id }),
        1 => caller().prop_map(|caller| Input::Describe { caller }),
        1 => caller().prop_map(|caller| Input::CallerGone { caller }),
        5 => pin.prop_map(|pin| Input::CardRead { card: card(pin), now: now() }),
        1 => Just(Input::PinEntered { now: now() }),
        1 => Just(Input::CardRemoved { now: now() }),
        1 => Just(Input::CustomerGaveUp { now: now() }),
        6 => (id(), verdict).prop_map(|(payment, verdict)| Input::HostAnswered {
            payment,
            verdict,
            now: now(),
        }),
        2 => id().prop_map(|payment| Input::HostReversed { payment }),
        1 => id().prop_map(|payment| Input::NotSent { payment, now: now() }),
        2 => status.prop_map(|status| Input::Internet { status }),
        1 => local_mode.prop_map(|to| Input::LocalMode { to }),
        1 => space.prop_map(|space| Input::Space { space }),
        3 => timer.prop_map(|timer| Input::Elapsed { timer, now: now() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    // [REC-13] [PAY-11] [PAY-12] the twin compares every effect and what is held
    #[test]
    fn an_archive_answers_as_if_nothing_were_ever_released(
        day in proptest::collection::vec(event(), 1..80)
    ) {
        let mut twin = Twin::new(config(), journal_id());
        let mut journal: Vec<Record> = Vec::new();
        for event in day {
            match event {
                Event::Step(input) => {
                    let effects = twin.step(*input);
                    journal.extend(persisted(&effects));
                }
                Event::PowerCut(input, after) => {
                    let mut effects = twin.step(*input);
                    effects.truncate(after);
                    journal.extend(persisted(&effects));
                    twin = restart(&mut journal);
                }
                Event::StorageFails(input, nth) => {
                    let mut effects = twin.step(*input);
                    let mut persists = effects.iter().enumerate().filter_map(|(at, effect)| {
                        matches!(effect, Effect::Persist(_)).then_some(at)
                    });
                    let Some(failing) = persists.nth(nth) else {
                        journal.extend(persisted(&effects));
                        continue;
                    };
                    let undone = effects.split_off(failing + 1);
                    effects.truncate(failing);
                    journal.extend(persisted(&effects));
                    let effects = twin.step(Input::StorageFailed { undone });
                    let refusals = effects.iter().all(|effect| match effect {
                        Effect::Answer { answer: Answer::Refused(it), .. } => it.code == Code::StorageFailed,
                        effect => !matches!(effect, Effect::Answer { .. } | Effect::Persist(_)),
                    });
                    prop_assert!(refusals, "{effects:?}");
                    twin = restart(&mut journal);
                }
            }
        }
    }
}

fn persisted(effects: &[Effect]) -> impl Iterator<Item = Record> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Persist(record) => Some(record.clone()),
        _ => None,
    })
}

fn restart(journal: &mut Vec<Record>) -> Twin {
    let (twin, effects) = Twin::recover(config(), journal_id(), journal.clone(), now());
    journal.extend(persisted(&effects));
    twin
}
