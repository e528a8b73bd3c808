//! Without a revocation list in force no till starts a payment; what exists goes on. \[TLS-15\]

use vinr_protocol::payment::{CancelOutcome, ConnectionMode};
use vinr_protocol::terminal::{Caller, Effect, HostVerdict, Input, Revocation};
use vinr_protocol::{Code, Status};

use crate::shop::{Shop, code_for, head_for, now, payment_for, prompts, request};

const UNKNOWN: [Revocation; 2] = [Revocation::Missing, Revocation::Stale];

/// A payment of `order_1` whose till was judged by such a list.
fn pay(
    shop: &mut Shop,
    key: &str,
    path: ConnectionMode,
    revocation: Revocation,
) -> (Caller, Vec<Effect>) {
    let caller = shop.caller();
    let effects = shop.step(Input::Pay {
        caller,
        request: request("order_1", 2500),
        key: Some(key.parse().expect("lawful")),
        path,
        expires_at: None,
        id: format!("tpay_{}", caller.0).parse().expect("lawful"),
        now: now(),
        revocation,
    });
    (caller, effects)
}

// [TLS-15]
#[test]
fn a_new_payment_of_a_till_is_refused_and_not_shown() {
    for revocation in UNKNOWN {
        let mut shop = Shop::open();
        let (caller, effects) = pay(&mut shop, "k1", ConnectionMode::Local, revocation);
        let code = code_for(caller, &effects);
        assert_eq!(code, Some(Code::TerminalUnavailable), "{revocation:?}");
        assert_eq!(effects.len(), 1, "{effects:?}");
        assert!(shop.look_up("order_1").is_empty());
    }
}

// [TLS-15]
#[test]
fn with_a_list_in_force_it_is_started() {
    let mut shop = Shop::open();
    let (_, effects) = pay(&mut shop, "k1", ConnectionMode::Local, Revocation::InForce);
    assert!(prompts(&effects));
}

// The cloud has no certificate that could have been revoked.
#[test]
fn a_command_of_the_cloud_is_started_all_the_same() {
    for revocation in UNKNOWN {
        let mut shop = Shop::open();
        let (_, effects) = pay(&mut shop, "k1", ConnectionMode::Cloud, revocation);
        assert!(prompts(&effects), "{revocation:?}");
    }
}

#[test]
fn a_payment_under_way_is_joined_all_the_same() {
    for revocation in UNKNOWN {
        let mut shop = Shop::open();
        shop.pay("order_1", "k1");
        let (caller, effects) = pay(&mut shop, "k1", ConnectionMode::Local, revocation);
        assert!(head_for(caller, &effects).is_some(), "{revocation:?}");
    }
}

#[test]
fn a_payment_that_is_final_is_replayed_all_the_same() {
    for revocation in UNKNOWN {
        let mut shop = Shop::open();
        shop.sale("order_1", "k1", HostVerdict::Approved);
        let (caller, effects) = pay(&mut shop, "k1", ConnectionMode::Local, revocation);
        let payment = payment_for(caller, &effects).expect("a replay");
        assert_eq!(payment.status, Status::Completed, "{revocation:?}");
    }
}

// [REC-8] what it finds was decided before it came, and nothing is started
#[test]
fn a_payment_that_finds_its_tombstone_is_cancelled_all_the_same() {
    for revocation in UNKNOWN {
        let mut shop = Shop::open();
        shop.cancel("order_1", Some("k1"));
        let (caller, effects) = pay(&mut shop, "k1", ConnectionMode::Local, revocation);
        let payment = payment_for(caller, &effects).expect("an answer");
        assert_eq!(payment.status, Status::Cancelled, "{revocation:?}");
    }
}

#[test]
fn a_refused_payment_can_be_cancelled_for_certain() {
    let mut shop = Shop::open();
    pay(&mut shop, "k1", ConnectionMode::Local, Revocation::Stale);
    let (outcome, _) = shop.cancel("order_1", Some("k1"));
    assert_eq!(outcome, CancelOutcome::Cancelled);
}

#[test]
fn the_refusal_says_that_nobody_was_charged_and_what_to_do() {
    use vinr_protocol::terminal::Answer;
    for revocation in UNKNOWN {
        let mut shop = Shop::open();
        let (_, effects) = pay(&mut shop, "k1", ConnectionMode::Local, revocation);
        let [
            Effect::Answer {
                answer: Answer::Refused(refusal),
                ..
            },
        ] = &effects[..]
        else {
            panic!("not one refusal: {effects:?}");
        };
        let message = &refusal.message;
        assert!(message.contains("nobody was charged"), "{message}");
        assert!(message.contains("install"), "{message}");
    }
}
