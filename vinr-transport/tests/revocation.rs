//! A till or a terminal that was revoked is refused, on open connections too. \[TLS-12, TLS-15\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use support::crl::{Crl, DAY, bundle_of, moment};
use support::{
    PAYMENT, Pki, TERMINAL, Terminal, bundle, ca, dns, id, issue, pay_request, pos_leaf,
    terminal_leaf, urn,
};
use vinr_protocol::{Code, Reference};
use vinr_transport::revocation::Revocation;
use vinr_transport::{
    CallError, Check, Clock, ConnectError, Connection, Connector, CrlError, Identity,
};

type Ca = CertifiedIssuer<'static, KeyPair>;

async fn connect(connector: &Connector, terminal: &Terminal) -> Connection {
    let name = id(TERMINAL);
    let connecting = connector.connect(terminal.addr(), &name);
    connecting.await.expect("the terminal is lawful")
}

/// The code of a 403.
async fn forbidden(connection: &mut Connection) -> Code {
    match connection.reader().await.unwrap_err() {
        CallError::Refused(403, error) => error.code,
        other => panic!("not a 403: {other}"),
    }
}

/// The request reached the handler: its answer is not a reader's, and that is all the same here.
async fn is_let_through(connection: &mut Connection, terminal: &Terminal) -> bool {
    let before = terminal.calls();
    let _ = connection.reader().await;
    terminal.calls() == before + 1
}

/// How the list stood, as the handler of a payment was told.
async fn told(connection: &mut Connection, terminal: &mut Terminal) -> Revocation {
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (request, outcome) = terminal.held.recv().await.unwrap();
    outcome.send(Ok(PAYMENT.into())).unwrap();
    // Read to its end, or it hangs up.
    accepted.outcome().await.unwrap();
    request.revocation
}

/// A terminal with a list, at a date that the test sets.
struct Dated {
    terminal: Terminal,
    secs: Arc<AtomicI64>,
}

impl Dated {
    async fn start(pki: &Pki, crl: Crl, secs: i64) -> Self {
        let now = Arc::new(AtomicI64::new(secs));
        let clock = Clock::new({
            let now = now.clone();
            move || moment(now.load(Ordering::SeqCst))
        });
        let mut options = pki.options();
        options.crl = Some(crl.read(&pki.pos_ca));
        let terminal = Terminal::start_with_clock(options, clock).await;
        Self {
            terminal,
            secs: now,
        }
    }

    fn at(&self, secs: i64) {
        self.secs.store(secs, Ordering::SeqCst);
    }
}

// [TLS-12]
#[tokio::test]
async fn a_revoked_till_is_told_so_and_no_handler_is_called() {
    let pki = Pki::new();
    let pos = pki.pos();
    let mut options = pki.options();
    options.crl = Some(Crl::of(&pki.pos_ca).revoking(&pos).read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    let mut connection = connect(&pki.connector_of(pos), &terminal).await;
    assert_eq!(forbidden(&mut connection).await, Code::CertificateRevoked);
    assert_eq!(terminal.calls(), 0);
}

// [TLS-12]
#[tokio::test]
async fn a_revoked_till_is_told_so_on_its_open_connection_and_it_is_closed() {
    let pki = Pki::new();
    let pos = pki.pos();
    let terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector_of(pos.clone()), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
    let list = Crl::of(&pki.pos_ca).revoking(&pos).signed_by(&pki.pos_ca);
    terminal.server.install_crl(&list).unwrap();
    assert_eq!(forbidden(&mut connection).await, Code::CertificateRevoked);
    let error = connection.reader().await.unwrap_err();
    assert_eq!(error, CallError::NotSent);
}

// [TLS-12]
#[tokio::test]
async fn a_payment_that_is_held_is_answered_though_its_till_is_revoked() {
    let pki = Pki::new();
    let pos = pki.pos();
    let mut terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector_of(pos.clone()), &terminal).await;
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_, outcome) = terminal.held.recv().await.unwrap();
    let list = Crl::of(&pki.pos_ca).revoking(&pos).signed_by(&pki.pos_ca);
    terminal.server.install_crl(&list).unwrap();
    outcome.send(Ok(PAYMENT.into())).unwrap();
    let payment = accepted.outcome().await.unwrap();
    assert_eq!(payment.reference, Reference::new("order_8821").unwrap());
    assert_eq!(forbidden(&mut connection).await, Code::CertificateRevoked);
}

