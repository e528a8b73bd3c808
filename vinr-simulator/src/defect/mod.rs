//! Broken promises, switchable one by one: each is what a conformance suite must catch.
//!
//! None of them is in the honest code's way. `faulty` wraps the session machine and bends its inputs and
//! effects; `wire` bends what is read and what is advertised; `lax_server` lets in whom the real server would
//! not, and `lax_lists` takes what it would refuse. A terminal without defects runs none of this.

mod faulty;
mod lax_lists;
mod lax_server;
mod mail;
mod offline;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub(crate) use faulty::faulty;
pub(crate) use lax_lists::LaxLists;
pub(crate) use lax_server::LaxServer;
pub(crate) use mail::Mail;
pub(crate) use wire::{Elsewhere, Wire};

macro_rules! defects {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $broken:literal;)+) => {
        /// A promise that a terminal breaks, and the requirement that it breaks with it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Defect { $($(#[doc = $doc])+ $variant,)+ }

        impl Defect {
            /// Every defect there is.
            pub const ALL: &'static [Defect] = &[$(Defect::$variant,)+];

            /// Its name, as `--defect` takes it.
            pub fn name(self) -> &'static str {
                match self { $(Defect::$variant => $name,)+ }
            }

            /// The requirement that catches it.
            pub fn requirement(self) -> &'static str {
                match self { $(Defect::$variant => $broken,)+ }
            }

            /// What the terminal does wrong, in a sentence.
            pub fn description(self) -> &'static str {
                match self { $(Defect::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

defects! {
    /// Takes any certificate of the POS CA, whichever terminal it is for.
    AcceptsAnyPosCertificate = "accepts-any-pos-certificate", "TLS-6";
    /// Asks for no client certificate.
    AcceptsWithoutClientCertificate = "accepts-without-client-certificate", "TLS-5";
    /// Takes every revocation list but the first for read, and reads none.
    IgnoresRevocation = "ignores-revocation", "TLS-12";
    /// Looks a till up in the revocation list when it connects, and never again.
    RevokedOnlyInTheHandshake = "revoked-only-in-the-handshake", "TLS-12";
    /// Takes an older revocation list for a newer one.
    TakesOlderLists = "takes-older-lists", "TLS-15";
    /// Takes a revocation list whatever its signature.
    TakesForgedLists = "takes-forged-lists", "TLS-15";
    /// Takes the revocation list of any CA for that of its own.
    TakesForeignLists = "takes-foreign-lists", "TLS-15";
    /// Starts payments when its revocation list is past its date.
    PaysOnPastTheList = "pays-on-past-the-list", "TLS-15";
    /// Waits for ever for the rest of a request.
    SlowPeersStay = "slow-peers-stay", "NET-5";
    /// Reports a decline as completed.
    DeclineReportedCompleted = "decline-reported-completed", "PAY-3";
    /// Answers another amount than was asked.
    AmountAltered = "amount-altered", "PAY-8";
    /// Takes commands for other terminals.
    WrongIdAccepted = "wrong-id-accepted", "PAY-9";
    /// Shows a prompt for a request that it refuses.
    ScreenForABadBody = "screen-for-a-bad-body", "PAY-10";
    /// Charges again when a finished command comes again.
    ChargedTwice = "charged-twice", "PAY-11";
    /// Sends the response head together with the body.
    HeadWithTheBody = "head-with-the-body", "PAY-14";
    /// Shows the last four digits of the card before.
    Last4OfThePreviousCard = "last4-of-the-previous-card", "PAY-17";
    /// Reads past fields that it does not know.
    UnknownFieldAccepted = "unknown-field-accepted", "PAY-20";
    /// Drops the payment when its caller hangs up.
    SessionDroppedWithTheClient = "session-dropped-with-the-client", "REC-6";
    /// Forgets every payment in a restart.
    OutcomeForgottenAtRestart = "outcome-forgotten-at-restart", "REC-6";
    /// Says failed while it still waits for a card.
    FailedWhilePending = "failed-while-pending", "REC-7";
    /// Charges a card that is tapped after the cancel was acknowledged.
    TapAfterCancelCharges = "tap-after-cancel-charges", "REC-8";
    /// Answers no look-up while a payment is held.
    LookUpBlockedWhileHeld = "look-up-blocked-while-held", "REC-14";
    /// Names the running payment to the next caller.
    BusyLeaksTheOtherPayment = "busy-leaks-the-other-payment", "GRP-5";
    /// Lights the screen late, one time in twenty.
    SlowOneInTwenty = "slow-one-in-twenty", "LAT-1";
    /// Advertises another service type.
    WrongServiceType = "wrong-service-type", "DISC-1";
    /// Shows a payment only once the cloud can be reached.
    WaitsForTheCloud = "waits-for-the-cloud", "NET-3";
    /// Takes local payments with local mode switched off.
    LocalModeIgnored = "local-mode-ignored", "NET-4";
    /// Answers no look-up with local mode switched off.
    LocalModeOffBlocksLookUps = "local-mode-off-blocks-look-ups", "NET-8";
    /// Refuses every payment without the internet.
    NeverQueues = "never-queues", "OFF-1";
    /// Takes a cent more than the offline limit.
    TakesMoreThanTheLimit = "takes-more-than-the-limit", "OFF-2";
    /// Queues one payment too many.
    QueuesOneTooMany = "queues-one-too-many", "OFF-3";
    /// Queues on a device that must not.
    QueuesWithoutAQueue = "queues-without-a-queue", "OFF-4";
    /// Stores what is queued in clear text, too.
    QueueInClearText = "queue-in-clear-text", "OFF-5";
    /// Drops what was queued when the internet is back.
    LostOnReconnect = "lost-on-reconnect", "OFF-6";
    /// Sends what was queued twice when the internet is back.
    DoubledOnReconnect = "doubled-on-reconnect", "OFF-6";
    /// Keeps to the sheet, whatever limits its owner sets.
    ConfiguredLimitsIgnored = "configured-limits-ignored", "OFF-9";
    /// Takes the limit in dollars for every currency.
    UsdLimitForEveryCurrency = "usd-limit-for-every-currency", "OFF-11";
    /// Forgets the queue in a restart.
    QueueForgottenAtRestart = "queue-forgotten-at-restart", "OFF-12";
    /// Asks for a card before it refuses an offline payment.
    RefusedAfterTheCard = "refused-after-the-card", "OFF-13";
    /// Says completed of what is only queued.
    CompletedOffline = "completed-offline", "OFF-14";
    /// Gives every queued payment the same place.
    SequenceReused = "sequence-reused", "OFF-15";
    /// Queues a payment that began without the internet although it is back.
    AdmissionDecides = "admission-decides", "OFF-16";
    /// Queues new payments behind one that has waited for a day.
    StaleQueueTakesMore = "stale-queue-takes-more", "OFF-17";
    /// Starts with the internet though it should simulate that it is away.
    SimulateOfflineIgnored = "simulate-offline-ignored", "SIM-4";
    /// Lights the screen late without the internet, one time in twenty.
    SlowWithoutTheInternet = "slow-without-the-internet", "LAT-3";
    /// Tells the merchant's server nothing of a settled local payment.
    SettledPaymentNotTold = "settled-payment-not-told", "EVT-1";
    /// Signs webhooks with a secret that nobody has.
    WebhookSignedByAnother = "webhook-signed-by-another", "EVT-2";
    /// Repeats a webhook under another id.
    WebhookIdOfItsOwn = "webhook-id-of-its-own", "EVT-2";
    /// Tells the merchant's server nothing of a payment that was queued and approved.
    DrainedPaymentNotTold = "drained-payment-not-told", "OFF-7";
    /// Tells the merchant's server another reason why a queued payment failed.
    OfflineDeclineNotNamed = "offline-decline-not-named", "OFF-8";
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no defect of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such defect; they are: {}", names())]
pub struct UnknownDefect;

fn names() -> String {
    let names: Vec<_> = Defect::ALL.iter().map(|defect| defect.name()).collect();
    names.join(", ")
}

impl FromStr for Defect {
    type Err = UnknownDefect;
    fn from_str(name: &str) -> Result<Self, UnknownDefect> {
        let named = |defect: &&Defect| defect.name() == name;
        Defect::ALL.iter().find(named).copied().ok_or(UnknownDefect)
    }
}

/// The defects of one terminal.
pub(crate) type Defects = BTreeSet<Defect>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_breaks_a_requirement_of_the_catalogue() {
        for defect in Defect::ALL {
            let id = defect.requirement();
            assert!(
                vinr_protocol::requirement::find(id).is_some(),
                "{defect}: {id}"
            );
        }
    }

    #[test]
    fn a_defect_is_found_by_its_name_and_says_what_it_does() {
        for defect in Defect::ALL {
            assert_eq!(defect.name().parse(), Ok(*defect));
            assert!(defect.description().ends_with('.'), "{defect}");
        }
        assert_eq!("none".parse::<Defect>(), Err(UnknownDefect));
    }

    #[test]
    fn the_crate_page_lists_every_defect_with_its_requirement() {
        let page = include_str!("../../README.md");
        for defect in Defect::ALL {
            let row = format!("| `{defect}` | {} |", defect.requirement());
            assert!(page.contains(&row), "{row}");
        }
    }
}
