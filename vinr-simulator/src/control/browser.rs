//! Which requests of a browser are our own page's.
//!
//! A browser does what any page it shows tells it to. So the port asks who sends: the page that it served itself says
//! so in `Origin`, and calls the port by its own address in `Host`. A page from elsewhere has another origin. One whose
//! name was pointed at 127.0.0.1 (DNS rebinding) has the right address and the wrong host. Neither has the token, which
//! our page was handed in the fragment of a link, and a fragment is never sent.

use std::net::SocketAddr;

use http::header::{HOST, HeaderMap, HeaderName, ORIGIN};

/// The one origin that may use the port from a browser.
#[derive(Debug, Clone)]
pub(super) struct Own {
    host: String,
    origin: String,
}

impl Own {
    pub(super) fn at(address: SocketAddr) -> Self {
        Self {
            host: address.to_string(),
            origin: format!("http://{address}"),
        }
    }

    /// May this be served to whoever holds the token? What no browser sent, and what our own page sent.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        !headers.contains_key(ORIGIN)
            || (self.is(headers, ORIGIN, &self.origin) && self.is_called(headers))
    }

    /// Is the port called by its own address, and not by a name that somebody gave it?
    pub(super) fn is_called(&self, headers: &HeaderMap) -> bool {
        self.is(headers, HOST, &self.host)
    }

    /// Where the page is.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Once, and byte for byte.
    fn is(&self, headers: &HeaderMap, name: HeaderName, value: &str) -> bool {
        let mut values = headers.get_all(name).into_iter();
        values
            .next()
            .is_some_and(|it| it.as_bytes() == value.as_bytes())
            && values.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn own() -> Own {
        Own::at("127.0.0.1:8444".parse().unwrap())
    }

    #[test]
    fn what_no_browser_sent_needs_no_host_of_ours() {
        assert!(own().admits(&headers(&[("host", "localhost")])));
    }

    #[test]
    fn our_own_page_is_admitted() {
        let ours = [
            ("origin", "http://127.0.0.1:8444"),
            ("host", "127.0.0.1:8444"),
        ];
        assert!(own().admits(&headers(&ours)));
    }

    #[test]
    fn any_other_origin_is_not() {
        for origin in [
            "",
            "null",
            "http://127.0.0.1",
            "http://127.0.0.1:8445",
            "https://127.0.0.1:8444",
            "http://localhost:8444",
            "http://127.0.0.1:8444.shop.example",
            "http://127.0.0.1:8444/",
            "HTTP://127.0.0.1:8444",
        ] {
            let from = [("origin", origin), ("host", "127.0.0.1:8444")];
            assert!(!own().admits(&headers(&from)), "{origin}");
        }
    }

    #[test]
    fn a_name_that_was_pointed_at_this_machine_is_not() {
        for host in [
            "shop.example:8444",
            "localhost:8444",
            "127.0.0.1",
            "127.0.0.1:8445",
        ] {
            let from = [("origin", "http://127.0.0.1:8444"), ("host", host)];
            assert!(!own().admits(&headers(&from)), "{host}");
        }
        assert!(!own().admits(&headers(&[("origin", "http://127.0.0.1:8444")])));
    }

    #[test]
    fn an_origin_that_is_given_twice_is_not() {
        let mut twice = headers(&[
            ("origin", "http://127.0.0.1:8444"),
            ("host", "127.0.0.1:8444"),
        ]);
        twice.append(ORIGIN, HeaderValue::from_static("http://127.0.0.1:8444"));
        assert!(!own().admits(&twice));
    }
}
