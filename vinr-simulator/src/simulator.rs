//! One or several terminals in this process, with their identities and a control port: what a test needs, in a line.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;

use crate::cardholder::Script;
use crate::cloud::choice::Choice;
use crate::cloud::{Cloud, CloudError, CloudOptions, CloudUrl};
use crate::control::{Control, ControlError, Dashboard};
use crate::defect::{Defect, Defects};
use crate::provision::{Passphrase, Pki, ProvisionError, Provisioned};
use crate::terminal::{Mdns, Options, StartError, Terminal, data_dir};

/// How many terminals are started at the same time.
const AT_ONCE: usize = 64;

/// Starts a terminal on a thread that may wait for the disk, as each does several times.
async fn start(options: Options) -> Result<Arc<Terminal>, StartError> {
    let runtime = Handle::current();
    let started = spawn_blocking(move || runtime.block_on(Terminal::start(options))).await;
    match started {
        Ok(terminal) => Ok(Arc::new(terminal?)),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Running terminals. Dropping it is a power cut; [`shutdown`](Self::shutdown) is the polite way.
#[derive(Debug)]
pub struct Simulator {
    terminals: Vec<Arc<Terminal>>,
    control: Control,
    pki: Pki,
    passphrase: Option<Passphrase>,
    cloud: Option<Cloud>,
    /// Keeps the revocation list in time.
    _renewing: AbortOnDropHandle<()>,
}

/// A simulator cannot start. Each is one clear sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// Identities are missing or cannot be made.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The cloud does not start.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// A terminal does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The control port cannot be opened.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// No terminal was asked for.
    #[error("name at least one terminal")]
    NoTerminal,
}

/// What to do about a terminal that has no identity yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make it.
    Provision,
    /// Refuse to start.
    Refuse,
}

/// Collects what a [`Simulator`] is made of.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    dir: PathBuf,
    terminals: BTreeMap<TerminalId, Model>,
    listen: SocketAddr,
    control: SocketAddr,
    script: Script,
    sheet: Option<Model>,
    simulate_offline: bool,
    pace: u32,
    mdns: Mdns,
    missing: Missing,
    defects: Defects,
    cloud: Choice,
}

impl Simulator {
    /// A builder over a directory of identities and data. Unless told otherwise it makes what is missing, listens on
    /// free ports of 127.0.0.1, is not advertised, and its cardholder taps after 300 ms.
    pub fn builder(dir: impl AsRef<Path>) -> Builder {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Builder {
            dir: dir.as_ref().to_owned(),
            terminals: BTreeMap::new(),
            listen: any,
            control: any,
            script: Script::default(),
            sheet: None,
            simulate_offline: false,
            pace: 1,
            mdns: Mdns::Off,
            missing: Missing::Provision,
            defects: Defects::new(),
            cloud: Choice::None,
        }
    }

    /// The terminals, in the order of their ids; there is at least one.
    pub fn terminals(&self) -> &[Arc<Terminal>] {
        &self.terminals
    }

    /// The first terminal: the only one, mostly.
    pub fn terminal(&self) -> &Arc<Terminal> {
        self.terminals
            .first()
            .expect("a simulator is not built without a terminal")
    }

    /// The control port.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The identities: what a till needs to connect.
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// Opens `pos.p12`, if this start made it.
    pub fn passphrase(&self) -> Option<&Passphrase> {
        self.passphrase.as_ref()
    }

    /// The cloud of this process, if there is one.
    pub fn cloud(&self) -> Option<&Cloud> {
        self.cloud.as_ref()
    }

    /// Switches everything off in good order.
    pub async fn shutdown(self) {
        let ending = self.terminals.iter().map(|terminal| terminal.shutdown());
        futures_util::future::join_all(ending).await;
        if let Some(cloud) = self.cloud {
            cloud.shutdown().await;
        }
    }
}

impl Builder {
    /// Adds a terminal.
    pub fn terminal(mut self, id: TerminalId, model: Model) -> Self {
        self.terminals.insert(id, model);
        self
    }

    /// Where the first terminal listens; further ones take free ports of the same address.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Where the control port listens; loopback only.
    pub fn control(mut self, address: SocketAddr) -> Self {
        self.control = address;
        self
    }

