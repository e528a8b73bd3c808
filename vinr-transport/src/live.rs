//! What a running server trusts and shows, exchanged without a restart: its identity, the CAs of the tills, and the
//! revocation lists.
//!
//! A new connection gets what is current when it comes. An open one is judged against what is current at each of its
//! requests, so an exchange counts at once.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch;
use vinr_protocol::TerminalId;

use crate::authorize::PosVerifier;
use crate::check::{Check, Side};
use crate::clock::Clock;
use crate::exchange::Exchanged;
use crate::identity::Identity;
use crate::revocation::{CrlError, Installed, Lists, Revocation, RevocationList};
use crate::tls;
use crate::trust::TrustBundle;
use crate::verdict::{self, Verdict};
use crate::verify;

/// The one place that holds a server's trust.
#[derive(Debug)]
pub(crate) struct Live {
    terminal: TerminalId,
    clock: Clock,
    trust: Exchanged<Trust>,
}

/// What is trusted and shown.
#[derive(Debug, Clone)]
struct Trust {
    identity: Identity,
    pos_ca: TrustBundle,
    lists: Lists,
    tls: Arc<ServerConfig>,
}

/// The new identity is another terminal's, or a till's. \[TLS-10\]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the certificate is not one of terminal {terminal} (it names {}); the identity in use stays; install this terminal's own",
    list(presented)
)]
pub struct OtherTerminal {
    /// Which terminal this is.
    pub terminal: TerminalId,
    /// Whom the certificate names.
    pub presented: Vec<TerminalId>,
}

fn list(names: &[TerminalId]) -> String {
    match names {
        [] => "no terminal".to_owned(),
        [name] => name.to_string(),
        [name, rest @ ..] => format!("{name} and {} more", rest.len()),
    }
}

impl Live {
    pub(crate) fn new(
        terminal: TerminalId,
        identity: Identity,
        pos_ca: TrustBundle,
        list: Option<RevocationList>,
        clock: Clock,
    ) -> Self {
        let mut lists = Lists::default();
        if let Some(list) = list {
            lists.start_with(list);
        }
        let tls = server_config(&identity, &pos_ca, &clock);
        let trust = Exchanged::new(Trust {
            identity,
            pos_ca,
            lists,
            tls,
        });
        Self {
            terminal,
            clock,
            trust,
        }
    }

    /// For the next handshake.
    pub(crate) fn tls(&self) -> Arc<ServerConfig> {
        self.trust.current().tls.clone()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.unix_now()
    }

    /// Counts the exchanges; cheap enough to be asked at every request.
    pub(crate) fn generation(&self) -> u64 {
        self.trust.generation()
    }

    /// Hears of every exchange from now on.
    pub(crate) fn exchanges(&self) -> watch::Receiver<u64> {
        self.trust.exchanges()
    }

    /// Judges what a till's handshake showed.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Verdict<Revocation> {
        let trust = self.trust.current();
        let holds = verdict::unchanged_around(now, chain, &trust.pos_ca, Some(&trust.lists));
        let outcome = trust.judge(chain, &self.terminal, now);
        Verdict::new(trust.number(), holds, outcome)
    }

    /// How the lists of the CAs in the bundle stand, the worst of them.
    pub(crate) fn revocation(&self) -> Revocation {
        let trust = self.trust.current();
        trust.lists.overall(&trust.pos_ca, self.now())
    }

    pub(crate) fn install_crl(&self, bytes: &[u8]) -> Result<Installed, CrlError> {
        // Parsed before the lock: a long list takes its time, and nobody shall wait for it.
        let list = RevocationList::read(bytes, &self.trust.current().pos_ca)?;
        let now = self.clock.now();
        self.trust
            .try_exchange(|trust| trust.lists.install(list, now))
    }

    pub(crate) fn replace_identity(&self, identity: Identity) -> Result<(), OtherTerminal> {
        if identity.names() != std::slice::from_ref(&self.terminal) {
            return Err(OtherTerminal {
                terminal: self.terminal.clone(),
                presented: identity.names().to_vec(),
            });
        }
        self.trust.exchange(|trust| {
            trust.tls = server_config(&identity, &trust.pos_ca, &self.clock);
            trust.identity = identity;
        });
        Ok(())
    }

    pub(crate) fn replace_pos_ca(&self, pos_ca: TrustBundle) {
        self.trust.exchange(|trust| {
            trust.tls = server_config(&trust.identity, &pos_ca, &self.clock);
            trust.pos_ca = pos_ca;
        });
    }
}

