//! The CA bundle and the till's identity.

use vinr_transport::Check;

use super::words::{day, moment};
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{NotUsable, Seen, Till};
use crate::doctor::tame::{few, tame};
use crate::journal::Certificate;

const HERE: Step = Step::Files;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    let mut findings = vec![bundle(seen)];
    match &seen.till {
        Ok(till) => findings.extend(identity(seen, till)),
        Err(why) => findings.push(not_usable(why)),
    }
    findings
}

fn bundle(seen: &Seen) -> Finding {
    let certificates = match &seen.bundle {
        Ok(certificates) => certificates,
        Err(why) => {
            return Finding::fault(
                HERE,
                "files.no_bundle",
                format!("the terminal CA bundle cannot be used: {}", tame(why)),
                "get the terminal CA bundle from whoever provisions the terminals, and name it with --terminal-ca",
            );
        }
    };
    let subjects = certificates.iter().flat_map(|ca| {
        let (subject, until) = (tame(&ca.subject), day(&ca.not_after));
        [
            format!("CA      \"{subject}\""),
            format!("until   {until}; sha256 {}", short(ca)),
        ]
    });
    let count = certificates
        .iter()
        .filter(|ca| time(seen, ca) == InTime::Yes)
        .count();
    let finding = if count > 0 {
        Finding::well(
            HERE,
            "files.bundle",
            match certificates.len() {
                1 => "the terminal CA bundle holds one CA".to_owned(),
                several => format!("the terminal CA bundle holds {several} CAs, {count} in time"),
            },
        )
    } else if certificates
        .iter()
        .all(|ca| time(seen, ca) == InTime::NotYet)
    {
        Finding::fault(
            HERE,
            "files.bundle_not_yet_valid",
            "no CA of the terminal CA bundle is valid yet by this machine's clock",
            "set this machine's date",
        )
        .means(format!("this machine says that it is {}", seen.now))
    } else {
        Finding::fault(
            HERE,
            "files.bundle_expired",
            "every CA of the terminal CA bundle is out of date",
            "check this machine's date; if it is right, fetch the current terminal CA bundle",
        )
        .means(format!("this machine says that it is {}", seen.now))
    };
    finding.facts(subjects)
}

fn identity(seen: &Seen, till: &Till) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((path, mode)) = &till.readable_by_others {
        let path = path.display();
        findings.push(
            Finding::fault(
                HERE,
                "files.readable_by_others",
                format!("others can read this till's key (mode {mode:04o})"),
                format!("run: chmod 600 {path}"),
            )
            .means("whoever copies the key can pay as this till; the SDK does not load it"),
        );
    }
    let certificate = &till.certificate;
    match time(seen, certificate) {
        InTime::Yes => {}
        InTime::Over => findings.push(
            Finding::fault(
                HERE,
                "files.till_expired",
                format!(
                    "this till's certificate expired on {}",
                    day(&certificate.not_after)
                ),
                "check this machine's date; if it is right, have the till's certificate renewed",
            )
            .means(format!("this machine says that it is {}", seen.now)),
        ),
        InTime::NotYet => findings.push(
            Finding::fault(
                HERE,
                "files.till_not_yet_valid",
                format!(
                    "this till's certificate is valid only from {}",
                    day(&certificate.not_before)
                ),
                "set this machine's date; if it is right, use the certificate from that day on",
            )
            .means(format!("this machine says that it is {}", seen.now)),
        ),
    }
    findings.extend(names(seen, till));
    if findings.is_empty() {
        let until = day(&certificate.not_after);
        let names = few(&till.terminals);
        let says = format!("this till's certificate is for {names}, until {until}");
        findings.push(Finding::well(HERE, "files.till", says));
    }
    if let Some(last) = findings.last_mut() {
        last.facts.extend([
            format!("till    \"{}\"", tame(&certificate.subject)),
            format!("issuer  \"{}\"", tame(&certificate.issuer)),
            format!(
                "until   {}; sha256 {}",
                day(&certificate.not_after),
                short(certificate)
            ),
        ]);
    }
    findings
}

fn names(seen: &Seen, till: &Till) -> Option<Finding> {
    const ANEW: &str = "have a till's certificate issued that names this terminal";
    if let Err(check) = &till.profile {
        let says = match check {
            Check::Purpose => {
                "the identity is not a till's: its certificate is not for clients alone"
            }
            Check::Ca => "the identity is not a till's: its certificate is a CA's",
            Check::Names => "the names in this till's certificate are malformed",
            _ => "this till's certificate is not as a till's must be",
        };
        let finding = Finding::fault(
            HERE,
            "files.till_profile",
            says,
            "use the till's own identity, not a terminal's, or have it issued anew",
        );
        return Some(finding.means(tame(&check.to_string())));
    }
    if till.terminals.is_empty() {
        let says = "this till's certificate names no terminal that it may drive";
        return Some(Finding::fault(HERE, "files.till_names_nobody", says, ANEW));
    }
    let meant = seen.terminal.as_ref()?;
    if till.terminals.contains(meant) {
        return None;
    }
    let finding = Finding::fault(
        HERE,
        "files.till_for_other_terminal",
        format!(
            "this till's certificate is for {}, not for {meant}",
            few(&till.terminals)
        ),
        format!("have {meant} added to the till's certificate, or use the till of that terminal"),
    );
    let differs_in_case =
        |id: &vinr_protocol::TerminalId| id.as_str().eq_ignore_ascii_case(meant.as_str());
    Some(if till.terminals.iter().any(differs_in_case) {
        finding.means("terminal ids are compared with their capitals")
    } else {
        finding.means("the terminal refuses every till whose certificate does not name it")
    })
}

