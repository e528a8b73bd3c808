//! What answers: a terminal's TLS, or something else.

use super::words::ms;
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{Dialled, Look, Seen, Spoken};
use crate::doctor::tame::tame;

const HERE: Step = Step::Speaks;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    let Some(look) = &seen.look else {
        return vec![];
    };
    let other = seen
        .other_ports
        .iter()
        .filter(|other| matches!(other.outcome, Dialled::Connected(_)))
        .map(|other| format!("{} takes connections, too", other.address));
    vec![finding(look).facts(other)]
}

fn finding(look: &Look) -> Finding {
    let address = look.address;
    let which = format!(
        "check which device and which program has {address}; a terminal's port is 8443 as a rule"
    );
    match &look.spoken {
        Spoken::Shown { .. } => {
            Finding::well(HERE, "speaks.tls13", "it speaks TLS 1.3 and shows a certificate")
        }
        Spoken::Http(first) => Finding::fault(
            HERE,
            "speaks.http",
            format!("{address} speaks HTTP without TLS"),
            which,
        )
        .means("a web server, a printer, or a terminal in another mode: a terminal never speaks in the clear")
        .facts([format!("it said \"{}\"", tame(first))]),
        Spoken::Plain(first) => Finding::fault(
            HERE,
            "speaks.not_tls",
            format!("{address} speaks something that is not TLS"),
            which,
        )
        .means("another program has this port")
        .facts([format!("it said \"{}\"", tame(first))]),
        Spoken::OldTls => Finding::fault(
            HERE,
            "speaks.old_tls",
            format!("{address} speaks TLS 1.2 or older, and a terminal speaks 1.3"),
            "have the terminal's software updated; if something between inspects TLS, exempt this address",
        )
        .means("old terminal software, another device, or a proxy in between"),
        Spoken::OtherAlpn => Finding::fault(
            HERE,
            "speaks.other_alpn",
            format!("{address} speaks TLS for another protocol than HTTP/1.1 (ALPN)"),
            which,
        )
        .means("another program has this port, or something between inspects TLS"),
        Spoken::Alert(number, name) => Finding::fault(
            HERE,
            "speaks.alert",
            format!("{address} ends the handshake with the alert {name} ({number})"),
            which,
        )
        .means("it speaks TLS, and shares no cipher or key exchange with a till, or wants to be asked for by a name"),
        Spoken::Odd(what) => Finding::fault(
            HERE,
            "speaks.odd",
            format!("{address} breaks the rules of TLS: {}", tame(what)),
            which,
        ),
        Spoken::Closed => Finding::fault(
            HERE,
            "speaks.closed",
            format!("{address} takes the connection and hangs up without a word"),
            "restart the terminal's payment app; if it stays so, see whether a firewall or proxy is in between",
        )
        .means("a terminal that is full or shutting down, another program, or a firewall that cuts connections"),
        Spoken::Silent(after) => Finding::fault(
            HERE,
            "speaks.silent",
            format!("{address} takes the connection and says nothing for {}", ms(*after)),
            "restart the terminal; if it stays so, see which program has this port",
        )
        .means("a terminal that hangs, another program that waits to be spoken to, or a proxy without the terminal behind it"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{cause, well};
    use super::*;

    fn spoken(spoken: Spoken) -> Seen {
        let mut seen = well();
        seen.talk = None;
        if let Some(look) = &mut seen.look {
            look.spoken = spoken;
        }
        seen
    }

    #[test]
    fn each_stranger_has_a_name_of_its_own() {
        for (stranger, id) in [
            (Spoken::Http("HTTP/1.1 400".into()), "speaks.http"),
            (Spoken::Plain("SSH-2.0".into()), "speaks.not_tls"),
            (Spoken::OldTls, "speaks.old_tls"),
            (Spoken::OtherAlpn, "speaks.other_alpn"),
            (Spoken::Alert(40, "handshake_failure"), "speaks.alert"),
            (Spoken::Odd("x".into()), "speaks.odd"),
            (Spoken::Closed, "speaks.closed"),
            (Spoken::Silent(Duration::from_secs(1)), "speaks.silent"),
        ] {
            cause(&spoken(stranger), id);
        }
    }

    #[test]
    fn whoever_is_no_terminal_was_reached_all_the_same() {
        let seen = spoken(Spoken::Silent(Duration::from_secs(1)));
        assert_eq!(super::super::diagnose(&seen).exit_code(), 1);
    }

    // [LOG-1]
    #[test]
    fn a_strangers_words_are_escaped() {
        let finding = cause(
            &spoken(Spoken::Plain("\u{1b}]0;x\u{7}".into())),
            "speaks.not_tls",
        );
        assert!(!finding.facts[0].contains('\u{1b}'), "{finding:?}");
    }

    #[test]
    fn nobody_was_charged_and_nothing_was_sent() {
        let diagnosis = super::super::diagnose(&spoken(Spoken::OldTls));
        assert!(
            diagnosis
                .charged()
                .1
                .contains("nothing of this till's was sent")
        );
    }
}
