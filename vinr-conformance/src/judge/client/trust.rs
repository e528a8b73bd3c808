//! Whom a till believes, and what it shows.

use super::shop::{Connection, Shop};
use crate::journal::Place;
use crate::judge::found::Found;

/// Not one request reached whoever showed a false identity. \[TLS-3, TLS-8, TLS-9, TLS-10, TLS-14, DISC-8, HYB-6\]
pub(super) fn nothing_to_strangers(shop: &Shop<'_>) -> Found {
    match strangers(shop) {
        Some(found) => found,
        None => Found::unseen("the till never met a false identity"),
    }
}

/// What a lawful path leads to, and only a strict reading refuses: no mismatch of an identity. \[TLS-14\]
const STRICT: [&str; 4] = [
    "a certificate with its name in other letters",
    "a certificate for clients",
    "a certificate without a purpose",
    "a certificate with two names",
];

/// A mismatch is an error wherever it shows; silent where nobody showed a false identity. \[TLS-9\]
pub(super) fn mismatches(shop: &Shop<'_>) -> Option<Found> {
    let is_strict = |(_, connection): &(&u64, &Connection<'_>)| {
        let met = connection.met.as_ref();
        met.is_some_and(|met| STRICT.contains(&met.shown))
    };
    match shop.strangers().any(|stranger| is_strict(&stranger)) {
        true => None,
        false => strangers(shop),
    }
}

fn strangers(shop: &Shop<'_>) -> Option<Found> {
    let expected = "not one byte of a request reaches whoever shows a false identity";
    let mut evidence = Vec::new();
    for (number, connection) in shop.strangers() {
        let met = connection.met.as_ref()?;
        let fooled = shop
            .requests
            .iter()
            .find(|request| request.connection == *number);
        if let Some(request) = fooled {
            let seen = format!("{}, which had shown {}", request.words(), met.shown);
            let entries = [met.seq, request.at.seq];
            return Some(Found::broken("stranger_believed", expected, seen, entries));
        }
        evidence.push(met.seq);
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

/// Every connection to a terminal with a request on it showed the till's certificate. \[TLS-4\]
pub(super) fn certificate_everywhere(shop: &Shop<'_>) -> Found {
    certificates(shop).unwrap_or_else(|| Found::unseen("no request reached a terminal"))
}

/// The same as a rule; silent where there was no request.
pub(super) fn certificates(shop: &Shop<'_>) -> Option<Found> {
    let expected = "the till's client certificate on every connection with a request";
    let mut evidence = Vec::new();
    for request in shop.requests.iter().filter(|request| !request.is_cloud()) {
        let met = shop
            .connections
            .get(&request.connection)
            .and_then(|connection| connection.met.as_ref())?;
        if met.certificate.is_none() || met.refused.is_some() {
            let seen = format!(
                "{}: {}",
                request.words(),
                met.refused.unwrap_or("no certificate")
            );
            let entries = [met.seq, request.at.seq];
            return Some(Found::broken("no_certificate", expected, seen, entries));
        }
        evidence.push(met.seq);
    }
    evidence.dedup();
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

/// \[TLS-13\]
pub(super) fn new_tls_only(shop: &Shop<'_>) -> Found {
    hellos(shop).unwrap_or_else(|| Found::unseen("no ClientHello was seen"))
}

/// The same as a rule; silent where no terminal saw a ClientHello.
pub(super) fn hellos(shop: &Shop<'_>) -> Option<Found> {
    let expected = "TLS 1.3 alone, without early data or resumption";
    let mut evidence = Vec::new();
    let terminals = shop
        .connections
        .values()
        .filter(|connection| connection.to != "cloud");
    for (seq, hello) in terminals.filter_map(|connection| connection.hello) {
        let broken = |reason, seen: String| Some(Found::broken(reason, expected, seen, [seq]));
        if hello.early_data {
            return broken("early_data", "early data is offered".into());
        }
        if hello.resumes {
            return broken("resumes", "an earlier session is offered".into());
        }
        if hello.versions.iter().any(|version| version != "TLSv1_3") {
            return broken("old_tls", hello.versions.join(", "));
        }
        evidence.push(seq);
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

/// No connection carried anything but TLS. \[TLS-1\]
pub(super) fn plaintext(shop: &Shop<'_>) -> Option<Found> {
    let expected = "mutual TLS on every connection";
    let mut evidence = Vec::new();
    for connection in shop.connections.values() {
        if let Some((seq, text)) = connection.plain {
            return Some(Found::broken("plaintext", expected, text, [seq]));
        }
        evidence.extend(connection.met.as_ref().map(|met| met.seq));
        evidence.extend(connection.hello.map(|(seq, _)| seq));
    }
    evidence.sort_unstable();
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

/// The API secret key reached no terminal. \[TLS-7\]
pub(super) fn key_at_a_terminal(shop: &Shop<'_>) -> Option<Found> {
    let expected = "the API secret key is in no byte that a terminal gets";
    let leaked = shop
        .leaked
        .iter()
        .find(|(_, what, place)| is_terminal(place) && *what == "the API secret key");
    if let Some((seq, what, _)) = leaked {
        let seen = format!("{what} in a request");
        return Some(Found::broken("key_leaked", expected, seen, [*seq]));
    }
    if shop.is_by_hand {
        // It was given none.
        return None;
    }
    searched(shop, is_terminal)
}

/// No secret in what the adapter wrote, nor any other than the API key in what a terminal got. \[SEC-1\]
pub(super) fn discretion(shop: &Shop<'_>) -> Option<Found> {
    let expected = "no secret in an error, a log or a request";
    let leaked = shop
        .leaked
        .iter()
        .find(|(_, what, place)| !is_terminal(place) || *what != "the API secret key");
    if let Some((seq, what, place)) = leaked {
        let seen = format!("{what} in {place:?}");
        return Some(Found::broken("secret_told", expected, seen, [*seq]));
    }
    if shop.is_by_hand {
        // What it logs nobody reads.
        return None;
    }
    searched(shop, |place| !is_terminal(place)).or_else(|| {
        let told: Vec<_> = shop.told.values().map(|(at, _)| at.seq).collect();
        (!told.is_empty()).then(|| Found::kept(told))
    })
}

/// See [`discretion`].
pub(super) fn discreet(shop: &Shop<'_>) -> Found {
    discretion(shop).unwrap_or_else(|| Found::unseen("nothing that the till writes was read"))
}

fn searched(shop: &Shop<'_>, wanted: impl Fn(&Place) -> bool) -> Option<Found> {
    let seqs: Vec<_> = shop
        .searched
        .iter()
        .filter(|(_, place)| wanted(place))
        .map(|(seq, _)| *seq)
        .collect();
    (!seqs.is_empty()).then(|| Found::kept(seqs))
}

fn is_terminal(place: &Place) -> bool {
    matches!(place, Place::Terminal { .. })
}
