//! Who the terminal is.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::shop::{Examined, Shop, TERMINAL, examine, id, order, provisioned};
use crate::strangers::{Authority, Stranger, authority, bundle, leaf, reader_answer};

/// At a stranger with this certificate from an authority that the till trusts; and what it heard.
async fn at(params: CertificateParams) -> (Examined, usize) {
    let authority = authority("shop CA");
    let stranger = Stranger::new(params, &authority);
    at_stranger(stranger, &authority).await
}

async fn at_stranger(stranger: Stranger, trusted: &Authority) -> (Examined, usize) {
    let (dir, pki) = provisioned();
    let (address, told) = stranger.serve().await;
    let mut order = order(address, &pki);
    order.files.terminal_ca = bundle(trusted, &dir);
    let examined = examine(&order).await;
    (examined, told.bytes())
}

#[tokio::test]
async fn at_a_terminal_of_ours_all_is_well() {
    let shop = Shop::open().await;
    let examined = examine(&shop.order()).await;
    assert_eq!(examined.diagnosis.cause(), None, "{}", examined.text());
    assert_eq!(examined.diagnosis.exit_code(), 0);
    assert!(
        examined
            .finding("reader.is")
            .says
            .contains("online and idle")
    );
    assert!(examined.finding("reader.is").facts[0].contains("first byte"));
}

#[tokio::test]
async fn the_doctor_starts_no_payment() {
    let shop = Shop::open().await;
    examine(&shop.order()).await;
    let terminal = shop.simulator.terminal();
    assert_eq!(terminal.ledger().await, []);
}

// [TLS-3]
#[tokio::test]
async fn a_terminal_of_another_ca_is_shown_beside_our_bundle() {
    let (strangers, (_dir, pki)) = (Shop::of_strangers().await, provisioned());
    let examined = examine(&order(strangers.address(), &pki)).await;
    examined.blames(
        "terminal.issuer",
        "no CA of this till's bundle",
        "CA bundle",
    );
    let facts = &examined.finding("terminal.issuer").facts;
    assert!(
        facts.iter().any(|fact| fact.starts_with("issuer")),
        "{facts:?}"
    );
    assert!(
        facts.iter().any(|fact| fact.starts_with("bundle")),
        "{facts:?}"
    );
}

// [TLS-3]
#[tokio::test]
async fn a_ca_of_the_same_name_is_told_from_any_other() {
    let (ours, namesake) = (authority("shop CA"), authority("shop CA"));
    let (examined, heard) = at_stranger(Stranger::new(leaf(), &namesake), &ours).await;
    examined.blames("terminal.same_name_ca", "did not sign", "fingerprint");
    assert_eq!(heard, 0);
}

// [TLS-10]
#[tokio::test]
async fn another_terminal_of_ours_is_named() {
    let shop = Shop::open().await;
    let mut order = shop.order();
    order.terminal = Some(id("term_CT20_0043"));
    let examined = examine(&order).await;
    // The till is for neither: its own files come first.
    let finding = examined.finding("terminal.other");
    assert!(finding.says.contains(TERMINAL), "{finding:?}");
    assert!(finding.says.contains("term_CT20_0043"), "{finding:?}");
    assert!(
        finding.next.as_ref().unwrap().contains("--id"),
        "{finding:?}"
    );
    assert!(examined.seen.talk.is_none());
}

// [TLS-10]
#[tokio::test]
async fn where_no_terminal_is_named_the_doctor_says_which_it_is() {
    let shop = Shop::open().await;
    let mut order = shop.order();
    order.terminal = None;
    let examined = examine(&order).await;
    assert!(examined.finding("terminal.is").says.contains(TERMINAL));
    assert_eq!(examined.diagnosis.exit_code(), 0);
}

#[tokio::test]
async fn an_expired_terminal_is_held_against_this_machines_clock() {
    let mut params = leaf();
    params.not_after = date_time_ymd(2021, 1, 1);
    let (examined, heard) = at(params).await;
    examined.blames("terminal.expired", "expired", "date");
    assert!(
        examined
            .finding("clock.against_certificate")
            .says
            .contains("20")
    );
    assert_eq!(heard, 0);
}

#[tokio::test]
async fn a_terminal_of_tomorrow_points_to_the_clock() {
    let mut params = leaf();
    params.not_before = date_time_ymd(3000, 1, 1);
    params.not_after = date_time_ymd(3001, 1, 1);
    let (examined, heard) = at(params).await;
    examined.blames(
        "terminal.not_yet_valid",
        "not valid yet",
        "set this machine's date",
    );
    assert_eq!(heard, 0);
}

// [TLS-14]
#[tokio::test]
async fn a_tills_certificate_at_a_terminal_is_told_by_its_purpose() {
    let mut params = leaf();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (examined, heard) = at(params).await;
    examined.blames("terminal.purpose", "not for servers alone", "issued anew");
    assert_eq!(heard, 0);
}

// [TLS-14]
#[tokio::test]
async fn two_names_are_one_too_many() {
    let mut params = leaf();
    let second = SanType::DnsName("term_B".try_into().unwrap());
    params.subject_alt_names.push(second);
    let (examined, heard) = at(params).await;
    examined.blames("terminal.names", "exactly one name", "issued anew");
    let facts = examined.finding("terminal.names").facts.join("\n");
    assert!(facts.contains("dns:term_B"), "{facts}");
    assert_eq!(heard, 0);
}

// [TLS-8]
#[tokio::test]
async fn whoever_copied_the_certificate_and_lacks_its_key_hears_nothing() {
    let (_dir, pki) = provisioned();
    let certificate = CertificateDer::from_pem_file(pki.terminal_cert(&id(TERMINAL))).unwrap();
    let (address, told) = Stranger::impostor(certificate).serve().await;
    let examined = examine(&order(address, &pki)).await;
    examined.blames("till.no_key", "does not hold its key", "do not pay there");
    assert_eq!(told.bytes(), 0);
}

#[tokio::test]
async fn a_hostile_subject_moves_no_cursor() {
    let mut params = leaf();
    let evil = "\u{1b}]0;owned\u{7}\u{202e}".to_owned() + &"x".repeat(5000);
    params
        .distinguished_name
        .push(DnType::OrganizationName, evil);
    let (examined, _) = at(params).await;
    let told = examined.text();
    assert!(
        told.lines().all(|line| line.chars().count() < 200),
        "{told}"
    );
    assert!(
        !told.contains('\u{1b}') && !told.contains('\u{202e}'),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_terminal_whose_clock_is_an_hour_ahead_is_told_by_its_date() {
    let authority = authority("shop CA");
    let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let date = ahead.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n");
    let stranger = Stranger::new(leaf(), &authority).answers(reader_answer(&date.to_string()));
    let (examined, _) = at_stranger(stranger, &authority).await;
    let says = &examined.finding("clock.skew").says;
    assert!(says.contains("ahead of"), "{says}");
}
