//! What must be true: each step waits for what it is about, then writes a claim.

use super::network::{OLD_TLS, PLAIN, THE_PORT};
use super::scene::{Attempt, SOON, Scene};
use super::strangers::SLOW_PEER;
use super::words::Words;
use crate::drivers::Ask;
use crate::journal::{Event, Said};

pub(super) async fn completed(scene: &mut Scene, words: &Words) {
    ends(scene, words, "completed", None, None);
}

pub(super) async fn failed(scene: &mut Scene, words: &Words) {
    ends(scene, words, "failed", Some(words.text(1)), None);
}

pub(super) async fn cancelled(scene: &mut Scene, words: &Words) {
    ends(scene, words, "cancelled", None, Some(words.text(1)));
}

fn ends(
    scene: &Scene,
    words: &Words,
    status: &str,
    decline_code: Option<&str>,
    cancel_reason: Option<&str>,
) {
    scene.claim(Said::Ends {
        exchange: scene.number(words.text(0)),
        status: status.to_owned(),
        decline_code: decline_code.map(str::to_owned),
        cancel_reason: cancel_reason.map(str::to_owned),
    });
}

pub(super) async fn shows(scene: &mut Scene, words: &Words) {
    stands(scene, words, None);
}

pub(super) async fn shows_declined(scene: &mut Scene, words: &Words) {
    stands(scene, words, Some(words.text(2)));
}

fn stands(scene: &Scene, words: &Words, decline_code: Option<&str>) {
    scene.claim(Said::Stands {
        exchange: scene.number(words.text(0)),
        status: any_of(words.text(1)),
        decline_code: decline_code.map(str::to_owned),
    });
}

/// `completed, failed or cancelled`
fn any_of(words: &str) -> Vec<String> {
    words
        .split(", ")
        .flat_map(|part| part.split(" or "))
        .map(str::to_owned)
        .collect()
}

pub(super) async fn answered(scene: &mut Scene, words: &Words) {
    scene.claim(Said::Served {
        exchange: scene.number(words.text(0)),
    });
}

pub(super) async fn cancellation(scene: &mut Scene, words: &Words) {
    cancels(scene, words, false);
}

pub(super) async fn cancellation_of_nothing(scene: &mut Scene, words: &Words) {
    cancels(scene, words, true);
}

fn cancels(scene: &Scene, words: &Words, without_payment: bool) {
    scene.claim(Said::Cancellation {
        exchange: scene.number(words.text(0)),
        outcome: any_of(words.text(1)),
        without_payment,
    });
}

pub(super) async fn refused(scene: &mut Scene, words: &Words) {
    refuses(scene, words, None, false).await;
}

/// What a terminal cannot do it may refuse by any name.
pub(super) async fn refused_somehow(scene: &mut Scene, words: &Words) {
    let name = words.text(0);
    scene.refusal(name).await;
    scene.claim(Said::Refused {
        exchange: scene.number(name),
        codes: vec![],
        param: None,
        may_close: false,
    });
}

pub(super) async fn refused_naming(scene: &mut Scene, words: &Words) {
    refuses(scene, words, Some(words.text(2).to_owned()), false).await;
}

pub(super) async fn refused_or_closed(scene: &mut Scene, words: &Words) {
    refuses(scene, words, None, true).await;
}

pub(super) async fn each_refused(scene: &mut Scene, words: &Words) {
    for name in scene.each(words.text(0)) {
        scene.refusal(&name).await;
        scene.claim(Said::Refused {
            exchange: scene.number(&name),
            codes: vec![words.text(1).to_owned()],
            param: None,
            may_close: false,
        });
    }
}

async fn refuses(scene: &mut Scene, words: &Words, param: Option<String>, may_close: bool) {
    let name = words.text(0);
    scene.refusal(name).await;
    scene.claim(Said::Refused {
        exchange: scene.number(name),
        codes: vec![words.text(1).to_owned()],
        param,
        may_close,
    });
}

/// A 408 would be as good as a closed connection; the specification names no code for it.
pub(super) async fn shown_out(scene: &mut Scene, _: &Words) {
    scene.claim(Said::Refused {
        exchange: scene.number(SLOW_PEER),
        codes: vec!["invalid_request".into(), "headers_too_large".into()],
        param: None,
        may_close: true,
    });
}

pub(super) async fn not_admitted(scene: &mut Scene, words: &Words) {
    scene.refusal(words.text(0)).await;
    scene.claim(Said::NotAdmitted {
        exchange: scene.number(words.text(0)),
    });
}

pub(super) async fn lists_nothing(scene: &mut Scene, words: &Words) {
    lists(scene, words.text(0), &[]);
}

pub(super) async fn lists_one(scene: &mut Scene, words: &Words) {
    lists(scene, words.text(0), &[words.text(1)]);
}

pub(super) async fn lists_two(scene: &mut Scene, words: &Words) {
    lists(scene, words.text(0), &[words.text(1), words.text(2)]);
}

fn lists(scene: &Scene, look_up: &str, payments: &[&str]) {
    scene.claim(Said::Lists {
        exchange: scene.number(look_up),
        of: payments.iter().map(|name| scene.number(name)).collect(),
    });
}

pub(super) async fn one_payment(scene: &mut Scene, words: &Words) {
    scene.claim(Said::SamePayment {
        exchanges: vec![scene.number(words.text(0)), scene.number(words.text(1))],
    });
}

