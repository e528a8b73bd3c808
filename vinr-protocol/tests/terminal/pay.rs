use std::time::Duration;

use vinr_protocol::Status;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::CaptureMethod;
use vinr_protocol::terminal::{Activation, Effect, HostVerdict, Input, Timer};

use crate::shop::*;

// [PAY-2] [PAY-14]
#[test]
fn a_new_payment_is_durable_then_shown_then_accepted() {
    let (caller, effects) = Shop::open().pay("order_1", "k1");
    let durable = position(&effects, |it| matches!(it, Effect::Persist(_)));
    let shown = position(&effects, |it| matches!(it, Effect::Show(_)));
    let accepted = position(&effects, |it| matches!(it, Effect::Head { .. }));
    assert!(durable < shown && shown < accepted, "{effects:?}");
    assert_eq!(head_for(caller, &effects), Some(Activation::First));
}

// [PAY-9]
#[test]
fn a_command_for_another_terminal_is_refused_and_leaves_no_trace() {
    let mut shop = Shop::open();
    let mut request = request("order_1", 2500);
    request.terminal_id = "term_OTHER".parse().expect("lawful");
    let (caller, effects) = shop.send(request, Some("k1"));
    assert_eq!(code_for(caller, &effects), Some(Code::WrongTerminal));
    assert_eq!((effects.len(), shop.journal.len()), (1, 0));
}

// [PAY-9] byte for byte
#[test]
fn a_terminal_id_in_another_case_is_another_terminal() {
    let mut request = request("order_1", 2500);
    request.terminal_id = "term_ct20_0042".parse().expect("lawful");
    let (caller, effects) = Shop::open().send(request, Some("k1"));
    assert_eq!(code_for(caller, &effects), Some(Code::WrongTerminal));
}

// [PAY-11]
#[test]
fn the_same_key_joins_and_both_callers_get_the_one_outcome() {
    let mut shop = Shop::open();
    let (first, _) = shop.pay("order_1", "k1");
    let (second, effects) = shop.pay("order_1", "k1");
    assert_eq!(head_for(second, &effects), Some(Activation::Joined));
    assert!(!prompts(&effects));
    shop.tap();
    let id = shop.newest("order_1").id;
    let effects = shop.host_says(&id, HostVerdict::Approved);
    let outcome = payment_for(first, &effects).expect("answered");
    assert_eq!(outcome.status, Status::Completed);
    assert_eq!(payment_for(second, &effects), Some(outcome));
}

// [PAY-11]
#[test]
fn the_same_key_after_the_outcome_is_a_replay() {
    let mut shop = Shop::open();
    let paid = shop.sale("order_1", "k1", HostVerdict::Approved);
    let (caller, effects) = shop.pay("order_1", "k1");
    assert_eq!(payment_for(caller, &effects), Some(&paid));
    assert_eq!(effects.len(), 1, "a replay does nothing else");
}

// [PAY-11]
#[test]
fn the_same_key_with_other_money_is_a_conflict() {
    for finished in [false, true] {
        let mut shop = Shop::open();
        shop.pay("order_1", "k1");
        if finished {
            shop.cancel("order_1", Some("k1"));
        }
        let (caller, effects) = shop.send(request("order_1", 2501), Some("k1"));
        assert_eq!(code_for(caller, &effects), Some(Code::IdempotencyConflict));
        let mut manual = request("order_1", 2500);
        manual.capture_method = CaptureMethod::Manual;
        let (caller, effects) = shop.send(manual, Some("k1"));
        assert_eq!(code_for(caller, &effects), Some(Code::IdempotencyConflict));
    }
}

// [PAY-11] metadata and description are the first caller's
#[test]
fn other_words_under_the_same_key_still_join() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let mut other = request("order_1", 2500);
    other.description = Some("second".into());
    let (caller, effects) = shop.send(other, Some("k1"));
    assert_eq!(head_for(caller, &effects), Some(Activation::Joined));
    assert_eq!(shop.newest("order_1").description, None);
}

// [PAY-11] among all attempts, not only the latest
#[test]
fn an_older_key_is_a_replay_even_after_a_newer_attempt() {
    let mut shop = Shop::open();
    let first = shop.sale("order_1", "k1", declined());
    shop.sale("order_1", "k2", declined());
    let (caller, effects) = shop.pay("order_1", "k1");
    assert_eq!(payment_for(caller, &effects), Some(&first));
    assert!(!prompts(&effects));
}

