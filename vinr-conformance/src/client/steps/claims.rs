//! What must be true of the till: each step writes a claim.

use crate::client::scene::Scene;
use crate::client::stage::Booth;
use crate::journal::TillClaim;
use crate::steps::words::Words;

pub(super) async fn sent_as_the_page_says(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::SentAsThePageSays { op: scene.op });
}

pub(super) async fn completed(scene: &mut Scene, _: &Words) {
    result(scene, "completed");
}

pub(super) async fn failed(scene: &mut Scene, _: &Words) {
    result(scene, "failed");
}

fn result(scene: &Scene, status: &str) {
    scene.claim(TillClaim::Result {
        op: scene.op,
        status: status.to_owned(),
    });
}

pub(super) async fn an_error(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::AnError { op: scene.op });
}

pub(super) async fn accepted_offline(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::AcceptedOffline { op: scene.op });
}

pub(super) async fn identity_is_wrong(scene: &mut Scene, _: &Words) {
    refused(scene, "tls");
}

pub(super) async fn files_are_wrong(scene: &mut Scene, _: &Words) {
    refused(scene, "config");
}

fn refused(scene: &Scene, class: &str) {
    scene.claim(TillClaim::Refused {
        op: scene.op,
        classes: vec![class.to_owned()],
    });
}

pub(super) async fn nobody_knows(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Unknown { op: scene.op });
}

pub(super) async fn true_or_unknown(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::TrueOrUnknown { op: scene.op });
}

pub(super) async fn path(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::Mode {
        op: scene.op,
        mode: words.text(0).to_owned(),
    });
}

pub(super) async fn not_fooled(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::NotFooled { op: scene.op });
}

pub(super) async fn remembers(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Remembers {
        op: scene.last("configure"),
    });
}

pub(super) async fn settled(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::Settled {
        op: scene.last("resolve"),
        status: words.text(0).to_owned(),
    });
}

pub(super) async fn discreet(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Discreet);
}

pub(super) async fn held(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::Held {
        ms: words.number(0) * 1000,
    });
}

pub(super) async fn not_polled(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::NotPolled);
}

pub(super) async fn quick(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::QuickToSend {
        warm_up: words.number(0),
        p99_us: words.number(1),
    });
}

pub(super) async fn looked_up(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::LookedUp {
        ms: words.number(0) * 1000,
    });
}

pub(super) async fn looked_up_first(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::LookedUpFirst);
}

pub(super) async fn nothing_again(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::NothingAgain);
}

pub(super) async fn cancelled_first(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::CancelledFirst);
}

pub(super) async fn buried_first(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::BuriedFirst);
}

pub(super) async fn own_keys(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::OwnKeys);
}

pub(super) async fn buried_before_told(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::BuriedBeforeTold { op: scene.op });
}

pub(super) async fn charged_once(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Charged { most: 1, least: 1 });
}

pub(super) async fn charged_at_most_once(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Charged { most: 1, least: 0 });
}

pub(super) async fn nothing_to_strangers(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::NothingToStrangers);
}

pub(super) async fn new_tls_only(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::NewTlsOnly);
}

pub(super) async fn certificate_everywhere(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::CertificateEverywhere);
}

pub(super) async fn cloud_idle(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::CloudIdle);
}

pub(super) async fn cloud_takes_nothing(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::CloudTakesNothing);
}

pub(super) async fn lan_first(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::LanFirst);
}

pub(super) async fn fell_back(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::FellBack {
        after_ms: words.number(0),
        within_ms: words.number(1),
    });
}

pub(super) async fn one_attempt(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::OneAttempt);
}

pub(super) async fn one_at_a_time(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::OneAtATime);
}

pub(super) async fn taken_at(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::TakenAt {
        op: scene.op,
        terminal: scene.id(words.text(0)),
    });
}

pub(super) async fn names_its_terminal(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::NamesItsTerminal { op: scene.op });
}

pub(super) async fn found(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::Readers {
        op: scene.last("discover"),
        ids: vec![scene.id(words.text(0)), scene.id(words.text(1))],
    });
}

pub(super) async fn left_out(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::LeftOut {
        op: scene.last("discover"),
        terminal: scene.id(words.text(0)),
    });
}

pub(super) async fn no_query(scene: &mut Scene, _: &Words) {
    let id = |booth: &Booth| Some(booth.desk()?.terminal().to_string());
    scene.claim(TillClaim::NoQuery {
        asked: scene.terminals.iter().filter_map(id).collect(),
    });
}

pub(super) async fn asked(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Asked);
}

pub(super) async fn believed(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Believed { op: scene.op });
}

pub(super) async fn disbelieved(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::Disbelieved { op: scene.op });
}
