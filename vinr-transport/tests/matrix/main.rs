//! The certificate matrix: every kind of certificate × every moment × both judges, over real sockets.
//!
//! A row is a kind of peer with the verdict that the specification wants; a column is a moment at which
//! it comes. Every refusal must name its check; a refused till's request never reaches the handler, and a
//! refused terminal gets no byte and does not even learn who the till is. After every case a lawful peer
//! is accepted by the same judge, so that no refusal can come from the harness.
//! \[TLS-3, TLS-5, TLS-6, TLS-8, TLS-9, TLS-10, TLS-13, TLS-14\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod der;
mod kinds;
mod open;
mod paper;
mod rsa;
mod terminal_side;
mod till_side;
mod verdict;

use std::collections::BTreeSet;
use std::sync::Arc;

use vinr_transport::revocation::Installed;
use vinr_transport::server::Limits;
use vinr_transport::{Clock, Connector, CrlError, RevocationList, Server, ServerOptions, Side};

use kinds::{Case, Kind, List};
use open::{Hands, Made};
use paper::Shop;
use terminal_side::{Counter, Till};
use till_side::Rogue;
use verdict::{Expect, Fault, Outcome};

/// When a peer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// First of all.
    First,
    /// After a lawful one, of whom the same judge could have kept something.
    Reconnect,
    /// After the judge's identity, bundle and list were exchanged while it ran.
    Reload,
}

/// Runs every row of a column and lists all that went wrong.
async fn column(side: Side, moment: Moment) {
    let kinds = kinds::all(side);
    let mut wrong = Vec::new();
    let mut outcomes = 0;
    for kind in &kinds {
        let shop = Shop::new(side);
        let case = kind.make(&shop);
        let (outcome, control) = match side {
            Side::Terminal => judged_by_a_till(kind, &shop, &case, moment).await,
            Side::Pos => judged_by_a_terminal(&shop, &case, moment).await,
        };
        outcomes += 1;
        let as_expected = kind.expect.is_met_by(&outcome);
        if !as_expected || !Expect::Accepted.is_met_by(&control) {
            let (name, expect) = (kind.name, kind.expect);
            wrong.push(format!(
                "{name}: expected {expect:?}, was {outcome:?}; a lawful one after it: {control:?}"
            ));
        }
    }
    assert_eq!(outcomes, kinds.len(), "every row has an outcome");
    none(&wrong, kinds.len());
}

fn none(wrong: &[String], of: usize) {
    let count = wrong.len();
    assert!(
        wrong.is_empty(),
        "{count} of {of} rows:\n  {}",
        wrong.join("\n  ")
    );
}

/// The outcome, and a lawful terminal's after it.
async fn judged_by_a_till(
    kind: &Kind,
    shop: &Shop,
    case: &Case,
    moment: Moment,
) -> (Outcome, Outcome) {
    let mut rogue = Rogue::listen().await;
    let lawful = shop.lawful();
    let clock = Hands::at_now().clock();
    let connector = match moment {
        Moment::First | Moment::Reconnect => till(shop, case, clock),
        Moment::Reload => reloaded_till(shop, case, clock, &mut rogue).await,
    };
    let has_no_list =
        kind.expect == Expect::Refused(&[Fault::NoList]) || matches!(case.list, List::Stale(_));
    if moment == Moment::Reconnect && !has_no_list {
        rogue.show(&lawful);
        assert_eq!(rogue.meet(&connector).await, Outcome::Accepted(None));
    }
    if let Some(wrong) = case.wrongly_taken(|list| connector.install_crl(list)) {
        return (wrong, Outcome::Accepted(None));
    }
    rogue.show(&case.shown);
    let outcome = rogue.meet(&connector).await;
    rogue.show(&lawful);
    // Without a list in force nobody is lawful to a till that asks: the control is one that does not.
    let control = if has_no_list {
        till_with(shop, case, None, Hands::at_now().clock())
    } else {
        connector
    };
    (outcome, rogue.meet(&control).await)
}

/// A till of this shop.
fn till(shop: &Shop, case: &Case, clock: Clock) -> Connector {
    till_with(shop, case, case.first_list(shop), clock)
}

