//! The fourth moment: a connection that was lawful when it was made, and what happens meanwhile. \[TLS-12\]
//!
//! Both sides judge every request, the terminal before it is handed on and the till before it is sent, so whatever
//! happens counts at the next one. The same peer is judged once more on a new connection: both must come to the same
//! verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vinr_transport::revocation::Installed;
use vinr_transport::{Clock, Connector, CrlError, Revocation, Server, Side, TrustBundle};

use crate::kinds::revocation::while_list;
use crate::kinds::{Case, List};
use crate::paper::{
    Ca, DAY, Depth, NOW, Shop, Shown, at, below, date, list_of, root, root_params, show_by,
};
use crate::terminal_side::{Counter, Till};
use crate::till_side::Rogue;
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

/// A judge that a peer is connected to.
pub(crate) struct Running<'a> {
    shop: &'a Shop,
    judge: Judge<'a>,
    hands: &'a Hands,
}

enum Judge<'a> {
    Terminal(&'a Server),
    Till(&'a Connector),
}

/// Something that happens while a connection is open.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) expect: Expect,
    /// Who connects; whatever must be kept until the event comes back with it.
    begin: fn(&Shop) -> (Case, Ca),
    happens: fn(&Running<'_>, &Ca),
}

/// When the connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// To a judge who began with the trust that it has.
    AtOnce,
    /// After the judge's identity, bundle and list were exchanged while it ran.
    AfterReload,
}

/// The serial number of whoever is shown.
const TAKEN_BACK: &[u8] = b"\x10taken back";

/// What may happen where the peer is of this side.
pub(crate) fn events(side: Side) -> Vec<Event> {
    let mut events = dates(side);
    events.extend(lists(side));
    events.extend(exchanges(side));
    events
}

fn dates(side: Side) -> Vec<Event> {
    let in_force = while_list(side, &[Revocation::InForce]);
    let stale = while_list(side, &[Revocation::Stale]);
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
        event("the list becomes stale", stale, listed, |it, _| {
            it.hands.set(NOW + 30 * DAY + 1)
        }),
        event(
            "the list is in its last second",
            in_force,
            listed,
            |it, _| it.hands.set(NOW + 30 * DAY),
        ),
    ]
}

