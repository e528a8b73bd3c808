//! Each defect is killed by its own requirement, for the right reason.

use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use vinr_conformance::run::Certified;
use vinr_conformance::verdict::{Finding, State};
use vinr_simulator::Defect;

use crate::workbench::{alone, certify, certify_one_that_never_queues, certify_unseen};

/// So many simulators run at once: most of each run is waiting.
const AT_ONCE: usize = 6;

/// Each defect, the scenario that must find it, and as what.
#[rustfmt::skip]
const KILLERS: &[(Defect, &str, &str)] = &[
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
];

/// The name on the network is what it breaks.
const ON_THE_NETWORK: (Defect, &str, &str) = (
    Defect::WrongServiceType,
    "disc.advert",
    "DISC-1.not_advertised",
);

/// Says how the defect got away, where it did.
fn escaped(
    (defect, scenario, reason): (Defect, &str, &str),
    certified: &Certified,
) -> Option<String> {
    let findings = &certified.results.findings;
    let killed = findings.iter().any(|finding| {
        finding.reason == reason && matches!(finding.state, State::Fail | State::Warn)
    });
    (!killed).then(|| format!("{defect} is not killed by {reason} of {scenario}: {findings:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_defect_is_killed_by_its_own_requirement() {
    let _alone = alone().await;
    let escaped: Vec<String> = futures_util::stream::iter(KILLERS)
        .map(|&killer| async move {
            // A thread of its own: a run may not change threads, and what one computes does not hold up the others.
            let here = Handle::current();
            let run = move || here.block_on(certify_unseen(killer.0, killer.1));
            let certified = tokio::task::spawn_blocking(run).await;
            escaped(killer, &certified.expect("no panic"))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_service_type_is_killed_by_its_own_requirement() {
    let (defect, scenario, _) = ON_THE_NETWORK;
    let certified = certify(&[defect], &[scenario]).await;
    assert_eq!(escaped(ON_THE_NETWORK, &certified), None);
}

fn killers() -> impl Iterator<Item = &'static (Defect, &'static str, &'static str)> {
    KILLERS.iter().chain([&ON_THE_NETWORK])
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
    // Latency is judged apart: a noisy machine makes it could-not-test. So is a device that never queues.
    let apart = [
        Defect::SlowOneInTwenty,
        Defect::SlowWithoutTheInternet,
        Defect::QueuesWithoutAQueue,
    ];
    for defect in Defect::ALL {
        let killed = killers().any(|killer| killer.0 == *defect);
        assert!(killed || apart.contains(defect), "{defect}");
    }
}

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
