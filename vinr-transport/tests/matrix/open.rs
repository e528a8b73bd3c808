//! The fourth moment: a connection that was lawful when it was made, and what happens meanwhile. \[TLS-12\]
//!
//! A terminal judges every request, so whatever happens counts at the next one. The same peer is judged
//! once more on a new connection: both must come to the same verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vinr_transport::{Clock, CrlError, Revocation, Server, Side, TrustBundle};

use crate::kinds::{Case, List};
use crate::paper::{
    Ca, DAY, Depth, NOW, Shop, Shown, at, below, date, list_of, root, root_params, show_by,
};
use crate::terminal_side::{Counter, Till};
use crate::verdict::Expect::{Accepted, AcceptedWhile, Refused};
use crate::verdict::Fault::*;
use crate::verdict::{Expect, Outcome};

/// A judge's clock that can be set.
#[derive(Debug, Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn at_now() -> Self {
        Self(Arc::new(AtomicU64::new(NOW)))
    }

    pub(crate) fn set(&self, secs: u64) {
        self.0.store(secs, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Clock::new(move || at(hands.load(Ordering::SeqCst)))
    }
}

/// A terminal that a till is connected to.
pub(crate) struct Running<'a> {
    pub(crate) shop: &'a Shop,
    pub(crate) server: &'a Server,
    pub(crate) hands: &'a Hands,
}

/// Something that happens while a connection is open.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) expect: Expect,
    /// Who connects; whatever must be kept until the event comes back with it.
    begin: fn(&Shop) -> (Case, Ca),
    happens: fn(&Running<'_>, &Ca),
}

/// The serial number of whoever is shown.
const TAKEN_BACK: &[u8] = b"\x10taken back";

pub(crate) fn events() -> Vec<Event> {
    let mut events = dates();
    events.extend(lists());
    events.extend(exchanges());
    events
}

fn dates() -> Vec<Event> {
    vec![
        event("nothing", Accepted, plain, |_, _| {}),
        event(
            "a year passes, in its last second",
            Accepted,
            plain,
            |it, _| {
                it.hands.set(NOW + 365 * DAY);
            },
        ),
        event("it expires", Refused(&[Expired]), plain, |it, _| {
            it.hands.set(NOW + 365 * DAY + 1);
        }),
        event(
            "the clock goes back to its first second",
            Accepted,
            plain,
            |it, _| {
                it.hands.set(NOW - DAY);
            },
        ),
        event(
            "the clock goes back before it",
            Refused(&[NotYetValid]),
            plain,
            |it, _| {
                it.hands.set(NOW - DAY - 1);
            },
        ),
        event(
            "its CA expires before it",
            Refused(&[Expired, Issuer]),
            by_a_short_lived_ca,
            |it, _| {
                it.hands.set(NOW + 11 * DAY);
            },
        ),
        event(
            "its CA is in its last second",
            Accepted,
            by_a_short_lived_ca,
            |it, _| {
                it.hands.set(NOW + 10 * DAY);
            },
        ),
        event(
            "its intermediate expires before it",
            Refused(&[Expired]),
            below_a_short_lived_ca,
            |it, _| {
                it.hands.set(NOW + 11 * DAY);
            },
        ),
        event(
            "the list becomes stale",
            AcceptedWhile(&[Revocation::Stale]),
            plain,
            |it, _| it.hands.set(NOW + 30 * DAY + 1),
        ),
        event(
            "the list is in its last second",
            AcceptedWhile(&[Revocation::InForce]),
            plain,
            |it, _| it.hands.set(NOW + 30 * DAY),
        ),
    ]
}