#[tokio::test]
async fn a_till_that_is_not_on_the_list_goes_on() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector(), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
    let list = Crl::of(&pki.pos_ca)
        .revoking(&pki.pos())
        .signed_by(&pki.pos_ca);
    terminal.server.install_crl(&list).unwrap();
    assert!(is_let_through(&mut connection, &terminal).await);
}

#[tokio::test]
async fn a_till_that_a_newer_list_no_longer_names_goes_on() {
    let pki = Pki::new();
    let pos = pki.pos();
    let mut options = pki.options();
    options.crl = Some(Crl::of(&pki.pos_ca).revoking(&pos).read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    let list = Crl::of(&pki.pos_ca).number(2).signed_by(&pki.pos_ca);
    terminal.server.install_crl(&list).unwrap();
    let mut connection = connect(&pki.connector_of(pos), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
}

fn intermediate(root: &Ca) -> Ca {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "lanes");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), root).unwrap()
}

/// A root, an intermediate CA under it, and a till of that with the chain.
fn under_an_intermediate() -> (Pki, Ca, Identity) {
    let mut pki = Pki::new();
    pki.pos_ca = support::ca_for("root", IsCa::Ca(BasicConstraints::Unconstrained));
    let lanes = intermediate(&pki.pos_ca);
    let (leaf, key) = support::issue_pem(pos_leaf(vec![urn(TERMINAL)]), &lanes);
    let pos = Identity::from_pem((leaf + &lanes.pem()).as_bytes(), key.as_bytes()).unwrap();
    (pki, lanes, pos)
}

fn serial_of(ca: &Ca) -> Vec<u8> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    let (_, certificate) = X509Certificate::from_der(ca.der()).unwrap();
    certificate.raw_serial().to_vec()
}

// [TLS-12]
#[tokio::test]
async fn a_till_of_a_revoked_intermediate_ca_is_refused() {
    let (pki, lanes, pos) = under_an_intermediate();
    let terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector_of(pos), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
    let mut crl = Crl::of(&pki.pos_ca);
    crl.serials.push(serial_of(&lanes));
    terminal
        .server
        .install_crl(&crl.signed_by(&pki.pos_ca))
        .unwrap();
    assert_eq!(forbidden(&mut connection).await, Code::CertificateRevoked);
}

// [TLS-15]
#[tokio::test]
async fn a_root_without_the_list_of_its_intermediate_ca_is_not_enough() {
    let (pki, _, pos) = under_an_intermediate();
    let mut options = pki.options();
    options.crl = Some(Crl::of(&pki.pos_ca).read(&pki.pos_ca));
    let mut terminal = Terminal::start(options).await;
    let mut connection = connect(&pki.connector_of(pos), &terminal).await;
    assert_eq!(
        told(&mut connection, &mut terminal).await,
        Revocation::Missing
    );
}

#[tokio::test]
async fn an_intermediate_ca_in_the_bundle_has_a_list_of_its_own() {
    let (pki, lanes, pos) = under_an_intermediate();
    let mut options = pki.options();
    options.pos_ca = bundle_of(&[&pki.pos_ca, &lanes]);
    options.crl = Some(Crl::of(&pki.pos_ca).read(&pki.pos_ca));
    let mut terminal = Terminal::start(options).await;
    terminal
        .server
        .install_crl(&Crl::of(&lanes).signed_by(&lanes))
        .unwrap();
    let mut connection = connect(&pki.connector_of(pos.clone()), &terminal).await;
    assert_eq!(
        told(&mut connection, &mut terminal).await,
        Revocation::InForce
    );
    let list = Crl::of(&lanes).number(2).revoking(&pos).signed_by(&lanes);
    terminal.server.install_crl(&list).unwrap();
    assert_eq!(forbidden(&mut connection).await, Code::CertificateRevoked);
}

// [TLS-15]
#[tokio::test]
async fn without_a_list_the_handler_is_told_that_it_is_missing() {
    let pki = Pki::new();
    let mut terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector(), &terminal).await;
    assert_eq!(
        told(&mut connection, &mut terminal).await,
        Revocation::Missing
    );
    assert_eq!(terminal.server.revocation(), Revocation::Missing);
}

// [TLS-15]
#[tokio::test]
async fn a_list_counts_to_the_second_of_its_next_update_on_an_open_connection() {
    let pki = Pki::new();
    let crl = Crl::of(&pki.pos_ca).from(20_000 * DAY).until(20_030 * DAY);
    let mut dated = Dated::start(&pki, crl, 20_030 * DAY).await;
    let mut connection = connect(&pki.connector(), &dated.terminal).await;
    assert_eq!(
        told(&mut connection, &mut dated.terminal).await,
        Revocation::InForce
    );
    dated.at(20_030 * DAY + 1);
    assert_eq!(
        told(&mut connection, &mut dated.terminal).await,
        Revocation::Stale
    );
    assert_eq!(dated.terminal.server.revocation(), Revocation::Stale);
}

