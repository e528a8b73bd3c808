//! Each defect is killed by its own requirement, for the right reason.

use vinr_conformance::verdict::{Finding, State};
use vinr_simulator::Defect;

use crate::workbench::{certify, certify_one_that_never_queues};

/// Certifies a simulator with this defect by one scenario, which must find exactly this.
async fn is_killed(defect: Defect, scenario: &str, reason: &str) {
    let certified = certify(&[defect], &[scenario]).await;
    let findings = &certified.results.findings;
    let killed = findings.iter().any(|finding| {
        finding.reason == reason && matches!(finding.state, State::Fail | State::Warn)
    });
    assert!(killed, "{defect} is not killed by {reason}: {findings:#?}");
    assert!(
        reason.starts_with(&format!("{}.", defect.requirement())),
        "{defect}: {reason}"
    );
}

macro_rules! killed {
    ($($name:ident: $defect:ident, $scenario:literal, $reason:literal;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                is_killed(Defect::$defect, $scenario, $reason).await;
            }
        )+

        #[test]
        fn every_defect_of_the_simulator_has_its_killer() {
            // Latency is judged apart: a noisy machine makes it could-not-test. So is a device that never queues.
            let killed = [
                $(Defect::$defect,)+
                Defect::SlowOneInTwenty,
                Defect::SlowWithoutTheInternet,
                Defect::QueuesWithoutAQueue,
            ];
            for defect in Defect::ALL {
                assert!(killed.contains(defect), "{defect}");
            }
        }
    };
}

killed! {
    any_tills_certificate: AcceptsAnyPosCertificate, "tls.other_terminal", "TLS-6.admitted";
    no_certificate_at_all: AcceptsWithoutClientCertificate, "tls.strangers.no-certificate", "TLS-5.admitted";
    a_list_that_nobody_reads: IgnoresRevocation, "tls.revoked", "TLS-12.admitted";
    a_list_that_open_connections_survive: RevokedOnlyInTheHandshake, "tls.revoked_open", "TLS-12.admitted";
    a_list_that_goes_back: TakesOlderLists, "tls.list_older", "TLS-15.admitted";
    a_list_that_anybody_wrote: TakesForgedLists, "tls.list_forged", "TLS-15.not_served";
    a_list_of_another_authority: TakesForeignLists, "tls.list_foreign", "TLS-15.not_served";
    a_list_that_never_ends: PaysOnPastTheList, "tls.list_ends", "TLS-15.accepted";
    a_slow_peer_that_may_stay: SlowPeersStay, "net.slow", "NET-5.no_answer";
    a_decline_that_is_called_completed: DeclineReportedCompleted, "pay.declined", "PAY-3.wrong_outcome";
    an_altered_amount: AmountAltered, "pay.approved", "PAY-8.amount_altered";
    a_command_for_another_terminal: WrongIdAccepted, "pay.wrong_terminal", "PAY-9.accepted";
    a_screen_for_a_bad_body: ScreenForABadBody, "pay.malformed.no-amount", "PAY-10.screen_shown";
    a_second_charge: ChargedTwice, "pay.replay", "PAY-11.charged_twice";
    a_head_that_waits: HeadWithTheBody, "pay.two_moments", "PAY-14.head_waits_for_the_outcome";
    yesterdays_card: Last4OfThePreviousCard, "pay.approved", "PAY-17.another_card";
    a_misspelt_field_that_is_taken: UnknownFieldAccepted, "pay.unknown_field", "PAY-20.accepted";
    a_payment_that_leaves_with_its_till: SessionDroppedWithTheClient, "rec.hang_up", "REC-6.forgotten";
    an_outcome_that_a_restart_forgets: OutcomeForgottenAtRestart, "rec.restart", "REC-6.forgotten";
    failed_while_it_still_asks: FailedWhilePending, "rec.pending", "REC-7.wrong_status";
    a_tap_after_the_cancel: TapAfterCancelCharges, "rec.cancel", "REC-8.charged";
    a_look_up_that_waits: LookUpBlockedWhileHeld, "rec.held", "REC-14.answered_after_it";
    a_talkative_busy_terminal: BusyLeaksTheOtherPayment, "grp.busy", "GRP-5.leaks_the_other_payment";
    another_service_type: WrongServiceType, "disc.advert", "DISC-1.not_advertised";
    a_screen_that_waits_for_the_cloud: WaitsForTheCloud, "net.cloud_away", "NET-3.late_prompt";
    local_mode_that_cannot_be_switched_off: LocalModeIgnored, "net.local_mode", "NET-4.accepted";
    local_mode_that_hides_what_was_paid: LocalModeOffBlocksLookUps, "net.local_mode", "NET-8.not_served";
    a_device_that_does_not_queue: NeverQueues, "off.accepted", "OFF-1.refused";
    a_cent_too_much: TakesMoreThanTheLimit, "off.limit", "OFF-2.accepted";
    one_too_many: QueuesOneTooMany, "off.full", "OFF-3.accepted";
    a_queue_in_clear_text: QueueInClearText, "off.kept", "OFF-5.clear_text";
    a_queue_that_is_lost: LostOnReconnect, "off.full", "OFF-6.lost";
    a_queue_that_is_sent_twice: DoubledOnReconnect, "off.full", "OFF-6.doubled";
    limits_that_nobody_can_set: ConfiguredLimitsIgnored, "off.configured", "OFF-9.accepted";
    a_limit_for_every_currency: UsdLimitForEveryCurrency, "off.currency", "OFF-11.accepted";
    a_queue_that_a_restart_forgets: QueueForgottenAtRestart, "off.kept", "OFF-12.forgotten";
    a_prompt_before_the_refusal: RefusedAfterTheCard, "off.currency", "OFF-13.screen_shown";
    completed_while_it_is_only_queued: CompletedOffline, "off.accepted", "OFF-14.completed_offline";
    one_place_for_all: SequenceReused, "off.full", "OFF-15.sequence_reused";
    a_queue_though_the_internet_is_back: AdmissionDecides, "off.back_at_the_card", "OFF-16.not_in_the_same_exchange";
    a_stale_queue_that_takes_more: StaleQueueTakesMore, "off.stale", "OFF-17.accepted";
    a_simulator_that_stays_online: SimulateOfflineIgnored, "sim.offline", "SIM-4.accepted";
    a_settled_payment_that_nobody_is_told_of: SettledPaymentNotTold, "evt.settled", "EVT-1.not_fired";
    a_webhook_that_anybody_could_have_sent: WebhookSignedByAnother, "evt.repeated", "EVT-2.wrong_signature";
    a_webhook_that_looks_new_each_time: WebhookIdOfItsOwn, "evt.repeated", "EVT-2.another_event_id";
    a_sent_queue_that_nobody_is_told_of: DrainedPaymentNotTold, "evt.offline", "OFF-7.not_fired";
    a_declined_queue_that_nobody_understands: OfflineDeclineNotNamed, "evt.offline", "OFF-8.wrong_decline_code";
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