fn lists() -> Vec<Event> {
    vec![
        event("it is revoked", Refused(&[Revoked]), plain, |it, _| {
            takes(it, it.shop.list(6, &[TAKEN_BACK]));
        }),
        event(
            "it is revoked, in PEM",
            Refused(&[Revoked]),
            plain,
            |it, _| {
                takes(it, pem(&it.shop.list(6, &[TAKEN_BACK])));
            },
        ),
        event(
            "another one is revoked",
            AcceptedWhile(&[Revocation::InForce]),
            plain,
            |it, _| takes(it, it.shop.list(6, &[b"another"])),
        ),
        event(
            "it is revoked, and the list becomes stale",
            Refused(&[Revoked]),
            plain,
            |it, _| {
                takes(it, it.shop.list(6, &[TAKEN_BACK]));
                it.hands.set(NOW + 31 * DAY);
            },
        ),
        event(
            "it is revoked by a list that was made for a month ago",
            Refused(&[Revoked]),
            plain,
            |it, _| {
                let when = NOW - 60 * DAY..NOW - 30 * DAY;
                takes(it, list_of(&it.shop.root, 6, &[TAKEN_BACK], when));
            },
        ),
        event(
            "its issuer is revoked",
            Refused(&[Revoked]),
            below_a_revocable_ca,
            |it, _| {
                takes(it, it.shop.list(6, &[TAKEN_BACK]));
            },
        ),
        event(
            "a list comes where there was none",
            AcceptedWhile(&[Revocation::InForce]),
            without_a_list,
            |it, _| takes(it, it.shop.list(1, &[])),
        ),
        event(
            "a list comes where there was none, and names it",
            Refused(&[Revoked]),
            without_a_list,
            |it, _| takes(it, it.shop.list(1, &[TAKEN_BACK])),
        ),
        event(
            "no list comes",
            AcceptedWhile(&[Revocation::Missing]),
            without_a_list,
            |_, _| {},
        ),
        event(
            "a list comes in time before the old one ends",
            AcceptedWhile(&[Revocation::InForce]),
            plain,
            |it, _| {
                let when = NOW - DAY..NOW + 60 * DAY;
                takes(it, list_of(&it.shop.root, 6, &[], when));
                it.hands.set(NOW + 59 * DAY);
            },
        ),
        event(
            "a stranger's list names it",
            AcceptedWhile(&[Revocation::InForce]),
            plain,
            |it, other| {
                let list = list_of(other, 6, &[TAKEN_BACK], NOW - DAY..NOW + 30 * DAY);
                refuses(it, list, |error| *error == CrlError::OtherIssuer);
            },
        ),
        event(
            "a forged list names it",
            AcceptedWhile(&[Revocation::InForce]),
            plain,
            |it, _| {
                let forger = root(&root_params("VINR CA", Depth::Any));
                let list = list_of(&forger, 6, &[TAKEN_BACK], NOW - DAY..NOW + 30 * DAY);
                refuses(it, list, |error| *error == CrlError::Forged);
            },
        ),
        event(
            "it is revoked, and an older list comes",
            Refused(&[Revoked]),
            plain,
            |it, _| {
                takes(it, it.shop.list(7, &[TAKEN_BACK]));
                refuses(it, it.shop.list(6, &[]), |error| {
                    matches!(error, CrlError::Older { .. })
                });
            },
        ),
        event(
            "it is revoked, and the same list comes again",
            Refused(&[Revoked]),
            plain,
            |it, _| {
                takes(it, it.shop.list(7, &[TAKEN_BACK]));
                takes(it, it.shop.list(7, &[TAKEN_BACK]));
            },
        ),
        event(
            "it is revoked, and given back by a newer list",
            Accepted,
            plain,
            |it, _| {
                takes(it, it.shop.list(6, &[TAKEN_BACK]));
                takes(it, it.shop.list(7, &[]));
            },
        ),
    ]
}

fn exchanges() -> Vec<Event> {
    vec![
        event(
            "the terminal's identity is renewed",
            Accepted,
            plain,
            |it, _| {
                it.server.replace_identity(it.shop.judge()).unwrap();
            },
        ),
        event(
            "its CA leaves the bundle",
            Refused(&[Issuer]),
            plain,
            |it, other| it.server.replace_pos_ca(bundle(&[other])),
        ),
        event(
            "another CA comes into the bundle",
            Accepted,
            plain,
            |it, other| {
                it.server.replace_pos_ca(bundle(&[&it.shop.root, other]));
            },
        ),
        event(
            "its CA leaves the bundle and comes back",
            AcceptedWhile(&[Revocation::InForce]),
            plain,
            |it, other| {
                it.server.replace_pos_ca(bundle(&[other]));
                it.server.replace_pos_ca(bundle(&[&it.shop.root]));
            },
        ),
        event(
            "it is revoked, its CA leaves the bundle and comes back",
            Refused(&[Revoked]),
            plain,
            |it, other| {
                takes(it, it.shop.list(6, &[TAKEN_BACK]));
                it.server.replace_pos_ca(bundle(&[other]));
                it.server.replace_pos_ca(bundle(&[&it.shop.root]));
            },
        ),
        event(
            "it is revoked, its CA comes back, and an older list with it",
            Refused(&[Revoked]),
            plain,
            |it, other| {
                takes(it, it.shop.list(6, &[TAKEN_BACK]));
                it.server.replace_pos_ca(bundle(&[other]));
                it.server.replace_pos_ca(bundle(&[&it.shop.root]));
                refuses(it, it.shop.list(5, &[]), |error| {
                    matches!(error, CrlError::Older { .. })
                });
            },
        ),
        event(
            "another CA of the same name takes the place of its own",
            Refused(&[Issuer, Signature]),
            plain,
            |it, _| {
                let same_name = root(&root_params("VINR CA", Depth::Any));
                it.server.replace_pos_ca(bundle(&[&same_name]));
            },
        ),
        event(
            "another CA of the same name comes beside its own",
            Accepted,
            plain,
            |it, _| {
                let same_name = root(&root_params("VINR CA", Depth::Any));
                it.server
                    .replace_pos_ca(bundle(&[&same_name, &it.shop.root]));
            },
        ),
        event(
            "another CA of the same name takes back its serial number",
            Accepted,
            plain,
            |it, _| {
                let same_name = root(&root_params("VINR CA", Depth::Any));
                it.server
                    .replace_pos_ca(bundle(&[&same_name, &it.shop.root]));
                let when = NOW - DAY..NOW + 30 * DAY;
                takes(it, list_of(&same_name, 9, &[TAKEN_BACK], when));
            },
        ),
        event(
            "its CA's own CA takes its place in the bundle",
            Refused(&[Issuer]),
            by_a_ca_of_the_bundle,
            |it, _| it.server.replace_pos_ca(it.shop.bundle("")),
        ),
    ]
}