fn lists(side: Side) -> Vec<Event> {
    let in_force = while_list(side, &[Revocation::InForce]);
    // A till that was given no list asks for none.
    let missing = match side {
        Side::Pos => AcceptedWhile(&[Revocation::Missing]),
        Side::Terminal => Accepted,
    };
    vec![
        event("it is revoked", Refused(&[Revoked]), listed, |it, _| {
            it.takes(it.shop.list(6, &[TAKEN_BACK]));
        }),
        event(
            "it is revoked, in PEM",
            Refused(&[Revoked]),
            listed,
            |it, _| {
                it.takes(pem(&it.shop.list(6, &[TAKEN_BACK])));
            },
        ),
        event("another one is revoked", in_force, listed, |it, _| {
            it.takes(it.shop.list(6, &[b"another"]))
        }),
        event(
            "it is revoked, and the list becomes stale",
            Refused(&[Revoked]),
            listed,
            |it, _| {
                it.takes(it.shop.list(6, &[TAKEN_BACK]));
                it.hands.set(NOW + 31 * DAY);
            },
        ),
        event(
            "it is revoked by a list that was made for a month ago",
            Refused(&[Revoked]),
            listed,
            |it, _| {
                let when = NOW - 60 * DAY..NOW - 30 * DAY;
                it.takes(list_of(&it.shop.root, 6, &[TAKEN_BACK], when));
            },
        ),
        event(
            "its issuer is revoked",
            Refused(&[Revoked]),
            below_a_revocable_ca,
            |it, _| {
                it.takes(it.shop.list(6, &[TAKEN_BACK]));
            },
        ),
        event(
            "a list comes where there was none",
            in_force,
            without_a_list,
            |it, _| it.takes(it.shop.list(1, &[])),
        ),
        event(
            "a list comes where there was none, and names it",
            Refused(&[Revoked]),
            without_a_list,
            |it, _| it.takes(it.shop.list(1, &[TAKEN_BACK])),
        ),
        event("no list comes", missing, without_a_list, |_, _| {}),
        event(
            "a list comes in time before the old one ends",
            in_force,
            listed,
            |it, _| {
                let when = NOW - DAY..NOW + 60 * DAY;
                it.takes(list_of(&it.shop.root, 6, &[], when));
                it.hands.set(NOW + 59 * DAY);
            },
        ),
        event(
            "a stranger's list names it",
            in_force,
            listed,
            |it, other| {
                let list = list_of(other, 6, &[TAKEN_BACK], NOW - DAY..NOW + 30 * DAY);
                it.refuses(list, |error| *error == CrlError::OtherIssuer);
            },
        ),
        event("a forged list names it", in_force, listed, |it, _| {
            let forger = root(&root_params("VINR CA", Depth::Any));
            let list = list_of(&forger, 6, &[TAKEN_BACK], NOW - DAY..NOW + 30 * DAY);
            it.refuses(list, |error| *error == CrlError::Forged);
        }),
        event(
            "it is revoked, and an older list comes",
            Refused(&[Revoked]),
            listed,
            |it, _| {
                it.takes(it.shop.list(7, &[TAKEN_BACK]));
                it.refuses(it.shop.list(6, &[]), |error| {
                    matches!(error, CrlError::Older { .. })
                });
            },
        ),
        event(
            "it is revoked, and the same list comes again",
            Refused(&[Revoked]),
            listed,
            |it, _| {
                it.takes(it.shop.list(7, &[TAKEN_BACK]));
                it.takes(it.shop.list(7, &[TAKEN_BACK]));
            },
        ),
        event(
            "it is revoked, and given back by a newer list",
            Accepted,
            listed,
            |it, _| {
                it.takes(it.shop.list(6, &[TAKEN_BACK]));
                it.takes(it.shop.list(7, &[]));
            },
        ),
    ]
}