// [TLS-15] look-ups go on
#[tokio::test]
async fn a_list_past_its_date_lets_requests_through() {
    let pki = Pki::new();
    let crl = Crl::of(&pki.pos_ca).from(20_000 * DAY).until(20_030 * DAY);
    let dated = Dated::start(&pki, crl, 20_031 * DAY).await;
    let mut connection = connect(&pki.connector(), &dated.terminal).await;
    assert!(is_let_through(&mut connection, &dated.terminal).await);
}

// [TLS-12]
#[tokio::test]
async fn a_list_past_its_date_still_revokes() {
    let pki = Pki::new();
    let pos = pki.pos();
    let crl = Crl::of(&pki.pos_ca).from(20_000 * DAY).until(20_030 * DAY);
    let dated = Dated::start(&pki, crl.revoking(&pos), 20_031 * DAY).await;
    let mut connection = connect(&pki.connector_of(pos), &dated.terminal).await;
    assert_eq!(forbidden(&mut connection).await, Code::CertificateRevoked);
}

// [TLS-15] a clock that was set back makes no list last for ever
#[tokio::test]
async fn a_list_does_not_count_before_its_date_less_5_minutes() {
    let pki = Pki::new();
    let crl = Crl::of(&pki.pos_ca).from(20_000 * DAY).until(20_030 * DAY);
    let mut dated = Dated::start(&pki, crl, 20_000 * DAY - 300).await;
    let mut connection = connect(&pki.connector(), &dated.terminal).await;
    assert_eq!(
        told(&mut connection, &mut dated.terminal).await,
        Revocation::InForce
    );
    dated.at(20_000 * DAY - 301);
    assert_eq!(
        told(&mut connection, &mut dated.terminal).await,
        Revocation::Stale
    );
}

// [TLS-15]
#[tokio::test]
async fn an_older_list_is_refused_and_the_newer_one_stays() {
    let pki = Pki::new();
    let pos = pki.pos();
    let mut options = pki.options();
    options.crl = Some(
        Crl::of(&pki.pos_ca)
            .number(2)
            .revoking(&pos)
            .read(&pki.pos_ca),
    );
    let terminal = Terminal::start(options).await;
    let older = Crl::of(&pki.pos_ca).number(1).signed_by(&pki.pos_ca);
    let error = terminal.server.install_crl(&older).unwrap_err();
    assert!(matches!(error, CrlError::Older { .. }), "{error}");
    let mut connection = connect(&pki.connector_of(pos), &terminal).await;
    assert_eq!(forbidden(&mut connection).await, Code::CertificateRevoked);
}

#[tokio::test]
async fn the_same_list_again_is_no_error_and_nothing_new() {
    let pki = Pki::new();
    let crl = Crl::of(&pki.pos_ca);
    let terminal = Terminal::start(pki.options()).await;
    let first = terminal
        .server
        .install_crl(&crl.signed_by(&pki.pos_ca))
        .unwrap();
    // Another signature, as a CA makes one that signs anew.
    let again = terminal
        .server
        .install_crl(&crl.signed_by(&pki.pos_ca))
        .unwrap();
    assert!(first.is_new && !again.is_new);
}

