//! The verdict on a till: what its requests, its connections and its words say, and never its words alone.

mod answers;
mod discovery;
#[cfg(test)]
mod fixture;
mod hybrid;
mod recovery;
mod request;
mod rules;
mod screen;
mod shop;
mod timing;
mod trust;

use super::found::Found;
use super::trace::Trace;
use crate::journal::{Entry, TillClaim};
use shop::Shop;

pub(super) use rules::RULES;

/// Finds out whether a claim about a till, written at `entry`, is true.
pub(super) fn weigh(trace: &Trace<'_>, entry: &Entry, claim: &TillClaim) -> Found {
    let scenario = entry.scenario.as_deref().unwrap_or_default();
    let shop = &Shop::new(trace.entries, scenario);
    match claim {
        TillClaim::SentAsThePageSays { op } => request::as_the_page_says(shop, *op),
        TillClaim::Result { op, status } => answers::result(shop, *op, status),
        TillClaim::AcceptedOffline { op } => answers::accepted_offline(shop, *op),
        TillClaim::Refused { op, classes } => answers::refused(shop, *op, classes),
        TillClaim::Unknown { op } => answers::unknown(shop, *op),
        TillClaim::TrueOrUnknown { op } => answers::true_or_unknown(shop, *op),
        TillClaim::NotFooled { op } => answers::not_fooled(shop, *op),
        TillClaim::Believed { op } => answers::believed(shop, *op),
        TillClaim::Disbelieved { op } => answers::disbelieved(shop, *op),
        TillClaim::Mode { op, mode } => answers::mode(shop, *op, mode),
        TillClaim::TakenAt { op, terminal } => answers::taken_at(shop, *op, terminal),
        TillClaim::NamesItsTerminal { op } => answers::names_its_terminal(shop, *op),
        TillClaim::Remembers { op } => answers::remembers(shop, *op),
        TillClaim::Settled { op, status } => answers::settled(shop, *op, status),
        TillClaim::Held { ms } => timing::held(shop, *ms),
        TillClaim::NotPolled => timing::not_polled(shop),
        TillClaim::LookedUp { ms } => timing::looked_up(shop, *ms),
        TillClaim::QuickToSend { p99_us, warm_up } => timing::quick(shop, *p99_us, *warm_up),
        TillClaim::LookedUpFirst => recovery::looked_up_first(shop),
        TillClaim::NothingAgain => recovery::nothing_again(shop),
        TillClaim::CancelledFirst => recovery::cancelled_first(shop),
        TillClaim::BuriedFirst => recovery::buried_first(shop),
        TillClaim::BuriedBeforeTold { op } => recovery::buried_before_told(shop, *op),
        TillClaim::OwnKeys => recovery::own_keys(shop),
        TillClaim::Charged { most, least } => recovery::charged(shop, *most, *least),
        TillClaim::NothingToStrangers => trust::nothing_to_strangers(shop),
        TillClaim::CertificateEverywhere => trust::certificate_everywhere(shop),
        TillClaim::NewTlsOnly => trust::new_tls_only(shop),
        TillClaim::Discreet => trust::discreet(shop),
        TillClaim::AnError { op } => answers::an_error(shop, *op),
        TillClaim::CloudTakesNothing => hybrid::cloud_takes_nothing(shop),
        TillClaim::CloudIdle => hybrid::cloud_idle(shop),
        TillClaim::LanFirst => hybrid::lan_first(shop),
        TillClaim::FellBack {
            after_ms,
            within_ms,
        } => hybrid::fell_back(shop, *after_ms, *within_ms),
        TillClaim::OneAttempt => hybrid::one_attempt(shop),
        TillClaim::OneAtATime => hybrid::one_at_a_time(shop),
        TillClaim::Readers { op, ids } => discovery::readers(shop, *op, ids),
        TillClaim::LeftOut { op, terminal } => discovery::left_out(shop, *op, terminal),
        TillClaim::NoQuery { asked } => discovery::no_query(shop, asked),
        TillClaim::Asked => discovery::asked(shop),
    }
}
