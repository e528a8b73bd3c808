//! The endpoints of a terminal: which path takes which method. §4

use crate::error_body::{Code, Refusal};
use crate::id::{PaymentId, Reference};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/pay`: start a payment and wait for its outcome.
    Pay,
    /// `POST /v1/cancel`: give up an attempt.
    Cancel,
    /// `GET /v1/payments?reference=R`: every attempt of a sale.
    Payments(Reference),
    /// `GET /v1/payments/{id}`: one payment.
    Payment(PaymentId),
    /// `GET /v1/reader`: who and how the terminal is.
    Reader,
}

/// A request that no endpoint takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEndpoint {
    /// The 404, 405 or 400.
    pub refusal: Refusal,
    /// The `Allow` header of a 405.
    pub allow: Option<&'static str>,
}

impl Endpoint {
    /// Finds the endpoint. Paths are case-sensitive and have no trailing slash.
    pub fn parse(method: &str, path: &str, query: Option<&str>) -> Result<Self, NoEndpoint> {
        let allow = match path {
            "/v1/pay" | "/v1/cancel" => "POST",
            "/v1/reader" | "/v1/payments" => "GET",
            _ if path
                .strip_prefix("/v1/payments/")
                .is_some_and(is_one_segment) =>
            {
                "GET"
            }
            _ => return Err(refused(Code::NotFound, "no such path")),
        };
        if method != allow {
            return Err(NoEndpoint {
                refusal: Refusal::new(Code::MethodNotAllowed, format!("this path takes {allow}")),
                allow: Some(allow),
            });
        }
        match path {
            "/v1/pay" => Ok(Self::Pay),
            "/v1/cancel" => Ok(Self::Cancel),
            "/v1/reader" => Ok(Self::Reader),
            "/v1/payments" => reference(query).map(Self::Payments),
            _ => path
                .strip_prefix("/v1/payments/")
                .and_then(|id| PaymentId::new(id).ok())
                .map(Self::Payment)
                .ok_or_else(|| refused(Code::NotFound, "no such payment")),
        }
    }
}

/// Writes the path and query of a look-up.
pub fn payments_path(reference: &Reference) -> String {
    // Every character of a reference is lawful in a query as it stands (RFC 3986 §3.4).
    format!("/v1/payments?reference={reference}")
}

fn is_one_segment(rest: &str) -> bool {
    !rest.is_empty() && !rest.contains('/')
}

pub(crate) fn refused(code: Code, message: &str) -> NoEndpoint {
    NoEndpoint {
        refusal: Refusal::new(code, message),
        allow: None,
    }
}

/// `reference` exactly once; a `+` is a plus.
pub(crate) fn reference(query: Option<&str>) -> Result<Reference, NoEndpoint> {
    let wrong = |code, message: &str| NoEndpoint {
        refusal: Refusal::of_field(code, "reference", message),
        allow: None,
    };
    let mut values = query
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.strip_prefix("reference="));
    match (values.next(), values.next()) {
        (None, _) => Err(wrong(Code::MissingField, "reference is required")),
        (Some(_), Some(_)) => Err(wrong(Code::InvalidReference, "reference appears once")),
        (Some(value), None) => percent_decoded(value)
            .and_then(|text| Reference::new(&text).ok())
            .ok_or_else(|| {
                wrong(
                    Code::InvalidReference,
                    "a reference is 1 to 64 of A-Z a-z 0-9 . _ : / -",
                )
            }),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            // `from_str_radix` would take a sign.
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: &str, path: &str, query: Option<&str>) -> Code {
        Endpoint::parse(method, path, query)
            .expect_err("must be refused")
            .refusal
            .code
    }

    fn looked_up(query: &str) -> Result<Endpoint, NoEndpoint> {
        Endpoint::parse("GET", "/v1/payments", Some(query))
    }

    #[test]
    fn paths_are_exact() {
        for path in [
            "/v1/pay/",
            "/V1/pay",
            "/v1/Pay",
            "/v1",
            "/",
            "/v1/payments/",
            "/v1/payments/a/b",
        ] {
            assert_eq!(code("POST", path, None), Code::NotFound, "{path}");
        }
    }

    #[test]
    fn another_method_gets_405_with_allow() {
        for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
            let refused = Endpoint::parse(method, "/v1/pay", None).expect_err("must be refused");
            assert_eq!(
                (refused.refusal.code, refused.allow),
                (Code::MethodNotAllowed, Some("POST"))
            );
        }
    }

    #[test]
    fn a_reference_is_percent_decoded_and_a_plus_is_a_plus() {
        let reference = Reference::new("a/b:c").expect("lawful");
        assert_eq!(
            looked_up("reference=a%2Fb%3ac"),
            Ok(Endpoint::Payments(reference))
        );
        assert!(looked_up("reference=a+b").is_err());
    }

    #[test]
    fn a_reference_appears_exactly_once() {
        assert_eq!(code("GET", "/v1/payments", None), Code::MissingField);
        assert_eq!(
            code("GET", "/v1/payments", Some("reference=a&reference=a")),
            Code::InvalidReference
        );
        assert!(looked_up("x=1&reference=a").is_ok());
    }

    #[test]
    fn a_broken_escape_is_refused() {
        for query in [
            "reference=%",
            "reference=%2",
            "reference=%zz",
            "reference=%+1",
            "reference=%ff",
            "reference=",
        ] {
            assert_eq!(
                code("GET", "/v1/payments", Some(query)),
                Code::InvalidReference,
                "{query}"
            );
        }
    }

    #[test]
    fn the_path_that_is_written_is_the_path_that_is_read() {
        let reference = Reference::new("a.b_c:d/e-f").expect("lawful");
        let path = payments_path(&reference);
        let (path, query) = path.split_once('?').expect("has a query");
        assert_eq!(
            Endpoint::parse("GET", path, Some(query)),
            Ok(Endpoint::Payments(reference))
        );
    }
}
