//! The words of this field for what certificates and TLS say with numbers.

use std::time::Duration;

use vinr_transport::Check;

/// What a terminal's certificate fails, and what to do about it.
pub(super) struct Failed {
    pub(super) id: &'static str,
    pub(super) says: String,
    pub(super) means: &'static str,
    pub(super) next: &'static str,
}

/// The profile rule that a terminal's certificate fails, in words.
pub(super) fn of_terminal(check: &Check) -> Failed {
    const REISSUE: &str =
        "have the terminal's certificate issued anew by whoever runs the terminal CA";
    let failed = |id, says: &str, means, next| Failed {
        id,
        says: says.to_owned(),
        means,
        next,
    };
    match check {
        Check::Issuer => failed(
            "terminal.issuer",
            "no CA of this till's bundle signed the terminal's certificate",
            "either this is not one of your terminals, or the CA bundle of this till is an old one or another shop's",
            "compare the issuer with the bundle's subjects; if the device is yours, fetch the current terminal CA bundle",
        ),
        Check::Signature => failed(
            "terminal.signature",
            "the terminal's certificate names a CA of the bundle that did not sign it",
            "a CA of the same name was made anew, or somebody imitates it",
            "fetch the current terminal CA bundle; if it is current, do not use this device",
        ),
        Check::Expired => failed(
            "terminal.expired",
            "the terminal's certificate, or the CA that signed it, has expired",
            "either its time is over, or this machine's clock is ahead",
            "check this machine's date; if it is right, have the terminal's certificate renewed",
        ),
        Check::NotYetValid => failed(
            "terminal.not_yet_valid",
            "the terminal's certificate is not valid yet",
            "this machine's clock is behind, most likely",
            "set this machine's date; if it is right, have the terminal's certificate issued anew",
        ),
        Check::Revoked => failed(
            "terminal.revoked",
            "the terminal's certificate was revoked",
            "somebody reported this device as lost, replaced or stolen",
            "do not use this device; ask whoever runs the terminal CA",
        ),
        Check::Purpose => failed(
            "terminal.purpose",
            "the terminal's certificate is not for servers alone (extended key usage)",
            "it may be a till's certificate, or one made without a purpose",
            REISSUE,
        ),
        Check::KeyUsage => failed(
            "terminal.key_usage",
            "the terminal's certificate does not say digitalSignature, or says more (key usage)",
            "it was not issued as a terminal's",
            REISSUE,
        ),
        Check::Ca => failed(
            "terminal.ca",
            "the terminal shows a CA certificate as its own",
            "the wrong file was installed on the terminal",
            REISSUE,
        ),
        Check::KeyType => failed(
            "terminal.key",
            "the terminal's key is neither P-256 nor Ed25519",
            "it was not issued as a terminal's",
            REISSUE,
        ),
        Check::Names => failed(
            "terminal.names",
            "the terminal's certificate does not carry exactly one name, its id",
            "which terminal it is cannot be told",
            REISSUE,
        ),
        Check::Encoding => failed(
            "terminal.encoding",
            "the terminal's certificate, or one of its extensions, is not well-formed",
            "it was made by a tool that is not meant for this, or damaged",
            REISSUE,
        ),
        Check::NoCertificate => failed(
            "terminal.none",
            "it showed no certificate",
            "who it is cannot be told",
            "check which device has this address",
        ),
        other => failed(
            "terminal.path",
            &format!(
                "the terminal's certificate is not accepted: {}",
                super::super::tame::tame(&other.to_string())
            ),
            "path validation failed",
            REISSUE,
        ),
    }
}

/// What a terminal's alert says about this till's certificate, and what to do; nothing for an alert that
/// is not about a certificate.
pub(super) fn of_alert(number: u8) -> Option<(&'static str, &'static str, &'static str)> {
    const NEW: &str = "have a till's certificate issued by the POS CA that this terminal trusts";
    Some(match number {
        42 | 43 | 46 => (
            "till.not_acceptable",
            "the terminal does not accept this till's certificate",
            "check that it is a till's certificate (client authentication), and have it issued anew if it is not",
        ),
        44 => (
            "till.revoked",
            "the terminal says that this till's certificate was revoked",
            "provision a new certificate for this till; the old one stays revoked",
        ),
        45 => (
            "till.expired",
            "the terminal says that this till's certificate is out of date",
            "renew it; if it is in time here, the terminal's clock is wrong: set it",
        ),
        48 => (
            "till.unknown_ca",
            "the terminal does not know the CA that signed this till's certificate",
            NEW,
        ),
        49 => (
            "till.denied",
            "the terminal denies access to this till's certificate",
            NEW,
        ),
        51 => (
            "till.decrypt_error",
            "the terminal could not verify this till's signature",
            "check that the till's certificate and key belong together, and that the POS CA on the terminal is the current one",
        ),
        116 => (
            "till.required",
            "the terminal says that it was shown no certificate",
            NEW,
        ),
        _ => return None,
    })
}

/// A duration as a person reads it.
pub(super) fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// The day of a date, as a person reads it.
pub(super) fn day(date: &str) -> &str {
    date.get(..10).unwrap_or(date)
}

/// A date of a certificate; `None` for one beyond the calendar.
pub(super) fn moment(date: &str) -> Option<jiff::Timestamp> {
    date.parse().ok()
}
