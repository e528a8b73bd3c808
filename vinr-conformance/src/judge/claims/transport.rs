//! The port, and that nothing but mutual TLS 1.3 is spoken on it. \[NET-1, TLS-1, TLS-13\]

use crate::judge::found::Found;
use crate::judge::trace::{Connection, Trace};

pub(super) fn on_port(trace: &Trace<'_>, connection: u64, port: u16) -> Found {
    let expected = format!("HTTPS on TCP port {port}");
    with(trace, connection, |own| {
        let Some((dialled, address, error)) = own.dialled else {
            return Found::unseen("nothing was dialled");
        };
        if !address.ends_with(&format!(":{port}")) {
            return Found::unseen(format!("another port was dialled: {address}"));
        }
        if let Some(error) = error {
            return Found::broken(
                "wrong_port",
                expected,
                format!("{address}: {error}"),
                [dialled],
            );
        }
        let Some((seq, handshake)) = own.handshake else {
            return Found::unseen("there was no handshake");
        };
        if let Some(error) = &handshake.error {
            return Found::broken("no_tls", expected, error, [dialled, seq]);
        }
        let served = trace
            .exchanges
            .values()
            .find(|exchange| exchange.connection == connection && exchange.status().is_some());
        match served {
            Some(exchange) => Found::kept([dialled, seq].into_iter().chain(exchange.entries())),
            None => Found::broken("no_https", expected, "no HTTP answer", [dialled, seq]),
        }
    })
}

pub(super) fn mutual(trace: &Trace<'_>, connection: u64) -> Found {
    with(trace, connection, |own| {
        let Some((seq, handshake)) = own.handshake else {
            return Found::unseen("there was no handshake");
        };
        let expected = "a TLS handshake that asks for a client certificate";
        if let Some(error) = &handshake.error {
            return Found::broken("no_tls", expected, error, [seq]);
        }
        if handshake.asked {
            return Found::kept([seq]);
        }
        Found::broken("server_only_tls", expected, "it asks for none", [seq])
    })
}

/// A refusal in plain HTTP would be honest; anything that could pass for service is not.
pub(super) fn no_plaintext(trace: &Trace<'_>, connection: u64) -> Found {
    with(trace, connection, |own| {
        let Some((seq, received, _)) = own.plain else {
            return Found::unseen("nothing was sent in plain text");
        };
        let status = received
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|status| status.parse::<u16>().ok());
        match status {
            Some(status) if !(400..500).contains(&status) => Found::broken(
                "plaintext_served",
                "plain HTTP gets a TLS alert, a 4xx or a closed connection",
                format!("HTTP status {status} in plain text"),
                [seq],
            ),
            _ => Found::kept([seq]),
        }
    })
}

pub(super) fn old_tls_refused(trace: &Trace<'_>, connection: u64) -> Found {
    with(trace, connection, |own| {
        let Some((seq, _, hex)) = own.plain else {
            return Found::unseen("nothing older was offered");
        };
        // A record of type 22 is a ServerHello: the offer was taken. An alert is 21.
        if hex.starts_with("16") {
            let expected = "TLS 1.2 is refused";
            return Found::broken("old_tls_taken", expected, "a ServerHello", [seq]);
        }
        Found::kept([seq])
    })
}

pub(super) fn no_tickets(trace: &Trace<'_>, connection: u64) -> Found {
    with(trace, connection, |own| {
        let Some((seq, handshake)) = own.handshake else {
            return Found::unseen("there was no handshake");
        };
        let version = handshake.version.as_deref().unwrap_or("none");
        if version != "TLSv1_3" {
            return Found::broken("not_tls_1_3", "TLS 1.3", version, [seq]);
        }
        match own.closed {
            Some((closed, _, 0)) => Found::kept([seq, closed]),
            Some((closed, _, tickets)) => {
                let seen = format!("{tickets} ticket(s)");
                Found::broken(
                    "offers_resumption",
                    "no session ticket",
                    seen,
                    [seq, closed],
                )
            }
            None => Found::unseen("the connection was never seen to its end"),
        }
    })
}

fn with(trace: &Trace<'_>, connection: u64, look: impl FnOnce(&Connection<'_>) -> Found) -> Found {
    trace
        .connections
        .get(&connection)
        .map_or_else(|| Found::unseen("nothing was dialled"), look)
}

