//! A till that has no adapter: `[screen]` and `[drivers]` of its profile.
//!
//! ```toml
//! [screen]
//! directory = "certificates"   # where the suite puts what is to be installed on the till
//! listen = "192.168.1.5"       # where its terminal stands: an address of this computer on the till's network
//!
//! [drivers]
//! till = ["exec:./till.sh"]    # takes a payment at the till, reads its result, installs its files
//! power = ["operator:web"]     # cuts the till's power and gives it back
//! ```

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Capability, Driver};

/// Where a till with a screen meets the suite, and who uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenTill {
    /// Where the suite puts what is to be installed on the till, each run into a folder of its own.
    pub directory: PathBuf,
    /// Where the suite's terminal stands.
    pub listen: SocketAddr,
    drivers: BTreeMap<Capability, Vec<Driver>>,
}

impl ScreenTill {
    /// Who does this at the till; empty where nobody can.
    pub fn drivers(&self, capability: Capability) -> &[Driver] {
        self.drivers.get(&capability).map_or(&[], Vec::as_slice)
    }

    pub(super) fn effective(&self) -> EffectiveScreen {
        let named = self.drivers.iter().map(|(capability, drivers)| {
            let drivers = drivers.iter().map(Driver::without_secrets).collect();
            (capability.word().to_owned(), drivers)
        });
        EffectiveScreen {
            listen: self.listen.to_string(),
            drivers: named.collect(),
        }
    }
}

/// What a report shows of it; no folder of whoever ran it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct EffectiveScreen {
    listen: String,
    drivers: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScreen {
    directory: PathBuf,
    listen: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDrivers {
    till: Vec<Spanned<String>>,
    #[serde(default)]
    power: Vec<Spanned<String>>,
}

/// What is wrong, and where.
pub(super) type Wrong = (Range<usize>, String);

/// Reads both sections; `path` is where relative paths start.
pub(super) fn read(
    screen: Option<Spanned<RawScreen>>,
    drivers: Option<Spanned<RawDrivers>>,
    path: &Path,
) -> Result<Option<ScreenTill>, Wrong> {
    let (screen, drivers) = match (screen, drivers) {
        (None, None) => return Ok(None),
        (Some(screen), Some(drivers)) => (screen.into_inner(), drivers.into_inner()),
        (Some(alone), None) => return Err(together(alone.span())),
        (None, Some(alone)) => return Err(together(alone.span())),
    };
    let directory = match path.parent() {
        Some(folder) => folder.join(screen.directory),
        None => screen.directory,
    };
    let named = [
        (Capability::Till, drivers.till),
        (Capability::Power, drivers.power),
    ];
    let drivers = named
        .into_iter()
        .map(|(capability, drivers)| {
            let drivers = drivers.into_iter().map(driver);
            Ok((capability, drivers.collect::<Result<_, Wrong>>()?))
        })
        .collect::<Result<_, Wrong>>()?;
    Ok(Some(ScreenTill {
        directory,
        listen: place(&screen.listen)?,
        drivers,
    }))
}

fn together(at: Range<usize>) -> Wrong {
    let why = "[screen] and [drivers] go together: a till that is used by hand has both, one with an adapter has none";
    (at, why.to_owned())
}

/// An address of this computer, with or without a port.
fn place(text: &Spanned<String>) -> Result<SocketAddr, Wrong> {
    let bare = text.get_ref().parse::<IpAddr>();
    let with_port = || text.get_ref().parse::<SocketAddr>();
    let place = bare
        .map(|ip| SocketAddr::new(ip, vinr_discovery::DEFAULT_PORT))
        .or_else(|_| with_port());
    match place {
        Ok(place) if !place.ip().is_unspecified() && place.port() != 0 => Ok(place),
        _ => Err((
            text.span(),
            "listen is one address of this computer, such as 192.168.1.5 or 192.168.1.5:8443"
                .to_owned(),
        )),
    }
}

fn driver(text: Spanned<String>) -> Result<Driver, Wrong> {
    match Driver::parse(text.get_ref()) {
        Ok(Driver::Control(_)) => Err((
            text.span(),
            "a control port is a simulated terminal's, and no till has one".to_owned(),
        )),
        Ok(driver) => Ok(driver),
        Err(why) => Err((text.span(), why)),
    }
}
