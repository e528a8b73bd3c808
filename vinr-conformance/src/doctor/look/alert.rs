//! The names of TLS alerts, as RFC 8446 has them.

use std::io;

use rustls::AlertDescription;

/// The alert that ended a connection, where one did.
pub(super) fn received(error: &io::Error) -> Option<(u8, &'static str)> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some((u8::from(*alert), name(*alert))),
        _ => None,
    }
}

fn name(alert: AlertDescription) -> &'static str {
    use AlertDescription::*;
    match alert {
        CloseNotify => "close_notify",
        UnexpectedMessage => "unexpected_message",
        BadRecordMac => "bad_record_mac",
        HandshakeFailure => "handshake_failure",
        BadCertificate => "bad_certificate",
        UnsupportedCertificate => "unsupported_certificate",
        CertificateRevoked => "certificate_revoked",
        CertificateExpired => "certificate_expired",
        CertificateUnknown => "certificate_unknown",
        IllegalParameter => "illegal_parameter",
        UnknownCA => "unknown_ca",
        AccessDenied => "access_denied",
        DecodeError => "decode_error",
        DecryptError => "decrypt_error",
        ProtocolVersion => "protocol_version",
        InsufficientSecurity => "insufficient_security",
        InternalError => "internal_error",
        MissingExtension => "missing_extension",
        UnrecognisedName => "unrecognized_name",
        CertificateRequired => "certificate_required",
        NoApplicationProtocol => "no_application_protocol",
        _ => "another alert",
    }
}
