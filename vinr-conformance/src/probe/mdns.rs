//! Listening for advertisements. \[DISC-1, DISC-7\]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use mdns_sd::{IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::time::{Instant, timeout, timeout_at};

use crate::journal::{Advert, Event, Journal};

/// The service type of the page.
pub const SERVICE: &str = "_vinr-terminal._tcp.local.";

/// A service that nobody offers, to find out whether anything could be heard at all.
const ECHO: &str = "_vinr-echo._udp.local.";

/// How long our own voice is waited for: a name is probed for most of a second before it is announced.
const ECHO_WITHIN: Duration = Duration::from_secs(4);

/// Can we hear ourselves? Where not, that a terminal was not heard says nothing of the terminal.
pub async fn can_hear(ip: IpAddr) -> bool {
    let loopback_only = ip.is_loopback();
    let Ok((speaker, listener)) =
        daemon(loopback_only).and_then(|one| Ok((one, daemon(loopback_only)?)))
    else {
        return false;
    };
    let name = format!("echo-{}", std::process::id());
    let host = format!("{name}.local.");
    let none: &[(&str, &str)] = &[];
    let own = if loopback_only {
        ip.to_string()
    } else {
        String::new()
    };
    let said = ServiceInfo::new(ECHO, &name, &host, own.as_str(), 9, none)
        .map(|service| {
            if loopback_only {
                service
            } else {
                service.enable_addr_auto()
            }
        })
        .and_then(|service| speaker.register(service));
    let heard = match (said, listener.browse(ECHO)) {
        (Ok(()), Ok(events)) => timeout(ECHO_WITHIN, heard(&events)).await.unwrap_or(false),
        _ => false,
    };
    let _ = speaker.shutdown();
    let _ = listener.shutdown();
    heard
}

async fn heard(events: &mdns_sd::Receiver<ServiceEvent>) -> bool {
    while let Ok(event) = events.recv_async().await {
        if matches!(
            event,
            ServiceEvent::ServiceFound(..) | ServiceEvent::ServiceResolved(_)
        ) {
            return true;
        }
    }
    false
}

fn daemon(loopback_only: bool) -> mdns_sd::Result<ServiceDaemon> {
    let daemon = ServiceDaemon::new()?;
    if loopback_only {
        // A terminal on this machine is nobody else's business.
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(IfKind::LoopbackV4)?;
    }
    Ok(daemon)
}

/// Listens until `enough` of an advertisement, at most for `window`; all are journaled.
///
/// The error says why nobody could listen at all.
pub async fn listen(
    journal: &Journal,
    loopback_only: bool,
    window: Duration,
    mut enough: impl FnMut(&Advert) -> bool,
) -> Result<Vec<Advert>, String> {
    let daemon = daemon(loopback_only).map_err(|error| error.to_string())?;
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
