//! A failure of trust is an error of its own: it says which, that nobody was charged, and what to do; it never looks
//! like a time-out, and is never tried again. \[TLS-9, HYB-6\]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "../../vinr-conformance/tests/doctor/strangers.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod strangers;

use std::net::SocketAddr;
use std::sync::LazyLock;

use rcgen::{CertificateParams, SanType, date_time_ymd};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use strangers::{
    Authority, Stranger, TERMINAL, Told, authority, leaf, reader_answer_with_journal, refusal,
    serve_bytes,
};
use tokio::net::TcpListener;
use vinr_protocol::TerminalId;
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{Charged, CreateLocal, Discover, Error, Lines, Vinr};
use vinr_simulator::provision::Pki;
use vinr_transport::Identity;

/// One till, and one authority that it trusts; making a `.p12` is slow by design, so it is done once.
struct Shop {
    _dir: tempfile::TempDir,
    pki: Pki,
    authority: Authority,
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let id = TerminalId::new(TERMINAL).unwrap();
    let pki = Pki::provision(dir.path(), &[id]).unwrap().pki;
    let authority = authority("shop CA");
    Shop {
        _dir: dir,
        pki,
        authority,
    }
});

impl Shop {
    /// A till that knows the terminal to be at this address.
    fn till(&self, address: SocketAddr) -> Vinr {
        let pki = &self.pki;
        let identity = Identity::from_pem_files(pki.pos_cert(), pki.pos_key()).unwrap();
        Vinr::builder()
            .terminal_ca_pem(self.authority.pem())
            .unwrap()
            .identity(identity)
            .store(MemoryStore::new())
            .terminal(TERMINAL, address)
            // The connections that are counted are the payment's.
            .lines(Lines::none())
            .build()
            .unwrap()
    }

    /// A terminal of ours that asks for our till's certificate.
    fn terminal(&self) -> Stranger {
        let pos_ca = CertificateDer::from_pem_file(self.pki.pos_ca()).unwrap();
        Stranger::new(leaf(), &self.authority).asks_for(pos_ca)
    }
}

fn sale() -> CreateLocal<'static> {
    CreateLocal {
        reader_id: TERMINAL,
        amount: 2500,
        currency: "USD",
        reference: "order_8821",
        ..CreateLocal::default()
    }
}

async fn paid_at(address: SocketAddr) -> Error {
    let till = SHOP.till(address);
    let error = till.payments().create_local(sale()).await.unwrap_err();
    let unresolved = till.attempts().unresolved().await.unwrap();
    assert_eq!(unresolved, [], "nothing is left to be found out: {error}");
    error
}

/// Pays at this stranger, which must hear nothing.
async fn paid_at_nobody(stranger: Stranger) -> Error {
    let (address, told) = stranger.serve().await;
    let error = paid_at(address).await;
    assert_eq!(told.bytes(), 0, "{error}");
    assert_eq!(told.connections(), 1, "tried again: {error}");
    error
}

async fn paid_with(params: CertificateParams) -> Error {
    paid_at_nobody(Stranger::new(params, &SHOP.authority)).await
}

/// It is about who answered: says so in these words, charged nobody, and warns.
#[track_caller]
fn is_identity(error: &Error, words: &str) {
    let Error::Identity { .. } = error else {
        panic!("not an identity error: {error:?}");
    };
    says(error, words);
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert!(error.next().contains("do not pay there"), "{error}");
}

/// The terminal refused this till.
#[track_caller]
fn is_refusal(error: &Error, words: &str) {
    let Error::CertificateRefused { .. } = error else {
        panic!("not a refusal of the certificate: {error:?}");
    };
    says(error, words);
    assert!(error.to_string().contains("processed nothing"), "{error}");
    assert!(error.next().contains("provision a certificate"), "{error}");
}

/// Nobody was reached.
#[track_caller]
fn is_unreachable(error: &Error, words: &str) {
    let Error::Unreachable { .. } = error else {
        panic!("not unreachable: {error:?}");
    };
    says(error, words);
    assert!(error.next().contains("network"), "{error}");
}

