//! Where to look first when a requirement fails. Guesses, and the page says so.

/// The likely causes of a failure of this requirement, the likeliest first.
pub(super) fn of(requirement: &str) -> &'static [&'static str] {
    match requirement {
        "NET-1" => &[
            "The server listens on another port, or on loopback only.",
            "A firewall on the device drops TCP 8443.",
        ],
        "DISC-1" => &[
            "The service type is not exactly _vinr-terminal._tcp.local.",
            "The SRV record still points to an address or a port of before.",
            "Multicast is switched off on the interface or dropped by the access point.",
        ],
        "TLS-1" => &["The port answers plain HTTP beside TLS, or redirects to it."],
        "TLS-2" => &["One certificate was installed on several devices, often by an image."],
        "TLS-5" => &[
            "The server asks for a client certificate and goes on without one.",
            "A verifier that accepts everything was left in from development.",
            "The path is validated, but not the time or the extended key usage.",
        ],
        "TLS-6" => &[
            "Any certificate of the right CA is taken: the names in it are not compared.",
            "The common name is compared in place of the URI names.",
        ],
        "TLS-12" => &[
            "Revocation is checked in the handshake only, and this connection was already open.",
            "The new list is read at the next start only.",
        ],
        "TLS-15" => &[
            "The list is stored as it comes: neither its signature nor its issuer is looked at.",
            "The number of the list is not compared with that of the one before.",
            "The list's nextUpdate is read by nobody.",
        ],
        "PAY-2" => &[
            "The command waits for something else first, such as the cloud.",
            "The request is read but the card reader is never armed.",
        ],
        "PAY-3" => &[
            "The command is answered with 202 and the outcome has to be asked for.",
            "A decline is reported as an HTTP error, or as completed.",
        ],
        "PAY-4" => &[
            "A field is missing or has another name or type.",
            "last4 or brand are left out although a card was read.",
        ],
        "PAY-6" => &["The wait for the host has no limit of its own, or starts anew at the card."],
        "PAY-8" => &[
            "The amount goes through a floating-point number or another unit on its way.",
            "The answer is made from the host's message and not from the attempt's record.",
            "The reference is trimmed, cut or changed in case.",
        ],
        "PAY-9" => &["terminalId is read and never compared with the device's own."],
        "PAY-10" => &[
            "The screen is switched on before the whole request was validated.",
            "A lenient JSON reader takes 2500.0, \"2500\" or true for a number.",
        ],
        "PAY-11" | "PAY-12" => &[
            "The attempt is looked up among the newest only, or in memory only.",
            "Looking up and starting are two steps, and two requests fit between them.",
        ],
        "PAY-14" => &[
            "The web framework holds the head back until the body is there.",
            "The head is sent before the record is durable, or before the screen is on.",
        ],
        "PAY-15" => &["A late message of the host or a second cancel overwrites a final record."],
        "PAY-16" => &[
            "A lost answer of the host is reported as failed.",
            "completed is reported before the host approved.",
        ],
        "PAY-17" => &["Card facts of the attempt before are kept and reported again."],
        "PAY-18" => &["captureMethod is ignored: the money is taken at once, or never."],
        "PAY-19" => {
            &["The terminal is freed by the caller's connection and not by the attempt's end."]
        }
        "PAY-20" => &["Unknown fields are skipped: a misspelt captureMethod would capture."],
        "PAY-21" => &["The key is used to find the attempt and not stored with it."],
        "PAY-22" => &["Two requests are both found to be first: the check is not one atomic step."],
        "REC-6" => &[
            "The interaction runs in the request's handler and ends with its connection.",
            "The record is written after the answer, or never reaches the disk before the cut.",
        ],
        "REC-7" => &["The status is taken from the last step begun and not from the card."],
        "REC-8" => &[
            "The reader stays armed after a cancel.",
            "Nothing is kept of a cancel that came before its pay.",
        ],
        "REC-9" => &[
            "The same command starts a second attempt: it is not found by reference and key.",
            "An authorization is sent again after a restart under a new payment id.",
        ],
        "REC-11" => &["A cancel answers yes or no: still_processing is missing."],
        "REC-13" => &[
            "References are compared without regard to case, or by their beginning.",
            "The list is sorted by date and two attempts share one.",
        ],
        "REC-14" => &["One worker serves all requests, and the held payment has it."],
        "REC-15" => &["The attempt that was open at the cut is simply started again."],
        "GRP-5" => &[
            "The refusal of a second payment names the reference or amount of the first.",
            "The second request is queued, or replaces the first on the screen.",
        ],
        "LAT-1" => &[
            "The screen waits for a round trip to the cloud.",
            "The durable record is written on the thread that answers.",
            "The certificate is verified anew in a slow way at every request.",
        ],
        "NET-3" => &["The command waits for a token, a price or a log line of the cloud."],
        "REC-21" => &["A record that cannot be read is skipped, and the list is shorter."],
        "HYB-8" => &["A command waits in a queue that knows no time at which it ends."],
        _ => match requirement.split('-').next() {
            Some("OFF" | "SIM" | "EVT") => without_the_internet(requirement),
            _ => of_a_till(requirement),
        },
    }
}

