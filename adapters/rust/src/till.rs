//! The till that is judged.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::net::lookup_host;
use vinr_sdk::webhooks::{self, WebhookError, WebhookSecret};
use vinr_sdk::{
    At, Cloud, Connectivity, Create, CreateLocal, Discover, Error, Payment, Resolution, SecretKey,
    Vinr,
};

use crate::answer::{Wrong, failed, no_cloud, not_believed, not_built, unknown, usage};
use crate::request::{Configure, Op, Pay, Retrieve, VerifyWebhook};

type Answered = Result<Value, Wrong>;

pub(crate) struct Till(Vinr);

impl Till {
    /// A till, and what its store holds open. [REC-12]
    pub(crate) async fn new(told: Configure) -> Result<(Self, Value), Wrong> {
        let trusting = Vinr::builder().terminal_ca_file(&told.ca);
        let trusting = trusting.map_err(not_built)?;
        let named = match (&told.p12, &told.cert, &told.key) {
            (Some(p12), ..) => trusting.identity_p12_file(p12, &told.passphrase),
            (None, Some(cert), Some(key)) => trusting.identity_pem_files(cert, key),
            _ => return Err(usage("p12, or cert and key, are needed")),
        };
        let mut builder = named.map_err(not_built)?.store_dir(&told.store);
        if let Some(deadline) = told.deadline_ms {
            builder = builder.deadline(Duration::from_millis(deadline));
        }
        if let Some(cloud) = cloud(&told)? {
            builder = builder.cloud(cloud);
        }
        for (id, address) in &told.hosts {
            builder = builder.terminal(id, resolved(address).await?);
        }
        let vinr = builder.build().map_err(not_built)?;
        let open = vinr.attempts().unresolved().await;
        let open = open.map_err(|error| failed("", error))?;
        let references: Vec<_> = open.iter().map(|it| it.reference.as_str()).collect();
        let unresolved = json!({ "unresolved": references });
        Ok((Self(vinr), unresolved))
    }

    pub(crate) async fn asked(&self, op: Op) -> Answered {
        match op {
            Op::Discover(asked) => {
                let window = asked.timeout_ms.map(Duration::from_millis);
                let place = match asked.hosts {
                    Some(hosts) => Discover::static_hosts(hosts),
                    None => Discover::lan(),
                };
                self.discover(match window {
                    Some(window) => place.window(window),
                    None => place,
                })
                .await
            }
            Op::Pay(sale) => {
                let paid = self.pay(&sale).await;
                paid.map_err(|error| failed(&sale.reference, error))
            }
            Op::Retrieve(asked) => self.retrieve(&asked).await,
            Op::Resolve => self.resolve().await,
            Op::Hello | Op::Configure(_) | Op::VerifyWebhook(_) => {
                Err(usage("it is answered without a till"))
            }
        }
    }

    async fn discover(&self, place: Discover) -> Answered {
        let found = self.0.readers().discover(place).await;
        let found = found.map_err(|error| failed("", error))?;
        let readers: Vec<_> = found
            .readers
            .iter()
            .map(|it| json!({ "id": it.id, "ip": it.ip, "model": it.model, "status": it.status }))
            .collect();
        let left_out: Vec<_> = found
            .left_out
            .iter()
            .map(|it| json!({ "address": it.candidate, "why": it.to_string() }))
            .collect();
        Ok(json!({ "readers": readers, "leftOut": left_out }))
    }

    /// One intent: recovery happens inside.
    async fn pay(&self, sale: &Pay) -> Result<Value, Error> {
        let group: Vec<&str> = sale
            .terminal_group
            .iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let at = match &sale.terminal_id {
            Some(terminal) => At::Terminal(terminal),
            None => At::Group(&group),
        };
        let (amount, currency, reference) = (sale.amount, &*sale.currency, &*sale.reference);
        let result = match (at, sale.local_timeout_ms) {
            // The page's own call for the plain case.
            (At::Terminal(reader_id), None) => {
                let sale = CreateLocal {
                    reader_id,
                    amount,
                    currency,
                    reference,
                    capture_method: sale.capture_method,
                    ..CreateLocal::default()
                };
                self.0.payments().create_local(sale).await?
            }
            (at, limit) => {
                let hybrid = |limit| Connectivity::Hybrid {
                    local_timeout: Duration::from_millis(limit),
                };
                let sale = Create {
                    at,
                    amount,
                    currency,
                    reference,
                    connectivity: limit.map_or(Connectivity::Local, hybrid),
                    max_wait: sale.max_wait_ms.map(Duration::from_millis),
                    capture_method: sale.capture_method,
                    ..Create::default()
                };
                self.0.payments().create(sale).await?
            }
        };
        Ok(json!(result.payment()))
    }

    async fn retrieve(&self, asked: &Retrieve) -> Answered {
        let payments = self.0.payments();
        let found = match &asked.terminal_id {
            Some(terminal) => {
                let listed = payments.attempts_at(terminal, &asked.reference).await;
                listed.map(the_sale)
            }
            None => payments
                .retrieve_by_reference(&asked.reference)
                .await
                .map(Some),
        };
        match found {
            Ok(payment) => Ok(json!(payment)),
            Err(Error::NotFound { .. }) => Ok(Value::Null),
            Err(error) => Err(failed(&asked.reference, error)),
        }
    }

    /// Null is an attempt that is void, and of which no terminal has a payment.
    async fn resolve(&self) -> Answered {
        let resolved = self.0.attempts().resolve().await;
        let resolved = resolved.map_err(|error| failed("", error))?;
        let mut payments = Map::new();
        for it in &resolved {
            let reference = it.attempt.reference.to_string();
            let payment = match &it.resolution {
                Resolution::Result(result) => Some(result.payment()),
                Resolution::NeverCharged { attempts, .. } => attempts.first(),
                Resolution::StillUnknown(open) => return Err(unknown(open)),
            };
            payments.insert(reference, json!(payment));
        }
        Ok(Value::Object(payments))
    }
}

/// Of the attempts of a sale: the one that paid, or else the one in progress, or else the newest.
fn the_sale(attempts: Vec<Payment>) -> Option<Payment> {
    attempts.into_iter().min_by_key(|it| match &it.status {
        status if *status == vinr_sdk::Status::Completed => 0,
        status if !status.is_final() => 1,
        _ => 2,
    })
}

/// Any one secret that signed it will do: they rotate. [EVT-4]
pub(crate) fn verify(told: &VerifyWebhook) -> Answered {
    let mut refused = WebhookError::NotSigned;
    for secret in &told.secrets {
        let secret = WebhookSecret::new(secret).map_err(|error| usage(error.to_string()))?;
        match webhooks::construct_event_at(&told.body, &told.signature, &secret, told.now) {
            Ok(event) => return Ok(json!(event)),
            Err(why) => refused = why,
        }
    }
    Err(not_believed(refused))
}

fn cloud(told: &Configure) -> Result<Option<Cloud>, Wrong> {
    let (Some(url), Some(key)) = (&told.cloud_url, &told.secret_key) else {
        return Ok(None);
    };
    let key = SecretKey::new(key).map_err(no_cloud)?;
    let cloud = match &told.cloud_ca {
        Some(ca) => Cloud::with_ca_file(url, key, ca),
        None => Cloud::new(url, key),
    };
    cloud.map(Some).map_err(no_cloud)
}

async fn resolved(address: &str) -> Result<SocketAddr, Wrong> {
    let mut found = lookup_host(address).await.into_iter().flatten();
    found
        .next()
        .ok_or_else(|| usage(format!("{address} is no address with a port")))
}
