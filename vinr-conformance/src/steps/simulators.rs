//! Simulators that a scenario starts for itself, the cloud beside them, and days that are played by a seed.

use std::time::{Duration, Instant};

use vinr_simulator::world::seeded;

use super::scene::{ASK_AGAIN, Scene};
use super::words::Words;
use crate::journal::{CloudCommand, Event, RepeatedTrace, Said, SetClock};
use crate::merchant::{ApiError, CloudApi, Merchant, still_owed};
use crate::plan::sha256;
use crate::profile::CloudProfile;
use crate::subject::{Beside, beside};

/// How long a webhook may be under way.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// How long an acknowledgement may be under way.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(250);

/// Beyond the first pause before a webhook is repeated, and short of the second.
const LATER: Duration = Duration::from_secs(90);

pub(super) async fn starts_offline(scene: &mut Scene, _: &Words) {
    starts(scene, Beside::Offline).await;
    scene.odd.was_offline = false;
}

/// The terminal under test, where the profile names its cloud; else one of the suite's own, with a sandbox.
pub(super) async fn is_connected(scene: &mut Scene, _: &Words) {
    match &scene.context.cloud {
        Some(CloudProfile::At { .. }) => {}
        Some(CloudProfile::Own) => starts(scene, Beside::Connected).await,
        None => scene.stop("the profile names no cloud"),
    }
}

pub(super) async fn starts(scene: &mut Scene, how: Beside) {
    let Some(defects) = scene.context.subject.embedded.clone() else {
        scene.stop("only a simulator of the suite's own can be started for a scenario");
        return;
    };
    let started = beside(how, &defects).await;
    let context = started
        .map_err(|error| error.to_string())
        .and_then(|(subject, own)| {
            let context = scene.context.beside(subject);
            Ok((context.map_err(|error| error.to_string())?, own))
        });
    match context {
        Ok((context, own)) => {
            scene.context = context;
            scene.own = Some(own);
        }
        Err(why) => scene.stop(why),
    }
}

/// A terminal that nobody else uses: one that takes long holds up no other scenario.
pub(super) async fn stands_apart(scene: &mut Scene, _: &Words) {
    if scene.context.may_stand_apart() {
        starts(scene, Beside::Plain).await;
    }
}

pub(super) async fn can_be_damaged(scene: &mut Scene, _: &Words) {
    starts(scene, Beside::Plain).await;
}

/// The questions have no word for it: nobody is asked to damage a device.
pub(super) async fn is_damaged(scene: &mut Scene, words: &Words) {
    let damaged = match &scene.own {
        Some(own) => own.damage_memory().map_err(|error| error.to_string()),
        None => Err("only a simulator of the suite's own can be damaged".into()),
    };
    match damaged {
        Ok(()) => super::hands::cuts_the_power(scene, words).await,
        Err(why) => scene.stop(why),
    }
}

/// A till without a LAN: it asks the cloud.
pub(super) async fn cloud_is_asked(scene: &mut Scene, words: &Words) {
    let name = words.text(1);
    let attempt = scene.attempt(name, words.money(0));
    let mut body = attempt.body(&scene.context);
    // It is answered at the outcome: whether it could be delivered is known then.
    body["wait"] = true.into();
    let api = match cloud(scene) {
        Ok(api) => api,
        Err(why) => return scene.stop(why),
    };
    let key = attempt.key.clone().unwrap_or_default();
    let answered = api
        .call_with_key("POST", "/v1/terminal/payments", Some(&body), &key)
        .await;
    let (status, code) = match answered {
        Ok(_) => (Some(200), None),
        Err(ApiError::Refused {
            status, message, ..
        }) => {
            let error: serde_json::Value = serde_json::from_str(&message).unwrap_or_default();
            (Some(status), error["code"].as_str().map(str::to_owned))
        }
        Err(ApiError::Unusable(why)) => (None, Some(why)),
    };
    scene.commands.push(name.to_owned());
    let command = scene.commands.len() as u64;
    scene.journal().record(Event::CloudCommand(CloudCommand {
        command,
        reference: attempt.reference.clone(),
        status,
        code,
    }));
    scene.attempts.insert(name.to_owned(), attempt);
}

pub(super) async fn cloud_refused(scene: &mut Scene, words: &Words) {
    let place = scene.commands.iter().position(|own| own == words.text(0));
    scene.claim(Said::CloudRefused {
        command: place.map_or(0, |place| place as u64 + 1),
        codes: vec![words.text(1).to_owned()],
    });
}

