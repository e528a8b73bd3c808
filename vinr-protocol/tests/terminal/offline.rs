//! The offline queue: limits, admission, order, and what a power cut leaves.

use vinr_protocol::device::OfflineLimits;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::{CancelOutcome, CancelReason, DUPLICATE_SUSPECTED, DeclineCode};
use vinr_protocol::reader::{OfflineState, ReaderStatus};
use vinr_protocol::terminal::{
    Alarm, Answer, Config, Effect, HostVerdict, Input, Record, Revocation, Screen, Session, Timer,
};
use vinr_protocol::timing::QUEUE_AGE_MAX;
use vinr_protocol::{Amount, Currency, PaymentId, Status, Timestamp};

use crate::shop::*;

fn without_internet() -> Shop {
    let mut shop = Shop::open();
    internet(&mut shop, ReaderStatus::Offline);
    shop
}

fn internet(shop: &mut Shop, status: ReaderStatus) -> Vec<Effect> {
    shop.step(Input::Internet { status })
}

/// Pays by tap while the internet is away.
fn queue(shop: &mut Shop, nth: usize) -> PaymentId {
    let (reference, key) = (format!("order_{nth}"), format!("k{nth}"));
    shop.send(request(&reference, 100), Some(&key));
    shop.tap();
    shop.newest(&reference).id
}

fn refusal(shop: &mut Shop, request: vinr_protocol::PayRequest) -> Option<Code> {
    let (caller, effects) = shop.send(request, Some("k"));
    code_for(caller, &effects)
}

fn sent(effects: &[Effect]) -> Vec<PaymentId> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Authorize { payment } => Some(payment.id.clone()),
        _ => None,
    });
    sent.collect()
}

fn state(shop: &mut Shop) -> OfflineState {
    let caller = shop.caller();
    match answer_to(caller, &shop.step(Input::Describe { caller })) {
        Some(Answer::Reader(reader)) => reader.offline.clone(),
        other => panic!("a reader describes itself, not {other:?}"),
    }
}

// [OFF-1] [OFF-10] [OFF-14] [NET-3] [LAT-3] the prompt comes without the internet
#[test]
fn a_card_without_internet_is_accepted_and_not_called_completed() {
    let mut shop = without_internet();
    let (caller, _) = shop.pay("order_1", "k1");
    let effects = shop.tap();
    let payment = payment_for(caller, &effects).expect("answered at once");
    assert_eq!(payment.status, Status::Processing);
    assert_eq!(payment.offline.as_ref().map(|it| it.sequence), Some(1));
    assert!(!authorizes(&effects));
}

// [OFF-12]
#[test]
fn an_offline_acceptance_is_durable_before_it_is_shown_or_answered() {
    let mut shop = without_internet();
    shop.pay("order_1", "k1");
    let effects = shop.tap();
    let durable = position(
        &effects,
        |it| matches!(it, Effect::Persist(Record::Attempt(a)) if a.payment.is_queued_offline()),
    );
    let shown = position(&effects, |it| *it == Effect::Show(Screen::AcceptedOffline));
    let answered = position(&effects, |it| matches!(it, Effect::Answer { .. }));
    assert!(durable < shown && shown < answered, "{effects:?}");
}

// [OFF-2] [OFF-13]
#[test]
fn the_limit_itself_is_taken_and_one_more_is_refused_before_the_card() {
    let mut shop = without_internet();
    let refused = refusal(&mut shop, request("order_1", 15_001));
    assert_eq!(refused, Some(Code::OfflineAmountExceeded));
    assert_eq!(shop.journal.len(), 0);
    let (_, effects) = shop.send(request("order_2", 15_000), Some("k2"));
    assert!(prompts(&effects));
}

// [OFF-3]
#[test]
fn the_tenth_payment_is_queued_and_the_eleventh_refused() {
    let mut shop = without_internet();
    for nth in 1..=10 {
        queue(&mut shop, nth);
    }
    assert_eq!(state(&mut shop).queued, 10);
    let refused = refusal(&mut shop, request("order_11", 100));
    assert_eq!(refused, Some(Code::OfflineQueueFull));
}

