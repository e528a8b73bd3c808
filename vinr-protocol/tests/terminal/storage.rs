use vinr_protocol::error_body::Code;
use vinr_protocol::terminal::{Answer, Effect, Input, Revocation, Session};
use vinr_protocol::{CancelRequest, Machine, Reference};

use crate::shop::*;

/// The host performs up to the failing `Persist` and hands back the rest.
fn fail_persist(shop: &mut Shop, effects: Vec<Effect>) -> Vec<Effect> {
    let failing = position(&effects, |it| matches!(it, Effect::Persist(_)));
    shop.session.step(Input::StorageFailed {
        undone: effects[failing + 1..].to_vec(),
    })
}

// [REC-21] I6
#[test]
fn a_payment_that_cannot_be_journaled_is_answered_storage_failed() {
    let mut shop = Shop::open();
    let (caller, effects) = shop.pay("order_1", "k1");
    let effects = fail_persist(&mut shop, effects);
    assert_eq!(code_for(caller, &effects), Some(Code::StorageFailed));
    assert!(!prompts(&effects));
}

#[test]
fn everyone_who_waits_hears_of_it_once() {
    let mut shop = Shop::open();
    let (first, _) = shop.pay("order_1", "k1");
    let (second, _) = shop.pay("order_1", "k1");
    shop.tap();
    let id = shop.newest("order_1").id;
    let effects = shop.host_says(&id, vinr_protocol::terminal::HostVerdict::Approved);
    let effects = fail_persist(&mut shop, effects);
    let heard = |caller| {
        effects
            .iter()
            .filter(|it| matches!(it, Effect::Answer { caller: to, .. } if *to == caller))
            .count()
    };
    assert_eq!((heard(first), heard(second)), (1, 1));
    assert_eq!(code_for(first, &effects), Some(Code::StorageFailed));
}

// [REC-21] damaged is never "empty"
#[test]
fn a_damaged_journal_refuses_payments_cancels_and_look_ups_alike() {
    let mut session = Session::damaged(config());
    let mut shop = Shop::open();
    let reference = Reference::new("order_1").expect("lawful");
    let cancel = CancelRequest {
        terminal_id: TERMINAL.parse().expect("lawful"),
        reference: reference.clone(),
        attempt_key: None,
    };
    let inputs = [
        Input::LookUp {
            caller: shop.caller(),
            reference,
        },
        Input::LookUpId {
            caller: shop.caller(),
            id: "tpay_1".parse().expect("lawful"),
        },
        Input::Cancel {
            caller: shop.caller(),
            request: cancel,
            now: now(),
        },
        Input::Pay {
            caller: shop.caller(),
            request: request("order_1", 2500),
            key: None,
            path: vinr_protocol::payment::ConnectionMode::Local,
            expires_at: None,
            id: "tpay_1".parse().expect("lawful"),
            now: now(),
            revocation: Revocation::InForce,
        },
    ];
    for input in inputs {
        let effects = session.step(input);
        assert!(
            matches!(&effects[..], [Effect::Answer { answer: Answer::Refused(it), .. }] if it.code == Code::StorageFailed),
            "{effects:?}"
        );
    }
}

#[test]
fn a_restart_after_a_storage_failure_tells_the_truth_of_the_disk() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.step(Input::StorageFailed { undone: Vec::new() });
    shop.power_cycle();
    assert_eq!(shop.status("order_1"), vinr_protocol::Status::Cancelled);
}

// [DISC-7]
#[test]
fn a_terminal_that_fails_while_it_is_busy_no_longer_says_so() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let effects = shop.step(Input::StorageFailed { undone: Vec::new() });
    let idle = Effect::Announce(vinr_protocol::reader::Activity::Idle);
    assert!(effects.contains(&idle), "{effects:?}");
}

// [REC-21]
#[test]
fn whoever_waits_hears_of_a_failure_that_is_not_about_its_payment() {
    let mut shop = Shop::open();
    let (caller, _) = shop.pay("order_1", "k1");
    let effects = shop.step(Input::StorageFailed { undone: Vec::new() });
    assert_eq!(code_for(caller, &effects), Some(Code::StorageFailed));
}

// [DISC-7]
#[test]
fn a_terminal_that_failed_while_it_was_busy_describes_itself_as_idle() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.step(Input::StorageFailed { undone: Vec::new() });
    assert_eq!(
        shop.session.activity(),
        vinr_protocol::reader::Activity::Idle
    );
}