fn exchanges(side: Side) -> Vec<Event> {
    let in_force = while_list(side, &[Revocation::InForce]);
    vec![
        event(
            "the judge's own identity is renewed",
            Accepted,
            plain,
            |it, _| {
                it.renews_itself();
            },
        ),
        event(
            "its CA leaves the bundle",
            Refused(&[Issuer]),
            plain,
            |it, other| it.trusts(bundle(&[other])),
        ),
        event(
            "another CA comes into the bundle",
            Accepted,
            plain,
            |it, other| {
                it.trusts(bundle(&[&it.shop.root, other]));
            },
        ),
        event(
            "its CA leaves the bundle and comes back",
            in_force,
            listed,
            |it, other| {
                it.trusts(bundle(&[other]));
                it.trusts(bundle(&[&it.shop.root]));
            },
        ),
        event(
            "it is revoked, its CA leaves the bundle and comes back",
            Refused(&[Revoked]),
            listed,
            |it, other| {
                it.takes(it.shop.list(6, &[TAKEN_BACK]));
                it.trusts(bundle(&[other]));
                it.trusts(bundle(&[&it.shop.root]));
            },
        ),
        event(
            "it is revoked, its CA comes back, and an older list with it",
            Refused(&[Revoked]),
            listed,
            |it, other| {
                it.takes(it.shop.list(6, &[TAKEN_BACK]));
                it.trusts(bundle(&[other]));
                it.trusts(bundle(&[&it.shop.root]));
                it.refuses(it.shop.list(5, &[]), |error| {
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
                it.trusts(bundle(&[&same_name]));
            },
        ),
        event(
            "another CA of the same name comes beside its own",
            Accepted,
            plain,
            |it, _| {
                let same_name = root(&root_params("VINR CA", Depth::Any));
                it.trusts(bundle(&[&same_name, &it.shop.root]));
            },
        ),
        event(
            "another CA of the same name takes back its serial number",
            Accepted,
            listed,
            |it, _| {
                let same_name = root(&root_params("VINR CA", Depth::Any));
                it.trusts(bundle(&[&same_name, &it.shop.root]));
                let when = NOW - DAY..NOW + 30 * DAY;
                it.takes(list_of(&same_name, 9, &[TAKEN_BACK], when));
            },
        ),
        event(
            "its CA's own CA takes its place in the bundle",
            Refused(&[Issuer]),
            by_a_ca_of_the_bundle,
            |it, _| it.trusts(it.shop.bundle("")),
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
    pub(crate) async fn run(&self, side: Side, made: Made) -> (Outcome, Outcome) {
        match side {
            Side::Pos => self.before_a_terminal(made).await,
            Side::Terminal => self.before_a_till(made).await,
        }
    }

    async fn before_a_terminal(&self, made: Made) -> (Outcome, Outcome) {
        let shop = Shop::new(Side::Pos);
        let (case, kept) = (self.begin)(&shop);
        let hands = Hands::at_now();
        let (till, handler) = (Till::new(), Arc::new(Counter::default()));
        let server = match made {
            Made::AtOnce => crate::terminal(&shop, &case, hands.clock(), handler.clone()).await,
            Made::AfterReload => {
                let clock = hands.clock();
                crate::reloaded_terminal(&shop, &case, clock, handler.clone(), &till).await
            }
        };
        till.show(&case.shown);
        let mut open = till.open(server.local_addr()).await.unwrap();
        for _ in 0..2 {
            // The second time the judge may have a verdict in its memory.
            let before = open.ask(&handler).await;
            let is_accepted = matches!(before, Outcome::Accepted(_));
            assert!(is_accepted, "{}: {before:?}", self.name);
        }
        self.happen(&shop, Judge::Terminal(&server), &hands, &kept);
        let outcome = open.ask(&handler).await;
        (outcome, till.meet(server.local_addr(), &handler).await)
    }

    async fn before_a_till(&self, made: Made) -> (Outcome, Outcome) {
        let shop = Shop::new(Side::Terminal);
        let (case, kept) = (self.begin)(&shop);
        let hands = Hands::at_now();
        let mut rogue = Rogue::listen().await;
        let connector = match made {
            Made::AtOnce => crate::till(&shop, &case, hands.clock()),
            Made::AfterReload => {
                crate::reloaded_till(&shop, &case, hands.clock(), &mut rogue).await
            }
        };
        rogue.show(&case.shown);
        let mut open = rogue.open(&connector).await.unwrap();
        for _ in 0..2 {
            let before = rogue.is_asked(&mut open).await;
            assert_eq!(before, Outcome::Accepted(None), "{}", self.name);
        }
        self.happen(&shop, Judge::Till(&connector), &hands, &kept);
        let outcome = rogue.is_asked_at_last(open).await;
        (outcome, rogue.meet(&connector).await)
    }

    fn happen(&self, shop: &Shop, judge: Judge<'_>, hands: &Hands, kept: &Ca) {
        let running = Running { shop, judge, hands };
        (self.happens)(&running, kept);
    }
}

impl Running<'_> {
    fn takes(&self, list: Vec<u8>) {
        self.install(&list).unwrap();
    }

    fn refuses(&self, list: Vec<u8>, reason: fn(&CrlError) -> bool) {
        let error = self.install(&list).unwrap_err();
        assert!(reason(&error), "{error}");
    }

    fn install(&self, list: &[u8]) -> Result<Installed, CrlError> {
        match self.judge {
            Judge::Terminal(server) => server.install_crl(list),
            Judge::Till(connector) => connector.install_crl(list),
        }
    }

    fn trusts(&self, bundle: TrustBundle) {
        match self.judge {
            Judge::Terminal(server) => server.replace_pos_ca(bundle),
            Judge::Till(connector) => connector.replace_terminal_ca(bundle),
        }
    }

    fn renews_itself(&self) {
        let identity = self.shop.judge();
        match self.judge {
            Judge::Terminal(server) => server.replace_identity(identity).unwrap(),
            Judge::Till(connector) => connector.replace_identity(identity),
        }
    }
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

/// Also a till asks for lists.
fn listed(shop: &Shop) -> (Case, Ca) {
    (Case::listed(revocable(shop), List::InForce), stranger())
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
    // It sends no intermediate, since the judge has it.
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
