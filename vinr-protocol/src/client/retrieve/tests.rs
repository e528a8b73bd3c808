use super::*;
use crate::id::AttemptKey;
use crate::money::{Amount, Currency};
use crate::request::PayRequest;
use crate::time::Timestamp;

const A: &str = "term_a";
const B: &str = "term_b";

#[test]
fn every_known_terminal_is_asked_and_so_is_that_of_an_open_attempt() {
    let mut question = Retrieval::new(sale(), [id(A)], vec![open(B, "01K")], Cloud::There);
    let asked = question.step(Input::Begin);
    assert_eq!(asked, [Effect::Ask(id(A)), Effect::Ask(id(B))]);
}

#[test]
fn a_completed_attempt_is_the_word_before_the_others_have_answered() {
    let mut question = asking(&[A, B], Cloud::There);
    let paid = payment(A, "tpay_1", Status::Completed, 1);
    assert_eq!(listed(&mut question, A, [paid.clone()]), found(paid));
}

#[test]
fn an_attempt_in_progress_is_the_word_once_all_have_answered_and_the_cloud_is_not_asked() {
    let mut question = asking(&[A, B], Cloud::There);
    let live = payment(A, "tpay_1", Status::Pending, 1);
    assert_eq!(listed(&mut question, A, [live.clone()]), []);
    assert_eq!(silent(&mut question, B), found(live));
}

#[test]
fn completed_counts_for_more_than_in_progress_and_that_for_more_than_newer() {
    let mut question = asking(&[A, B], Cloud::None);
    let live = payment(A, "tpay_1", Status::Processing, 2);
    let newest = payment(A, "tpay_2", Status::Failed, 9);
    assert_eq!(listed(&mut question, A, [newest, live]), []);
    let paid = payment(B, "tpay_3", Status::Completed, 1);
    assert_eq!(listed(&mut question, B, [paid.clone()]), found(paid));
}

#[test]
fn a_silent_terminal_may_know_better_than_a_decline() {
    let mut question = asking(&[A, B], Cloud::None);
    let declined = payment(A, "tpay_1", Status::Failed, 1);
    assert_eq!(listed(&mut question, A, [declined.clone()]), []);
    let word = silent(&mut question, B);
    assert_eq!(word, cannot_tell(Some(declined), &[B], None));
}

#[test]
fn where_all_have_answered_the_newest_attempt_is_the_word() {
    let mut question = asking(&[A, B], Cloud::None);
    let old = payment(A, "tpay_1", Status::Failed, 1);
    assert_eq!(listed(&mut question, A, [old]), []);
    let new = payment(B, "tpay_2", Status::Cancelled, 2);
    assert_eq!(listed(&mut question, B, [new.clone()]), found(new));
}

#[test]
fn a_sale_that_nobody_lists_is_not_found() {
    let mut question = asking(&[A], Cloud::None);
    assert_eq!(listed(&mut question, A, []), settled(Word::NotFound));
}

#[test]
fn the_cloud_is_asked_where_no_terminal_has_the_sale() {
    let mut question = asking(&[A], Cloud::There);
    assert_eq!(listed(&mut question, A, []), [Effect::AskCloud]);
    let told = cloud_listed(&mut question, [], false);
    assert_eq!(told, settled(Word::NotFound));
}

#[test]
fn what_the_cloud_was_told_of_a_silent_terminal_is_the_word_if_it_is_paid() {
    let mut question = asking(&[A], Cloud::There);
    assert_eq!(silent(&mut question, A), [Effect::AskCloud]);
    let paid = payment(A, "tpay_1", Status::Completed, 1);
    let told = cloud_listed(&mut question, [paid.clone()], false);
    assert_eq!(told, found(paid));
}

#[test]
fn the_cloud_does_not_stand_in_for_a_silent_terminal() {
    let mut question = asking(&[A], Cloud::There);
    assert_eq!(silent(&mut question, A), [Effect::AskCloud]);
    let told = cloud_listed(&mut question, [], false);
    assert_eq!(told, cannot_tell(None, &[A], None));
}

#[test]
fn a_command_that_nobody_acknowledged_keeps_a_sale_from_being_called_unpaid() {
    let mut question = asking(&[A], Cloud::There);
    assert_eq!(listed(&mut question, A, []), [Effect::AskCloud]);
    let why = "a command of the sale is not acknowledged by its terminal";
    let told = cloud_listed(&mut question, [], true);
    assert_eq!(told, cannot_tell(None, &[], Some(why)));
}

#[test]
fn a_silent_cloud_keeps_a_sale_from_being_called_unpaid() {
    let mut question = asking(&[A], Cloud::There);
    assert_eq!(listed(&mut question, A, []), [Effect::AskCloud]);
    let told = question.step(Input::CloudSilent("no answer".to_owned()));
    assert_eq!(told, cannot_tell(None, &[], Some("no answer")));
}

