//! What the terminal makes of this till's certificate. \[TLS-5, TLS-6, TLS-12\]

use super::words::{self, ms};
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{Answered, Seen, Talk};
use crate::doctor::tame::{few, tame};

const HERE: Step = Step::Till;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    let Some(talk) = &seen.talk else {
        return vec![];
    };
    let not_asked = !talk.asked_for_ours
        && !matches!(
            talk.answered,
            Answered::OtherCertificate | Answered::NoKey | Answered::NotAgain(_)
        );
    if not_asked {
        return vec![
            Finding::fault(
                HERE,
                "till.not_asked",
                "the terminal never asked for this till's certificate",
                "have its software checked; do not pay there until it asks",
            )
            .means("anybody in this network could drive it"),
        ];
    }
    vec![answered(seen, talk)]
}

fn answered(seen: &Seen, talk: &Talk) -> Finding {
    match &talk.answered {
        Answered::Reader(_) => Finding::well(
            HERE,
            "till.accepted",
            "the terminal accepts this till's certificate",
        ),
        Answered::Refused(status, code, message) => refused(seen, *status, code, message),
        Answered::Alert(number, name) => match words::of_alert(*number) {
            Some((id, says, next)) => Finding::fault(HERE, id, says, next)
                .facts([format!("the alert {name} ({number})"), ours(seen)]),
            None => Finding::fault(
                HERE,
                "till.alert",
                format!("the terminal hangs up with the alert {name} ({number})"),
                "restart the terminal's payment app and run the doctor again",
            ),
        },
        Answered::NotOurs(what) => Finding::fault(
            HERE,
            "till.not_ours",
            format!("the terminal's answer is not of this API: {}", tame(what)),
            "have the terminal's software checked: does it speak this version of the Local API?",
        ),
        Answered::Closed(how) => Finding::fault(
            HERE,
            "till.closed",
            format!("the terminal hung up without an answer ({})", tame(how)),
            "run the doctor again; if it stays so, restart the terminal: it may have refused the certificate without saying so",
        )
        .facts([ours(seen)]),
        Answered::Silent(after) => Finding::fault(
            HERE,
            "till.silent",
            format!("the terminal took the question and did not answer for {}", ms(*after)),
            "restart the terminal's payment app",
        ),
        Answered::OtherCertificate => Finding::fault(
            HERE,
            "till.other_certificate",
            "a second connection was shown another certificate that is not accepted",
            "see whether two devices share this address",
        ),
        Answered::NoKey => Finding::fault(
            HERE,
            "till.no_key",
            "it shows a terminal's certificate and does not hold its key",
            "do not pay there: see which device has this address",
        )
        .means("somebody copied the certificate, which is no secret, and imitates the terminal"),
        Answered::NotAgain(why) => Finding::fault(
            HERE,
            "till.not_again",
            format!("a second connection did not come about: {}", tame(why)),
            "run the doctor again; a terminal takes several connections at a time",
        ),
    }
}

fn refused(seen: &Seen, status: u16, code: &str, message: &str) -> Finding {
    let said = format!("it said {status} {}: {}", tame(code), tame(message));
    let finding = match code {
        "certificate_not_for_terminal" => Finding::fault(
            HERE,
            "till.not_for_terminal",
            match &seen.till {
                Ok(till) => format!(
                    "this till's certificate is not for this terminal, but for {}",
                    few(&till.terminals)
                ),
                Err(_) => "this till's certificate is not for this terminal".to_owned(),
            },
            "have this terminal added to the till's certificate",
        ),
        "certificate_revoked" => Finding::fault(
            HERE,
            "till.revoked",
            "this till's certificate was revoked",
            "provision a new certificate for this till; the old one stays revoked",
        ),
        "certificate_not_acceptable" => Finding::fault(
            HERE,
            "till.not_acceptable",
            "the terminal does not accept this till's certificate",
            "read the terminal's reason below; if it speaks of time, compare its clock, else have the till's certificate issued anew",
        ),
        "terminal_unavailable" => Finding::fault(
            HERE,
            "till.unavailable",
            "the terminal is starting, shutting down, or without a clock or a current revocation list",
            "wait a minute and run the doctor again; then connect the terminal to the internet, so that it gets its date and its list",
        ),
        "local_mode_disabled" => Finding::fault(
            HERE,
            "till.local_mode",
            "local mode is switched off on this terminal",
            "switch local mode on for this terminal in the dashboard",
        ),
        _ => Finding::fault(
            HERE,
            "till.refused",
            format!("the terminal refuses to say how it is ({status})"),
            "read the terminal's reason below and ask its maker",
        ),
    };
    finding.facts([said, ours(seen)])
}

fn ours(seen: &Seen) -> String {
    match &seen.till {
        Ok(till) => format!(
            "shown \"{}\", issued by \"{}\", for {}",
            tame(&till.certificate.subject),
            tame(&till.certificate.issuer),
            few(&till.terminals)
        ),
        Err(_) => "no certificate was shown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{TERMINAL, cause, well};
    use super::*;

    fn with(answered: Answered) -> Seen {
        let mut seen = well();
        if let Some(talk) = &mut seen.talk {
            talk.answered = answered;
        }
        seen
    }

    fn said(code: &str) -> Seen {
        with(Answered::Refused(403, code.into(), "no".into()))
    }

    // [TLS-6]
    #[test]
    fn a_certificate_for_another_terminal_lists_whom_it_names() {
        let finding = cause(
            &said("certificate_not_for_terminal"),
            "till.not_for_terminal",
        );
        assert!(finding.says.contains(TERMINAL), "{}", finding.says);
    }

    // [TLS-12]
    #[test]
    fn revoked_is_told_by_403_and_by_alert_alike() {
        cause(&said("certificate_revoked"), "till.revoked");
        cause(
            &with(Answered::Alert(44, "certificate_revoked")),
            "till.revoked",
        );
    }

    #[test]
    fn each_refusal_has_a_name_of_its_own() {
        cause(&said("certificate_not_acceptable"), "till.not_acceptable");
        cause(&said("terminal_unavailable"), "till.unavailable");
        cause(&said("local_mode_disabled"), "till.local_mode");
        cause(&said("a_new_code"), "till.refused");
    }

    // [TLS-5]
    #[test]
    fn each_alert_about_a_certificate_is_told_in_words() {
        for (number, id) in [
            (42, "till.not_acceptable"),
            (45, "till.expired"),
            (48, "till.unknown_ca"),
            (51, "till.decrypt_error"),
            (116, "till.required"),
            (80, "till.alert"),
        ] {
            cause(&with(Answered::Alert(number, "x")), id);
        }
    }

    // [TLS-4]
    #[test]
    fn a_terminal_that_never_asks_who_we_are_is_not_well() {
        let mut seen = well();
        if let Some(talk) = &mut seen.talk {
            talk.asked_for_ours = false;
        }
        cause(&seen, "till.not_asked");
    }

    #[test]
    fn silence_is_no_refusal() {
        cause(
            &with(Answered::Silent(Duration::from_secs(3))),
            "till.silent",
        );
        cause(&with(Answered::Closed("reset".into())), "till.closed");
    }
}