fn till_with(shop: &Shop, case: &Case, list: Option<Vec<u8>>, clock: Clock) -> Connector {
    let bundle = shop.bundle(&case.also_trusted);
    let list = list.map(|list| RevocationList::read(&list, &bundle).unwrap());
    let connector = Connector::new(bundle, shop.judge())
        .unwrap()
        .with_clock(clock);
    match list {
        Some(list) => connector.with_crl(list),
        None => connector,
    }
}

/// A till that was another shop's and became this one's while it ran.
async fn reloaded_till(shop: &Shop, case: &Case, clock: Clock, rogue: &mut Rogue) -> Connector {
    let old = Shop::new(Side::Terminal);
    let list = case.first_list(shop);
    let old_list = list.as_ref().map(|_| old.list(1, &[]));
    let connector = till_with(&old, &old.lawful().into(), old_list, clock);
    rogue.show(&old.lawful());
    assert_eq!(rogue.meet(&connector).await, Outcome::Accepted(None));
    connector.replace_identity(shop.judge());
    connector.replace_terminal_ca(shop.bundle(&case.also_trusted));
    if let Some(list) = list {
        install_first(|| connector.install_crl(&list));
    }
    let left_behind = rogue.meet(&connector).await;
    assert!(matches!(left_behind, Outcome::Check(_)), "{left_behind:?}");
    connector
}

/// The outcome, and a lawful till's after it.
async fn judged_by_a_terminal(shop: &Shop, case: &Case, moment: Moment) -> (Outcome, Outcome) {
    let (till, handler) = (Till::new(), Arc::new(Counter::default()));
    let clock = Hands::at_now().clock();
    let lawful = shop.lawful();
    let server = match moment {
        Moment::First => terminal(shop, case, clock, handler.clone()).await,
        Moment::Reconnect => {
            let server = terminal(shop, case, clock, handler.clone()).await;
            till.show(&lawful);
            let before = till.meet(server.local_addr(), &handler).await;
            assert!(matches!(before, Outcome::Accepted(_)), "{before:?}");
            server
        }
        Moment::Reload => reloaded_terminal(shop, case, clock, handler.clone(), &till).await,
    };
    let addr = server.local_addr();
    if let Some(wrong) = case.wrongly_taken(|list| server.install_crl(list)) {
        return (wrong, Outcome::Accepted(None));
    }
    till.show(&case.shown);
    let outcome = till.meet(addr, &handler).await;
    till.show(&lawful);
    (outcome, till.meet(addr, &handler).await)
}

/// A terminal that was another shop's and became this one's while it ran.
async fn reloaded_terminal(
    shop: &Shop,
    case: &Case,
    clock: Clock,
    handler: Arc<Counter>,
    till: &Till,
) -> Server {
    let old = Shop::new(Side::Pos);
    let server = terminal(&old, &old.lawful().into(), clock, handler.clone()).await;
    till.show(&old.lawful());
    let before = till.meet(server.local_addr(), &handler).await;
    assert!(matches!(before, Outcome::Accepted(_)), "{before:?}");
    server.replace_identity(shop.judge()).unwrap();
    server.replace_pos_ca(shop.bundle(&case.also_trusted));
    if let Some(list) = case.first_list(shop) {
        install_first(|| server.install_crl(&list));
    }
    let left_behind = till.meet(server.local_addr(), &handler).await;
    assert!(!matches!(left_behind, Outcome::Accepted(_)));
    server
}

