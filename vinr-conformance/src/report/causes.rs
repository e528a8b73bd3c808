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
}