/// Where a queue, its cloud or a simulator goes wrong.
fn without_the_internet(requirement: &str) -> &'static [&'static str] {
    match requirement {
        "OFF-1" => &["The loss of the internet is not noticed, so nothing is ever queued."],
        "OFF-2" => &[
            "The limit is compared with less-than in place of less-or-equal, or in another unit.",
            "The limit of another model is built in.",
        ],
        "OFF-3" => {
            &["The place is taken before the room is counted, or two requests count at once."]
        }
        "OFF-4" => &["The software of a model that queues was built for one that does not."],
        "OFF-5" => &["The queue is a plain file or database beside an encrypted one."],
        "OFF-6" => &[
            "The queue is emptied before the host has answered.",
            "A payment whose answer was lost is sent again under a new id.",
        ],
        "OFF-7" | "OFF-8" | "EVT-1" => &[
            "The outcome is stored without the event that tells it.",
            "The event tells something else than the payment: another amount, another code.",
        ],
        "OFF-11" => {
            &["A currency without a limit of its own falls back to that of USD, or to none."]
        }
        "OFF-12" => &[
            "A record of the queue is written without being flushed to the disk.",
            "After a restart the queue is sent from its beginning.",
        ],
        "OFF-14" => &["What is queued is reported as done: completed in place of processing."],
        "EVT-2" => {
            &["The signature is over another text than what is sent, or the event id is made anew."]
        }
        "EVT-3" => &[
            "The signature is compared with that of a body that was parsed and written again.",
            "The time in the signature is not looked at.",
        ],
        "SIM-1" => &["Another id, address or model is advertised than the page promises."],
        "SIM-2" => &["Nothing of its own: another rule failed, see there."],
        "SIM-3" => &["A test card is missing from the table, or has another outcome."],
        "SIM-4" => &["simulateOffline is read and changes nothing of how the host is reached."],
        _ => &[],
    }
}

/// Where a till goes wrong.
fn of_a_till(requirement: &str) -> &'static [&'static str] {
    match requirement {
        "NET-2" | "HYB-1" => &[
            "The cloud is asked first, or beside the terminal: a client of the Cloud API goes along.",
        ],
        "DISC-2" | "DISC-3" => &[
            "Another service type is browsed for.",
            "The TXT record is read as one text and not key by key.",
        ],
        "DISC-4" => &["Discovery is started in any case, and its result thrown away."],
        "DISC-8" => &[
            "The address of the advertisement is believed, and the name in the certificate not compared.",
        ],
        "TLS-3" => &["The system's roots are trusted beside the terminal CA, or in its place."],
        "TLS-4" => {
            &["Look-ups and cancels use another client than payments, one without a certificate."]
        }
        "TLS-7" => &["One HTTP client with default headers serves cloud and terminal."],
        "TLS-8" => {
            &["The certificate is checked by hand after the first handshake, and never again."]
        }
        "TLS-9" => {
            &["The request is written first, and the certificate checked when the answer comes."]
        }
        "TLS-10" => &[
            "The chain is verified and the host name's check switched off: any device of that CA will do.",
        ],
        "TLS-11" => &["A wrong passphrase is reported as a broken file, or as a network error."],
        "SEC-1" => &["A request is logged whole, or an error carries the text that it choked on."],
        "PAY-1" => {
            &["A field is missing, misspelt or of another type, or the content type is left out."]
        }
        "PAY-5" => &[
            "The HTTP library's own time-out, often 30 s, or that of a proxy, was left as it was.",
        ],
        "REC-1" | "REC-2" | "REC-5" => &[
            "A library or a proxy repeats requests by itself.",
            "The till makes a new reference for the second try.",
            "What was sent is kept in memory only, and a restart forgets it.",
        ],
        "REC-3" => &["The status of the look-up is not read before the sale is sent again."],
        "REC-4" | "REC-20" | "REC-24" => &["The cancel is sent and its answer not waited for."],
        "REC-10" | "REC-18" | "REC-23" => {
            &["What is not known is taken for failed, so that the sale is simply rung up again."]
        }
        "REC-16" | "REC-17" => &["The key is made once for a sale and not once for an attempt."],
        "REC-19" => &[
            "The answer is taken for that of the request without comparing reference, amount and terminal.",
        ],
        "HYB-2" | "HYB-4" | "HYB-5" => &[
            "The time-out for the head of the answer is taken for the outcome of the payment.",
            "The local attempt is not cancelled, or its cancel not awaited, before the cloud is asked.",
        ],
        "HYB-3" => &["connectionMode is a constant, or set before it is known which way it went."],
        "HYB-6" | "HYB-7" => {
            &["Every error of the local path is caught in one place and leads to the cloud."]
        }
        "GRP-1" | "GRP-2" => {
            &["The first terminal of the list is asked, whatever its activity says."]
        }
        "GRP-3" => &["terminalId is that of the group or of the first try."],
        "GRP-4" => &["Two terminals are asked at once, and the slower one is left to itself."],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_that_fails_often_has_a_cause_to_look_for() {
        assert!(!of("PAY-8").is_empty());
    }

    #[test]
    fn whoever_breaks_a_binding_rule_is_told_where_to_look() {
        use vinr_protocol::requirement::{Level, all};
        let musts = all().iter().filter(|row| row.level == Level::Must);
        let mute: Vec<_> = musts.filter(|row| of(&row.id).is_empty()).collect();
        assert!(mute.is_empty(), "{mute:?}");
    }
}