pub(super) async fn two_payments(scene: &mut Scene, words: &Words) {
    scene.claim(Said::OtherPayment {
        exchanges: [scene.number(words.text(0)), scene.number(words.text(1))],
    });
}

pub(super) async fn names_no_key(scene: &mut Scene, words: &Words) {
    scene.claim(Said::Key {
        exchange: scene.number(words.text(0)),
        key: None,
    });
}

pub(super) async fn while_held(scene: &mut Scene, words: &Words) {
    scene.claim(Said::WhileHeld {
        exchange: scene.number(words.text(0)),
        held: scene.number(words.text(1)),
    });
}

pub(super) async fn tells_nothing_of(scene: &mut Scene, words: &Words) {
    scene.claim(Said::TellsNothingOf {
        exchange: scene.number(words.text(0)),
        other: scene.number(words.text(1)),
    });
}

pub(super) async fn retry_after(scene: &mut Scene, words: &Words) {
    scene.claim(Said::RetryAfter {
        exchange: scene.number(words.text(0)),
    });
}

/// The event of the prompt may come a moment after the head. Where nobody streams what the screen shows somebody is
/// asked to look at it, and a look-up tells where nobody can.
pub(super) async fn prompts(scene: &mut Scene, words: &Words) {
    let name = words.text(0);
    let Attempt {
        reference, amount, ..
    } = scene.known(name);
    let since = scene.since();
    let is_it = |event: &Event| match event {
        Event::Screen(screen) => screen.reference.as_ref() == Some(&reference),
        Event::ScreenWatch { on: false } => true,
        _ => false,
    };
    if !scene.is_screen_watched() || !scene.wait_for(since, SOON, is_it).await {
        let look = Ask::to("observe_screen")
            .with("expect", "amount")
            .with("amount", amount)
            .because("shows that the terminal asks for a card", vec![])
            .within(SOON);
        scene.context.drivers.ask(look).await;
        let path = format!("/v1/payments?reference={reference}");
        scene
            .ask("does it ask?", crate::probe::Request::get(path))
            .await;
    }
    scene.claim(Said::Prompts {
        exchange: scene.number(name),
    });
}

pub(super) async fn head_before_card(scene: &mut Scene, words: &Words) {
    scene.claim(Said::HeadBeforeCard {
        exchange: scene.number(words.text(0)),
    });
}

pub(super) async fn screen_stays(scene: &mut Scene, _: &Words) {
    scene.settle().await;
    scene.claim(Said::ShowsNothing {
        since: scene.since(),
    });
}

pub(super) async fn never_prompted(scene: &mut Scene, words: &Words) {
    scene.settle().await;
    scene.claim(Said::NoPromptFor {
        reference: scene.known(words.text(0)).reference,
        since: scene.since(),
    });
}

pub(super) async fn no_prompt_after_the_cut(scene: &mut Scene, _: &Words) {
    scene.settle().await;
    for attempt in scene.attempts.values() {
        scene.claim(Said::NoPromptFor {
            reference: attempt.reference.clone(),
            since: scene.cut,
        });
    }
}

pub(super) async fn charges(scene: &mut Scene, words: &Words) {
    let reference = scene.known(words.text(1)).reference;
    scene.read_ledger(&reference).await;
    scene.claim(Said::Charges {
        reference,
        count: words.number(0),
    });
}

/// No claim of its own: the rules of the whole run hold every ledger against the payments.
pub(super) async fn ledger_agrees(scene: &mut Scene, words: &Words) {
    let reference = scene.known(words.text(0)).reference;
    scene.read_ledger(&reference).await;
}

pub(super) async fn on_port(scene: &mut Scene, _: &Words) {
    scene.claim(Said::OnPort {
        connection: scene.connection(THE_PORT),
        port: 8443,
    });
}

pub(super) async fn no_plaintext(scene: &mut Scene, _: &Words) {
    scene.claim(Said::NoPlaintext {
        connection: scene.connection(PLAIN),
    });
}

pub(super) async fn old_tls_refused(scene: &mut Scene, _: &Words) {
    scene.claim(Said::OldTlsRefused {
        connection: scene.connection(OLD_TLS),
    });
}

pub(super) async fn mutual(scene: &mut Scene, _: &Words) {
    scene.claim(Said::Mutual {
        connection: scene.connection("reader"),
    });
}

pub(super) async fn own_certificate(scene: &mut Scene, _: &Words) {
    scene.claim(Said::OwnCertificate {
        connection: scene.connection("reader"),
    });
}

pub(super) async fn no_tickets(scene: &mut Scene, words: &Words) {
    scene.claim(Said::NoTickets {
        connection: scene.connection(words.text(0)),
    });
}

pub(super) async fn advertised(scene: &mut Scene, _: &Words) {
    scene.claim(Said::Advertised {
        connections: scene.advertised.clone(),
    });
}

pub(super) async fn describes_itself(scene: &mut Scene, _: &Words) {
    scene.claim(Said::DescribesItself);
}

pub(super) async fn announces_activity(scene: &mut Scene, _: &Words) {
    scene.claim(Said::AnnouncesActivity {
        since: scene.since(),
    });
}

pub(super) async fn local_simulator(scene: &mut Scene, _: &Words) {
    scene.claim(Said::LocalSimulator);
}

pub(super) async fn quick(scene: &mut Scene, _: &Words) {
    scene.claim(Said::Quick);
}