// [TLS-15]
#[tokio::test]
async fn another_list_of_the_same_number_is_refused() {
    let pki = Pki::new();
    let crl = Crl::of(&pki.pos_ca).revoking(&pki.pos());
    let mut options = pki.options();
    options.crl = Some(crl.read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    let other = Crl::of(&pki.pos_ca).signed_by(&pki.pos_ca);
    let error = terminal.server.install_crl(&other).unwrap_err();
    assert!(matches!(error, CrlError::SameNumber { .. }), "{error}");
}

// [TLS-15]
#[tokio::test]
async fn a_list_from_the_future_is_refused() {
    let pki = Pki::new();
    let crl = |secs| {
        Crl::of(&pki.pos_ca)
            .number(2)
            .from(secs)
            .until(20_060 * DAY)
    };
    let start = Crl::of(&pki.pos_ca).from(20_000 * DAY).until(20_030 * DAY);
    let now = 20_010 * DAY;
    let dated = Dated::start(&pki, start, now).await;
    let server = &dated.terminal.server;
    let error = server
        .install_crl(&crl(now + 301).signed_by(&pki.pos_ca))
        .unwrap_err();
    assert!(matches!(error, CrlError::NotYet { .. }), "{error}");
    server
        .install_crl(&crl(now + 300).signed_by(&pki.pos_ca))
        .unwrap();
}

// [TLS-15]
#[tokio::test]
async fn a_forged_list_changes_nothing() {
    let pki = Pki::new();
    let pos = pki.pos();
    let terminal = Terminal::start(pki.options()).await;
    let forged = Crl::of(&pki.pos_ca)
        .revoking(&pos)
        .signed_by(&ca("VINR POS CA"));
    let error = terminal.server.install_crl(&forged).unwrap_err();
    assert_eq!(error, CrlError::Forged);
    let mut connection = connect(&pki.connector_of(pos), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
}

// The terminal CA's word says nothing about tills.
#[tokio::test]
async fn a_list_of_the_terminal_ca_is_refused_by_a_terminal() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let list = Crl::of(&pki.terminal_ca).signed_by(&pki.terminal_ca);
    let error = terminal.server.install_crl(&list).unwrap_err();
    assert_eq!(error, CrlError::OtherIssuer);
}

/// What a till that asks for lists says to this terminal, before it sends anything.
async fn till_refuses(pki: &Pki, connector: Connector, identity: Identity) -> Check {
    let mut options = pki.options();
    options.identity = identity;
    let terminal = Terminal::start(options).await;
    let connecting = connector.connect(terminal.addr(), &id(TERMINAL)).await;
    assert_eq!(terminal.calls(), 0);
    match connecting.unwrap_err() {
        ConnectError::Identity { check, .. } => check,
        other => panic!("not an identity: {other}"),
    }
}

// [TLS-12]
#[tokio::test]
async fn a_till_that_asks_for_lists_refuses_a_revoked_terminal() {
    let pki = Pki::new();
    let identity = pki.terminal();
    let list = Crl::of(&pki.terminal_ca)
        .revoking(&identity)
        .read(&pki.terminal_ca);
    let connector = pki.connector().with_crl(list);
    assert_eq!(
        till_refuses(&pki, connector, identity).await,
        Check::Revoked
    );
}

#[tokio::test]
async fn a_till_that_asks_for_lists_takes_a_terminal_that_is_on_none() {
    let pki = Pki::new();
    let list = Crl::of(&pki.terminal_ca)
        .revoking(&pki.terminal())
        .read(&pki.terminal_ca);
    let terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector().with_crl(list), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
}

#[tokio::test]
async fn a_till_refuses_by_a_list_past_its_date_to_the_second() {
    let pki = Pki::new();
    let crl = Crl::of(&pki.terminal_ca)
        .from(20_000 * DAY)
        .until(20_030 * DAY);
    let at = |secs| {
        let connector = pki.connector().with_crl(crl.read(&pki.terminal_ca));
        connector.with_clock(Clock::new(move || moment(secs)))
    };
    let terminal = Terminal::start(pki.options()).await;
    connect(&at(20_030 * DAY), &terminal).await;
    let check = till_refuses(&pki, at(20_030 * DAY + 1), pki.terminal()).await;
    assert_eq!(check, Check::ListStale);
}

#[tokio::test]
async fn a_till_that_asks_for_lists_refuses_a_ca_that_has_none() {
    let (pki, other) = (Pki::new(), ca("other"));
    let both = bundle_of(&[&pki.terminal_ca, &other]);
    let connector = Connector::new(both, pki.pos()).unwrap();
    let connector = connector.with_crl(Crl::of(&pki.terminal_ca).read(&pki.terminal_ca));
    let identity = issue(terminal_leaf(vec![dns(TERMINAL)]), &other);
    let check = till_refuses(&pki, connector, identity).await;
    assert_eq!(check, Check::ListMissing);
}

#[tokio::test]
async fn a_list_that_a_till_takes_counts_for_the_clones_of_its_connector() {
    let pki = Pki::new();
    let identity = pki.terminal();
    let connector = pki.connector();
    let clone = connector.clone();
    let list = Crl::of(&pki.terminal_ca).revoking(&identity);
    connector
        .install_crl(&list.signed_by(&pki.terminal_ca))
        .unwrap();
    assert_eq!(till_refuses(&pki, clone, identity).await, Check::Revoked);
}

// Lists are opt-in at a till.
#[tokio::test]
async fn a_till_that_does_not_ask_for_lists_needs_none() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let connector = Connector::new(bundle(&pki.terminal_ca), pki.pos()).unwrap();
    let mut connection = connect(&connector, &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
}
