//! Each defect is killed by its own requirement, for the right reason.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use vinr_conformance::features;
use vinr_conformance::journal::Entry;
use vinr_conformance::plan::Plan;
use vinr_conformance::run::Certified;
use vinr_conformance::verdict::{Finding, State};
use vinr_simulator::Defect;

use crate::workbench::{alone, certify, certify_one_that_never_queues, certify_unseen, order};

/// So many simulators run at once: most of each run is waiting.
const AT_ONCE: usize = 12;

/// Each defect, the scenario that must find it, and as what.
#[rustfmt::skip]
pub(crate) const KILLERS: &[(Defect, &str, &str)] = &[
    // any tills certificate
    (Defect::AcceptsAnyPosCertificate, "tls.other_terminal", "TLS-6.admitted"),
    // no certificate at all
    (Defect::AcceptsWithoutClientCertificate, "tls.strangers.no-certificate", "TLS-5.admitted"),
    // a list that nobody reads
    (Defect::IgnoresRevocation, "tls.revoked", "TLS-12.admitted"),
    // a list that open connections survive
    (Defect::RevokedOnlyInTheHandshake, "tls.revoked_open", "TLS-12.admitted"),
    // a list that goes back
    (Defect::TakesOlderLists, "tls.list_older", "TLS-15.admitted"),
    // a list that anybody wrote
    (Defect::TakesForgedLists, "tls.list_forged", "TLS-15.not_served"),
    // a list of another authority
    (Defect::TakesForeignLists, "tls.list_foreign", "TLS-15.not_served"),
    // a list that never ends
    (Defect::PaysOnPastTheList, "tls.list_ends", "TLS-15.accepted"),
    // a slow peer that may stay
    (Defect::SlowPeersStay, "net.slow", "NET-5.no_answer"),
    // a decline that is called completed
    (Defect::DeclineReportedCompleted, "pay.declined", "PAY-3.wrong_outcome"),
    // an altered amount
    (Defect::AmountAltered, "pay.approved", "PAY-8.amount_altered"),
    // a command for another terminal
    (Defect::WrongIdAccepted, "pay.wrong_terminal", "PAY-9.accepted"),
    // a screen for a bad body
    (Defect::ScreenForABadBody, "pay.malformed.no-amount", "PAY-10.screen_shown"),
    // a second charge
    (Defect::ChargedTwice, "pay.replay", "PAY-11.charged_twice"),
    // a head that waits
    (Defect::HeadWithTheBody, "pay.two_moments", "PAY-14.head_waits_for_the_outcome"),
    // yesterdays card
    (Defect::Last4OfThePreviousCard, "pay.approved", "PAY-17.another_card"),
    // a misspelt field that is taken
    (Defect::UnknownFieldAccepted, "pay.unknown_field", "PAY-20.accepted"),
    // a payment that leaves with its till
    (Defect::SessionDroppedWithTheClient, "rec.hang_up", "REC-6.forgotten"),
    // an outcome that a restart forgets
    (Defect::OutcomeForgottenAtRestart, "rec.restart", "REC-6.forgotten"),
    // failed while it still asks
    (Defect::FailedWhilePending, "rec.pending", "REC-7.wrong_status"),
    // a tap after the cancel
    (Defect::TapAfterCancelCharges, "rec.cancel", "REC-8.charged"),
    // a look up that waits
    (Defect::LookUpBlockedWhileHeld, "rec.held", "REC-14.answered_after_it"),
    // a talkative busy terminal
    (Defect::BusyLeaksTheOtherPayment, "grp.busy", "GRP-5.leaks_the_other_payment"),
    // a screen that waits for the cloud
    (Defect::WaitsForTheCloud, "net.cloud_away", "NET-3.late_prompt"),
    // local mode that cannot be switched off
    (Defect::LocalModeIgnored, "net.local_mode", "NET-4.accepted"),
    // local mode that hides what was paid
    (Defect::LocalModeOffBlocksLookUps, "net.local_mode", "NET-8.not_served"),
    // a device that does not queue
    (Defect::NeverQueues, "off.accepted", "OFF-1.refused"),
    // a cent too much
    (Defect::TakesMoreThanTheLimit, "off.limit", "OFF-2.accepted"),
    // one too many
    (Defect::QueuesOneTooMany, "off.full", "OFF-3.accepted"),
    // a queue in clear text
    (Defect::QueueInClearText, "off.kept", "OFF-5.clear_text"),
    // a queue that is lost
    (Defect::LostOnReconnect, "off.full", "OFF-6.lost"),
    // a queue that is sent twice
    (Defect::DoubledOnReconnect, "off.full", "OFF-6.doubled"),
    // limits that nobody can set
    (Defect::ConfiguredLimitsIgnored, "off.configured", "OFF-9.accepted"),
    // a limit for every currency
    (Defect::UsdLimitForEveryCurrency, "off.currency", "OFF-11.accepted"),
    // a queue that a restart forgets
    (Defect::QueueForgottenAtRestart, "off.kept", "OFF-12.forgotten"),
    // a prompt before the refusal
    (Defect::RefusedAfterTheCard, "off.currency", "OFF-13.screen_shown"),
    // completed while it is only queued
    (Defect::CompletedOffline, "off.accepted", "OFF-14.completed_offline"),
    // one place for all
    (Defect::SequenceReused, "off.full", "OFF-15.sequence_reused"),
    // a queue though the internet is back
    (Defect::AdmissionDecides, "off.back_at_the_card", "OFF-16.not_in_the_same_exchange"),
    // a stale queue that takes more
    (Defect::StaleQueueTakesMore, "off.stale", "OFF-17.accepted"),
    // a simulator that stays online
    (Defect::SimulateOfflineIgnored, "sim.offline", "SIM-4.accepted"),
    // a settled payment that nobody is told of
    (Defect::SettledPaymentNotTold, "evt.settled", "EVT-1.not_fired"),
    // a webhook that anybody could have sent
    (Defect::WebhookSignedByAnother, "evt.repeated", "EVT-2.wrong_signature"),
    // a webhook that looks new each time
    (Defect::WebhookIdOfItsOwn, "evt.repeated", "EVT-2.another_event_id"),
    // a sent queue that nobody is told of
    (Defect::DrainedPaymentNotTold, "evt.offline", "OFF-7.not_fired"),
    // a declined queue that nobody understands
    (Defect::OfflineDeclineNotNamed, "evt.offline", "OFF-8.wrong_decline_code"),
    // a payment that has to be asked for again
    (Defect::AnswersWithAccepted, "pay.approved", "PAY-3.not_in_the_same_exchange"),
    (Defect::AnswersWithAPage, "pay.approved", "PAY-3.not_a_payment"),
    (Defect::AmountWithAFraction, "pay.approved", "PAY-4.wrong_type"),
    (Defect::FieldLeftOut, "pay.approved", "PAY-4.field_missing"),
    (Defect::CompletedWithoutItsDate, "pay.approved", "PAY-4.wrong_completed_at"),
    (Defect::CompletedWithoutItsCard, "pay.approved", "PAY-4.card_missing"),
    (Defect::CurrencyAltered, "pay.smallest.12p34-eur", "PAY-8.currency_altered"),
    (Defect::ReferenceAltered, "pay.approved", "PAY-8.reference_altered"),
    (Defect::RefusesWithoutACode, "pay.malformed.no-amount", "PAY-10.no_code"),
    (Defect::RefusesAllAlike, "pay.malformed.no-amount", "PAY-10.wrong_code"),
    (Defect::RefusesWithASuccess, "pay.malformed.no-amount", "PAY-10.accepted"),
    (Defect::RefusesAsItsOwnFault, "pay.malformed.no-amount", "PAY-10.wrong_status"),
    (Defect::ReplaysAsANewPayment, "pay.replay", "PAY-11.another_payment"),
    (Defect::OneIdForAll, "pay.try_again", "PAY-12.the_same_payment"),
    (Defect::NoActivationTime, "pay.two_moments", "PAY-14.no_activation_time"),
    (Defect::FinalChanges, "pay.final", "PAY-15.changed"),
    (Defect::FinalComesBack, "pay.final", "PAY-15.came_back_to_life"),
    (Defect::AnotherBrand, "pay.approved", "PAY-17.another_brand"),
    (Defect::AnotherDeclineCode, "pay.declined", "PAY-17.another_decline_code"),
    (Defect::EntryAlwaysChip, "pay.approved", "PAY-17.another_entry"),
    (Defect::CapturableToo, "pay.approved", "PAY-18.wrong_amounts"),
    (Defect::ManualIsAutomatic, "pay.manual", "PAY-18.another_method"),
    (Defect::FieldNotNamed, "pay.unknown_field", "PAY-20.wrong_param"),
    (Defect::KeyNotNamed, "pay.approved", "PAY-21.wrong_key"),
    (Defect::TwoPrompts, "pay.approved", "PAY-22.two_prompts"),
    // look-ups and cancels
    (Defect::LookUpsFail, "rec.hang_up", "REC-6.no_answer"),
    (Defect::CancelledByNobody, "rec.cancel", "REC-8.wrong_cancel_reason"),
    (Defect::CancelUnanswered, "rec.cancel", "REC-11.no_answer"),
    (Defect::CancelWithoutAnOutcome, "rec.cancel", "REC-11.no_outcome"),
    (Defect::CancelContradictsItself, "rec.cancel", "REC-11.contradicts_itself"),
    (Defect::CancelAlwaysDone, "rec.processing", "REC-11.wrong_outcome"),
    (Defect::OldestFirst, "pay.try_again", "REC-13.wrong_order"),
    (Defect::ListedTwice, "rec.list", "REC-13.listed_twice"),
    (Defect::NewestOnly, "pay.try_again", "REC-13.incomplete"),
    (Defect::ListsAStranger, "rec.list", "REC-13.foreign_payment"),
    (Defect::LookUpWithoutAList, "rec.list", "REC-13.no_list"),
    (Defect::PaymentFromNowhere, "rec.cancel_sale", "REC-22.a_payment_from_nowhere"),
    (Defect::NoRetryAfter, "grp.retry_after", "GRP-6.no_retry_after"),
    (Defect::RetryAfterAnHour, "grp.retry_after", "GRP-6.wrong_retry_after"),
    // the network
    (Defect::PermitsBrowsers, "net.browser", "NET-6.cors_header"),
    (Defect::ErrorIdOfItsOwn, "net.request_ids", "NET-7.request_ids_differ"),
    (Defect::RequestIdUsedTwice, "net.request_ids", "NET-7.request_id_used_twice"),
    (Defect::NoRequestId, "net.request_ids", "NET-7.no_request_id"),
    (Defect::PlaintextServed, "tls.plaintext", "TLS-1.plaintext_served"),
    (Defect::AcceptsAnyAuthority, "tls.strangers.another-authority-s-certificate", "TLS-5.admitted"),
    (Defect::AcceptsExpired, "tls.strangers.an-expired-certificate", "TLS-5.admitted"),
    (Defect::AcceptsAnyPurpose, "tls.strangers.a-server-s-certificate", "TLS-5.admitted"),
    (Defect::SharedCertificate, "tls.certificate", "TLS-2.not_its_own"),
    (Defect::OffersResumption, "tls.modern", "TLS-13.offers_resumption"),
    // the queue and the merchant's server
    (Defect::PlaceNotNamed, "off.accepted", "OFF-1.no_place_in_the_queue"),
    (Defect::QueuedIsPending, "off.accepted", "OFF-1.not_queued"),
    (Defect::AnotherPlace, "off.kept", "OFF-12.another_place"),
    (Defect::ToldOfAnotherAmount, "evt.settled", "EVT-1.another_payment"),
    (Defect::ToldBeforeItHappened, "evt.settled", "EVT-1.wrong_status"),
    (Defect::WebhookBodyOfItsOwn, "evt.repeated", "EVT-2.another_body"),
    // nobody else answers
    (Defect::AnswersTooLate, "pay.ninety", "PAY-6.too_late"),
    (Defect::CardNumberShown, "pay.approved", "SEC-1.card_number"),
    (Defect::EchoesWhatItRefuses, "sec.echoes", "SEC-1.secret_said"),
    (Defect::LogsTheCard, "sec.cards", "SEC-1.secret_stored"),
    // a cloud that chooses among terminals
    (Defect::GroupLastFirst, "grp.first_idle", "GRP-1.another_terminal"),
    (Defect::GroupNeverWaits, "grp.all_busy", "GRP-2.no_terminal"),
    (Defect::GroupNamesAnother, "grp.first_idle", "GRP-3.another_terminal_named"),
    (Defect::GroupOnAll, "grp.race", "GRP-4.live_on_several"),
    (Defect::EmptyAfterDamage, "rec.damaged", "REC-21.accepted"),
    (Defect::NeverWithdraws, "cloud.withdrawn", "HYB-8.no_answer"),
];

