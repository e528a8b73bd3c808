//! A till that runs gets a new list, a new bundle and a new certificate, and pays by them from the next request on.

use std::fs::read_to_string;

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use vinr_sdk::{Charged, CreateLocal, Error, Identity, TrustBundle, Vinr};
use vinr_simulator::Pki;
use vinr_simulator::provision::Flaw;

use crate::shop::{READER, Shop, sale};

/// A list of the terminal CA, with these serial numbers on it.
fn list(pki: &Pki, number: u64, revoked: &[Vec<u8>]) -> String {
    let authority = read_to_string(pki.terminal_ca()).unwrap();
    let key = read_to_string(pki.dir().join("ca-keys/terminal-ca.key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&authority, KeyPair::from_pem(&key).unwrap()).unwrap();
    let revoked_certs = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from_slice(serial),
        revocation_time: date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(3000, 1, 1),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked_certs.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(&issuer).unwrap().pem().unwrap()
}

/// The serial number of the shop's terminal: what follows the version in a certificate.
fn serial(shop: &Shop) -> Vec<u8> {
    let path = shop.simulator.pki().terminal_cert(shop.terminal().id());
    let certificate = CertificateDer::from_pem_file(path).unwrap();
    let version = [0xa0, 3, 2, 1, 2, 0x02];
    let mut windows = certificate.windows(version.len());
    let at = windows.position(|it| it == version).unwrap() + version.len();
    let length = usize::from(certificate[at]);
    certificate[at + 1..=at + length].to_vec()
}

async fn pays(till: &Vinr, reference: &str) -> Result<(), Error> {
    let sale = CreateLocal {
        reference,
        ..sale()
    };
    till.payments().create_local(sale).await.map(drop)
}

#[track_caller]
fn is_stranger(paid: Result<(), Error>) {
    let error = paid.unwrap_err();
    assert!(matches!(error, Error::Identity { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
}

// [TLS-12]
#[tokio::test]
async fn a_terminal_that_is_revoked_while_the_till_runs_is_not_paid_at_on_its_open_line() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let pki = shop.simulator.pki();
    till.trust()
        .install_terminal_crl(list(pki, 1, &[]))
        .unwrap();
    pays(&till, "order_1").await.unwrap();
    let revoked = list(pki, 2, &[serial(&shop)]);
    till.trust().install_terminal_crl(revoked).unwrap();
    is_stranger(pays(&till, "order_2").await);
    assert_eq!(shop.charges().await, 1);
    // An older one does not bring it back. [TLS-15]
    let older = till.trust().install_terminal_crl(list(pki, 1, &[]));
    assert!(older.is_err(), "{older:?}");
    is_stranger(pays(&till, "order_3").await);
}

// [TLS-12]
#[tokio::test]
async fn a_till_may_begin_with_a_list() {
    let shop = Shop::open().await;
    let pki = shop.simulator.pki();
    for (revoked, is_paid) in [(vec![], true), (vec![serial(&shop)], false)] {
        let till = shop
            .builder()
            .terminal_crl(list(pki, 1, &revoked))
            .unwrap()
            .terminal(READER, shop.terminal().address())
            .build()
            .unwrap();
        match (pays(&till, "order_1").await, is_paid) {
            (paid, true) => paid.unwrap(),
            (paid, false) => is_stranger(paid),
        }
    }
}

// [TLS-3]
#[tokio::test]
async fn a_bundle_that_is_replaced_counts_from_the_next_payment_on() {
    let (shop, stranger) = (Shop::open().await, Shop::of_strangers().await);
    let till = shop.till().await;
    let bundle = |shop: &Shop| TrustBundle::from_pem_file(shop.simulator.pki().terminal_ca());
    till.trust().replace_terminal_ca(bundle(&stranger).unwrap());
    is_stranger(pays(&till, "order_1").await);
    till.trust().replace_terminal_ca(bundle(&shop).unwrap());
    pays(&till, "order_1").await.unwrap();
}

// [TLS-5]
#[tokio::test]
async fn a_certificate_that_is_replaced_is_shown_on_the_next_connection() {
    let shop = Shop::open().await;
    let pki = shop.simulator.pki();
    let till = shop
        .builder()
        .terminal(READER, shop.terminal().address())
        .build()
        .unwrap();
    let (certificate, key) = pki.certification(Flaw::OtherTerminal);
    let of_another = Identity::from_pem_files(certificate, key).unwrap();
    till.trust().replace_identity(of_another);
    let error = pays(&till, "order_1").await.unwrap_err();
    assert!(
        matches!(error, Error::CertificateRefused { .. }),
        "{error:?}"
    );
    let own = Identity::from_pem_files(pki.pos_cert(), pki.pos_key()).unwrap();
    till.trust().replace_identity(own);
    pays(&till, "order_1").await.unwrap();
}
