//! Which lists are taken: whole, numbered, with an end, and signed by a CA of the bundle. \[TLS-15\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ED25519,
};
use support::crl::{
    CERTIFICATE_ISSUER, Crl, DAY, DELTA, DISTRIBUTION_POINT, ECDSA_WITH_SHA1, REASON, UNKNOWN,
    bundle_of, extension, moment, pem, sequence, serial, tlv,
};
use support::{bundle, ca, issue, pos_leaf};
use vinr_transport::revocation::MAX_BYTES;
use vinr_transport::{CrlError, RevocationList};

type Ca = CertifiedIssuer<'static, KeyPair>;

/// What is said of a list that was spoilt before its CA signed it.
fn refused(spoil: impl FnOnce(&mut Crl)) -> CrlError {
    let ca = ca("CA");
    let mut crl = Crl::of(&ca);
    spoil(&mut crl);
    RevocationList::read(&crl.signed_by(&ca), &bundle(&ca)).unwrap_err()
}

fn ca_with(usages: Vec<KeyUsagePurpose>, key: KeyPair) -> Ca {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = usages;
    CertifiedIssuer::self_signed(params, key).unwrap()
}

#[test]
fn a_lawful_list_says_whom_it_revokes_and_until_when() {
    let ca = ca("CA");
    let (revoked, other) = (issue(pos_leaf(vec![]), &ca), issue(pos_leaf(vec![]), &ca));
    let crl = Crl::of(&ca)
        .number(7)
        .revoking(&revoked)
        .from(DAY)
        .until(31 * DAY);
    let list = crl.read(&ca);
    assert_eq!(list.number().to_string(), "7");
    assert_eq!(list.this_update(), moment(DAY));
    assert_eq!(list.next_update(), moment(31 * DAY));
    assert_eq!(list.len(), 1);
    assert!(list.revokes(&crl.issuer, &serial(&revoked)));
    assert!(!list.revokes(&crl.issuer, &serial(&other)));
}

#[test]
fn another_issuers_certificate_of_the_same_serial_is_not_revoked() {
    let ca = ca("CA");
    let revoked = issue(pos_leaf(vec![]), &ca);
    let list = Crl::of(&ca).revoking(&revoked).read(&ca);
    let other = Crl::of(&support::ca("other")).issuer;
    assert!(!list.revokes(&other, &serial(&revoked)));
}

#[test]
fn pem_is_read_as_der_is() {
    let ca = ca("CA");
    let der = Crl::of(&ca).number(9).signed_by(&ca);
    let list = RevocationList::read(&pem(&der), &bundle(&ca)).unwrap();
    assert_eq!(list.number().to_string(), "9");
}

#[test]
fn a_list_of_an_ed25519_ca_is_taken() {
    let ca = ca_with(
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
    );
    let mut crl = Crl::of(&ca);
    crl.algorithm = sequence(&[&[0x06, 3, 0x2b, 0x65, 0x70]]);
    assert!(crl.read(&ca).is_empty());
}

#[test]
fn a_list_that_fills_the_limit_is_taken() {
    let ca = ca("CA");
    let mut crl = Crl::of(&ca);
    crl.serials = (0u32..160_000)
        .map(|it| it.to_be_bytes().to_vec())
        .collect();
    let der = crl.signed_by(&ca);
    assert!(
        der.len() <= MAX_BYTES && der.len() > MAX_BYTES * 3 / 4,
        "{}",
        der.len()
    );
    let list = RevocationList::read(&der, &bundle(&ca)).unwrap();
    assert!(list.revokes(&crl.issuer, &159_999u32.to_be_bytes()));
}

#[test]
fn a_file_of_50_mb_is_refused_by_its_size() {
    let bytes = vec![0x30; 50 * 1024 * 1024];
    let error = RevocationList::read(&bytes, &bundle(&ca("CA"))).unwrap_err();
    assert_eq!(error, CrlError::TooLarge { bytes: bytes.len() });
}

#[test]
fn the_limit_itself_is_not_too_large() {
    for (length, is_too_large) in [(MAX_BYTES, false), (MAX_BYTES + 1, true)] {
        let error = RevocationList::read(&vec![0x30; length], &bundle(&ca("CA"))).unwrap_err();
        assert_eq!(matches!(error, CrlError::TooLarge { .. }), is_too_large);
    }
}