#[track_caller]
fn says(error: &Error, words: &str) {
    let text = error.to_string();
    assert!(text.contains(words), "{text}");
    assert_eq!(error.charged(), Charged::No);
    let looks_like_a_time_out = text.contains("no answer in time");
    assert!(!looks_like_a_time_out, "{text}");
}

// [TLS-3, TLS-9]
#[tokio::test]
async fn a_wrong_ca() {
    let stranger = Stranger::new(leaf(), &authority("another CA"));
    is_identity(
        &paid_at_nobody(stranger).await,
        "no CA of the bundle signed it",
    );
}

// [TLS-10]
#[tokio::test]
async fn another_terminal() {
    let mut params = leaf();
    params.subject_alt_names = vec![SanType::DnsName("term_B".try_into().unwrap())];
    is_identity(&paid_with(params).await, "belongs to term_B");
}

#[tokio::test]
async fn an_expired_terminal() {
    let mut params = leaf();
    params.not_after = date_time_ymd(2021, 1, 1);
    is_identity(&paid_with(params).await, "it has expired");
}

#[tokio::test]
async fn a_terminal_of_tomorrow() {
    let mut params = leaf();
    (params.not_before, params.not_after) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1));
    is_identity(&paid_with(params).await, "not valid yet");
}

// [TLS-5]
#[tokio::test]
async fn our_certificate_refused_in_the_handshake() {
    let another = authority("another POS CA").der().clone();
    let stranger = Stranger::new(leaf(), &SHOP.authority).asks_for(another);
    let (address, told) = stranger.serve().await;
    let error = paid_at(address).await;
    is_refusal(&error, "does not know the CA that signed it (TLS alert");
    assert_eq!((told.connections(), told.pays()), (1, 0));
}

async fn refused_with(code: &str) -> (Error, std::sync::Arc<Told>) {
    let (address, told) = SHOP.terminal().answers(refusal(code)).serve().await;
    (paid_at(address).await, told)
}

// [TLS-6]
#[tokio::test]
async fn our_certificate_refused_by_403() {
    let (error, told) = refused_with("certificate_not_for_terminal").await;
    is_refusal(&error, "certificate_not_for_terminal");
    assert_eq!((told.connections(), told.pays()), (1, 0));
}

// [TLS-12]
#[tokio::test]
async fn our_certificate_revoked() {
    let (error, told) = refused_with("certificate_revoked").await;
    is_refusal(&error, "certificate_revoked");
    assert_eq!((told.connections(), told.pays()), (1, 0));
}

// [TLS-12]
#[tokio::test]
async fn our_certificate_revoked_between_the_first_question_and_the_payment() {
    let stranger = SHOP.terminal().answers(reader_answer_with_journal());
    let stranger = stranger.otherwise(refusal("certificate_revoked"));
    let (address, told) = stranger.serve().await;
    let error = paid_at(address).await;
    is_refusal(&error, "certificate_revoked");
    assert_eq!(told.pays(), 1, "a refused payment is not tried again");
}

// [TLS-12, REC-16]
#[tokio::test]
async fn our_certificate_revoked_before_a_device_without_keys_is_asked_what_it_knows() {
    let stranger = SHOP.terminal().otherwise(refusal("certificate_revoked"));
    let (address, told) = stranger.serve().await;
    let error = paid_at(address).await;
    is_refusal(&error, "certificate_revoked");
    assert_eq!(told.pays(), 0);
}