fn event(
    name: &'static str,
    expect: Expect,
    begin: fn(&Shop) -> (Case, Ca),
    happens: fn(&Running<'_>, &Ca),
) -> Event {
    Event {
        name,
        expect,
        begin,
        happens,
    }
}

impl Event {
    /// The verdict on the open connection, and on a new one of the same peer.
    pub(crate) async fn run(&self) -> (Outcome, Outcome) {
        let shop = Shop::new(Side::Pos);
        let (case, kept) = (self.begin)(&shop);
        let hands = Hands::at_now();
        let handler = Arc::new(Counter::default());
        let server = crate::terminal(&shop, &case, hands.clock(), handler.clone()).await;
        let till = Till::new();
        till.show(&case.shown);
        let mut open = till.open(server.local_addr()).await.unwrap();
        for _ in 0..2 {
            // The second time the terminal may have a verdict in its memory.
            let before = open.ask(&handler).await;
            assert!(
                matches!(before, Outcome::Accepted(_)),
                "{}: {before:?}",
                self.name
            );
        }
        let running = Running {
            shop: &shop,
            server: &server,
            hands: &hands,
        };
        (self.happens)(&running, &kept);
        let outcome = open.ask(&handler).await;
        (outcome, till.meet(server.local_addr(), &handler).await)
    }
}

fn takes(it: &Running<'_>, list: Vec<u8>) {
    it.server.install_crl(&list).unwrap();
}

fn refuses(it: &Running<'_>, list: Vec<u8>, reason: fn(&CrlError) -> bool) {
    let error = it.server.install_crl(&list).unwrap_err();
    assert!(reason(&error), "{error}");
}

fn bundle(cas: &[&Ca]) -> TrustBundle {
    let pem: String = cas.iter().map(|ca| ca.pem()).collect();
    TrustBundle::from_pem(pem.as_bytes()).unwrap()
}

fn pem(list: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(list);
    let lines: Vec<_> = text.as_bytes().chunks(64).collect();
    let lines = lines.join(&b'\n');
    [
        &b"-----BEGIN X509 CRL-----\n"[..],
        &lines,
        b"\n-----END X509 CRL-----\n",
    ]
    .concat()
}

fn stranger() -> Ca {
    root(&root_params("another CA", Depth::Any))
}

fn revocable(shop: &Shop) -> Shown {
    shop.show_numbered(TAKEN_BACK)
}

fn plain(shop: &Shop) -> (Case, Ca) {
    (revocable(shop).into(), stranger())
}

fn without_a_list(shop: &Shop) -> (Case, Ca) {
    (Case::listed(revocable(shop), List::Missing), stranger())
}

fn by_a_short_lived_ca(shop: &Shop) -> (Case, Ca) {
    let mut params = root_params("short-lived CA", Depth::Leaves);
    params.not_after = date!(NOW + 10 * DAY);
    let ca = root(&params);
    (Case::trusting(show_by(shop.leaf(), &ca), ca.pem()), ca)
}

fn by_a_ca_of_the_bundle(shop: &Shop) -> (Case, Ca) {
    let ca = below(root_params("shop CA", Depth::Leaves), &shop.root);
    // It sends no intermediate, since the terminal has it.
    (Case::trusting(show_by(shop.leaf(), &ca), ca.pem()), ca)
}

fn below_a_short_lived_ca(shop: &Shop) -> (Case, Ca) {
    let mut params = root_params("shop CA", Depth::Leaves);
    params.not_after = date!(NOW + 10 * DAY);
    let ca = below(params, &shop.root);
    (show_by(shop.leaf(), &ca).beside([ca.der()]).into(), ca)
}

fn below_a_revocable_ca(shop: &Shop) -> (Case, Ca) {
    let mut params = root_params("shop CA", Depth::Leaves);
    params.serial_number = Some(TAKEN_BACK.to_vec().into());
    let ca = below(params, &shop.root);
    (show_by(shop.leaf(), &ca).beside([ca.der()]).into(), ca)
}
