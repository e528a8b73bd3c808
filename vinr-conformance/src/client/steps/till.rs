//! The till: how it is set up, and what it is asked to do.

use std::time::Duration;

use crate::client::papers::IdentityFiles;
use crate::client::protocol::Op;
use crate::client::scene::Scene;
use crate::client::stage::Booth;
use crate::steps::words::Words;

/// How long the LAN may take to accept: the documentation's default.
const LOCAL_TIMEOUT_MS: u64 = 2000;

/// By when a terminal has answered a question that was asked by mDNS.
const FIRST_ANSWERS: Duration = Duration::from_millis(400);

/// How long a discovery may take.
const WINDOW_MS: u64 = 2000;

pub(super) async fn knows_no_host(scene: &mut Scene, _: &Words) {
    scene.knows_hosts = false;
}

pub(super) async fn has_a_p12(scene: &mut Scene, _: &Words) {
    scene.files = IdentityFiles::P12;
}

pub(super) async fn has_a_wrong_passphrase(scene: &mut Scene, _: &Words) {
    scene.files = IdentityFiles::WrongPassphrase;
}

pub(super) async fn may_take(scene: &mut Scene, words: &Words) {
    scene.deadline_ms = words.number(0) * 1000;
}

pub(super) async fn is_set_up(scene: &mut Scene, _: &Words) {
    scene.configure().await;
}

pub(super) async fn pays(scene: &mut Scene, words: &Words) {
    begins(scene, words).await;
    scene.answer().await;
}

pub(super) async fn begins(scene: &mut Scene, words: &Words) {
    let (amount, currency) = words.money(0);
    let sale = scene.sale(amount, currency);
    scene.begin(Op::Pay(sale)).await;
}

pub(super) async fn pays_for_a_later_capture(scene: &mut Scene, words: &Words) {
    let (amount, currency) = words.money(0);
    let mut sale = scene.sale(amount, currency);
    sale.capture_method = Some("manual".into());
    scene.ask(Op::Pay(sale)).await;
}

pub(super) async fn pays_another(scene: &mut Scene, words: &Words) {
    scene.reference.push_str("-next");
    pays(scene, words).await;
}

pub(super) async fn pays_again(scene: &mut Scene, _: &Words) {
    let sale = scene.sale(2500, "USD");
    scene.ask(Op::Pay(sale)).await;
}

pub(super) async fn pays_many(scene: &mut Scene, words: &Words) {
    if scene.shared.counter().is_some() {
        return scene
            .stop("nobody takes so many payments by hand, nor says when each of them began");
    }
    let (amount, currency) = words.money(1);
    let first = scene.reference.clone();
    for number in 0..words.number(0) {
        scene.reference = format!("{first}-{number}");
        let sale = scene.sale(amount, currency);
        if scene.ask(Op::Pay(sale)).await.is_none() {
            return;
        }
    }
}

pub(super) async fn pays_hybrid(scene: &mut Scene, words: &Words) {
    let (amount, currency) = words.money(0);
    let sale = scene.sale(amount, currency);
    let op = Op::PayHybrid {
        sale,
        local_timeout_ms: LOCAL_TIMEOUT_MS,
    };
    scene.ask(op).await;
}

pub(super) async fn pays_at_a_group(scene: &mut Scene, words: &Words) {
    let (amount, currency) = words.money(0);
    let mut sale = scene.sale(amount, currency);
    sale.terminal_id = None;
    let id = |booth: &Booth| Some(booth.desk()?.terminal().to_string());
    let op = Op::PayGroup {
        sale,
        terminal_group: scene.terminals.iter().filter_map(id).collect(),
        max_wait_ms: None,
    };
    scene.ask(op).await;
}

pub(super) async fn looks_for_terminals(scene: &mut Scene, _: &Words) {
    scene.ask(on_the_network()).await;
}

/// It has asked, and has had the first answers, when this is done.
pub(super) async fn begins_to_look_for_terminals(scene: &mut Scene, _: &Words) {
    scene.begin(on_the_network()).await;
    tokio::time::sleep(FIRST_ANSWERS).await;
}

pub(super) async fn has_looked_for_terminals(scene: &mut Scene, _: &Words) {
    scene.answer().await;
}

fn on_the_network() -> Op {
    Op::Discover {
        hosts: None,
        timeout_ms: Some(WINDOW_MS),
    }
}

pub(super) async fn asks_static_hosts(scene: &mut Scene, _: &Words) {
    // Without a port, where the terminals have the page's own: whoever dials another one is not answered.
    let host = |booth: &Booth| {
        let address = booth.address();
        match address.port() {
            vinr_discovery::DEFAULT_PORT => address.ip().to_string(),
            _ => address.to_string(),
        }
    };
    let op = Op::Discover {
        hosts: Some(scene.terminals.iter().map(host).collect()),
        timeout_ms: Some(WINDOW_MS),
    };
    scene.ask(op).await;
}

pub(super) async fn is_killed(scene: &mut Scene, _: &Words) {
    scene.kill().await;
}

pub(super) async fn is_started_again(scene: &mut Scene, _: &Words) {
    scene.start().await;
    scene.must_configure().await;
}

pub(super) async fn settles(scene: &mut Scene, _: &Words) {
    scene.ask(Op::Resolve).await;
}

pub(super) async fn is_asked_about_the_sale(scene: &mut Scene, _: &Words) {
    let op = Op::Retrieve {
        reference: scene.reference.clone(),
        terminal_id: None,
    };
    scene.ask(op).await;
}