// [OFF-4]
#[test]
fn a_device_without_a_sheet_refuses_before_the_card() {
    let mut shop = without_internet();
    shop.step(Input::OfflineLimits { limits: None });
    let refused = refusal(&mut shop, request("order_1", 1));
    assert_eq!(refused, Some(Code::OfflineNotSupported));
    assert!(!state(&mut shop).supported);
}

// [OFF-11]
#[test]
fn a_currency_without_a_limit_is_refused_however_small() {
    let mut shop = without_internet();
    let mut euro = request("order_1", 1);
    euro.currency = Currency::new("EUR").expect("lawful");
    assert_eq!(
        refusal(&mut shop, euro),
        Some(Code::OfflineCurrencyNotSupported)
    );
}

// [OFF-9]
#[test]
fn a_configured_currency_has_its_own_limit() {
    let mut shop = without_internet();
    let euro = Currency::new("EUR").expect("lawful");
    let limits = [(euro, Amount::new(500).expect("lawful"))].into();
    let sheet = OfflineLimits {
        limits,
        max_queued: 1,
    };
    shop.step(Input::OfflineLimits {
        limits: Some(sheet),
    });
    let mut over = request("order_1", 501);
    over.currency = euro;
    assert_eq!(refusal(&mut shop, over), Some(Code::OfflineAmountExceeded));
    let mut at = request("order_2", 500);
    at.currency = euro;
    let (_, effects) = shop.send(at, Some("k2"));
    assert!(prompts(&effects));
}

// [OFF-9] limits hold at acceptance
#[test]
fn lowering_the_limits_below_the_queue_takes_no_new_ones_and_forwards_the_old() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    let sheet = OfflineLimits {
        max_queued: 1,
        ..config().offline.expect("a CT20 queues")
    };
    shop.step(Input::OfflineLimits {
        limits: Some(sheet),
    });
    let refused = refusal(&mut shop, request("order_2", 100));
    assert_eq!(refused, Some(Code::OfflineQueueFull));
    assert_eq!(
        sent(&internet(&mut shop, ReaderStatus::Online)),
        std::slice::from_ref(&first)
    );
}

// [OFF-16]
#[test]
fn admitted_offline_and_online_at_the_card_goes_online() {
    let mut shop = without_internet();
    shop.pay("order_1", "k1");
    internet(&mut shop, ReaderStatus::Online);
    let effects = shop.tap();
    assert!(authorizes(&effects));
    assert_eq!(shop.newest("order_1").offline, None);
}

// [OFF-16] [OFF-2] the limits are checked again where they were not at admission
#[test]
fn admitted_online_and_offline_at_the_card_meets_the_limits_then() {
    for (amount, status) in [(15_000, Status::Processing), (15_001, Status::Failed)] {
        let mut shop = Shop::open();
        shop.send(request("order_1", amount), Some("k1"));
        internet(&mut shop, ReaderStatus::Offline);
        shop.tap();
        assert_eq!(shop.status("order_1"), status, "{amount}");
    }
}

fn not_sent(shop: &mut Shop, payment: &PaymentId) -> Vec<Effect> {
    shop.step(Input::NotSent {
        payment: payment.clone(),
        now: now(),
    })
}

// [OFF-16] no byte was sent
#[test]
fn an_authorization_that_could_not_be_sent_is_queued() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    internet(&mut shop, ReaderStatus::Offline);
    let id = shop.newest("order_1").id;
    not_sent(&mut shop, &id);
    assert!(shop.newest("order_1").is_queued_offline());
}

// [OFF-16] an earlier copy may have arrived
#[test]
fn a_second_copy_that_could_not_be_sent_queues_nothing() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    let id = shop.newest("order_1").id;
    shop.elapse(Timer::HostRetry(id.clone()));
    assert_eq!(not_sent(&mut shop, &id), []);
    assert_eq!(shop.newest("order_1").offline, None);
}

