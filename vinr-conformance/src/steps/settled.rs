//! What must be true of the queue, of the memory, of webhooks and traces.

use super::scene::Scene;
use super::words::Words;
use crate::journal::Said;

pub(super) async fn accepted_offline(scene: &mut Scene, words: &Words) {
    for name in scene.each(words.text(0)) {
        scene.claim(Said::AcceptedOffline {
            exchange: scene.number(&name),
        });
    }
}

pub(super) async fn never_queued(scene: &mut Scene, words: &Words) {
    scene.claim(Said::NeverQueued {
        exchange: scene.number(words.text(0)),
    });
}

pub(super) async fn still_queued(scene: &mut Scene, words: &Words) {
    scene.claim(Said::StillQueued {
        exchange: scene.number(words.text(0)),
        of: scene.number(words.text(1)),
    });
}

pub(super) async fn charged_once(scene: &mut Scene, words: &Words) {
    let names = scene.each(words.text(0));
    for name in &names {
        let reference = scene.known(name).reference;
        scene.read_ledger(&reference).await;
        if scene.is_stopped() {
            return;
        }
    }
    scene.claim(Said::ChargedOnce {
        exchanges: numbers(scene, &names),
    });
}

pub(super) async fn in_sequence(scene: &mut Scene, words: &Words) {
    let names = scene.each(words.text(0));
    scene.claim(Said::InSequence {
        exchanges: numbers(scene, &names),
        host_ms: words.number(1),
    });
}

fn numbers(scene: &Scene, names: &[String]) -> Vec<u64> {
    names.iter().map(|name| scene.number(name)).collect()
}

pub(super) async fn nothing_in_clear_text(scene: &mut Scene, _: &Words) {
    scene.claim(Said::StorageIsOpaque {
        since: scene.since(),
    });
}

pub(super) async fn told(scene: &mut Scene, words: &Words) {
    scene.claim(Said::Told {
        exchange: scene.number(words.text(1)),
        kind: words.text(0).to_owned(),
        decline_code: None,
    });
}

pub(super) async fn told_why(scene: &mut Scene, words: &Words) {
    scene.claim(Said::Told {
        exchange: scene.number(words.text(2)),
        kind: words.text(0).to_owned(),
        decline_code: Some(words.text(1).to_owned()),
    });
}

pub(super) async fn signed_and_repeated(scene: &mut Scene, _: &Words) {
    scene.claim(Said::SignedAndRepeated {
        since: scene.began(),
    });
}

pub(super) async fn same_trace(scene: &mut Scene, _: &Words) {
    scene.claim(Said::SameTrace);
}

pub(super) async fn whole_plan(scene: &mut Scene, _: &Words) {
    scene.claim(Said::WholePlan);
}