#[cfg(test)]
mod tests {
    use crate::journal::{Event, Handshake, Said, Side};
    use crate::judge::fixture::Story;

    fn plain(received: &str, hex: &str) -> Story {
        let mut story = Story::new();
        story.note(Event::Plain {
            connection: 9,
            sent: "GET".into(),
            received: received.into(),
            hex: hex.into(),
        });
        story
    }

    #[test]
    fn a_refused_dial_on_8443_is_the_wrong_port() {
        let mut story = Story::new();
        story.note(Event::Dial {
            connection: 9,
            address: "127.0.0.1:8443".into(),
            error: Some("refused".into()),
        });
        let said = Said::OnPort {
            connection: 9,
            port: 8443,
        };
        assert_eq!(story.reason(&said), Some("wrong_port"));
    }

    #[test]
    fn an_answer_over_tls_on_8443_is_the_right_port() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 1);
        story.answer(pay, 409, "{}");
        let said = Said::OnPort {
            connection: story.connection_of(pay),
            port: 8443,
        };
        assert_eq!(story.reason(&said), None);
    }

    #[test]
    fn a_port_without_tls_or_without_http_is_no_https() {
        let reason = |error: Option<&str>| {
            let mut story = Story::new();
            story.note(Event::Dial {
                connection: 9,
                address: "127.0.0.1:8443".into(),
                error: None,
            });
            story.note(Event::Handshake(Box::new(Handshake {
                connection: 9,
                error: error.map(str::to_owned),
                ..Handshake::default()
            })));
            story.reason(&Said::OnPort {
                connection: 9,
                port: 8443,
            })
        };
        assert_eq!(reason(Some("not TLS")), Some("no_tls"));
        assert_eq!(reason(None), Some("no_https"));
    }

    #[test]
    fn a_handshake_of_an_older_version_is_not_tls_1_3() {
        let mut story = Story::new();
        story.note(Event::Handshake(Box::new(Handshake {
            connection: 9,
            version: Some("TLSv1_2".into()),
            ..Handshake::default()
        })));
        let said = Said::NoTickets { connection: 9 };
        assert_eq!(story.reason(&said), Some("not_tls_1_3"));
    }

    #[test]
    fn plain_http_may_be_refused_and_not_served() {
        let said = Said::NoPlaintext { connection: 9 };
        assert_eq!(plain("", "").reason(&said), None);
        assert_eq!(plain("HTTP/1.1 400 Bad Request", "48").reason(&said), None);
        assert_eq!(plain("......", "1503").reason(&said), None);
        assert_eq!(
            plain("HTTP/1.1 200 OK", "48").reason(&said),
            Some("plaintext_served")
        );
        assert_eq!(
            plain("HTTP/1.1 307 Moved", "48").reason(&said),
            Some("plaintext_served")
        );
    }

    #[test]
    fn a_server_hello_to_tls_1_2_is_too_kind() {
        let said = Said::OldTlsRefused { connection: 9 };
        assert_eq!(plain(".", "1503030002").reason(&said), None);
        assert_eq!(
            plain(".", "1603030050").reason(&said),
            Some("old_tls_taken")
        );
    }

    #[test]
    fn tls_that_asks_for_no_certificate_is_not_mutual() {
        for (asked, reason) in [(true, None), (false, Some("server_only_tls"))] {
            let mut story = Story::new();
            story.note(Event::Handshake(Box::new(Handshake {
                connection: 9,
                asked,
                ..Handshake::default()
            })));
            assert_eq!(story.reason(&Said::Mutual { connection: 9 }), reason);
        }
    }

    #[test]
    fn a_ticket_is_an_offer_to_resume() {
        for (tickets, reason) in [(0, None), (2, Some("offers_resumption"))] {
            let mut story = Story::new();
            story.note(Event::Handshake(Box::new(Handshake {
                connection: 9,
                version: Some("TLSv1_3".into()),
                ..Handshake::default()
            })));
            story.note(Event::Closed {
                connection: 9,
                by: Side::Suite,
                how: "hung up".into(),
                tickets,
            });
            assert_eq!(story.reason(&Said::NoTickets { connection: 9 }), reason);
        }
    }
}
