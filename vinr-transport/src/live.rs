//! What a running server trusts and shows, exchanged without a restart: its identity, the CAs of the tills, and the
//! revocation lists.
//!
//! A new connection gets what is current when it comes. An open one is judged against what is current at each of its
//! requests, so an exchange counts at once.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch;
use vinr_protocol::TerminalId;

use crate::authorize::PosVerifier;
use crate::check::{Check, Side};
use crate::clock::Clock;
use crate::exchange::{Exchanged, Generation};
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
    /// Of these CAs; what all handshakes share.
    stock: Arc<dyn ClientCertVerifier>,
}

/// One handshake, and what was trusted when it began.
#[derive(Debug)]
pub(crate) struct Handshake {
    terminal: TerminalId,
    trust: Arc<Generation<Trust>>,
    verifier: Arc<PosVerifier>,
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
        let stock = verify::client_verifier(pos_ca.all());
        let trust = Exchanged::new(Trust {
            identity,
            pos_ca,
            lists,
            stock,
        });
        Self {
            terminal,
            clock,
            trust,
        }
    }

    /// For the next handshake.
    pub(crate) fn handshake(&self) -> (Arc<ServerConfig>, Handshake) {
        let trust = self.trust.current();
        let verifier = PosVerifier::new(trust.pos_ca.clone(), trust.stock.clone());
        let verifier = Arc::new(verifier);
        let config = tls::server_config(&trust.identity, verifier.clone(), &self.clock);
        let terminal = self.terminal.clone();
        let handshake = Handshake {
            terminal,
            trust,
            verifier,
        };
        (config, handshake)
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
        let outcome = trust.judge(chain, &self.terminal, now);
        trust.verdict(chain, now, outcome)
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
        self.trust.exchange(|trust| trust.identity = identity);
        Ok(())
    }

    pub(crate) fn replace_pos_ca(&self, pos_ca: TrustBundle) {
        self.trust.exchange(|trust| {
            trust.stock = verify::client_verifier(pos_ca.all());
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
        verify::whole_path(&self.pos_ca, Side::Pos, chain, now)?;
        self.judge_the_rest(chain, terminal, now)
    }

    /// Of a chain whose path holds: the profile, the lists and the name.
    fn judge_the_rest(
        &self,
        chain: &[CertificateDer<'_>],
        terminal: &TerminalId,
        now: UnixTime,
    ) -> Result<Revocation, Check> {
        let leaf = verify::leaf(Side::Pos, chain, now)?;
        let revocation = self.lists.look_up(&self.pos_ca, chain, now)?;
        if leaf.terminals.contains(terminal) {
            Ok(revocation)
        } else {
            Err(Check::NotForTerminal)
        }
    }
}

impl Generation<Trust> {
    fn verdict(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
        outcome: Result<Revocation, Check>,
    ) -> Verdict<Revocation> {
        let holds = verdict::unchanged_around(now, chain, &self.pos_ca, Some(&self.lists));
        Verdict::new(self.number(), holds, outcome)
    }
}

impl Handshake {
    /// Takes over what the handshake found of the path and judges the rest, by what was trusted then and by its date;
    /// where anything has changed since, the verdict does not hold, and the request is judged anew. `None` where
    /// nobody was let through.
    pub(crate) fn judge_the_rest(
        &self,
        chain: &[CertificateDer<'_>],
    ) -> Option<Verdict<Revocation>> {
        let then = self.verifier.let_through()?;
        let outcome = self.trust.judge_the_rest(chain, &self.terminal, then);
        Some(self.trust.verdict(chain, then, outcome))
    }
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

    /// A handshake with the till, at this date.
    fn let_through(live: &Live, chain: &[CertificateDer<'_>], date: &str) -> Handshake {
        let (_, handshake) = live.handshake();
        let passed = handshake
            .verifier
            .verify_client_cert(&chain[0], &chain[1..], at(date));
        assert!(passed.is_ok());
        handshake
    }

    #[test]
    fn what_a_handshake_leaves_to_be_judged_is_judged_by_its_date() {
        let Setting { live, chain, .. } = setting();
        let handshake = let_through(&live, &chain, IN_TIME);
        let verdict = handshake.judge_the_rest(&chain).expect("it let a till in");
        assert_eq!(verdict.outcome(), Ok(Revocation::Missing));
        let holds = |date| verdict.holds_at(live.generation(), at(date));
        assert!(holds("2027-01-01T00:00:00Z"));
        assert!(!holds("2027-01-01T00:00:01Z"));
    }

    #[test]
    fn a_till_for_another_terminal_is_let_through_and_may_nothing() {
        let Setting { live, ca, chain } = setting();
        let other = TerminalId::new("term_other").expect("lawful");
        let identity = live.trust.current().identity.clone();
        let other = Live::new(other, identity, ca, None, Clock::system());
        let handshake = let_through(&other, &chain, IN_TIME);
        let verdict = handshake.judge_the_rest(&chain).expect("it let a till in");
        assert_eq!(verdict.outcome(), Err(Check::NotForTerminal));
    }

    #[test]
    fn an_exchange_during_a_handshake_ends_what_it_found() {
        let Setting { live, ca, chain } = setting();
        let handshake = let_through(&live, &chain, IN_TIME);
        live.replace_pos_ca(ca);
        let verdict = handshake.judge_the_rest(&chain).expect("it let a till in");
        assert!(!verdict.holds_at(live.generation(), at(IN_TIME)));
    }

    #[test]
    fn a_handshake_that_let_nobody_in_has_found_nothing() {
        let Setting { live, chain, .. } = setting();
        let (_, handshake) = live.handshake();
        let late = at("2027-01-01T00:00:01Z");
        assert!(
            handshake
                .verifier
                .verify_client_cert(&chain[0], &[], late)
                .is_err()
        );
        assert!(handshake.judge_the_rest(&chain).is_none());
    }

    #[test]
    fn who_shows_no_certificate_may_nothing() {
        let Setting { live, .. } = setting();
        let verdict = live.judge(&[], at(IN_TIME));
        assert_eq!(verdict.outcome(), Err(Check::NoCertificate));
    }
}
