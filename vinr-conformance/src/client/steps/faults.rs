//! What goes wrong at a terminal.

use std::time::Duration;

use crate::client::pki::Shown;
use crate::client::scene::Scene;
use crate::client::stage::{Alteration, Booth, Fault, How, Moment};
use crate::steps::words::Words;

/// Again and again.
const ALWAYS: u32 = u32::MAX;

fn answer(scene: &Scene, at: Moment, times: u32, taken: bool, how: How) {
    if let Some(booth) = scene.first() {
        booth
            .faults()
            .plan(at, 0, times, Fault::Answer { taken, how });
    }
}

pub(super) async fn first_answer_is_lost(scene: &mut Scene, words: &Words) {
    let how = match words.text(0) {
        "reset at the outcome" => How::ResetAtOutcome,
        "reset at any byte of the answer" => {
            How::CutAt(u16::try_from(scene.throw(1000)).unwrap_or(500))
        }
        "half a body" => How::HalfBody(500),
        "half a body, but for its end" => How::HalfBody(990),
        "reset after the request" => How::Reset,
        "reset after the head" => How::ResetAfterHead,
        "status 500" => How::Status(500),
        "status 503" => How::Status(503),
        other => return scene.stop(format!("nobody knows how to lose an answer by '{other}'")),
    };
    answer(scene, Moment::Pay, 1, true, how);
}

pub(super) async fn answer_never_comes(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Pay, ALWAYS, true, How::Silence);
}

pub(super) async fn never_arrives(scene: &mut Scene, words: &Words) {
    let how = match words.text(0) {
        "reset" => How::Reset,
        "status 503" => How::Status(503),
        "the terminal is swapped" => How::Swap,
        other => return scene.stop(format!("nobody knows how to lose a payment by '{other}'")),
    };
    answer(scene, Moment::Pay, 1, false, how);
}

pub(super) async fn body_is_late(scene: &mut Scene, words: &Words) {
    let after = Duration::from_secs(words.number(0));
    answer(scene, Moment::Pay, ALWAYS, true, How::LateBody(after));
}

pub(super) async fn answer_is_late(scene: &mut Scene, words: &Words) {
    let after = Duration::from_secs(words.number(0));
    answer(scene, Moment::Pay, ALWAYS, true, How::Late(after));
}

pub(super) async fn answer_is_foreign(scene: &mut Scene, words: &Words) {
    let alteration = match words.text(0) {
        "amount" => Alteration::Amount,
        "currency" => Alteration::Currency,
        "sale" => Alteration::Reference,
        "terminal" => Alteration::Terminal,
        other => return scene.stop(format!("nobody knows another {other}")),
    };
    answer(scene, Moment::Pay, ALWAYS, true, How::Alter(alteration));
}

pub(super) async fn answer_is_unknown(scene: &mut Scene, _: &Words) {
    let how = How::Alter(Alteration::Status);
    answer(scene, Moment::Pay, ALWAYS, true, how);
}

pub(super) async fn look_ups_are_unknown(scene: &mut Scene, words: &Words) {
    let times = u32::try_from(words.number(0)).unwrap_or(1);
    let how = How::Alter(Alteration::Status);
    answer(scene, Moment::LookUp, times, true, how);
}

pub(super) async fn cancel_is_late(scene: &mut Scene, words: &Words) {
    let after = Duration::from_millis(words.number(0));
    answer(scene, Moment::Cancel, 1, true, How::Late(after));
}

/// It is asked by a till that was told pending: only then is there anything to cancel. \[REC-4\]
pub(super) async fn cancel_comes_too_late(scene: &mut Scene, words: &Words) {
    super::shop::first_does_not_tap(scene, words).await;
    answer(scene, Moment::Cancel, 1, true, How::Overtaken);
}

pub(super) async fn cancel_is_lost(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Cancel, 1, true, How::Reset);
}

pub(super) async fn has_no_head(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Pay, ALWAYS, true, How::NoHead);
}