// [OFF-16] once a byte may have been sent it stays processing until the host's word
#[test]
fn losing_the_internet_after_sending_queues_nothing() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    internet(&mut shop, ReaderStatus::Offline);
    let payment = shop.newest("order_1");
    assert_eq!(
        (payment.status, payment.offline),
        (Status::Processing, None)
    );
}

// [OFF-6] [OFF-15]
#[test]
fn the_queue_is_forwarded_in_order_and_one_at_a_time() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    let second = queue(&mut shop, 2);
    assert_eq!(
        sent(&internet(&mut shop, ReaderStatus::Online)),
        std::slice::from_ref(&first)
    );
    let effects = shop.host_says(&first, HostVerdict::Approved);
    assert_eq!(sent(&effects), std::slice::from_ref(&second));
    assert_eq!(shop.status("order_1"), Status::Completed);
}

// [OFF-12] I18
#[test]
fn the_hosts_word_is_durable_before_the_next_entry_is_sent() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    queue(&mut shop, 2);
    internet(&mut shop, ReaderStatus::Online);
    let effects = shop.host_says(&first, HostVerdict::Approved);
    let durable = position(&effects, |it| matches!(it, Effect::Persist(_)));
    let next = position(&effects, |it| matches!(it, Effect::Authorize { .. }));
    assert!(durable < next, "{effects:?}");
}

// [OFF-15]
#[test]
fn a_silent_host_is_asked_again_about_the_same_entry() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    queue(&mut shop, 2);
    internet(&mut shop, ReaderStatus::Online);
    let effects = shop.elapse(Timer::HostRetry(first.clone()));
    assert_eq!(sent(&effects), std::slice::from_ref(&first));
}

// [OFF-12] a link that flaps
#[test]
fn a_link_that_flaps_keeps_one_entry_in_flight() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    queue(&mut shop, 2);
    for _ in 0..3 {
        assert_eq!(
            sent(&internet(&mut shop, ReaderStatus::Online)),
            std::slice::from_ref(&first)
        );
        assert_eq!(sent(&internet(&mut shop, ReaderStatus::Online)), []);
        internet(&mut shop, ReaderStatus::Offline);
    }
}

// [OFF-8] [OFF-12]
#[test]
fn a_decline_on_the_way_does_not_stop_the_rest() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    let second = queue(&mut shop, 2);
    internet(&mut shop, ReaderStatus::Online);
    let effects = shop.host_says(&first, declined());
    let payment = shop.newest("order_1");
    assert_eq!(payment.status, Status::Failed);
    assert_eq!(payment.decline_code, Some(DeclineCode::OfflineAuthDeclined));
    assert_eq!(sent(&effects), std::slice::from_ref(&second));
}

// I1 §9
#[test]
fn a_sale_that_is_paid_elsewhere_fails_and_somebody_is_told() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    internet(&mut shop, ReaderStatus::Online);
    let effects = shop.host_says(&first, HostVerdict::Duplicate);
    let alarm = Alarm::DuplicateSuspected { payment: first };
    assert!(effects.contains(&Effect::Alarm(alarm)), "{effects:?}");
    let payment = shop.newest("order_1");
    assert_eq!(payment.status, Status::Failed);
    assert_eq!(
        payment
            .metadata
            .get(DUPLICATE_SUSPECTED)
            .map(String::as_str),
        Some("true")
    );
}

// §4.3 it cannot be withdrawn
#[test]
fn a_queued_payment_is_still_processing_to_a_cancel() {
    let mut shop = without_internet();
    queue(&mut shop, 1);
    let (outcome, _) = shop.cancel("order_1", Some("k1"));
    assert_eq!(outcome, CancelOutcome::StillProcessing);
    assert!(shop.newest("order_1").is_queued_offline());
}

// [PAY-11]
#[test]
fn a_repeat_of_a_queued_payment_is_answered_at_once() {
    let mut shop = without_internet();
    let id = queue(&mut shop, 1);
    let (caller, effects) = shop.send(request("order_1", 100), Some("k1"));
    assert_eq!(
        payment_for(caller, &effects).map(|it| it.id.clone()),
        Some(id)
    );
}

