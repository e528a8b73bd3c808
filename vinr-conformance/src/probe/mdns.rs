//! Listening for advertisements. \[DISC-1, DISC-7\]

use std::collections::BTreeSet;
use std::time::Duration;

use mdns_sd::{IfKind, ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::time::{Instant, timeout_at};

use crate::journal::{Advert, Event, Journal};

/// The service type of the page.
pub const SERVICE: &str = "_vinr-terminal._tcp.local.";

/// Listens until `enough` of an advertisement, at most for `window`; all are journaled.
///
/// The error says why nobody could listen at all.
pub async fn listen(
    journal: &Journal,
    loopback_only: bool,
    window: Duration,
    mut enough: impl FnMut(&Advert) -> bool,
) -> Result<Vec<Advert>, String> {
    let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
    if loopback_only {
        // A terminal on this machine is nobody else's business.
        let _ = daemon.disable_interface(IfKind::All);
        let _ = daemon.enable_interface(IfKind::LoopbackV4);
    }
    let events = daemon.browse(SERVICE).map_err(|error| error.to_string())?;
    let deadline = Instant::now() + window;
    let began = Instant::now();
    let mut seen = BTreeSet::new();
    let mut adverts = Vec::new();
    while let Ok(Ok(event)) = timeout_at(deadline, events.recv_async()).await {
        let ServiceEvent::ServiceResolved(service) = event else {
            continue;
        };
        let advert = advert(&service);
        // The same facts are resolved again for each address and each repetition.
        if !seen.insert(format!("{advert:?}")) {
            continue;
        }
        journal.record(Event::Advert(advert.clone()));
        let done = enough(&advert);
        adverts.push(advert);
        if done {
            break;
        }
    }
    journal.record(Event::Listened {
        service: SERVICE.into(),
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    let _ = daemon.shutdown();
    Ok(adverts)
}

fn advert(service: &ResolvedService) -> Advert {
    let instance = service
        .fullname
        .strip_suffix(SERVICE)
        .unwrap_or(&service.fullname);
    let mut addresses: Vec<_> = service
        .addresses
        .iter()
        .map(|address| address.to_ip_addr().to_string())
        .collect();
    addresses.sort();
    let mut txt: Vec<_> = service
        .txt_properties
        .iter()
        .map(|property| (property.key().to_owned(), property.val_str().to_owned()))
        .collect();
    txt.sort();
    Advert {
        service: SERVICE.into(),
        instance: instance.trim_end_matches('.').to_owned(),
        host: service.host.clone(),
        port: service.port,
        addresses,
        txt,
    }
}