// [PAY-12]
#[test]
fn a_second_attempt_waits_until_the_first_is_final() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let (caller, effects) = shop.pay("order_1", "k2");
    assert_eq!(code_for(caller, &effects), Some(Code::ReferenceInProgress));
    shop.cancel("order_1", Some("k1"));
    let (_, effects) = shop.pay("order_1", "k2");
    assert!(prompts(&effects));
}

// [PAY-12]
#[test]
fn a_paid_reference_is_never_charged_again() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", HostVerdict::Approved);
    let (caller, effects) = shop.pay("order_1", "k2");
    assert_eq!(code_for(caller, &effects), Some(Code::ReferenceAlreadyPaid));
}

// [PAY-12] a paid attempt counts, wherever it stands among the others
#[test]
fn a_declined_sale_may_be_tried_again_with_a_new_key() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", declined());
    let (_, effects) = shop.pay("order_1", "k2");
    assert!(prompts(&effects));
}

#[test]
fn without_a_key_a_second_request_joins_then_replays() {
    let mut shop = Shop::open();
    shop.send(request("order_1", 2500), None);
    let (second, effects) = shop.send(request("order_1", 2500), None);
    assert_eq!(head_for(second, &effects), Some(Activation::Joined));
    shop.tap();
    let id = shop.newest("order_1").id;
    shop.host_says(&id, HostVerdict::Approved);
    let (third, effects) = shop.send(request("order_1", 2500), None);
    assert_eq!(payment_for(third, &effects).map(|it| &it.id), Some(&id));
    assert_eq!(shop.newest("order_1").attempt_key, None); // [PAY-21]
}

#[test]
fn without_a_key_a_failed_sale_starts_anew() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", declined());
    let (_, effects) = shop.send(request("order_1", 2500), None);
    assert!(prompts(&effects));
}

// [GRP-5]
#[test]
fn a_busy_terminal_says_only_that_and_is_not_disturbed() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let before = shop.session.clone();
    let (caller, effects) = shop.pay("order_2", "k2");
    assert_eq!(code_for(caller, &effects), Some(Code::TerminalBusy));
    assert!(!format!("{effects:?}").contains("order_1"));
    assert_eq!(shop.session, before);
}

// The key of a pay that was refused is unused.
#[test]
fn the_key_of_a_refused_payment_may_be_used() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.pay("order_2", "k2");
    shop.cancel("order_1", Some("k1"));
    let (_, effects) = shop.pay("order_2", "k2");
    assert!(prompts(&effects));
}

// [PAY-19]
#[test]
fn the_terminal_is_free_once_the_attempt_is_final_with_nobody_listening() {
    let mut shop = Shop::open();
    let (caller, _) = shop.pay("order_1", "k1");
    shop.step(Input::CallerGone { caller });
    shop.tap();
    let id = shop.newest("order_1").id;
    let effects = shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(answer_to(caller, &effects), None);
    assert_eq!(shop.status("order_1"), Status::Completed); // [REC-6]
    let (_, effects) = shop.pay("order_2", "k2");
    assert!(prompts(&effects));
}

// [PAY-13]
#[test]
fn the_card_wait_is_the_callers_or_75_seconds() {
    let wait = |timeout_ms: Option<u32>| {
        let mut request = request("order_1", 2500);
        request.timeout_ms = timeout_ms;
        let (_, effects) = Shop::open().send(request, Some("k1"));
        effects.into_iter().find_map(|effect| match effect {
            Effect::Arm(Timer::CardWait, wait) => Some(wait),
            _ => None,
        })
    };
    assert_eq!(wait(Some(10_000)), Some(Duration::from_secs(10)));
    assert_eq!(wait(Some(74_999)), Some(Duration::from_millis(74_999)));
    assert_eq!(wait(Some(75_001)), Some(Duration::from_secs(75)));
    assert_eq!(wait(None), Some(Duration::from_secs(75)));
}

// [HYB-3]
#[test]
fn the_connection_mode_is_the_terminals_not_the_callers() {
    let mut shop = Shop::open();
    let mut request = request("order_1", 2500);
    request
        .metadata
        .insert("connectionMode".into(), "cloud".into());
    shop.send(request, Some("k1"));
    assert_eq!(shop.newest("order_1").metadata["connectionMode"], "local");
}

// [REC-13]
#[test]
fn a_look_up_lists_the_attempts_of_that_reference_newest_first() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", declined());
    shop.sale("order_2", "k2", HostVerdict::Approved);
    shop.sale("order_1", "k3", HostVerdict::Approved);
    let keys: Vec<_> = shop
        .look_up("order_1")
        .into_iter()
        .filter_map(|it| it.attempt_key)
        .collect();
    assert_eq!(
        keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        ["k3", "k1"]
    );
    assert!(shop.look_up("ORDER_1").is_empty());
}
