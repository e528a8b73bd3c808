//! The page that shows the terminal as a shop sees it: plain files, served as they stand here.
//!
//! It holds no secret, so it asks for no token; all it shows it gets from the port with one. Nothing in it comes from
//! elsewhere, and the policy that travels with it lets the browser ask nobody else.

use bytes::Bytes;
use http::Response;
use http::header::{self, HeaderName, HeaderValue};

/// A file of the page.
pub(super) struct Asset {
    kind: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($path:literal: $kind:literal = $file:literal,)*) => {
        const ASSETS: &[(&str, Asset)] = &[
            $(($path, Asset { kind: $kind, text: include_str!($file) }),)*
        ];
    };
}

assets! {
    "/": "text/html; charset=utf-8" = "index.html",
    "/page/page.css": "text/css; charset=utf-8" = "page.css",
    "/page/icon.svg": "image/svg+xml" = "icon.svg",
    "/page/main.js": "text/javascript; charset=utf-8" = "main.js",
    "/page/port.js": "text/javascript; charset=utf-8" = "port.js",
    "/page/money.js": "text/javascript; charset=utf-8" = "money.js",
    "/page/words.js": "text/javascript; charset=utf-8" = "words.js",
    "/page/device.js": "text/javascript; charset=utf-8" = "device.js",
    "/page/shop.js": "text/javascript; charset=utf-8" = "shop.js",
    "/page/records.js": "text/javascript; charset=utf-8" = "records.js",
}

/// What the browser may load, run and ask: this port, and nothing written into the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS
        .iter()
        .find(|(at, _)| *at == path)
        .map(|(_, asset)| asset)
}

impl Asset {
    pub(super) fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from_static(self.text.as_bytes()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use vinr_protocol::Currency;

    use super::*;

    fn text(path: &str) -> &'static str {
        find(path).expect("a file of the page").text
    }

    #[test]
    fn nothing_comes_from_elsewhere_or_stands_in_the_page_itself() {
        for (path, asset) in ASSETS {
            // The name of SVG's vocabulary is no address that anybody asks.
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            for foreign in [
                "http://",
                "https://",
                "//cdn",
                "@import",
                "style=\"",
                " onclick",
                "javascript:",
            ] {
                assert!(!text.contains(foreign), "{path} contains {foreign}");
            }
        }
    }

    #[test]
    fn whatever_the_page_names_is_served() {
        for (path, asset) in ASSETS {
            let quoted = asset
                .text
                .split('"')
                .filter_map(|it| match it.strip_prefix("./") {
                    Some(module) => Some(format!("/page/{module}")),
                    None => it.starts_with("/page/").then(|| it.to_owned()),
                });
            for named in quoted {
                assert!(find(&named).is_some(), "{path} names {named}");
            }
        }
    }

    // Browsers have their own opinion of some minor units, the Iraqi dinar's among them.
    #[test]
    fn the_page_s_minor_units_are_those_of_the_protocol() {
        let money = text("/page/money.js");
        let (_, table) = money.split_once("EXPONENTS = ").expect("a table");
        let (table, _) = table.split_once(';').expect("its end");
        let table: BTreeMap<String, u16> = serde_json::from_str(table).expect("written as JSON");
        let mut expected = BTreeMap::new();
        for code in codes() {
            if let Ok(currency) = Currency::new(&code)
                && currency.exponent() != 2
            {
                expected.insert(code, currency.exponent());
            }
        }
        assert_eq!(table, expected);
    }

    fn codes() -> impl Iterator<Item = String> {
        let letters = || b'A'..=b'Z';
        letters().flat_map(move |a| {
            letters().flat_map(move |b| {
                letters().map(move |c| [a, b, c].map(char::from).iter().collect())
            })
        })
    }
}