// [PAY-19]
#[test]
fn a_queued_payment_does_not_hold_the_terminal() {
    let mut shop = without_internet();
    queue(&mut shop, 1);
    let (_, effects) = shop.pay("order_2", "k2");
    assert!(prompts(&effects));
}

// [OFF-12] [REC-15]
#[test]
fn a_power_cut_keeps_the_queue_and_its_order() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    queue(&mut shop, 2);
    let effects = shop.power_cycle();
    assert_eq!(state(&mut shop).queued, 2);
    assert_eq!(sent(&effects), [first], "the host is asked again, once");
}

// [OFF-15]
#[test]
fn a_sequence_is_never_used_again_even_after_a_restart() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    internet(&mut shop, ReaderStatus::Online);
    shop.host_says(&first, HostVerdict::Approved);
    shop.power_cycle();
    internet(&mut shop, ReaderStatus::Offline);
    queue(&mut shop, 2);
    let mark = shop.newest("order_2").offline.expect("queued");
    assert_eq!(mark.sequence, 2);
}

// [OFF-17]
#[test]
fn an_entry_of_24_hours_blocks_new_ones_and_raises_an_alarm() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    let effects = shop.elapse(Timer::QueueAge(first.clone()));
    let alarm = Alarm::QueueStale {
        payment: first.clone(),
    };
    assert_eq!(effects, [Effect::Alarm(alarm)]);
    let refused = refusal(&mut shop, request("order_2", 100));
    assert_eq!(refused, Some(Code::OfflineQueueStale));
}

// [OFF-17]
#[test]
fn a_stale_entry_is_still_forwarded_and_then_blocks_nothing() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    shop.elapse(Timer::QueueAge(first.clone()));
    assert_eq!(
        sent(&internet(&mut shop, ReaderStatus::Online)),
        std::slice::from_ref(&first)
    );
    shop.host_says(&first, HostVerdict::Approved);
    internet(&mut shop, ReaderStatus::Offline);
    let (_, effects) = shop.pay("order_2", "k2");
    assert!(prompts(&effects));
}

// [OFF-17] an entry ages on through a power cut
#[test]
fn at_boot_an_entry_is_as_old_as_the_clock_says() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    let hour = 3_600_000;
    let later = Timestamp::from_unix_ms(now().unix_ms() + hour).expect("a date");
    let (_, effects) = Session::recover(config(), journal_id(), shop.journal.clone(), later);
    let left = QUEUE_AGE_MAX - std::time::Duration::from_secs(3600);
    assert!(effects.contains(&Effect::Arm(Timer::QueueAge(first), left)));
}

// [NET-4] [NET-8]
#[test]
fn local_mode_off_refuses_new_attempts_and_no_look_up_join_or_cancel() {
    use vinr_protocol::terminal::LocalMode;
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.step(Input::LocalMode { to: LocalMode::Off });
    let (caller, effects) = shop.pay("order_1", "k1");
    assert!(
        head_for(caller, &effects).is_some(),
        "a repeat of a running payment joins it"
    );
    assert_eq!(
        shop.cancel("order_1", Some("k1")).0,
        CancelOutcome::Cancelled
    );
    let (caller, effects) = shop.pay("order_1", "k2");
    assert_eq!(code_for(caller, &effects), Some(Code::LocalModeDisabled));
}

// I27
#[test]
fn without_a_date_no_attempt_is_started_and_what_runs_goes_on() {
    use vinr_protocol::terminal::ClockState;
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let to = ClockState::Unset;
    shop.step(Input::Clock { to });
    let (caller, effects) = shop.pay("order_1", "k1");
    assert!(head_for(caller, &effects).is_some());
    shop.cancel("order_1", Some("k1"));
    let (caller, effects) = shop.pay("order_1", "k2");
    assert_eq!(code_for(caller, &effects), Some(Code::TerminalUnavailable));

    let to = ClockState::Set;
    shop.step(Input::Clock { to });
    assert!(prompts(&shop.pay("order_1", "k3").1));
}

