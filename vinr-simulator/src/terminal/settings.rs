//! What was configured on this device, kept beside its journal: it outlives power cuts and not a factory reset.

use std::io;

use serde::{Deserialize, Serialize};
use vinr_protocol::device::OfflineLimits;
use vinr_protocol::terminal::LocalMode;

use vinr_journal::DataDir;

use crate::provision::files::{self, Audience};

const FILE: &str = "settings.json";

/// The settings of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    /// May tills start payments over the LAN?
    pub(crate) local_mode: bool,
    /// What may be queued.
    pub(crate) offline: Sheet,
}

/// What a device may queue while the host is away. \[OFF-9\]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sheet {
    /// What its model's sheet says.
    OfTheModel,
    /// Nothing.
    Off,
    /// This much.
    Limits(OfflineLimits),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            local_mode: true,
            offline: Sheet::OfTheModel,
        }
    }
}

impl Settings {
    /// What is kept; the defaults where nothing is. What cannot be read is an error, and not the defaults: they may
    /// allow more.
    pub(crate) fn load(dir: &DataDir) -> io::Result<Self> {
        match std::fs::read(dir.path().join(FILE)) {
            Ok(json) => Ok(serde_json::from_slice(&json)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn store(&self, dir: &DataDir) -> io::Result<()> {
        let json = serde_json::to_vec(self)?;
        files::replace(&dir.path().join(FILE), &json, Audience::Owner)
    }

    pub(crate) fn local_mode(&self) -> LocalMode {
        if self.local_mode {
            LocalMode::On
        } else {
            LocalMode::Off
        }
    }

    /// The limits in force on a device with this sheet.
    pub(crate) fn limits(&self, sheet: Option<OfflineLimits>) -> Option<OfflineLimits> {
        match &self.offline {
            Sheet::OfTheModel => sheet,
            Sheet::Off => None,
            Sheet::Limits(limits) => Some(limits.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let dir = DataDir::open(dir.path()).unwrap();
        assert_eq!(Settings::load(&dir).unwrap(), Settings::default());
        let limits = vinr_protocol::device::Model::NexgoN92.offline_limits();
        for offline in [Sheet::Off, Sheet::Limits(limits.unwrap())] {
            let settings = Settings {
                local_mode: false,
                offline,
            };
            settings.store(&dir).unwrap();
            assert_eq!(Settings::load(&dir).unwrap(), settings);
        }
    }

    #[test]
    fn damaged_settings_are_not_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let dir = DataDir::open(dir.path()).unwrap();
        std::fs::write(dir.path().join(FILE), b"{").unwrap();
        assert!(Settings::load(&dir).is_err());
    }
}
