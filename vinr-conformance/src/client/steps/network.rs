//! The network: who is advertised, and who asks.

use std::net::SocketAddr;

use tokio::time::timeout;
use vinr_discovery::{Advert, Announcement};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};

use crate::client::scene::{SOON, Scene};
use crate::client::stage::{Booth, Ear, OTHERS};
use crate::journal::{Event, TillEvent};
use crate::steps::words::Words;

pub(super) async fn advertise(scene: &mut Scene, _: &Words) {
    if scene.shared.counter().is_some() {
        return scene.stop("which terminals a till has found no screen is asked for");
    }
    for letter in ["A", "B", "C"] {
        if scene.terminal(letter).is_some() {
            advertises(scene, letter).await;
        }
    }
}

/// At another of its addresses: another instance of the service, and the same terminal.
pub(super) async fn is_advertised_again(scene: &mut Scene, words: &Words) {
    let Some(desk) = scene.terminal(words.text(0)).and_then(Booth::desk).cloned() else {
        return scene.stop("there is no such terminal");
    };
    if let Some(listens_on) = scene.opens_a_twin(desk.clone()).await {
        is_advertised_at(scene, desk.terminal().clone(), listens_on).await;
    }
}

async fn advertises(scene: &mut Scene, letter: &str) {
    let Some((terminal, listens_on)) = scene.terminal(letter).and_then(|booth| {
        let desk = booth.desk()?;
        Some((desk.terminal().clone(), booth.address()))
    }) else {
        return scene.stop("there is no such terminal");
    };
    is_advertised_at(scene, terminal, listens_on).await;
}

async fn is_advertised_at(scene: &mut Scene, terminal: TerminalId, listens_on: SocketAddr) {
    let advert = Advert {
        terminal: terminal.clone(),
        model: Model::NexgoCt20,
        status: ReaderStatus::Online,
        activity: Activity::Idle,
        listens_on,
    };
    let announcement = match Announcement::start(advert).await {
        Ok(announcement) => announcement,
        Err(error) => return scene.stop(error.to_string()),
    };
    let Ok(instance) = timeout(SOON, announcement.announced()).await else {
        return scene.stop("the advertisement did not go out");
    };
    scene.journal().record(Event::Till(TillEvent::Advertised {
        instance,
        terminal: terminal.to_string(),
        address: listens_on.to_string(),
        model: Model::NexgoCt20.as_str().to_owned(),
        status: "online".into(),
    }));
    scene.advertised.push((terminal, announcement));
}

/// Others on this network may ask, too: they are heard before the till is asked for anything.
pub(super) async fn listens(scene: &mut Scene, _: &Words) {
    scene.must_configure().await;
    match Ear::open(scene.journal().clone()) {
        Ok(ear) => scene.ear = Some(ear),
        Err(why) => return scene.stop(why),
    }
    tokio::time::sleep(OTHERS).await;
}

pub(super) async fn says_goodbye(scene: &mut Scene, words: &Words) {
    let id = scene.id(words.text(0));
    let mut stay = Vec::new();
    for (terminal, announcement) in scene.advertised.drain(..).collect::<Vec<_>>() {
        if terminal.as_str() == id {
            announcement.goodbye().await;
            scene.journal().record(Event::Till(TillEvent::Goodbye {
                terminal: terminal.to_string(),
            }));
        } else {
            stay.push((terminal, announcement));
        }
    }
    scene.advertised = stay;
    // It still listens: a till that asks whom it heard finds it, and one that heard its goodbye does not.
}