fn not_usable(why: &NotUsable) -> Finding {
    match why {
        NotUsable::Passphrase => Finding::fault(
            HERE,
            "files.passphrase",
            "the passphrase does not open the till's identity",
            "use the passphrase that was shown when this very .p12 was made; it opens no earlier and no later file. If it is lost, have a new one made",
        ),
        NotUsable::PassphraseFile(why) => Finding::fault(
            HERE,
            "files.passphrase_file",
            format!("the file with the passphrase cannot be read: {}", tame(why)),
            "write the passphrase alone into a file and name it with --passphrase-file",
        ),
        NotUsable::Other(why) => Finding::fault(
            HERE,
            "files.no_identity",
            // Our own words, and a path of the caller's.
            why.clone(),
            "name the till's identity: --identity FILE.p12 with --passphrase-file, or --pos-cert with --pos-key",
        ),
    }
}

#[derive(PartialEq, Eq)]
enum InTime {
    NotYet,
    Yes,
    Over,
}

fn time(seen: &Seen, certificate: &Certificate) -> InTime {
    if moment(&certificate.not_before).is_some_and(|from| seen.now < from) {
        InTime::NotYet
    } else if moment(&certificate.not_after)
        .is_some_and(|until| seen.now.as_second() > until.as_second())
    {
        InTime::Over
    } else {
        InTime::Yes
    }
}

/// Enough of a fingerprint to compare two by eye.
pub(super) fn short(certificate: &Certificate) -> &str {
    let fingerprint = certificate.sha256.as_str();
    fingerprint.get(..16).unwrap_or(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{TERMINAL, certificate, found, id, well};
    use super::*;

    // [TLS-6]
    #[test]
    fn a_till_that_does_not_name_the_terminal_is_told_whom_it_names() {
        let mut seen = well();
        if let Ok(till) = &mut seen.till {
            till.terminals = vec![id("term_OTHER")];
        }
        let finding = found(&seen, "files.till_for_other_terminal");
        assert!(finding.says.contains("term_OTHER"), "{}", finding.says);
        assert!(finding.says.contains(TERMINAL), "{}", finding.says);
    }

    #[test]
    fn a_name_in_another_case_is_explained() {
        let mut seen = well();
        if let Ok(till) = &mut seen.till {
            till.terminals = vec![id(&TERMINAL.to_ascii_lowercase())];
        }
        let finding = found(&seen, "files.till_for_other_terminal");
        assert!(
            finding
                .means
                .is_some_and(|means| means.contains("capitals"))
        );
    }

    #[test]
    fn the_last_second_of_a_certificate_is_in_time_and_the_next_is_not() {
        let mut seen = well();
        seen.now = "2029-01-01T00:00:00.5Z".parse().expect("a date");
        assert!(!findings(&seen).iter().any(|f| f.id == "files.till_expired"));
        seen.now = "2029-01-01T00:00:01Z".parse().expect("a date");
        found(&seen, "files.till_expired");
    }

    #[test]
    fn the_first_second_of_a_certificate_is_in_time_and_the_one_before_is_not() {
        let mut seen = well();
        seen.now = "2026-01-01T00:00:00Z".parse().expect("a date");
        assert!(findings(&seen).iter().all(|f| f.next.is_none()));
        seen.now = "2025-12-31T23:59:59Z".parse().expect("a date");
        let finding = found(&seen, "files.till_not_yet_valid");
        assert!(finding.next.is_some_and(|next| next.contains("date")));
    }

    #[test]
    fn a_bundle_with_an_old_and_a_current_ca_is_well() {
        let mut seen = well();
        let old = Certificate {
            not_after: "2020-01-01T00:00:00Z".into(),
            ..certificate("CN=old CA", "CN=old CA")
        };
        seen.bundle.as_mut().expect("it is there").push(old.clone());
        assert_eq!(found(&seen, "files.bundle").next, None);
        seen.bundle = Ok(vec![old]);
        found(&seen, "files.bundle_expired");
    }

    // [TLS-11]
    #[test]
    fn each_fault_of_an_identity_has_a_name_of_its_own() {
        let mut seen = well();
        seen.till = Err(NotUsable::Passphrase);
        assert!(found(&seen, "files.passphrase").next.is_some());
        seen.till = Err(NotUsable::Other("no key".into()));
        assert!(found(&seen, "files.no_identity").next.is_some());
        seen = well();
        if let Ok(till) = &mut seen.till {
            till.readable_by_others = Some(("pos.key".into(), 0o640));
        }
        let finding = found(&seen, "files.readable_by_others");
        assert_eq!(finding.next.as_deref(), Some("run: chmod 600 pos.key"));
    }

    #[test]
    fn a_terminals_certificate_at_a_till_is_recognized() {
        let mut seen = well();
        if let Ok(till) = &mut seen.till {
            till.profile = Err(Check::Purpose);
        }
        let finding = found(&seen, "files.till_profile");
        assert!(finding.says.contains("not a till's"), "{}", finding.says);
    }
}
