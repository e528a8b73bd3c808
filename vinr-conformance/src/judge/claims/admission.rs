//! Who is let in, and who the terminal says it is. \[TLS-2, TLS-5, TLS-6\]

use crate::journal::Certificate;
use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace};

/// A fatal alert, a 401 or 403, or an end without an answer: a judge accepts each of them.
pub(super) fn not_admitted(trace: &Trace<'_>, own: &Exchange<'_>) -> Found {
    let connection = trace
        .connections
        .get(&own.connection)
        .cloned()
        .unwrap_or_default();
    if let Some((seq, address, Some(error))) = connection.dialled {
        return Found::unseen(format!(
            "{address} could not be dialled: {error} (entry {seq})"
        ));
    }
    let mut entries = own.entries();
    entries.extend(connection.handshake.map(|(seq, _)| seq));
    entries.extend(connection.closed.map(|(seq, ..)| seq));
    entries.sort_unstable();
    let presented = connection
        .handshake
        .map_or("", |(_, handshake)| handshake.presented.as_str());
    let expected = format!(
        "the certificate '{presented}' is refused: an alert, a 401 or 403, or a closed connection"
    );
    match own.status() {
        Some(401 | 403) => Found::kept(entries),
        Some(status) => {
            let reason = if (200..300).contains(&status) {
                "admitted"
            } else {
                "not_refused_for_it"
            };
            Found::broken(reason, expected, own.outcome(), entries)
        }
        None if own.was_cut() => Found::kept(entries),
        None => Found::broken("no_refusal", expected, own.outcome(), entries),
    }
}

pub(super) fn own_certificate(trace: &Trace<'_>, connection: u64) -> Found {
    let handshake = trace
        .connections
        .get(&connection)
        .and_then(|own| own.handshake);
    let Some((seq, handshake)) = handshake else {
        return Found::unseen("there was no handshake");
    };
    let Some(certificate) = &handshake.certificate else {
        return Found::unseen("the terminal showed no certificate");
    };
    let Some((terminal, wire)) = trace.subject() else {
        return Found::unseen("nobody said which terminal this is");
    };
    if let Some(error) = &handshake.chain_error {
        let expected = format!("a certificate of {terminal} from the terminal CA");
        return Found::broken("not_from_the_terminal_ca", expected, error, [seq]);
    }
    let names = [format!("dns:{terminal}")];
    if wire == vinr_protocol::API && certificate.names != names {
        return Found::broken(
            "not_its_own",
            format!("exactly one name: {}", names[0]),
            certificate.names.join(", "),
            [seq],
        );
    }
    // A vendor's certificate is held to what its own profile says of it, and to nothing else.
    let vendors = trace
        .claimed()
        .and_then(|claimed| claimed.certificate_name.as_deref());
    if let Some(name) = vendors.filter(|name| !carries(certificate, name)) {
        let seen = [certificate.subject.as_str()]
            .into_iter()
            .chain(certificate.names.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(", ");
        let expected = format!("{name} in its certificate, as the profile says");
        return Found::broken("not_its_own", expected, seen, [seq]);
    }
    Found::kept([seq])
}

/// `dns:…` and `uri:…` stand among the names, `cn:…` in the subject.
fn carries(certificate: &Certificate, name: &str) -> bool {
    match name.strip_prefix("cn:") {
        Some(common) => certificate
            .subject
            .split(',')
            .any(|part| part.trim().strip_prefix("CN=") == Some(common)),
        None => certificate.names.iter().any(|own| own == name),
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::{Certificate, Claimed, Event, Handshake, Said};
    use crate::judge::fixture::{Story, certificate};

    fn own(names: &[&str], chain_error: Option<&str>) -> Option<&'static str> {
        let mut story = Story::new();
        story.note(Event::Handshake(Box::new(Handshake {
            connection: 9,
            certificate: Some(certificate(names)),
            chain_error: chain_error.map(str::to_owned),
            ..Handshake::default()
        })));
        story.reason(&Said::OwnCertificate { connection: 9 })
    }

    #[test]
    fn a_certificate_names_this_terminal_and_no_other() {
        assert_eq!(own(&["dns:term_1"], None), None);
        assert_eq!(
            own(&["dns:term_1", "dns:term_2"], None),
            Some("not_its_own")
        );
    }

    #[test]
    fn a_vendors_certificate_is_held_to_its_own_profile_only() {
        let carried = |names: &[&str], name: Option<&str>| {
            let mut story = Story::on_the_wire("vendor");
            story.note(Event::Claimed(Box::new(Claimed {
                certificate_name: name.map(str::to_owned),
                ..Claimed::default()
            })));
            story.note(Event::Handshake(Box::new(Handshake {
                connection: 9,
                certificate: Some(Certificate {
                    subject: "O=Nexgo, CN=VINR term_1".into(),
                    ..certificate(names)
                }),
                ..Handshake::default()
            })));
            story.reason(&Said::OwnCertificate { connection: 9 })
        };
        let two = &["dns:term_1", "dns:term_2"];
        assert_eq!(carried(two, None), None);
        assert_eq!(carried(two, Some("dns:term_1")), None);
        assert_eq!(carried(&[], Some("cn:VINR term_1")), None);
        assert_eq!(carried(&[], Some("cn:term_1")), Some("not_its_own"));
        assert_eq!(carried(two, Some("dns:term_3")), Some("not_its_own"));
    }

    #[test]
    fn a_certificate_from_elsewhere_is_not_the_terminals() {
        let error = Some("UnknownIssuer");
        assert_eq!(
            own(&["dns:term_1"], error),
            Some("not_from_the_terminal_ca")
        );
    }

    #[test]
    fn a_cut_connection_a_403_and_a_401_are_refusals() {
        let mut story = Story::new();
        let cut = story.pay("order_1", "k1", 1);
        story.lose(cut, "alert: CertificateRequired");
        assert_eq!(story.reason(&Said::NotAdmitted { exchange: cut }), None);
        let told = story.pay("order_1", "k2", 1);
        story.answer(told, 403, "{}");
        assert_eq!(story.reason(&Said::NotAdmitted { exchange: told }), None);
    }

    #[test]
    fn a_payment_for_a_stranger_is_an_admission() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 1);
        story.answer_payment(pay, "completed");
        assert_eq!(
            story.reason(&Said::NotAdmitted { exchange: pay }),
            Some("admitted")
        );
    }

    #[test]
    fn a_stranger_who_is_kept_waiting_is_not_refused() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 1);
        let said = Said::NotAdmitted { exchange: pay };
        assert_eq!(story.reason(&said), Some("no_refusal"));
    }

    #[test]
    fn a_400_to_a_stranger_is_not_a_refusal_of_the_stranger() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 1);
        story.answer(pay, 400, "{}");
        let said = Said::NotAdmitted { exchange: pay };
        assert_eq!(story.reason(&said), Some("not_refused_for_it"));
    }
}
