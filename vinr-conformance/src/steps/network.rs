//! What somebody does on the network, and with a clock.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::scene::{SOON, Scene};
use super::words::Words;
use crate::journal::{Advert, Entry, Event};
use crate::probe::{Request, can_hear, listen};
use crate::run::measure;

/// Names of connections that no exchange is named after.
pub(super) const THE_PORT: &str = "port 8443";
pub(super) const PLAIN: &str = "plain HTTP";
pub(super) const OLD_TLS: &str = "old TLS";

const PORT: u16 = 8443;

/// An advertisement is announced within a second, and asked for until then.
const LISTEN: Duration = Duration::from_secs(5);

pub(super) async fn dials_the_port(scene: &mut Scene, _: &Words) {
    let address = SocketAddr::new(scene.context.probe.address().ip(), PORT);
    let till = scene.context.subject.till.clone();
    let connection = scene.context.probe.at(address).connect(Some(&till)).await;
    scene.note_connection(THE_PORT, connection.number());
    let mut exchange = connection.send(Request::get("/v1/reader")).await;
    exchange.answer_within(SOON).await;
    scene.keep(THE_PORT, exchange);
}

pub(super) async fn listens(scene: &mut Scene, _: &Words) {
    hear(scene, |_| true).await;
}

pub(super) async fn listens_for_busy(scene: &mut Scene, _: &Words) {
    hear(scene, |advert| txt(advert, "activity") == Some("busy")).await;
}

/// Listens until the terminal's own advertisement is enough: in its name, and at its address.
async fn hear(scene: &mut Scene, enough: impl Fn(&Advert) -> bool) {
    let terminal = scene.context.subject.terminal.to_string();
    let here = scene.context.probe.address();
    let is_own = |advert: &Advert| {
        is_of(advert, &terminal)
            && advert.port == here.port()
            && advert.addresses.contains(&here.ip().to_string())
    };
    let since = scene.journal().last_seq();
    let enough = |advert: &Advert| is_own(advert) && enough(advert);
    if let Err(why) = listen(scene.journal(), here.ip().is_loopback(), LISTEN, enough).await {
        scene.stop(format!("nobody can listen for advertisements here: {why}"));
        return;
    }
    let heard = |entry: &Entry| matches!(&entry.event, Event::Advert(advert) if is_own(advert));
    if !scene.journal().any_after(since, heard) && !can_hear(here.ip()).await {
        scene.stop("multicast does not pass here: not even our own voice is heard");
    }
}

fn is_of(advert: &Advert, terminal: &str) -> bool {
    txt(advert, "id").map_or(advert.instance == terminal, |id| id == terminal)
        && !advert.addresses.is_empty()
}

fn txt<'a>(advert: &'a Advert, name: &str) -> Option<&'a str> {
    let own = |(own, _): &&(String, String)| own == name;
    advert.txt.iter().find(own).map(|(_, value)| value.as_str())
}

/// Dials each advertisement in the terminal's name, by what it says and nothing else. Where there is none, the
/// claim finds that nothing was advertised.
pub(super) async fn dials_the_advertised(scene: &mut Scene, _: &Words) {
    let terminal = scene.context.subject.terminal.to_string();
    let adverts = scene
        .journal()
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::Advert(advert) if is_of(&advert, &terminal) => address(&advert),
            _ => None,
        });
    let mut addresses: Vec<SocketAddr> = adverts.collect();
    addresses.sort();
    addresses.dedup();
    for address in addresses {
        let probe = scene.context.probe.at(address);
        let connection = probe.connect(Some(&scene.context.subject.till)).await;
        scene.advertised.push(connection.number());
        connection.hang_up();
    }
}

/// IPv4 first: an IPv6 link-local address needs a scope that the record cannot carry.
fn address(advert: &Advert) -> Option<SocketAddr> {
    let addresses = advert
        .addresses
        .iter()
        .filter_map(|text| text.parse::<IpAddr>().ok());
    let ip = addresses.min_by_key(IpAddr::is_ipv6)?;
    Some(SocketAddr::new(ip, advert.port))
}

pub(super) async fn speaks_plain(scene: &mut Scene, _: &Words) {
    let bytes = b"GET /v1/reader HTTP/1.1\r\nhost: terminal\r\nconnection: close\r\n\r\n";
    let connection = scene
        .context
        .probe
        .plaintext("a GET in plain HTTP", bytes)
        .await;
    scene.note_connection(PLAIN, connection);
}

pub(super) async fn offers_old_tls(scene: &mut Scene, _: &Words) {
    let connection = scene.context.probe.offer_old_tls().await;
    scene.note_connection(OLD_TLS, connection);
}

pub(super) async fn measures(scene: &mut Scene, words: &Words) {
    let offline = scene.odd.internet_is_away;
    let measured = measure(&scene.context, words.number(0), words.number(1), offline).await;
    if let Err(why) = measured {
        scene.stop(why);
    }
}
