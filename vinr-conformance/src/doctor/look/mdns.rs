//! Who is heard.

use std::time::Duration;

use vinr_discovery::{Browser, Found, Interfaces};

use crate::doctor::seen::{Heard, Mdns, Resolved, Seen};

/// Asks on every interface until the one that is meant is heard.
pub(super) async fn listen(within: Duration, seen: &Seen) -> Mdns {
    let window = within.min(vinr_discovery::browse::WINDOW);
    let browser = match Browser::start(Interfaces::All) {
        Ok(browser) => browser,
        Err(error) => return Mdns::Blocked(error.to_string()),
    };
    let found = browser.until(window, |found| is_there(found, seen)).await;
    let named = found.candidates.into_iter().map(|one| Heard {
        terminal: Some(one.id),
        instance: one.instance,
        addresses: one.addresses,
    });
    let unnamed = found.unnamed.into_iter().map(|one| Heard {
        terminal: None,
        instance: one.instance,
        addresses: one.addresses,
    });
    Mdns::Asked {
        heard: named.chain(unnamed).collect(),
        left_out: found.left_out.iter().map(ToString::to_string).collect(),
        window,
    }
}

fn is_there(found: &Found, seen: &Seen) -> bool {
    let addresses = match &seen.resolved {
        Resolved::Address(address) => vec![*address],
        Resolved::Name(addresses) => addresses.clone(),
        Resolved::Unknown(_) | Resolved::Silent | Resolved::Terminal => vec![],
    };
    found.candidates.iter().any(|one| match &seen.terminal {
        Some(meant) => one.id == *meant,
        None => one.addresses.iter().any(|at| addresses.contains(at)),
    })
}
