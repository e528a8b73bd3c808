//! A private certificate authority and the leaves it signs. P-256 throughout.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    SanType,
};

/// A CA that can sign.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its private key, both PEM.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// What a leaf says.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) common_name: String,
    pub(super) names: Vec<SanType>,
    /// `None` is a leaf without any purpose, which a strict peer refuses.
    pub(super) purpose: Option<ExtendedKeyUsagePurpose>,
    pub(super) validity: Validity,
}

/// The first and the last day.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    from: jiff::civil::Date,
    until: jiff::civil::Date,
}

impl Validity {
    /// From so many days after today until so many days after today.
    pub(super) fn days_from_today(from: i32, until: i32) -> Self {
        let today = jiff::Timestamp::now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let day = |offset: i32| {
            let span = jiff::Span::new().days(offset);
            today.checked_add(span).unwrap_or(today)
        };
        Self {
            from: day(from),
            until: day(until),
        }
    }

    fn apply(self, params: &mut CertificateParams) {
        let day = |date: jiff::civil::Date| {
            let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
            rcgen::date_time_ymd(i32::from(date.year()), month, day)
        };
        params.not_before = day(self.from);
        params.not_after = day(self.until);
    }
}

impl Authority {
    /// A new CA with its self-signed certificate. Each has a name of its own, so that a peer which trusts
    /// another one says "unknown issuer" and not "bad signature".
    pub(super) fn create(name: &str) -> Result<(Self, Issued), rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        let common_name = format!("{name} {}", ulid::Ulid::generate());
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Validity::days_from_today(-1, 3650).apply(&mut params);
        let issued = Issued {
            certificate: params.self_signed(&key)?.pem(),
            key: key.serialize_pem(),
        };
        let issuer = Issuer::new(params, key);
        Ok((Self { issuer }, issued))
    }

    /// A CA that was made before.
    pub(super) fn load(certificate: &str, key: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::from_pem(key)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key)?;
        Ok(Self { issuer })
    }

    /// Signs a list of what it revoked, as PEM.
    pub(super) fn revoke(
        &self,
        list: CertificateRevocationListParams,
    ) -> Result<String, rcgen::Error> {
        list.signed_by(&self.issuer)?.pem()
    }

    /// Signs a leaf with a fresh key.
    pub(super) fn issue(&self, leaf: Leaf) -> Result<Issued, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, leaf.common_name);
        params.subject_alt_names = leaf.names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = leaf.purpose.into_iter().collect();
        params.use_authority_key_identifier_extension = true;
        leaf.validity.apply(&mut params);
        Ok(Issued {
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}
