//! The lists in use, one for each CA, and what they say about a chain.

use rustls_pki_types::{CertificateDer, UnixTime};
use vinr_protocol::Timestamp;

use super::Revocation;
use super::error::CrlError;
use super::list::RevocationList;
use super::number::CrlNumber;
use super::serial::Serial;
use crate::check::Check;
use crate::profile::{self, Validity};
use crate::trust::{CaKey, TrustBundle};

/// Clocks differ: a list may be dated this much later than now.
const SKEW_S: i64 = 5 * 60;

/// What became of a list that was offered and taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// Its number.
    pub number: CrlNumber,
    /// How many certificates it takes back.
    pub revoked: usize,
    /// Until when it counts; that may have passed.
    pub next_update: Timestamp,
    /// False where it was in use already.
    pub is_new: bool,
}

/// One list for each CA that has one.
///
/// The list of a CA that has left the bundle stays, so that its number does not go back when the CA returns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lists(Vec<RevocationList>);

impl Lists {
    /// Takes a list unless it is older than the one of the same CA. \[TLS-15\]
    pub(crate) fn install(
        &mut self,
        list: RevocationList,
        now: Timestamp,
    ) -> Result<Installed, CrlError> {
        if validity(&list).not_before > seconds(now) {
            let this_update = list.this_update();
            return Err(CrlError::NotYet { this_update, now });
        }
        let number = list.number();
        let mut installed = Installed {
            number,
            revoked: list.len(),
            next_update: list.next_update(),
            is_new: true,
        };
        match self.0.iter_mut().find(|it| it.issuer() == list.issuer()) {
            None => self.0.push(list),
            Some(old) if old.number() < number => *old = list,
            Some(old) if old.says_the_same_as(&list) => installed.is_new = false,
            Some(old) if old.number() == number => return Err(CrlError::SameNumber { number }),
            Some(old) => {
                let installed = old.number();
                return Err(CrlError::Older { number, installed });
            }
        }
        Ok(installed)
    }

    /// Takes a list as it is: what a program starts with was judged when it was kept.
    pub(crate) fn start_with(&mut self, list: RevocationList) {
        self.0.retain(|it| it.issuer() != list.issuer());
        self.0.push(list);
    }

    /// Looks every certificate of a chain up in the list of the CA that signed it; the result is how the worst of
    /// those lists stands. Where the signer is no CA of the bundle, nobody's list is known to speak about it.
    pub(crate) fn look_up<'a>(
        &self,
        bundle: &TrustBundle,
        chain: impl IntoIterator<Item = &'a CertificateDer<'a>>,
        now: UnixTime,
    ) -> Result<Revocation, Check> {
        let mut worst = Revocation::InForce;
        for certificate in chain {
            let certificate = profile::parse(certificate)?;
            let serial = Serial::of(&certificate).ok_or(Check::Encoding)?;
            let list = bundle.signer_of(&certificate).and_then(|ca| self.of(ca));
            // Whatever was revoked stays so, however old the list. [TLS-12]
            if list.is_some_and(|list| list.holds(&serial)) {
                return Err(Check::Revoked);
            }
            worst = worse(worst, stand(list, now));
        }
        Ok(worst)
    }

    /// How the lists of a bundle's CAs stand, the worst of them.
    pub(crate) fn overall(&self, bundle: &TrustBundle, now: UnixTime) -> Revocation {
        bundle
            .cas()
            .map(|ca| stand(self.of(ca), now))
            .fold(Revocation::InForce, worse)
    }

    /// When the standing of a list may change.
    pub(crate) fn validities(&self) -> impl Iterator<Item = Validity> {
        self.0.iter().map(validity)
    }

    fn of(&self, ca: &CaKey) -> Option<&RevocationList> {
        self.0.iter().find(|list| list.issuer() == ca)
    }
}

/// A list counts to its nextUpdate. It does not count before it was made either: then this clock is wrong, and by a
/// clock that was set back a list would never end.
fn validity(list: &RevocationList) -> Validity {
    Validity {
        not_before: seconds(list.this_update()).saturating_sub(SKEW_S),
        not_after: seconds(list.next_update()),
    }
}

fn stand(list: Option<&RevocationList>, now: UnixTime) -> Revocation {
    match list {
        None => Revocation::Missing,
        Some(list) if validity(list).holds_at(now).is_ok() => Revocation::InForce,
        Some(_) => Revocation::Stale,
    }
}

fn worse(one: Revocation, other: Revocation) -> Revocation {
    match (one, other) {
        (Revocation::Missing, _) | (_, Revocation::Missing) => Revocation::Missing,
        (Revocation::Stale, _) | (_, Revocation::Stale) => Revocation::Stale,
        (Revocation::InForce, Revocation::InForce) => Revocation::InForce,
    }
}

fn seconds(moment: Timestamp) -> i64 {
    moment.unix_ms().div_euclid(1000)
}
