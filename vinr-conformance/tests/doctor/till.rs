//! What the terminal makes of this till's certificate.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use vinr_simulator::provision::Flaw;

use crate::shop::{Examined, Shop, examine, order, pem, provisioned};
use crate::strangers::{Stranger, authority, bundle, leaf, refusal};

async fn with_flaw(flaw: Flaw) -> Examined {
    let shop = Shop::open().await;
    let mut order = shop.order();
    order.files.key = pem(shop.pki().certification(flaw));
    examine(&order).await
}

// [TLS-6]
#[tokio::test]
async fn a_till_of_another_terminal_is_told_whom_its_certificate_names() {
    let examined = with_flaw(Flaw::OtherTerminal).await;
    examined.blames(
        "files.till_for_other_terminal",
        "term_of_another_shop",
        "added",
    );
    let confirmed = examined.finding("till.not_for_terminal");
    assert!(
        confirmed.says.contains("term_of_another_shop"),
        "{confirmed:?}"
    );
}

// [TLS-5]
#[tokio::test]
async fn a_terminal_that_knows_another_pos_ca_says_so_by_alert() {
    let examined = with_flaw(Flaw::ForeignCa).await;
    examined.blames("till.unknown_ca", "does not know the CA", "POS CA");
    assert_eq!(examined.diagnosis.exit_code(), 1);
}

// [TLS-5]
#[tokio::test]
async fn an_expired_till_is_found_in_its_files_and_confirmed_by_the_terminal() {
    let examined = with_flaw(Flaw::Expired).await;
    examined.blames("files.till_expired", "expired on", "renewed");
    examined.finding("till.expired");
}

// [TLS-14]
#[tokio::test]
async fn a_servers_certificate_at_a_till_is_found_in_its_files() {
    let examined = with_flaw(Flaw::ServerAuth).await;
    examined.blames("files.till_profile", "not a till's", "till's own identity");
}

// [TLS-4, TLS-5]
#[tokio::test]
async fn a_terminal_that_asks_nobody_for_a_certificate_is_not_well() {
    let (dir, pki) = provisioned();
    let authority = authority("shop CA");
    let (address, _) = Stranger::new(leaf(), &authority).serve().await;
    let mut order = order(address, &pki);
    order.files.terminal_ca = bundle(&authority, &dir);
    let examined = examine(&order).await;
    examined.blames("till.not_asked", "never asked", "do not pay there");
}

async fn answered(answer: String) -> Examined {
    let (dir, pki) = provisioned();
    let authority = authority("shop CA");
    let pos_ca = CertificateDer::from_pem_file(pki.pos_ca()).unwrap();
    let stranger = Stranger::new(leaf(), &authority)
        .asks_for(pos_ca)
        .answers(answer);
    let (address, _) = stranger.serve().await;
    let mut order = order(address, &pki);
    order.files.terminal_ca = bundle(&authority, &dir);
    examine(&order).await
}

// [TLS-12]
#[tokio::test]
async fn a_revoked_till_is_told_so() {
    let examined = answered(refusal("certificate_revoked")).await;
    examined.blames("till.revoked", "revoked", "provision a new certificate");
    assert_eq!(examined.diagnosis.exit_code(), 1);
}

#[tokio::test]
async fn a_terminal_that_is_starting_is_told_from_one_that_refuses() {
    let examined = answered(refusal("terminal_unavailable")).await;
    examined.blames("till.unavailable", "starting", "wait");
}

#[tokio::test]
async fn an_answer_of_another_api_is_no_terminals() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_owned();
    let examined = answered(answer).await;
    examined.blames("till.not_ours", "not of this API", "software");
}

#[tokio::test]
async fn a_terminal_that_hangs_up_on_the_question_is_not_called_silent() {
    let examined = answered(String::new()).await;
    examined.blames("till.closed", "hung up", "again");
}
