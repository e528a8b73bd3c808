//! Asks again and again on the multicast port and hears announcements and goodbyes: the patient half of
//! a browse, by `mdns-sd`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use mdns_sd::{IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};

use crate::SERVICE_TYPE;
use crate::gather::Sighting;
use crate::interfaces::{HeardOn, Interface, Interfaces};
use crate::txt::Txt;

/// News about one instance.
pub(crate) enum News {
    Seen(Sighting),
    Gone(String),
}

/// A browse of the whole service type; stops when dropped.
pub(crate) struct Listening {
    daemon: ServiceDaemon,
    events: Receiver<ServiceEvent>,
    loopback: BTreeSet<u32>,
}

impl Listening {
    pub(crate) fn start(which: Interfaces, interfaces: &[Interface]) -> mdns_sd::Result<Self> {
        let daemon = ServiceDaemon::new()?;
        if which == Interfaces::Loopback {
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(IfKind::LoopbackV4)?;
        }
        let events = daemon.browse(SERVICE_TYPE)?;
        let loopback = interfaces
            .iter()
            .filter(|i| i.address.is_loopback())
            .map(|i| i.index);
        Ok(Self {
            daemon,
            events,
            loopback: loopback.collect(),
        })
    }

    /// The next piece of news; `None` when the daemon gave up.
    pub(crate) async fn next(&mut self) -> Option<News> {
        loop {
            match self.events.recv_async().await.ok()? {
                ServiceEvent::ServiceFound(_, fullname) => {
                    let instance = instance_of(&fullname);
                    return Some(News::Seen(Sighting {
                        instance,
                        ..Sighting::default()
                    }));
                }
                ServiceEvent::ServiceResolved(service) => {
                    return Some(News::Seen(self.sighting(&service)));
                }
                ServiceEvent::ServiceRemoved(_, fullname) => {
                    return Some(News::Gone(instance_of(&fullname)));
                }
                _ => {}
            }
        }
    }

    fn sighting(&self, service: &ResolvedService) -> Sighting {
        let txt = service.get_properties();
        let entries = txt
            .iter()
            .map(|entry| (entry.key().as_bytes(), entry.val()));
        Sighting {
            instance: instance_of(service.get_fullname()),
            // An empty record is one that has not arrived yet.
            txt: (!txt.is_empty()).then(|| Txt::read(entries)),
            port: Some(service.get_port()),
            addresses: service
                .get_addresses()
                .iter()
                .flat_map(|ip| self.heard(ip))
                .collect(),
        }
    }

    /// The address, once for each interface that it was heard on.
    fn heard(&self, address: &ScopedIp) -> Vec<(IpAddr, HeardOn)> {
        let indices: Vec<u32> = match address {
            ScopedIp::V4(v4) => v4.interface_ids().iter().map(|i| i.index).collect(),
            ScopedIp::V6(v6) => vec![v6.scope_id().index],
            _ => vec![],
        };
        let heard_on = |index| match self.loopback.contains(&index) {
            true => HeardOn::Loopback,
            false => HeardOn::Network(index),
        };
        indices
            .into_iter()
            .map(|index| (address.to_ip_addr(), heard_on(index)))
            .collect()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // The only error is that the daemon has gone already.
        let _ = self.daemon.shutdown();
    }
}

fn instance_of(fullname: &str) -> String {
    let service = fullname.len().checked_sub(SERVICE_TYPE.len() + 1);
    let instance = service
        .and_then(|dot| fullname.get(..dot))
        .unwrap_or(fullname);
    instance.replace('\\', "")
}
