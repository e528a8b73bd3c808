//! Which cloud a terminal belongs to.

use std::fmt;
use std::str::FromStr;
use std::sync::Weak;

use rustls_pki_types::ServerName;

use super::host::CloudHost;
use crate::provision::LinkIdentity;

/// The cloud of a terminal, and with what it links to it.
#[derive(Clone)]
pub struct Join {
    pub(super) at: CloudUrl,
    pub(super) identity: LinkIdentity,
    /// The card network's host, where the cloud runs in this process.
    pub(super) here: Weak<CloudHost>,
}

impl Join {
    /// A cloud elsewhere.
    pub(crate) fn to(at: CloudUrl, identity: LinkIdentity) -> Self {
        let here = Weak::new();
        Self { at, identity, here }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Join({self})")
    }
}

/// Where a cloud is: `https://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudUrl {
    pub(super) name: ServerName<'static>,
    pub(super) host: String,
    pub(super) port: u16,
}

impl FromStr for CloudUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let uri: http::Uri = text.parse().ok()?;
            let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
            if uri.scheme_str() != Some("https") || !is_bare {
                return None;
            }
            let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
            Some(Self {
                name: ServerName::try_from(host.to_owned()).ok()?,
                host: host.to_owned(),
                port: uri.port_u16().unwrap_or(443),
            })
        };
        read().ok_or_else(|| "a cloud is https://HOST:PORT, such as https://127.0.0.1:8445".into())
    }
}

impl fmt::Display for CloudUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            ServerName::IpAddress(rustls_pki_types::IpAddr::V6(_)) => {
                write!(f, "https://[{}]:{}", self.host, self.port)
            }
            _ => write!(f, "https://{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_is_at_an_https_origin() {
        for text in [
            "https://127.0.0.1:8445",
            "https://localhost:8445",
            "https://[::1]:8445",
        ] {
            assert_eq!(text.parse::<CloudUrl>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "127.0.0.1:8445",
            "http://127.0.0.1:8445",
            "https://a/v1",
            "https://a?b",
        ] {
            assert!(wrong.parse::<CloudUrl>().is_err(), "{wrong}");
        }
    }
}