/// Other scenarios that a defect is played in: what it breaks beside its own rule shows which oracles notice.
const ALSO: &[(Defect, &str)] = &[
    (Defect::ChargedTwice, "pay.paid"),
    (Defect::ChargedTwice, "pay.replay"),
    (Defect::FinalComesBack, "off.kept"),
    (Defect::NeverQueues, "off.back_at_the_card"),
    (Defect::LookUpsFail, "rec.list"),
    (Defect::LookUpsFail, "rec.held"),
    (Defect::LookUpsFail, "off.kept"),
    (Defect::AnswersWithAccepted, "off.accepted"),
    (Defect::AnswersWithAccepted, "off.too_much_at_the_card"),
    (Defect::AnswersWithAccepted, "pay.two_moments"),
    (Defect::AnswersWithAPage, "off.accepted"),
    (Defect::AnswersWithAPage, "pay.try_again"),
    (Defect::TakesMoreThanTheLimit, "off.too_much_at_the_card"),
    (Defect::CompletedOffline, "off.kept"),
    (Defect::AcceptsWithoutClientCertificate, "tls.mutual"),
    (Defect::NeverQueues, "off.lost_at_the_card"),
    (Defect::QueueForgottenAtRestart, "off.flapping"),
    (Defect::LocalModeOffBlocksLookUps, "net.local_mode"),
    (Defect::OldestFirst, "rec.list"),
    (Defect::NoRequestId, "pay.approved"),
    (Defect::WrongIdAccepted, "pay.wrong_terminal"),
    (Defect::QueuedIsPending, "off.kept"),
];