#[test]
fn a_terminal_knows_its_own_payment_better_than_the_cloud() {
    let mut question = asking(&[A], Cloud::There);
    let cancelled = payment(A, "tpay_1", Status::Cancelled, 1);
    assert_eq!(
        listed(&mut question, A, [cancelled.clone()]),
        [Effect::AskCloud]
    );
    let stale = payment(A, "tpay_1", Status::Pending, 1);
    let told = cloud_listed(&mut question, [stale], false);
    assert_eq!(told, found(cancelled));
}

#[test]
fn the_cloud_may_know_a_payment_of_a_terminal_that_this_till_does_not() {
    let mut question = asking(&[A], Cloud::There);
    assert_eq!(listed(&mut question, A, []), [Effect::AskCloud]);
    let elsewhere = payment(B, "tpay_1", Status::Completed, 1);
    let told = cloud_listed(&mut question, [elsewhere.clone()], true);
    assert_eq!(told, found(elsewhere));
}

#[test]
fn an_open_attempt_that_nobody_lists_keeps_a_sale_from_being_called_unpaid() {
    let mut question = Retrieval::new(sale(), [], vec![open(A, "01K")], Cloud::None);
    let _ = question.step(Input::Begin);
    match listed(&mut question, A, []).pop() {
        Some(Effect::Settled(Word::CannotTell { silent, .. })) => assert_eq!(silent[0].0, id(A)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_open_attempt_that_the_cloud_lists_is_found() {
    let mut question = Retrieval::new(sale(), [], vec![open(A, "01K")], Cloud::There);
    let _ = question.step(Input::Begin);
    assert_eq!(listed(&mut question, A, []), [Effect::AskCloud]);
    let failed = Payment {
        attempt_key: Some(AttemptKey::new("01K").unwrap()),
        ..payment(A, "tpay_1", Status::Failed, 1)
    };
    let told = cloud_listed(&mut question, [failed.clone()], false);
    assert_eq!(told, found(failed));
}

#[test]
fn a_till_that_knows_no_terminal_has_the_clouds_good_word_or_none() {
    let mut question = Retrieval::new(sale(), [], Vec::new(), Cloud::There);
    assert_eq!(question.step(Input::Begin), [Effect::AskCloud]);
    let mut same = question.clone();
    let told = cloud_listed(&mut question, [], false);
    assert_eq!(told, settled(Word::NoTerminals));
    let paid = payment(A, "tpay_1", Status::Completed, 1);
    let told = cloud_listed(&mut same, [paid.clone()], false);
    assert_eq!(told, found(paid));
}

#[test]
fn a_till_without_terminals_and_cloud_has_nobody_to_ask() {
    let mut question = Retrieval::new(sale(), [], Vec::new(), Cloud::None);
    assert_eq!(question.step(Input::Begin), settled(Word::NoTerminals));
}

// [REC-19]
#[test]
fn an_answer_about_something_else_is_none() {
    let mut question = asking(&[A], Cloud::There);
    let foreign = payment(B, "tpay_1", Status::Completed, 1);
    assert_eq!(listed(&mut question, A, [foreign]), [Effect::AskCloud]);
    let other_sale = Payment {
        reference: Reference::new("order_2").unwrap(),
        ..payment(A, "tpay_2", Status::Completed, 1)
    };
    let told = cloud_listed(&mut question, [other_sale], false);
    let why = "its answer is about something else";
    assert_eq!(told, cannot_tell(None, &[A], Some(why)));
}

// [REC-18]
#[test]
fn a_status_that_is_not_known_is_in_progress() {
    let mut question = asking(&[A], Cloud::None);
    let odd = payment(A, "tpay_1", Status::from("settling"), 1);
    assert_eq!(listed(&mut question, A, [odd.clone()]), found(odd));
}

#[test]
fn what_comes_after_the_word_changes_nothing() {
    let mut question = asking(&[A, B], Cloud::There);
    let paid = payment(A, "tpay_1", Status::Completed, 1);
    let _ = listed(&mut question, A, [paid]);
    assert_eq!(silent(&mut question, B), []);
    assert_eq!(cloud_listed(&mut question, [], true), []);
}

// Every answer of two terminals in either order, and every answer of the cloud.
#[test]
fn a_sale_is_called_unpaid_only_where_everybody_has_answered_and_nobody_has_it() {
    let of = |terminal: &str, status: Status| {
        let id = format!("tpay_{terminal}");
        vec![payment(terminal, &id, status, 1)]
    };
    let statuses = [Status::Completed, Status::Pending, Status::Failed];
    let answers = |terminal: &'static str| {
        let listed = statuses.clone().map(|status| Some(of(terminal, status)));
        listed.into_iter().chain([Some(Vec::new()), None])
    };
    // The cloud tells of a third terminal.
    let mut clouds = vec![None, Some(None)];
    for undelivered in [false, true] {
        let listed = statuses.clone().map(|status| of("term_c", status));
        let told = listed.into_iter().chain([Vec::new()]);
        clouds.extend(told.map(|attempts| Some(Some((attempts, undelivered)))));
    }
    let mut unpaid = 0;
    for (at_a, at_b, cloud) in answers(A)
        .flat_map(|a| answers(B).map(move |b| (a.clone(), b)))
        .flat_map(|(a, b)| {
            clouds
                .iter()
                .map(move |c| (a.clone(), b.clone(), c.clone()))
        })
    {
        for order in [[A, B], [B, A]] {
            let has_cloud = match cloud {
                Some(_) => Cloud::There,
                None => Cloud::None,
            };
            let mut question = asking(&[A, B], has_cloud);
            let mut effects = Vec::new();
            for terminal in order {
                let answer = if terminal == A { &at_a } else { &at_b };
                effects.extend(question.step(match answer {
                    Some(attempts) => Input::Listed(id(terminal), attempts.clone()),
                    None => Input::Silent(id(terminal), "no answer".to_owned()),
                }));
            }
            let asked_cloud = effects == [Effect::AskCloud];
            if asked_cloud {
                effects = match cloud.clone().flatten() {
                    Some((attempts, undelivered)) => question.step(Input::CloudListed {
                        attempts,
                        undelivered,
                    }),
                    None => question.step(Input::CloudSilent("no answer".to_owned())),
                };
            }
            let told = cloud.clone().flatten().filter(|_| asked_cloud);
            let heard: Vec<_> = [&at_a, &at_b]
                .into_iter()
                .flatten()
                .chain(told.iter().map(|(attempts, _)| attempts))
                .flatten()
                .collect();
            let is = |status: Status| heard.iter().any(|it| it.status == status);
            let all_answered = at_a.is_some()
                && at_b.is_some()
                && (!asked_cloud || told.as_ref().is_some_and(|(_, undelivered)| !undelivered));
            let why = format!("{at_a:?} {at_b:?} {cloud:?} {order:?}");
            match effects.as_slice() {
                [Effect::Settled(Word::Found(found))] if found.status == Status::Failed => {
                    unpaid += 1;
                    assert!(
                        all_answered && !is(Status::Completed) && !is(Status::Pending),
                        "{why}"
                    );
                }
                [Effect::Settled(Word::NotFound)] => {
                    unpaid += 1;
                    assert!(all_answered && heard.is_empty(), "{why}");
                }
                [Effect::Settled(Word::Found(found))] if found.status == Status::Completed => {
                    assert!(is(Status::Completed), "{why}");
                }
                [Effect::Settled(Word::Found(_))] => assert!(!is(Status::Completed), "{why}"),
                [Effect::Settled(Word::CannotTell { .. })] => assert!(!all_answered, "{why}"),
                other => panic!("{other:?}: {why}"),
            }
        }
    }
    assert!(unpaid > 0);
}

fn asking(terminals: &[&str], cloud: Cloud) -> Retrieval {
    let terminals = terminals.iter().map(|terminal| id(terminal));
    let mut question = Retrieval::new(sale(), terminals, Vec::new(), cloud);
    let _ = question.step(Input::Begin);
    question
}

fn listed<const N: usize>(
    question: &mut Retrieval,
    terminal: &str,
    attempts: [Payment; N],
) -> Vec<Effect> {
    question.step(Input::Listed(id(terminal), attempts.to_vec()))
}

fn silent(question: &mut Retrieval, terminal: &str) -> Vec<Effect> {
    question.step(Input::Silent(id(terminal), "no answer".to_owned()))
}

fn cloud_listed<const N: usize>(
    question: &mut Retrieval,
    attempts: [Payment; N],
    undelivered: bool,
) -> Vec<Effect> {
    question.step(Input::CloudListed {
        attempts: attempts.to_vec(),
        undelivered,
    })
}

fn settled(word: Word) -> Vec<Effect> {
    vec![Effect::Settled(word)]
}

fn found(payment: Payment) -> Vec<Effect> {
    settled(Word::Found(Box::new(payment)))
}

fn cannot_tell(found: Option<Payment>, silent: &[&str], cloud: Option<&str>) -> Vec<Effect> {
    let silent = silent.iter().map(|terminal| {
        let why = match cloud {
            Some("its answer is about something else") => "its answer is about something else",
            _ => "no answer",
        };
        (id(terminal), why.to_owned())
    });
    settled(Word::CannotTell {
        found: found.map(Box::new),
        silent: silent.collect(),
        cloud: cloud.map(str::to_owned),
    })
}

fn sale() -> Reference {
    Reference::new("order_1").unwrap()
}

fn id(terminal: &str) -> TerminalId {
    TerminalId::new(terminal).unwrap()
}

fn open(terminal: &str, key: &str) -> StoredAttempt {
    let request = PayRequest::new(
        id(terminal),
        Amount::new(2500).unwrap(),
        Currency::USD,
        sale(),
    );
    let key = AttemptKey::new(key).unwrap();
    StoredAttempt::new(&request, key, Timestamp::from_unix_ms(0).unwrap())
}

fn payment(terminal: &str, id: &str, status: Status, second: u8) -> Payment {
    let json = format!(
        r#"{{"id":"{id}","object":"terminal_payment","terminalId":"{terminal}","amount":2500,"currency":"USD",
        "reference":"order_1","status":"{status}","createdAt":"2026-05-31T14:23:0{second}.000Z"}}"#
    );
    serde_json::from_str(&json).unwrap()
}