/// Who starts takes the list that was kept; who runs refuses a list of tomorrow, and then has none.
fn install_first(install: impl FnOnce() -> Result<Installed, CrlError>) {
    match install() {
        Ok(_) | Err(CrlError::NotYet { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

/// A running terminal of this shop.
async fn terminal(shop: &Shop, case: &Case, clock: Clock, handler: Arc<Counter>) -> Server {
    let bundle = shop.bundle(&case.also_trusted);
    let list = case.first_list(shop);
    let list = list.map(|list| RevocationList::read(&list, &bundle).unwrap());
    let options = ServerOptions {
        terminal: till_side::terminal(),
        identity: shop.judge(),
        pos_ca: bundle,
        limits: Limits::default(),
        crl: list,
    };
    let any_port = "127.0.0.1:0".parse().unwrap();
    Server::bind_with_clock(any_port, options, clock, handler)
        .await
        .unwrap()
}

// [TLS-3, TLS-9, TLS-10, TLS-14]
#[tokio::test]
async fn a_till_judges_every_terminal_at_the_first_connection() {
    column(Side::Terminal, Moment::First).await;
}

// [TLS-3, TLS-9, TLS-10, TLS-13, TLS-14]
#[tokio::test]
async fn a_till_judges_every_terminal_when_it_connects_again() {
    column(Side::Terminal, Moment::Reconnect).await;
}

// [TLS-3, TLS-9, TLS-10, TLS-12, TLS-14]
#[tokio::test]
async fn a_till_judges_every_terminal_after_its_trust_was_exchanged() {
    column(Side::Terminal, Moment::Reload).await;
}

// [TLS-5, TLS-6, TLS-12, TLS-14, TLS-15]
#[tokio::test]
async fn a_terminal_judges_every_till_at_the_first_connection() {
    column(Side::Pos, Moment::First).await;
}

// [TLS-5, TLS-6, TLS-12, TLS-13, TLS-14, TLS-15]
#[tokio::test]
async fn a_terminal_judges_every_till_when_it_connects_again() {
    column(Side::Pos, Moment::Reconnect).await;
}

// [TLS-5, TLS-6, TLS-12, TLS-14, TLS-15]
#[tokio::test]
async fn a_terminal_judges_every_till_after_its_trust_was_exchanged() {
    column(Side::Pos, Moment::Reload).await;
}

/// Runs everything that may happen while a connection is open, and lists all that went wrong.
async fn open_column(side: Side, made: Made) {
    let events = open::events(side);
    let mut wrong = Vec::new();
    for event in &events {
        let (outcome, again) = event.run(side, made).await;
        if !event.expect.is_met_by(&outcome) || !event.expect.is_met_by(&again) {
            let (name, expect) = (event.name, event.expect);
            wrong.push(format!(
                "{name}: expected {expect:?}, was {outcome:?}; on a new connection: {again:?}"
            ));
        }
    }
    none(&wrong, events.len());
}

// [TLS-3, TLS-8, TLS-9, TLS-12]
#[tokio::test]
async fn a_till_judges_every_terminal_again_on_an_open_connection() {
    open_column(Side::Terminal, Made::AtOnce).await;
}

// [TLS-3, TLS-8, TLS-9, TLS-12]
#[tokio::test]
async fn a_till_judges_every_terminal_again_on_a_connection_made_after_its_trust_was_exchanged() {
    open_column(Side::Terminal, Made::AfterReload).await;
}

// [TLS-5, TLS-12, TLS-15]
#[tokio::test]
async fn a_terminal_judges_every_till_again_on_an_open_connection() {
    open_column(Side::Pos, Made::AtOnce).await;
}

// [TLS-5, TLS-12, TLS-15]
#[tokio::test]
async fn a_terminal_judges_every_till_again_on_a_connection_made_after_its_trust_was_exchanged() {
    open_column(Side::Pos, Made::AfterReload).await;
}

#[test]
fn there_are_three_hundred_cases_and_more() {
    let mut cases = 0;
    for (side, peer) in [(Side::Terminal, "terminal"), (Side::Pos, "till")] {
        let kinds = kinds::all(side);
        let names: BTreeSet<_> = kinds.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), kinds.len(), "no row is there twice");
        let accepted = kinds
            .iter()
            .filter(|kind| kind.expect.is_accepted())
            .count();
        let refused = kinds.len() - accepted;
        for moment in [Moment::First, Moment::Reconnect, Moment::Reload] {
            println!("a {peer}, {moment:?}: {accepted} accepted, {refused} refused");
            cases += kinds.len();
        }
        let events = open::events(side);
        let names: BTreeSet<_> = events.iter().map(|event| event.name).collect();
        assert_eq!(names.len(), events.len(), "no event is there twice");
        let accepted = events.iter().filter(|it| it.expect.is_accepted()).count();
        let refused = events.len() - accepted;
        for made in [Made::AtOnce, Made::AfterReload] {
            println!(
                "a {peer}, on a connection made {made:?}: {accepted} accepted, {refused} refused"
            );
            cases += events.len();
        }
    }
    println!("{cases} cases");
    assert!(cases >= 300, "{cases}");
}