/// The port and the name on the network are what they break.
const ON_THE_NETWORK: &[(Defect, &str, &str)] = &[
    (
        Defect::WrongServiceType,
        "disc.advert",
        "DISC-1.not_advertised",
    ),
    (Defect::StaleAddress, "disc.advert", "DISC-1.stale_address"),
    (Defect::TxtIncomplete, "disc.txt", "DISC-7.wrong_txt"),
    (
        Defect::ActivityNotAnnounced,
        "disc.txt",
        "DISC-7.not_announced",
    ),
    (Defect::WrongPort, "net.port", "NET-1.wrong_port"),
];

/// A defect that was played in a scenario, and what the suite saw.
pub(crate) struct Played {
    pub(crate) defect: Defect,
    pub(crate) scenario: &'static str,
    /// As what it must be found; none where it is played for what else it breaks.
    pub(crate) killer: Option<&'static str>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) plan: Plan,
    findings: Vec<Finding>,
}

impl Played {
    /// The reasons of all that was found broken.
    pub(crate) fn reasons(&self) -> BTreeSet<&str> {
        let broken = |one: &&Finding| matches!(one.state, State::Fail | State::Warn);
        let broken = self.findings.iter().filter(broken);
        broken.map(|one| one.reason.as_str()).collect()
    }