#[test]
fn what_is_no_list_is_refused() {
    let ca = ca("CA");
    let whole = Crl::of(&ca).signed_by(&ca);
    let longer = [&whole[..], &[0]].concat();
    for bytes in [
        &b""[..],
        b"no list",
        &whole[..whole.len() - 1],
        &longer,
        ca.pem().as_bytes(),
    ] {
        let error = RevocationList::read(bytes, &bundle(&ca)).unwrap_err();
        assert_eq!(error, CrlError::NotACrl);
    }
}

#[test]
fn two_lists_in_one_file_are_refused() {
    let ca = ca("CA");
    let twice = pem(&Crl::of(&ca).signed_by(&ca)).repeat(2);
    let error = RevocationList::read(&twice, &bundle(&ca)).unwrap_err();
    assert!(matches!(error, CrlError::Malformed { .. }), "{error}");
}

#[test]
fn another_cas_list_is_refused() {
    let other = ca("other");
    let error = RevocationList::read(&Crl::of(&other).signed_by(&other), &bundle(&ca("CA")));
    assert_eq!(error.unwrap_err(), CrlError::OtherIssuer);
}

#[test]
fn a_list_that_only_names_the_ca_is_forged() {
    let (real, forger) = (ca("CA"), ca("CA"));
    let error = RevocationList::read(&Crl::of(&real).signed_by(&forger), &bundle(&real));
    assert_eq!(error.unwrap_err(), CrlError::Forged);
}

#[test]
fn a_list_with_a_bit_changed_after_it_was_signed_is_forged() {
    let ca = ca("CA");
    let revoked = issue(pos_leaf(vec![]), &ca);
    let mut der = Crl::of(&ca).revoking(&revoked).signed_by(&ca);
    let serial = serial(&revoked);
    let place = der
        .windows(serial.len())
        .position(|it| it == serial)
        .unwrap();
    der[place + 1] ^= 1;
    let error = RevocationList::read(&der, &bundle(&ca)).unwrap_err();
    assert_eq!(error, CrlError::Forged);
}

#[test]
fn of_two_cas_of_one_name_the_one_that_signed_is_found() {
    let (old, new) = (ca("CA"), ca("CA"));
    let both = bundle_of(&[&old, &new]);
    for ca in [&old, &new] {
        assert!(RevocationList::read(&Crl::of(ca).signed_by(ca), &both).is_ok());
    }
}

#[test]
fn sha_1_is_refused() {
    let error = refused(|crl| crl.algorithm = sequence(&[ECDSA_WITH_SHA1]));
    assert_eq!(error, CrlError::UnsupportedSignature);
}

#[test]
fn a_ca_that_may_not_sign_lists_is_refused() {
    let ca = ca_with(
        vec![KeyUsagePurpose::KeyCertSign],
        KeyPair::generate().unwrap(),
    );
    let error = RevocationList::read(&Crl::of(&ca).signed_by(&ca), &bundle(&ca));
    assert_eq!(error.unwrap_err(), CrlError::MayNotSign);
}

#[test]
fn a_root_that_leaves_its_key_usage_open_may_sign_lists() {
    let ca = ca_with(vec![], KeyPair::generate().unwrap());
    assert!(Crl::of(&ca).read(&ca).is_empty());
}

#[test]
fn a_list_without_a_number_is_refused() {
    assert_eq!(refused(|crl| crl.number = None), CrlError::NoNumber);
}

#[test]
fn a_number_of_20_octets_is_taken_and_of_21_is_not() {
    let ca = ca("CA");
    let mut crl = Crl::of(&ca);
    crl.number = Some(vec![0x7f; 20]);
    crl.read(&ca);
    let error = refused(|crl| crl.number = Some(vec![0x7f; 21]));
    assert!(matches!(error, CrlError::Malformed { .. }), "{error}");
}

#[test]
fn a_negative_number_is_refused() {
    let error = refused(|crl| crl.number = Some(vec![0xff]));
    assert!(matches!(error, CrlError::Malformed { .. }), "{error}");
}