pub(super) fn cloud(scene: &Scene) -> Result<CloudApi, String> {
    match (&scene.context.cloud, &scene.own) {
        (Some(CloudProfile::Own), Some(own)) => own.cloud_api(),
        (
            Some(CloudProfile::At {
                url,
                ca,
                api_key_env,
            }),
            _,
        ) => at(url, ca, api_key_env),
        _ => Err("there is no cloud".into()),
    }
}

pub(super) async fn merchant_listens(scene: &mut Scene, _: &Words) {
    merchant_opens(scene, 0).await;
}

pub(super) async fn merchant_refuses_the_first(scene: &mut Scene, _: &Words) {
    merchant_opens(scene, 1).await;
}

async fn merchant_opens(scene: &mut Scene, refuses: u64) {
    let opened = match cloud(scene) {
        Ok(api) => Merchant::open(scene.journal(), api, refuses)
            .await
            .map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    match opened {
        Ok(merchant) => scene.merchant = Some(merchant),
        Err(why) => scene.stop(why),
    }
}

fn at(url: &str, ca: &std::path::Path, api_key_env: &str) -> Result<CloudApi, String> {
    let ca = crate::probe::read(ca).map_err(|error| error.to_string())?;
    let key = std::env::var(api_key_env)
        .map_err(|_| format!("the environment has no {api_key_env}, the cloud's API key"))?;
    CloudApi::new(url, &ca, &key).map_err(|error| error.to_string())
}

/// Waits for a webhook that says how this payment ended; where none comes, the claim finds that out.
pub(super) async fn merchant_hears(scene: &mut Scene, words: &Words) {
    let reference = scene.known(words.text(0)).reference;
    scene
        .wait_for(scene.since(), TOLD_WITHIN, |event| match event {
            Event::Webhook(webhook) => {
                let body: serde_json::Value =
                    serde_json::from_str(&webhook.body).unwrap_or_default();
                let payment = &body["data"]["object"];
                let is_final = ["completed", "failed", "cancelled"]
                    .iter()
                    .any(|status| payment["status"] == *status);
                payment["reference"] == reference.as_str() && is_final
            }
            _ => false,
        })
        .await;
}

/// Moves the cloud's clock to where a refused webhook is due again, and waits for it. No run waits a real minute,
/// but one with `--real-time`.
pub(super) async fn cloud_tries_again(scene: &mut Scene, _: &Words) {
    let Some(merchant) = &scene.merchant else {
        scene.stop("the merchant has no server");
        return;
    };
    let Some(own) = &scene.own else {
        scene.stop("a cloud of somebody else's cannot be told that a minute has passed");
        return;
    };
    // What the cloud does not know to be acknowledged it would send again, and rightly.
    tokio::time::sleep(ACKNOWLEDGED_WITHIN).await;
    let patience = if scene.context.real_time {
        TOLD_WITHIN + LATER
    } else {
        merchant.is_ahead(LATER);
        own.cloud_goes_on(LATER);
        scene.journal().record(Event::ClockSet {
            clock: SetClock::Cloud,
            ahead_s: LATER.as_secs(),
        });
        TOLD_WITHIN
    };
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline && !owed(scene).is_empty() {
        tokio::time::sleep(ASK_AGAIN).await;
    }
    // What comes again in vain comes now.
    scene.settle().await;
}

fn owed(scene: &Scene) -> std::collections::BTreeSet<String> {
    let entries = scene.journal().entries();
    let deliveries = entries
        .iter()
        .filter(|entry| entry.seq > scene.began() && scene.is_own(entry))
        .filter_map(|entry| match &entry.event {
            Event::Webhook(webhook) => Some((webhook.body.as_str(), webhook.answered)),
            _ => None,
        });
    still_owed(deliveries)
}

/// The same engine that the simulator runs, in a world whose clock, network and people a seed draws.
pub(super) async fn plays_days(scene: &mut Scene, _: &Words) {
    if scene.context.subject.embedded.is_none() {
        scene.stop("only the simulator of this very build can be played by a seed");
        return;
    }
    let seed = scene.context.seed();
    for seed in [seed, seed, seed.wrapping_add(1)] {
        match tokio::task::spawn_blocking(move || seeded::tell(seed)).await {
            Ok((_, story)) => {
                scene.journal().record(Event::Trace(RepeatedTrace {
                    seed,
                    steps: story.len() as u64,
                    sha256: sha256(story.join("\n").as_bytes()),
                }));
            }
            Err(error) => scene.stop(error.to_string()),
        }
    }
}