    /// Says how the defect got away, where it did.
    fn escaped(&self) -> Option<String> {
        let (defect, scenario) = (self.defect, self.scenario);
        let killer = self
            .killer
            .filter(|reason| !self.reasons().contains(reason))?;
        let findings = &self.findings;
        Some(format!(
            "{defect} is not killed by {killer} of {scenario}: {findings:#?}"
        ))
    }
}

/// Every defect, played once for all tests of it.
pub(crate) async fn played() -> &'static [Played] {
    static PLAYED: OnceCell<Vec<Played>> = OnceCell::const_new();
    PLAYED.get_or_init(play).await
}

async fn play() -> Vec<Played> {
    let mut all: Vec<Played> = {
        let _alone = alone().await;
        let own = KILLERS
            .iter()
            .map(|(defect, scenario, reason)| (*defect, *scenario, Some(*reason)));
        let also = ALSO
            .iter()
            .map(|(defect, scenario)| (*defect, *scenario, None));
        futures_util::stream::iter(own.chain(also))
            .map(|(defect, scenario, killer)| async move {
                // A thread of its own: a run may not change threads, and what one computes does not hold up the others.
                let here = Handle::current();
                let run = move || here.block_on(certify_unseen(defect, scenario));
                let certified = tokio::task::spawn_blocking(run).await;
                as_played(defect, scenario, killer, certified.expect("no panic"))
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    };
    for (defect, scenario, reason) in ON_THE_NETWORK {
        let certified = certify(&[*defect], &[scenario]).await;
        all.push(as_played(*defect, scenario, Some(reason), certified));
    }
    all
}

fn as_played(
    defect: Defect,
    scenario: &'static str,
    killer: Option<&'static str>,
    certified: Certified,
) -> Played {
    Played {
        defect,
        scenario,
        killer,
        entries: certified.entries,
        plan: order(features::all(), &[scenario]).plan,
        findings: certified.results.findings,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_defect_is_killed_by_its_own_requirement() {
    let escaped: Vec<_> = played().await.iter().filter_map(Played::escaped).collect();
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}

fn killers() -> impl Iterator<Item = &'static (Defect, &'static str, &'static str)> {
    KILLERS.iter().chain(ON_THE_NETWORK)
}

#[test]
fn every_reason_is_one_of_the_requirement_that_the_defect_breaks() {
    for (defect, _, reason) in killers() {
        let of_its_own = reason.starts_with(&format!("{}.", defect.requirement()));
        assert!(of_its_own, "{defect}: {reason}");
    }
}

#[test]
fn every_defect_of_the_simulator_has_its_killer() {
    for defect in Defect::ALL {
        let killed = killers().any(|killer| killer.0 == *defect);
        assert!(killed || APART.contains(defect), "{defect}");
    }
}

/// Latency is judged apart: a noisy machine makes it could-not-test. So is a device that never queues.
pub(crate) const APART: &[Defect] = &[
    Defect::SlowOneInTwenty,
    Defect::SlowWithoutTheInternet,
    Defect::QueuesWithoutAQueue,
];

// [OFF-4]
#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_queue_that_queues() {
    let honest = certify_one_that_never_queues(&[], "off.never").await;
    let states: Vec<_> = honest
        .results
        .findings_of("OFF-4")
        .map(|one| one.state)
        .collect();
    assert_eq!(states, [State::Pass]);

    let defect = Defect::QueuesWithoutAQueue;
    let broken = certify_one_that_never_queues(&[defect], "off.never").await;
    let mut findings = broken.results.findings_of(defect.requirement());
    let killed =
        |finding: &Finding| finding.reason == "OFF-4.queued" && finding.state == State::Fail;
    assert!(findings.any(killed));
}

async fn never_passes(defect: Defect, scenario: &str, failed: State) {
    let certified = certify(&[defect], &[scenario]).await;
    let id = defect.requirement();
    let states: Vec<_> = certified
        .results
        .findings_of(id)
        .map(|finding| (finding.reason.clone(), finding.state))
        .collect();
    let judged = [
        (format!("{id}.too_slow"), failed),
        (format!("{id}.could_not_test"), State::CouldNotTest),
    ];
    assert!(
        states.len() == 1 && judged.contains(&states[0]),
        "{states:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_screen_in_twenty_never_passes() {
    never_passes(Defect::SlowOneInTwenty, "lat.activation", State::Fail).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_screen_in_twenty_without_the_internet_never_passes() {
    never_passes(Defect::SlowWithoutTheInternet, "lat.offline", State::Warn).await;
}