#[test]
fn a_list_without_an_end_is_refused() {
    assert_eq!(
        refused(|crl| crl.next_update = None),
        CrlError::NoNextUpdate
    );
}

#[test]
fn a_list_that_ends_before_it_begins_is_refused() {
    let error = refused(|crl| crl.next_update = Some(crl.this_update));
    assert!(matches!(error, CrlError::Malformed { .. }), "{error}");
}

#[test]
fn a_list_of_version_1_is_refused() {
    let error = refused(|crl| crl.version = None);
    assert!(matches!(error, CrlError::Malformed { .. }), "{error}");
}

#[test]
fn a_delta_is_refused() {
    let delta = extension(DELTA, true, &tlv(0x02, &[1]));
    assert_eq!(
        refused(|crl| crl.extensions.push(delta)),
        CrlError::NotWhole
    );
}

#[test]
fn a_list_about_some_certificates_only_is_refused() {
    // [1] onlyContainsUserCerts, [2] onlyContainsCACerts, [4] indirectCRL, [5] onlyContainsAttributeCerts.
    for flag in [0x81, 0x82, 0x84, 0x85] {
        let point = sequence(&[&[flag, 1, 0xff]]);
        let partial = extension(DISTRIBUTION_POINT, true, &point);
        let error = refused(|crl| crl.extensions.push(partial));
        assert_eq!(error, CrlError::NotWhole, "flag {flag:x}");
    }
}

#[test]
fn a_distribution_point_that_limits_nothing_is_taken() {
    let ca = ca("CA");
    let mut crl = Crl::of(&ca);
    crl.extensions
        .push(extension(DISTRIBUTION_POINT, true, &sequence(&[])));
    crl.read(&ca);
}

#[test]
fn an_entry_of_another_ca_is_refused() {
    let error = refused(|crl| {
        crl.serials.push(vec![1]);
        let other = extension(CERTIFICATE_ISSUER, true, &sequence(&[]));
        crl.entry_extensions.push(other);
    });
    assert_eq!(error, CrlError::NotWhole);
}

#[test]
fn an_unknown_critical_extension_is_refused() {
    let unknown = || extension(UNKNOWN, true, &tlv(0x05, &[]));
    let of_list = refused(|crl| crl.extensions.push(unknown()));
    assert_eq!(of_list, CrlError::UnknownCritical);
    let of_entry = refused(|crl| {
        crl.serials.push(vec![1]);
        crl.entry_extensions.push(unknown());
    });
    assert_eq!(of_entry, CrlError::UnknownCritical);
}

#[test]
fn an_unknown_extension_that_is_not_critical_is_ignored() {
    let ca = ca("CA");
    let mut crl = Crl::of(&ca);
    crl.extensions
        .push(extension(UNKNOWN, false, &tlv(0x05, &[])));
    crl.read(&ca);
}

#[test]
fn an_extension_twice_is_refused() {
    let number = extension(&[0x55, 0x1d, 20], false, &tlv(0x02, &[9]));
    let error = refused(|crl| crl.extensions.push(number));
    assert!(matches!(error, CrlError::Malformed { .. }), "{error}");
}

#[test]
fn whatever_the_reason_what_is_listed_is_revoked() {
    let ca = ca("CA");
    // Unspecified, keyCompromise, certificateHold, removeFromCRL.
    for reason in [0, 1, 6, 8] {
        let mut crl = Crl::of(&ca);
        crl.serials.push(vec![42]);
        let why = extension(REASON, false, &tlv(0x0a, &[reason]));
        crl.entry_extensions.push(why);
        assert!(crl.read(&ca).revokes(&crl.issuer, &[42]), "reason {reason}");
    }
}

#[test]
fn a_serial_number_of_more_than_20_octets_is_refused() {
    let error = refused(|crl| crl.serials.push(vec![1; 21]));
    assert!(matches!(error, CrlError::Malformed { .. }), "{error}");
}

#[test]
fn every_fault_says_what_to_do() {
    for error in [
        CrlError::NotACrl,
        CrlError::OtherIssuer,
        CrlError::Forged,
        CrlError::NoNumber,
    ] {
        assert!(error.to_string().contains("; "), "{error}");
    }
}
