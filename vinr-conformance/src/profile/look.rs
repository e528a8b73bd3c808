//! What can be seen of a device before anybody has written a profile of it: its certificate, and what it says of itself.

use std::net::SocketAddr;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use vinr_protocol::TerminalId;

use super::{Seen, Sheet};
use crate::journal::{Event, Journal};
use crate::probe::{Identity, IdentityError, Probe, Request};
use crate::verdict::DeclaredWire;

/// How long the device may take to say who it is.
const WITHIN: Duration = Duration::from_secs(5);

/// A name that stands for a terminal whose own is not known yet.
const SOMEBODY: &str = "terminal.invalid";

/// What opens a connection; without a till's identity only the certificate is seen.
#[derive(Debug, Default)]
pub struct Opens {
    /// The CA that signs terminals, PEM.
    pub terminal_ca: Option<Vec<u8>>,
    /// The till that the suite plays.
    pub till: Option<Identity>,
}

/// Nothing could be seen.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// A file cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Nobody answers there.
    #[error("nobody speaks TLS at {address}: {why}")]
    Nobody {
        /// Where.
        address: SocketAddr,
        /// Why not.
        why: String,
    },
}

/// Looks at the device. Only `GET /v1/reader` is sent, and only where there is an identity to send it as.
pub async fn look(address: SocketAddr, opens: &Opens) -> Result<Seen, LookError> {
    let journal = Journal::in_memory();
    let nobodys;
    let authority = match &opens.terminal_ca {
        Some(pem) => pem,
        None => {
            nobodys = nobodys_authority().map_err(|error| LookError::Nobody {
                address,
                why: error.to_string(),
            })?;
            &nobodys
        }
    };
    let probe = Probe::new(journal.clone(), address, SOMEBODY, authority)?;
    let connection = probe.connect(opens.till.as_ref()).await;
    let reader = match opens.till {
        Some(_) => {
            let mut asked = connection.send(Request::get("/v1/reader")).await;
            let answer = asked.answer_within(WITHIN).await;
            answer.map(|answer| answer.json()).unwrap_or_default()
        }
        None => {
            connection.hang_up();
            Value::Null
        }
    };
    let mut seen = said(&reader);
    let mut why = "no answer".to_owned();
    for entry in journal.entries() {
        match entry.event {
            Event::Dial {
                error: Some(error), ..
            } => why = error,
            Event::Handshake(handshake) => match handshake.certificate {
                Some(certificate) => {
                    seen.terminal = id_of(&certificate.names);
                    seen.address = Some(address.to_string());
                }
                None => why = handshake.error.unwrap_or(why),
            },
            _ => {}
        }
    }
    match seen.address {
        Some(_) => Ok(seen),
        None => Err(LookError::Nobody { address, why }),
    }
}

/// The one DNS name, where there is one and it is an id.
fn id_of(names: &[String]) -> Option<String> {
    let mut ids = names.iter().filter_map(|name| name.strip_prefix("dns:"));
    let (id, more) = (ids.next()?, ids.next());
    (more.is_none() && TerminalId::new(id).is_ok()).then(|| id.to_owned())
}

/// What the device says of itself.
fn said(reader: &Value) -> Seen {
    let text = |name: &str| reader[name].as_str();
    let offline = &reader["offline"];
    let limits = offline["limits"].as_object().into_iter().flatten();
    Seen {
        base: Sheet::ALL
            .into_iter()
            .find(|sheet| Some(sheet.model().as_str()) == text("model")),
        version: text("softwareVersion").map(|version| bare(version).to_owned()),
        wire: text("api").map(|api| match api == vinr_protocol::API {
            true => DeclaredWire::VinrLocal1,
            false => DeclaredWire::Vendor,
        }),
        limits: limits
            .filter_map(|(currency, limit)| Some((currency.clone(), limit.as_u64()?)))
            .collect(),
        max_queued: offline["maxQueued"].as_u64(),
        ..Seen::default()
    }
}

/// `3.2.1` of `firmware/3.2.1`.
pub(crate) fn bare(version: &str) -> &str {
    version.rsplit('/').next().unwrap_or(version)
}

/// An authority that signed nobody: to look at a certificate takes one, whether or not it leads there.
fn nobodys_authority() -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    Ok(authority.pem().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reader_tells_model_version_wire_and_limits() {
        let seen = said(
            &json!({"object": "reader", "model": "nexgo_n92", "api": "vinr-local/1",
            "softwareVersion": "3.2.1", "offline": {"supported": true, "limits": {"USD": 9900}, "maxQueued": 7}}),
        );
        assert_eq!(seen.base, Some(Sheet::N92));
        assert_eq!(seen.version.as_deref(), Some("3.2.1"));
        assert_eq!(seen.wire, Some(DeclaredWire::VinrLocal1));
        assert_eq!(
            (seen.limits.get("USD"), seen.max_queued),
            (Some(&9_900), Some(7))
        );
    }

    #[test]
    fn a_device_that_says_nothing_is_seen_as_nothing() {
        assert_eq!(said(&Value::Null), Seen::default());
    }

    #[test]
    fn an_id_is_the_one_dns_name() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(id_of(&names(&["dns:term_1"])).as_deref(), Some("term_1"));
        assert_eq!(id_of(&names(&["dns:term_1", "dns:term_2"])), None);
        assert_eq!(id_of(&names(&["uri:urn:x"])), None);
    }

    #[tokio::test]
    async fn a_simulator_is_seen_with_its_files_and_by_its_certificate_alone() {
        let (subject, embedded) = crate::subject::embedded_unseen(&[])
            .await
            .expect("it starts");
        let bare = look(subject.address, &Opens::default())
            .await
            .expect("it is there");
        assert_eq!(bare.terminal.as_deref(), Some("term_local_simulator"));
        assert_eq!(bare.version, None);
        let opens = Opens {
            terminal_ca: Some(subject.terminal_ca),
            till: Some(subject.till),
        };
        let seen = look(subject.address, &opens).await.expect("it is there");
        assert_eq!(seen.base, Some(Sheet::Simulator));
        assert_eq!(seen.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(seen.limits.get("USD"), Some(&15_000));
        embedded.shutdown().await;
    }

    #[tokio::test]
    async fn where_nobody_is_the_reason_is_said() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let refused = look(address, &Opens::default()).await.expect_err("nobody");
        assert!(
            refused.to_string().contains(&address.to_string()),
            "{refused}"
        );
    }
}