impl Trust {
    fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        terminal: &TerminalId,
        now: UnixTime,
    ) -> Result<Revocation, Check> {
        let leaf = verify::judge(&self.pos_ca, Side::Pos, chain, now)?;
        let revocation = self.lists.look_up(&self.pos_ca, chain, now)?;
        if leaf.terminals.contains(terminal) {
            Ok(revocation)
        } else {
            Err(Check::NotForTerminal)
        }
    }
}

fn server_config(identity: &Identity, pos_ca: &TrustBundle, clock: &Clock) -> Arc<ServerConfig> {
    tls::server_config(identity, PosVerifier::new(pos_ca.clone()), clock)
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa,
        KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
    };
    use vinr_protocol::Timestamp;

    use super::*;
    use crate::clock::unix_time;

    const TERMINAL: &str = "term_CT20_0042";

    /// A terminal, its CA, and the chain of a till from 2026 to 2027.
    struct Setting {
        live: Live,
        ca: TrustBundle,
        chain: Vec<CertificateDer<'static>>,
    }

    fn setting() -> Setting {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let ca = CertifiedIssuer::self_signed(params, key).expect("a CA");
        let name = format!("urn:vinr:terminal:{TERMINAL}");
        let (chain, _) = leaf(
            &ca,
            ExtendedKeyUsagePurpose::ClientAuth,
            SanType::URI(name.try_into().expect("ASCII")),
        );
        let name = SanType::DnsName(TERMINAL.try_into().expect("ASCII"));
        let (_, identity) = leaf(&ca, ExtendedKeyUsagePurpose::ServerAuth, name);
        let bundle = TrustBundle::from_pem(ca.pem().as_bytes()).expect("a CA");
        let terminal = TerminalId::new(TERMINAL).expect("lawful");
        let live = Live::new(terminal, identity, bundle.clone(), None, Clock::system());
        Setting {
            live,
            ca: bundle,
            chain,
        }
    }

    fn leaf(
        ca: &CertifiedIssuer<'_, KeyPair>,
        purpose: ExtendedKeyUsagePurpose,
        name: SanType,
    ) -> (Vec<CertificateDer<'static>>, Identity) {
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.subject_alt_names = vec![name];
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, ca).expect("a leaf");
        let identity = Identity::loader()
            .out_of_time()
            .pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes())
            .expect("a pair");
        (vec![leaf.der().clone()], identity)
    }

    fn at(date: &str) -> UnixTime {
        unix_time(Timestamp::parse(date).expect("a date"))
    }

    const IN_TIME: &str = "2026-06-01T00:00:00Z";

    #[test]
    fn a_verdict_holds_from_date_to_date() {
        let Setting { live, chain, .. } = setting();
        let verdict = live.judge(&chain, at(IN_TIME));
        assert_eq!(verdict.outcome(), Ok(Revocation::Missing));
        let holds = |date| verdict.holds_at(live.generation(), at(date));
        assert!(holds("2026-01-01T00:00:00Z"));
        assert!(!holds("2025-12-31T23:59:59Z"));
        assert!(holds("2027-01-01T00:00:00Z"));
        assert!(!holds("2027-01-01T00:00:01Z"));
    }

    #[test]
    fn a_verdict_after_the_end_holds_too() {
        let Setting { live, chain, .. } = setting();
        let verdict = live.judge(&chain, at("2027-01-01T00:00:01Z"));
        assert_eq!(verdict.outcome(), Err(Check::Expired));
        assert!(verdict.holds_at(live.generation(), at("2030-01-01T00:00:00Z")));
        assert!(!verdict.holds_at(live.generation(), at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn an_exchange_ends_a_verdict() {
        let Setting { live, ca, chain } = setting();
        let verdict = live.judge(&chain, at(IN_TIME));
        live.replace_pos_ca(ca);
        assert!(!verdict.holds_at(live.generation(), at(IN_TIME)));
    }

    #[test]
    fn an_exchange_that_was_refused_does_not() {
        let Setting { live, chain, .. } = setting();
        let verdict = live.judge(&chain, at(IN_TIME));
        assert!(live.install_crl(b"no list").is_err());
        assert!(verdict.holds_at(live.generation(), at(IN_TIME)));
    }

    #[test]
    fn who_shows_no_certificate_may_nothing() {
        let Setting { live, .. } = setting();
        let verdict = live.judge(&[], at(IN_TIME));
        assert_eq!(verdict.outcome(), Err(Check::NoCertificate));
    }
}