// [TLS-1]
#[tokio::test]
async fn a_plaintext_peer() {
    let address = serve_bytes(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    is_identity(&paid_at(address).await, "the answer is not TLS");
}

// [TLS-13]
#[tokio::test]
async fn a_peer_that_knows_nothing_newer_than_tls_12() {
    // What OpenSSL says with -tls1_2: protocol_version.
    let address = serve_bytes(|_| vec![0x15, 0x03, 0x03, 0, 2, 2, 70]).await;
    is_identity(&paid_at(address).await, "does not speak TLS 1.3");
}

// [TLS-13]
#[tokio::test]
async fn a_peer_that_answers_with_tls_12_all_the_same() {
    let address = serve_bytes(|_| {
        // A ServerHello of TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256.
        let hello = [&[0x02, 0, 0, 38, 3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0]].concat();
        [&[0x16, 0x03, 0x03, 0, 42][..], &hello].concat()
    })
    .await;
    is_identity(&paid_at(address).await, "does not speak TLS 1.3");
}

// [TLS-13]
#[tokio::test]
async fn a_tls_server_of_another_protocol() {
    let stranger = SHOP.terminal().alpn(b"h2");
    is_identity(
        &paid_at_nobody(stranger).await,
        "does not speak TLS 1.3 as this API uses it",
    );
}

#[tokio::test]
async fn any_other_alert_in_the_handshake_is_about_who_answered_and_not_about_our_certificate() {
    // internal_error
    let address = serve_bytes(|_| vec![0x15, 0x03, 0x03, 0, 2, 2, 80]).await;
    is_identity(&paid_at(address).await, "internal_error");
}

// [TLS-8]
#[tokio::test]
async fn a_copied_certificate_without_its_key() {
    let lawful = Stranger::new(leaf(), &SHOP.authority);
    let certificate = lawful.certificate();
    is_identity(
        &paid_at_nobody(Stranger::impostor(certificate)).await,
        "nothing was sent",
    );
}

#[tokio::test]
async fn a_reset_in_the_handshake_is_unreachable() {
    let address = strangers::serve(|tcp| async move {
        // Closing with bytes unread resets, once they are there.
        tcp.readable().await.unwrap();
        drop(tcp);
    })
    .await;
    is_unreachable(
        &paid_at(address).await,
        "the connection ended during the handshake",
    );
}

#[tokio::test(start_paused = true)]
async fn silence_in_the_handshake_is_told_from_a_host_that_is_not_there() {
    // The system takes the connection for it, and nobody reads it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    is_unreachable(
        &paid_at(address).await,
        "it took the connection and did not finish the TLS handshake in time",
    );
}

// [DISC-8]
#[tokio::test]
async fn a_discovery_says_which_of_them_it_was() {
    use vinr_sdk::Reason;
    let refusing = SHOP.terminal().answers(refusal("certificate_revoked"));
    let (refusing, _) = refusing.serve().await;
    let (foreign, _) = Stranger::new(leaf(), &authority("another CA"))
        .serve()
        .await;
    let old = serve_bytes(|_| vec![0x15, 0x03, 0x03, 0, 2, 2, 70]).await;
    let hosts = [refusing, foreign, old].map(|address| address.to_string());
    let till = SHOP.till(refusing);
    let found = till.readers().discover(Discover::static_hosts(hosts)).await;
    let left_out = found.unwrap().left_out;
    let reasons: Vec<_> = left_out
        .into_iter()
        .map(|left_out| left_out.reason)
        .collect();
    assert!(
        matches!(
            reasons.as_slice(),
            [
                Reason::CertificateRefused(_),
                Reason::Identity(_),
                Reason::Identity(_)
            ]
        ),
        "{reasons:?}"
    );
}

// [TLS-12]
#[tokio::test]
async fn a_cancel_by_a_revoked_till_is_refused_and_not_called_unanswered() {
    let stranger = SHOP.terminal().otherwise(refusal("certificate_revoked"));
    let (address, _) = stranger.serve().await;
    let till = SHOP.till(address);
    let error = till
        .payments()
        .cancel(TERMINAL, "order_8821")
        .await
        .unwrap_err();
    is_refusal(&error, "certificate_revoked");
}

// [REC-10]
#[tokio::test]
async fn a_till_that_lost_its_certificate_does_not_call_an_unresolved_sale_unpaid() {
    let (address, _) = SHOP
        .terminal()
        .answers(refusal("certificate_revoked"))
        .serve()
        .await;
    let till = SHOP.till(address);
    let retrieved = till.payments().retrieve_by_reference("order_8821").await;
    let error = retrieved.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::Perhaps);
    assert!(error.to_string().contains("certificate_revoked"), "{error}");
}
