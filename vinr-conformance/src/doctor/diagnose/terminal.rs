//! Who the terminal is, by the certificates that it showed. \[TLS-9, TLS-10, TLS-14\]

use vinr_transport::Check;

use super::files::short;
use super::words::{self, day};
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{Look, Seen, Spoken};
use crate::doctor::tame::{few, tame};
use crate::journal::Certificate;

const HERE: Step = Step::Terminal;

/// How many certificates of a chain are told.
const CHAIN_MAX: usize = 5;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    let Some(Look {
        spoken: Spoken::Shown { chain, verdict },
        ..
    }) = &seen.look
    else {
        return vec![];
    };
    let finding = match verdict {
        None => Finding::not_seen(
            HERE,
            "terminal.not_judged",
            "whether it is a terminal of yours cannot be told without the CA bundle",
        ),
        Some(Ok(id)) => match &seen.terminal {
            Some(meant) if meant != id => Finding::fault(
                HERE,
                "terminal.other",
                format!("this is {id}, and {meant} was meant"),
                format!("find {meant}: the addresses of the two may have been swapped; to speak to this one use --id {id}"),
            )
            .means("a good terminal of yours at another's address"),
            _ => Finding::well(HERE, "terminal.is", format!("it proves to be {id}")),
        },
        Some(Err(check)) => failed(seen, chain, check),
    };
    let is_well = finding.next.is_none();
    let told = chain.iter().take(CHAIN_MAX).flat_map(lines);
    let more = chain.len().saturating_sub(CHAIN_MAX);
    let more = (more > 0).then(|| format!("and {more} more certificates"));
    let bundle = seen.bundle.iter().flatten().filter(|_| !is_well);
    let bundle = bundle.flat_map(|ca| {
        [
            format!("bundle  CA \"{}\"", tame(&ca.subject)),
            format!("sha256  {}", short(ca)),
        ]
    });
    vec![finding.facts(told.chain(more).chain(bundle))]
}

fn failed(seen: &Seen, chain: &[Certificate], check: &Check) -> Finding {
    let failed = words::of_terminal(check);
    let finding = if is_namesake(seen, chain, check) {
        Finding::fault(
            HERE,
            "terminal.same_name_ca",
            "a CA of the bundle has the issuer's name and did not sign the terminal's certificate",
            "compare the CA's fingerprint with whoever runs the terminal CA; fetch the current bundle, and if it is current do not use this device",
        )
        .means("the terminal CA was made anew under its old name, or somebody imitates it")
    } else {
        Finding::fault(HERE, failed.id, failed.says, failed.next).means(failed.means)
    };
    finding.facts([format!("rule    {}", tame(&check.to_string()))])
}

/// Was it signed by a CA that bears the name of one of ours?
fn is_namesake(seen: &Seen, chain: &[Certificate], check: &Check) -> bool {
    let last = chain.last().map(|last| last.issuer.as_str());
    matches!(check, Check::Issuer | Check::Signature)
        && seen
            .bundle
            .iter()
            .flatten()
            .any(|ca| Some(ca.subject.as_str()) == last)
}

fn lines(certificate: &Certificate) -> [String; 4] {
    let kind = if certificate.is_ca { "CA" } else { "leaf" };
    [
        format!("shown   {kind} \"{}\"", tame(&certificate.subject)),
        format!("issuer  \"{}\"", tame(&certificate.issuer)),
        format!(
            "names   {}; key {}; for {}",
            or_none(&certificate.names),
            tame(&certificate.key_kind),
            or_none(&certificate.purposes)
        ),
        format!(
            "valid   {} to {}; sha256 {}",
            day(&certificate.not_before),
            day(&certificate.not_after),
            short(certificate)
        ),
    ]
}

fn or_none(list: &[String]) -> String {
    match list.is_empty() {
        true => "none".to_owned(),
        false => few(list),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{CA, TERMINAL, cause, certificate, found, id, well};
    use super::*;

    fn shown(verdict: Result<&str, Check>, issuer: &str) -> Seen {
        let mut seen = well();
        seen.talk = None;
        if let Some(look) = &mut seen.look {
            look.spoken = Spoken::Shown {
                chain: vec![certificate("CN=x", issuer)],
                verdict: Some(verdict.map(id)),
            };
        }
        seen
    }

    // [TLS-10]
    #[test]
    fn another_terminal_is_named_and_so_is_the_one_that_was_meant() {
        let finding = cause(&shown(Ok("term_OTHER"), CA), "terminal.other");
        assert!(finding.says.contains("term_OTHER") && finding.says.contains(TERMINAL));
    }

    #[test]
    fn where_no_terminal_was_named_any_of_ours_will_do() {
        let mut seen = shown(Ok("term_OTHER"), CA);
        seen.terminal = None;
        assert!(found(&seen, "terminal.is").says.contains("term_OTHER"));
    }

    // [TLS-3]
    #[test]
    fn an_unknown_issuer_is_shown_beside_the_bundles_subjects() {
        let finding = cause(&shown(Err(Check::Issuer), "CN=somebody"), "terminal.issuer");
        let facts = finding.facts.join("\n");
        assert!(
            facts.contains("CN=somebody") && facts.contains(CA),
            "{facts}"
        );
    }

    // [TLS-3]
    #[test]
    fn a_namesake_of_our_ca_is_told_from_a_stranger() {
        for check in [Check::Issuer, Check::Signature] {
            cause(&shown(Err(check), CA), "terminal.same_name_ca");
        }
    }

    // [TLS-14]
    #[test]
    fn every_rule_of_the_profile_has_a_name_and_an_advice_of_its_own() {
        let checks = [
            Check::Issuer,
            Check::Signature,
            Check::Encoding,
            Check::Expired,
            Check::NotYetValid,
            Check::Revoked,
            Check::Purpose,
            Check::KeyUsage,
            Check::Ca,
            Check::KeyType,
            Check::Names,
            Check::NoCertificate,
            Check::Path("x".into()),
        ];
        let ids: std::collections::BTreeSet<_> = checks
            .iter()
            .map(|check| words::of_terminal(check).id)
            .collect();
        assert_eq!(ids.len(), checks.len());
    }

    #[test]
    fn of_a_long_chain_five_certificates_are_told() {
        let mut seen = well();
        if let Some(Look {
            spoken: Spoken::Shown { chain, .. },
            ..
        }) = &mut seen.look
        {
            *chain = vec![certificate("CN=x", CA); 6];
        }
        let facts = found(&seen, "terminal.is").facts;
        assert_eq!(
            facts
                .iter()
                .filter(|line| line.starts_with("shown"))
                .count(),
            5
        );
        assert_eq!(
            facts.last().map(String::as_str),
            Some("and 1 more certificates")
        );
    }

    #[test]
    fn without_a_bundle_nobody_is_judged() {
        let mut seen = well();
        seen.bundle = Err("missing".into());
        if let Some(Look {
            spoken: Spoken::Shown { verdict, .. },
            ..
        }) = &mut seen.look
        {
            *verdict = None;
        }
        found(&seen, "terminal.not_judged");
    }
}
