//! Both ends of a connection to the sandbox cloud.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use vinr_simulator::Pki;

use crate::support::tls::{client, server};

/// Who answers as the sandbox cloud does, at 127.0.0.1.
pub(crate) fn as_cloud(pki: &Pki) -> ServerConfig {
    let authority = std::fs::read_to_string(pki.cloud_ca()).unwrap();
    let key = std::fs::read_to_string(pki.dir().join("ca-keys/cloud-ca.key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&authority, KeyPair::from_pem(&key).unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::IpAddress(IpAddr::from(Ipv4Addr::LOCALHOST))];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    server(vec![certificate.der().clone()], key)
}

/// Who asks the cloud, which wants no certificate.
pub(crate) fn of_cloud(pki: &Pki) -> ClientConfig {
    let mut config = client(&pki.cloud_ca()).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