    /// What the cardholder does.
    pub fn cardholder(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Whose offline limits the terminals have: a simulator's are a CT20's unless it is told otherwise.
    pub fn sheet(mut self, model: Model) -> Self {
        self.sheet = Some(model);
        self
    }

    /// Starts without internet: the offline behaviour with no hardware disconnected. \[SIM-4\]
    pub fn simulate_offline(mut self, offline: bool) -> Self {
        self.simulate_offline = offline;
        self
    }

    /// Has the terminals' own waits go by so many times as fast as real time, at least once. What the card network and the
    /// cardholder take is not changed.
    pub fn pace(mut self, times: u32) -> Self {
        self.pace = times.max(1);
        self
    }

    /// Is it advertised?
    pub fn mdns(mut self, mdns: Mdns) -> Self {
        self.mdns = mdns;
        self
    }

    /// What to do about a terminal that has no identity yet.
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Breaks a promise.
    pub fn defect(mut self, defect: Defect) -> Self {
        self.defects.insert(defect);
        self
    }

    /// Has a sandbox cloud in this process, which every terminal joins. Without one each terminal has a host of its own.
    pub fn cloud(mut self, options: impl Into<CloudOptions>) -> Self {
        self.cloud = Choice::Here(options.into());
        self
    }

    /// Has every terminal join a cloud that runs elsewhere.
    pub fn join(mut self, cloud: CloudUrl) -> Self {
        self.cloud = Choice::There(cloud);
        self
    }

    /// Starts everything.
    pub async fn start(self) -> Result<Simulator, SimulatorError> {
        if self.terminals.is_empty() {
            return Err(SimulatorError::NoTerminal);
        }
        let (pki, passphrase) = self.identities()?;
        // Without a list in force no till may pay. The directory may be of an earlier version, or have lain for long.
        pki.renew_crl_or_warn();
        let joined = self.cloud.broken(&self.defects).start(&pki).await?;
        let free = SocketAddr::new(self.listen.ip(), 0);
        let with_cloud = |(terminal, model)| {
            let cloud = joined.join(&pki, &terminal)?;
            Ok((terminal, model, cloud))
        };
        let terminals: Vec<_> =
            (self.terminals.into_iter().map(with_cloud)).collect::<Result<_, CloudError>>()?;
        let options = terminals.into_iter().enumerate();
        let starting = options.map(|(index, (terminal, model, cloud))| {
            let options = Options {
                cloud,
                data: data_dir(&pki, &terminal),
                pki: pki.clone(),
                terminal,
                model,
                sheet: self.sheet.clone(),
                simulate_offline: self.simulate_offline
                    && !self.defects.contains(&Defect::SimulateOfflineIgnored),
                pace: self.pace,
                listen: if index == 0 { self.listen } else { free },
                script: self.script.clone(),
                mdns: self.mdns,
                defects: self.defects.clone(),
            };
            start(options)
        });
        let terminals: Vec<_> = stream::iter(starting)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let dir = pki.dir().join("control");
        let dashboard = Dashboard {
            pki: pki.clone(),
            cloud: joined.cloud.as_ref().map(Cloud::controls),
        };
        let control =
            Control::open_with(self.control, terminals.clone(), dir, Some(dashboard)).await?;
        Ok(Simulator {
            terminals,
            control,
            _renewing: AbortOnDropHandle::new(tokio::spawn(pki.clone().keep_crl_in_time())),
            pki,
            passphrase,
            cloud: joined.cloud,
        })
    }

    fn identities(&self) -> Result<(Pki, Option<Passphrase>), SimulatorError> {
        let known = Pki::open(&self.dir).map(|pki| (pki.terminals(), pki));
        let missing = |known: &[TerminalId]| -> Vec<TerminalId> {
            let ids = self.terminals.keys();
            ids.filter(|id| !known.contains(id)).cloned().collect()
        };
        let missing = match known {
            Ok((known, pki)) if missing(&known).is_empty() => return Ok((pki, None)),
            // A terminal without an identity says so itself.
            Ok((_, pki)) if self.missing == Missing::Refuse => return Ok((pki, None)),
            Ok((known, _)) => missing(&known),
            Err(ProvisionError::Missing(_)) if self.missing == Missing::Provision => missing(&[]),
            Err(error) => return Err(error.into()),
        };
        let Provisioned { pki, passphrase } = Pki::provision(&self.dir, &missing)?;
        Ok((pki, Some(passphrase)))
    }
}
