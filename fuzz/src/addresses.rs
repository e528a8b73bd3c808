//! The address of a terminal as somebody typed it.

use vinr_discovery::StaticHost;

/// A static host.
pub(crate) fn static_host(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(host) = StaticHost::parse(text) else {
        return;
    };
    assert_ne!(host.port(), 0);
    assert_eq!(
        StaticHost::parse(&host.to_string()),
        Ok(host),
        "what is written out is read back"
    );
}
