//! Each defect is killed by its own requirement, for the right reason.

use vinr_conformance::verdict::State;
use vinr_simulator::Defect;

use crate::workbench::certify;

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
            // Latency is judged apart: a noisy machine makes it could-not-test.
            let killed = [$(Defect::$defect,)+ Defect::SlowOneInTwenty];
            for defect in Defect::ALL {
                assert!(killed.contains(defect), "{defect}");
            }
        }
    };
}

killed! {
    any_tills_certificate: AcceptsAnyPosCertificate, "tls.other_terminal", "TLS-6.admitted";
    no_certificate_at_all: AcceptsWithoutClientCertificate, "tls.strangers.no-certificate", "TLS-5.admitted";
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
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_screen_in_twenty_never_passes() {
    let certified = certify(&[Defect::SlowOneInTwenty], &["lat.activation"]).await;
    let findings = certified.results.findings_of("LAT-1");
    let states: Vec<_> = findings
        .map(|finding| (finding.reason.as_str(), finding.state))
        .collect();
    let judged = [
        ("LAT-1.too_slow", State::Fail),
        ("LAT-1.could_not_test", State::CouldNotTest),
    ];
    assert!(
        states.len() == 1 && judged.contains(&states[0]),
        "{states:?}"
    );
}