/// It says who it is, so that a warm connection is warm, and nothing of a payment.
pub(super) async fn is_silent(scene: &mut Scene, _: &Words) {
    for at in [Moment::Pay, Moment::LookUp, Moment::Cancel] {
        answer(scene, at, ALWAYS, false, How::Silence);
    }
}

pub(super) async fn does_not_answer_payments(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Pay, ALWAYS, false, How::Silence);
}

pub(super) async fn cloud_refuses(scene: &mut Scene, words: &Words) {
    let how = How::Refusal(words.text(0).to_owned());
    if let Some(cloud) = scene.cloud() {
        let fault = Fault::Answer { taken: false, how };
        cloud.faults().plan(Moment::Pay, 0, ALWAYS, fault);
    }
}

pub(super) async fn takes_and_says_nothing(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Pay, ALWAYS, true, How::Silence);
    for at in [Moment::LookUp, Moment::Cancel] {
        answer(scene, at, ALWAYS, false, How::Silence);
    }
}

pub(super) async fn goes_away(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Pay, ALWAYS, true, How::Vanish);
}

/// After it went away, whenever that is.
pub(super) async fn comes_back(scene: &mut Scene, words: &Words) {
    let after = Duration::from_secs(words.number(0));
    if let Some(booth) = scene.first() {
        booth.comes_back_after(after);
        // It goes away but once.
        booth.faults().clear();
    }
    answer(scene, Moment::Pay, 1, true, How::Vanish);
}

pub(super) async fn goes_away_behind_the_head(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Pay, ALWAYS, true, How::VanishAfterHead);
}

pub(super) async fn is_mute(scene: &mut Scene, _: &Words) {
    connections(scene, Fault::Mute);
}

pub(super) async fn ends_behind_the_answer(scene: &mut Scene, _: &Words) {
    answer(scene, Moment::Pay, 1, true, How::CloseAfter);
}

pub(super) async fn first_connections_break(scene: &mut Scene, words: &Words) {
    let fault = match words.text(1) {
        "reset as soon as it is there" => Fault::Refuse,
        "reset after the handshake" => Fault::ResetAfterHandshake,
        other => {
            return scene.stop(format!(
                "nobody knows how to break a connection by '{other}'"
            ));
        }
    };
    let times = u32::try_from(words.number(0)).unwrap_or(1);
    if let Some(booth) = scene.first() {
        booth.faults().plan(Moment::Connection, 0, times, fault);
    }
}

pub(super) async fn refuses(scene: &mut Scene, words: &Words) {
    let how = How::Refusal(words.text(0).to_owned());
    answer(scene, Moment::Pay, ALWAYS, false, how);
}

pub(super) async fn speaks_plain(scene: &mut Scene, _: &Words) {
    connections(scene, Fault::Plaintext);
}

pub(super) async fn shows(scene: &mut Scene, words: &Words) {
    match Shown::of(words.text(0)) {
        Some(shown) => connections(scene, Fault::Show(shown)),
        None => scene.stop("nobody has such a certificate"),
    }
}

pub(super) async fn shows_from_now_on(scene: &mut Scene, words: &Words) {
    shows(scene, words).await;
    every_connection_ends(scene, words).await;
}

fn connections(scene: &Scene, fault: Fault) {
    if let Some(booth) = scene.first() {
        booth.faults().plan(Moment::Connection, 0, ALWAYS, fault);
    }
}

pub(super) async fn every_connection_ends(scene: &mut Scene, _: &Words) {
    scene.terminals.iter().for_each(Booth::drop_connections);
    // A till that keeps connections warm may dial anew before it is asked for anything.
    tokio::time::sleep(Duration::from_millis(100)).await;
}

pub(super) async fn nobody_listens(scene: &mut Scene, words: &Words) {
    match scene.terminal(words.text(0)) {
        Some(booth) => booth.vanish(),
        None => scene.stop("there is no such terminal"),
    }
}
