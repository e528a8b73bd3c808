//! Which cloud the terminals of this process join: none, one of their own, or one elsewhere.

use std::net::SocketAddr;
use std::time::Duration;

use vinr_protocol::TerminalId;

use super::{Cloud, CloudError, CloudOptions, CloudUrl, Join};
use crate::defect::{Defect, Defects};
use crate::provision::{Pki, ProvisionError};

/// Past anybody's patience.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// The choice.
#[derive(Debug, Clone, Default)]
pub(crate) enum Choice {
    /// Each terminal's host is its own.
    #[default]
    None,
    /// One in this process.
    Here(CloudOptions),
    /// One elsewhere.
    There(CloudUrl),
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) cloud: Option<Cloud>,
    there: Option<CloudUrl>,
}

impl Choice {
    /// A cloud of this process breaks the same promises as its terminals.
    pub(crate) fn broken(mut self, defects: &Defects) -> Self {
        if let Choice::Here(options) = &mut self {
            options.defects = defects.clone();
            if defects.contains(&Defect::NeverWithdraws) {
                options.hand_over_within = FOR_EVER;
            }
        }
        self
    }

    /// Starts the cloud, where it is one of this process.
    pub(crate) async fn start(self, pki: &Pki) -> Result<Joined, CloudError> {
        let (cloud, there) = match self {
            Choice::None => (None, None),
            Choice::Here(options) => (Some(Cloud::start(pki, options).await?), None),
            Choice::There(url) => (None, Some(url)),
        };
        Ok(Joined { cloud, there })
    }
}

impl Joined {
    /// How a terminal joins it.
    pub(crate) fn join(
        &self,
        pki: &Pki,
        terminal: &TerminalId,
    ) -> Result<Option<Join>, CloudError> {
        if let Some(cloud) = &self.cloud {
            return Ok(Some(cloud.join(terminal)));
        }
        let Some(there) = &self.there else {
            return Ok(None);
        };
        let identity = pki.link_identity(terminal);
        for file in [&identity.cloud_ca, &identity.certificate, &identity.key] {
            if !file.is_file() {
                return Err(ProvisionError::Missing(file.clone()).into());
            }
        }
        Ok(Some(Join::to(there.clone(), identity)))
    }
}

impl From<SocketAddr> for CloudOptions {
    fn from(listen: SocketAddr) -> Self {
        CloudOptions::new(listen)
    }
}