// [HYB-8]
#[test]
fn a_cloud_command_that_has_expired_is_listed_as_cancelled_and_shows_nothing() {
    for (expired, status) in [(true, Status::Cancelled), (false, Status::Pending)] {
        let mut shop = Shop::open();
        let expires_at = now().unix_ms() + i64::from(!expired);
        let caller = shop.caller();
        let effects = shop.step(Input::Pay {
            caller,
            request: request("order_1", 2500),
            key: Some("k1".parse().expect("lawful")),
            path: vinr_protocol::payment::ConnectionMode::Cloud,
            expires_at: Timestamp::from_unix_ms(expires_at),
            id: "tpay_1".parse().expect("lawful"),
            now: now(),
            revocation: Revocation::InForce,
        });
        assert_eq!(prompts(&effects), !expired);
        let payment = shop.newest("order_1");
        assert_eq!(payment.status, status);
        assert_eq!(
            payment.cancel_reason,
            expired.then_some(CancelReason::TimedOut)
        );
    }
}

// [OFF-4] [OFF-2] [OFF-3]
#[test]
fn a_terminal_starts_with_the_sheet_of_its_model() {
    use vinr_protocol::device::Model;
    let terminal = config().terminal;
    let n92 = Config::new(terminal.clone(), Model::NexgoN92, "1.0");
    assert_eq!(n92.offline, Model::NexgoN92.offline_limits());
    assert_eq!(
        Config::new(terminal, Model::CiontekCm30, "1.0").offline,
        None
    );
}

// I19 a stuck queue is visible
#[test]
fn a_queue_that_is_switched_off_still_shows_what_is_left_in_it() {
    let mut shop = without_internet();
    queue(&mut shop, 1);
    shop.step(Input::OfflineLimits { limits: None });
    let shown = state(&mut shop);
    assert_eq!((shown.supported, shown.queued), (false, 1));
    assert_eq!(shown.oldest_queued_at, Some(now()));
}

// [OFF-17] a clock that was set back makes nothing younger
#[test]
fn at_boot_a_clock_that_was_set_back_ages_an_entry_too() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    let hour = 3_600_000;
    let earlier = Timestamp::from_unix_ms(now().unix_ms() - hour).expect("a date");
    let (_, effects) = Session::recover(config(), journal_id(), shop.journal.clone(), earlier);
    let left = QUEUE_AGE_MAX - std::time::Duration::from_secs(3600);
    assert!(effects.contains(&Effect::Arm(Timer::QueueAge(first), left)));
}

// [OFF-17]
#[test]
fn an_entry_that_was_forwarded_no_longer_ages() {
    let mut shop = without_internet();
    let first = queue(&mut shop, 1);
    internet(&mut shop, ReaderStatus::Online);
    shop.host_says(&first, HostVerdict::Approved);
    assert_eq!(shop.elapse(Timer::QueueAge(first)), []);
    internet(&mut shop, ReaderStatus::Offline);
    assert_eq!(refusal(&mut shop, request("order_2", 100)), None);
}

// [OFF-15]
#[test]
fn a_timer_sends_nobody_past_the_head_of_the_queue() {
    let mut shop = without_internet();
    queue(&mut shop, 1);
    let second = queue(&mut shop, 2);
    internet(&mut shop, ReaderStatus::Online);
    assert_eq!(shop.elapse(Timer::HostRetry(second)), []);
}

// [OFF-6] nobody else would tell it that the internet is there
#[test]
fn what_is_queued_while_the_internet_is_there_is_forwarded_at_once() {
    let mut shop = Shop::open();
    shop.send(request("order_1", 100), Some("k1"));
    shop.tap();
    let id = shop.newest("order_1").id;
    let effects = not_sent(&mut shop, &id);
    assert!(shop.newest("order_1").is_queued_offline());
    assert_eq!(sent(&effects), [id]);
}
