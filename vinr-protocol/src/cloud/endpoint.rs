//! The endpoints of the cloud: which path takes which method. §9

use crate::endpoint::{NoEndpoint, reference, refused};
use crate::error_body::{Code, Refusal};
use crate::id::{PaymentId, Reference, WebhookEndpointId};

/// Where a request to the cloud goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/terminal/payments`: have a payment taken.
    Pay,
    /// `GET /v1/terminal/payments?reference=R`: every attempt of a sale.
    Payments(Reference),
    /// `GET /v1/terminal/payments/{id}`: one payment.
    Payment(PaymentId),
    /// `POST /v1/terminal/payments/{id}/cancel`: give up an attempt.
    Cancel(PaymentId),
    /// `POST /v1/webhook-endpoints`: have events sent somewhere.
    CreateWebhookEndpoint,
    /// `GET /v1/webhook-endpoints`: where events are sent.
    WebhookEndpoints,
    /// `DELETE /v1/webhook-endpoints/{id}`: have none sent there any more.
    RemoveWebhookEndpoint(WebhookEndpointId),
    /// `POST /v1/webhook-endpoints/{id}/rotate-secret`: have another secret sign.
    RotateWebhookSecret(WebhookEndpointId),
}

impl Endpoint {
    /// Finds the endpoint. Paths are case-sensitive and have no trailing slash.
    pub fn parse(method: &str, path: &str, query: Option<&str>) -> Result<Self, NoEndpoint> {
        let takes = |allow: &'static str| {
            if allow.split(", ").any(|allowed| allowed == method) {
                return Ok(());
            }
            Err(NoEndpoint {
                refusal: Refusal::new(Code::MethodNotAllowed, format!("this path takes {allow}")),
                allow: Some(allow),
            })
        };
        match path {
            "/v1/webhook-endpoints" => {
                takes("GET, POST")?;
                Ok(match method {
                    "POST" => Self::CreateWebhookEndpoint,
                    _ => Self::WebhookEndpoints,
                })
            }
            "/v1/terminal/payments" => {
                takes("GET, POST")?;
                if method == "POST" {
                    Ok(Self::Pay)
                } else {
                    reference(query).map(Self::Payments)
                }
            }
            _ => match below(path) {
                Some(("/v1/terminal/payments", id, None)) => {
                    takes("GET")?;
                    payment(id).map(Self::Payment)
                }
                Some(("/v1/terminal/payments", id, Some("cancel"))) => {
                    takes("POST")?;
                    payment(id).map(Self::Cancel)
                }
                Some(("/v1/webhook-endpoints", id, None)) => {
                    takes("DELETE")?;
                    webhook_endpoint(id).map(Self::RemoveWebhookEndpoint)
                }
                Some(("/v1/webhook-endpoints", id, Some("rotate-secret"))) => {
                    takes("POST")?;
                    webhook_endpoint(id).map(Self::RotateWebhookSecret)
                }
                _ => Err(refused(Code::NotFound, "no such path")),
            },
        }
    }
}

/// The collection, the id, and what is asked of it.
fn below(path: &str) -> Option<(&str, &str, Option<&str>)> {
    ["/v1/terminal/payments", "/v1/webhook-endpoints"]
        .into_iter()
        .find_map(|collection| {
            let rest = path.strip_prefix(collection)?.strip_prefix('/')?;
            let (id, verb) = match rest.split_once('/') {
                Some((id, verb)) => (id, Some(verb)),
                None => (rest, None),
            };
            (!id.is_empty()).then_some((collection, id, verb))
        })
}

fn webhook_endpoint(id: &str) -> Result<WebhookEndpointId, NoEndpoint> {
    WebhookEndpointId::new(id).map_err(|_| refused(Code::NotFound, "no such webhook endpoint"))
}

fn payment(id: &str) -> Result<PaymentId, NoEndpoint> {
    PaymentId::new(id).map_err(|_| refused(Code::NotFound, "no such payment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: &str, path: &str) -> Code {
        Endpoint::parse(method, path, None)
            .expect_err("must be refused")
            .refusal
            .code
    }

    #[test]
    fn each_endpoint_is_found() {
        let id = PaymentId::new("tpay_1").expect("lawful");
        let at = |method, path, query| Endpoint::parse(method, path, query).expect("is there");
        assert_eq!(at("POST", "/v1/terminal/payments", None), Endpoint::Pay);
        assert_eq!(
            at("GET", "/v1/terminal/payments", Some("reference=a")),
            Endpoint::Payments("a".parse().expect("lawful"))
        );
        assert_eq!(
            at("GET", "/v1/terminal/payments/tpay_1", None),
            Endpoint::Payment(id.clone())
        );
        assert_eq!(
            at("POST", "/v1/terminal/payments/tpay_1/cancel", None),
            Endpoint::Cancel(id)
        );
        let id = WebhookEndpointId::new("we_1").expect("lawful");
        assert_eq!(
            at("POST", "/v1/webhook-endpoints", None),
            Endpoint::CreateWebhookEndpoint
        );
        assert_eq!(
            at("GET", "/v1/webhook-endpoints", None),
            Endpoint::WebhookEndpoints
        );
        assert_eq!(
            at("DELETE", "/v1/webhook-endpoints/we_1", None),
            Endpoint::RemoveWebhookEndpoint(id.clone())
        );
        assert_eq!(
            at("POST", "/v1/webhook-endpoints/we_1/rotate-secret", None),
            Endpoint::RotateWebhookSecret(id)
        );
    }

    #[test]
    fn paths_are_exact() {
        for path in [
            "/v1/terminal/payments/",
            "/v1/terminal/payments/a/",
            "/v1/terminal/payments/a/cancel/",
            "/v1/terminal/payments//cancel",
            "/v1/terminal/payments/a/rotate-secret",
            "/v1/webhook-endpoints/",
            "/v1/webhook-endpoints/a/",
            "/v1/webhook-endpoints//rotate-secret",
            "/v1/webhook-endpoints/a/cancel",
            "/v1/terminal/Payments",
            "/v1/pay",
        ] {
            assert_eq!(code("POST", path), Code::NotFound, "{path}");
        }
    }

    #[test]
    fn another_method_gets_405_with_allow() {
        let refused =
            Endpoint::parse("PUT", "/v1/terminal/payments", None).expect_err("must be refused");
        assert_eq!(refused.allow, Some("GET, POST"));
        for (method, path) in [
            ("GET", "/v1/terminal/payments/a/cancel"),
            ("DELETE", "/v1/webhook-endpoints"),
            ("GET", "/v1/webhook-endpoints/a"),
            ("GET", "/v1/webhook-endpoints/a/rotate-secret"),
        ] {
            assert_eq!(code(method, path), Code::MethodNotAllowed, "{path}");
        }
    }
}
