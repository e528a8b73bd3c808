//! Broken promises, switchable one by one: each is what a conformance suite must catch.
//!
//! None of them is in the honest code's way. `faulty` wraps the session machine and bends its inputs and
//! effects; `wire` bends what is read and what is advertised; `answers` what is said; `lax_server` lets in whom the real server would
//! not, and `lax_lists` takes what it would refuse; `mail` and `groups` bend what the cloud does. A terminal without defects runs none of this.

mod answers;
mod faulty;
mod groups;
mod lax_lists;
mod lax_server;
mod mail;
mod offline;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub(crate) use faulty::faulty;
pub(crate) use groups::Groups;
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
    /// Answers a payment with 202 and has the till ask again.
    AnswersWithAccepted = "answers-with-accepted", "PAY-3";
    /// Answers a payment with a page for people.
    AnswersWithAPage = "answers-with-a-page", "PAY-3";
    /// Writes whole amounts with a fraction.
    AmountWithAFraction = "amount-with-a-fraction", "PAY-4";
    /// Leaves out what a payment has none of.
    FieldLeftOut = "field-left-out", "PAY-4";
    /// Does not say when a payment ended.
    CompletedWithoutItsDate = "completed-without-its-date", "PAY-4";
    /// Does not say which card paid.
    CompletedWithoutItsCard = "completed-without-its-card", "PAY-4";
    /// Answers in dollars, whatever was asked.
    CurrencyAltered = "currency-altered", "PAY-8";
    /// Answers references in capital letters.
    ReferenceAltered = "reference-altered", "PAY-8";
    /// Refuses without a code.
    RefusesWithoutACode = "refuses-without-a-code", "PAY-10";
    /// Has one code for every refusal.
    RefusesAllAlike = "refuses-all-alike", "PAY-10";
    /// Refuses with the status of a success.
    RefusesWithASuccess = "refuses-with-a-success", "PAY-10";
    /// Refuses bad requests as if it had failed itself.
    RefusesAsItsOwnFault = "refuses-as-its-own-fault", "PAY-10";
    /// Gives a payment another id in each answer.
    ReplaysAsANewPayment = "replays-as-a-new-payment", "PAY-11";
    /// Gives every payment the same id.
    OneIdForAll = "one-id-for-all", "PAY-12";
    /// Does not say how long the screen took.
    NoActivationTime = "no-activation-time", "PAY-14";
    /// Shows a final payment otherwise in look-ups.
    FinalChanges = "final-changes", "PAY-15";
    /// Says in look-ups that a completed payment is still being processed.
    FinalComesBack = "final-comes-back", "PAY-15";
    /// Names another brand than the card's.
    AnotherBrand = "another-brand", "PAY-17";
    /// Has one decline code for every card.
    AnotherDeclineCode = "another-decline-code", "PAY-17";
    /// Says of every card that its chip was read.
    EntryAlwaysChip = "entry-always-chip", "PAY-17";
    /// Lets be captured again what is captured.
    CapturableToo = "capturable-too", "PAY-18";
    /// Says automatic of a payment that is to be captured later.
    ManualIsAutomatic = "manual-is-automatic", "PAY-18";
    /// Does not name the field that it refuses.
    FieldNotNamed = "field-not-named", "PAY-20";
    /// Does not name the attempt key.
    KeyNotNamed = "key-not-named", "PAY-21";
    /// Asks for a card for one sale while it asks for another.
    TwoPrompts = "two-prompts", "PAY-22";
    /// Fails at every look-up.
    LookUpsFail = "look-ups-fail", "REC-6";
    /// Blames the customer for every cancel.
    CancelledByNobody = "cancelled-by-nobody", "REC-8";
    /// Fails at every cancel.
    CancelUnanswered = "cancel-unanswered", "REC-11";
    /// Does not say what a cancel came to.
    CancelWithoutAnOutcome = "cancel-without-an-outcome", "REC-11";
    /// Says cancelled of a payment that it shows as pending.
    CancelContradictsItself = "cancel-contradicts-itself", "REC-11";
    /// Says cancelled whatever a cancel came to.
    CancelAlwaysDone = "cancel-always-done", "REC-11";
    /// Lists the oldest attempt first.
    OldestFirst = "oldest-first", "REC-13";
    /// Lists an attempt twice.
    ListedTwice = "listed-twice", "REC-13";
    /// Lists the newest attempt and no other.
    NewestOnly = "newest-only", "REC-13";
    /// Lists an attempt of another sale, too.
    ListsAStranger = "lists-a-stranger", "REC-13";
    /// Answers a look-up with something that is no list.
    LookUpWithoutAList = "look-up-without-a-list", "REC-13";
    /// Invents a payment for a cancel of nothing.
    PaymentFromNowhere = "payment-from-nowhere", "REC-22";
    /// Does not say when to try again.
    NoRetryAfter = "no-retry-after", "GRP-6";
    /// Sends the next till away for an hour.
    RetryAfterAnHour = "retry-after-an-hour", "GRP-6";
    /// Lets any page in a browser read its answers.
    PermitsBrowsers = "permits-browsers", "NET-6";
    /// Names another request id in the error than in its header.
    ErrorIdOfItsOwn = "error-id-of-its-own", "NET-7";
    /// Gives all answers one request id.
    RequestIdUsedTwice = "request-id-used-twice", "NET-7";
    /// Gives answers no request id.
    NoRequestId = "no-request-id", "NET-7";
    /// Listens on another port.
    WrongPort = "wrong-port", "NET-1";
    /// Advertises a port on which nobody listens.
    StaleAddress = "stale-address", "DISC-1";
    /// Advertises nothing but its id.
    TxtIncomplete = "txt-incomplete", "DISC-7";
    /// Announces no change of its activity.
    ActivityNotAnnounced = "activity-not-announced", "DISC-7";
    /// Serves plain HTTP on the same port.
    PlaintextServed = "plaintext-served", "TLS-1";
    /// Takes a client certificate of any authority.
    AcceptsAnyAuthority = "accepts-any-authority", "TLS-5";
    /// Does not look at the dates of a client certificate.
    AcceptsExpired = "accepts-expired", "TLS-5";
    /// Offers session tickets.
    OffersResumption = "offers-resumption", "TLS-13";
    /// Does not name the place of a queued payment.
    PlaceNotNamed = "place-not-named", "OFF-1";
    /// Says of a queued payment that it waits for a card.
    QueuedIsPending = "queued-is-pending", "OFF-1";
    /// Shows a queued payment in another place in look-ups.
    AnotherPlace = "another-place", "OFF-12";
    /// Tells the merchant's server another amount.
    ToldOfAnotherAmount = "told-of-another-amount", "EVT-1";
    /// Tells the merchant's server of a completed payment as if it were pending.
    ToldBeforeItHappened = "told-before-it-happened", "EVT-1";
    /// Holds an answer for 100 s.
    AnswersTooLate = "answers-too-late", "PAY-6";
    /// Names the whole card number in its answers.
    CardNumberShown = "card-number-shown", "SEC-1";
    /// Answers look-ups from a damaged journal with an empty list.
    EmptyAfterDamage = "empty-after-damage", "REC-21";
    /// Keeps a command for a terminal that cannot be reached, and delivers it later.
    NeverWithdraws = "never-withdraws", "HYB-8";
    /// Repeats a webhook with another body.
    WebhookBodyOfItsOwn = "webhook-body-of-its-own", "EVT-2";
    /// Takes a client certificate whatever it was issued for.
    AcceptsAnyPurpose = "accepts-any-purpose", "TLS-5";
    /// Shows a certificate that another terminal shows, too.
    SharedCertificate = "shared-certificate", "TLS-2";
    /// Repeats in its errors what it refuses.
    EchoesWhatItRefuses = "echoes-what-it-refuses", "SEC-1";
    /// Writes card numbers and PINs into a log of its own.
    LogsTheCard = "logs-the-card", "SEC-1";
    /// Gives a group's payment to its last terminal.
    GroupLastFirst = "group-last-first", "GRP-1";
    /// Gives a group's payment to its first terminal alone, busy or not.
    GroupNeverWaits = "group-never-waits", "GRP-2";
    /// Names another terminal than the one that took the card.
    GroupNamesAnother = "group-names-another", "GRP-3";
    /// Gives a group's payment to all its terminals at once.
    GroupOnAll = "group-on-all", "GRP-4";
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
