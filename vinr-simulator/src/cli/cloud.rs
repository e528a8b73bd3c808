//! The commands and flags of the sandbox cloud, and of what a merchant does at the dashboard.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use vinr_protocol::timing::HAND_OVER_WITHIN;
use vinr_simulator::cloud::{CloudOptions, CloudUrl, Reach};
use vinr_simulator::provision::Pki;
use vinr_simulator::{Builder, Cloud};

use crate::guide;

/// Where a cloud is looked for first.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8445);

/// Runs a sandbox cloud that terminals of other processes join.
#[derive(Args)]
pub(crate) struct CloudAlone {
    /// The directory that `provision` made
    #[arg(long, default_value = "vinr-local")]
    dir: PathBuf,
    /// Where merchants' servers and terminals connect
    #[arg(long, default_value_t = ADDRESS)]
    listen: SocketAddr,
    /// A further name that its certificate has; may be given several times
    #[arg(long)]
    name: Vec<String>,
    #[command(flatten)]
    manner: Manner,
}

/// How a cloud works.
#[derive(Args)]
pub(crate) struct Manner {
    /// Send webhooks to any address, not to this machine only
    #[arg(long)]
    webhooks_anywhere: bool,
    /// A CA bundle for https webhook endpoints, beside cloud-ca.pem; may be given several times
    #[arg(long, value_name = "FILE")]
    webhook_ca: Vec<PathBuf>,
    /// How many times faster than real time the pauses between webhooks pass
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    webhook_time_scale: u32,
    /// After how many milliseconds a command is withdrawn that could not be handed over
    // [HYB-8]
    #[arg(long, value_name = "MS", default_value_t = HAND_OVER_WITHIN.as_millis() as u64)]
    hand_over_within: u64,
}

impl Manner {
    fn options(self, listen: SocketAddr) -> CloudOptions {
        let mut options = CloudOptions::new(listen);
        options.webhooks = match self.webhooks_anywhere {
            true => Reach::Anywhere,
            false => Reach::Loopback,
        };
        options.webhook_cas = self.webhook_ca;
        options.webhook_time_scale = self.webhook_time_scale;
        options.hand_over_within = Duration::from_millis(self.hand_over_within);
        options
    }
}

impl CloudAlone {
    #[tokio::main]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let pki = Pki::open(&self.dir)?;
        let mut options = self.manner.options(self.listen);
        options.names = self.name;
        let cloud = Cloud::start(&pki, options).await?;
        let terminal = pki.terminals().into_iter().next();
        guide::cloud(&cloud, terminal.as_ref()).context("standard output cannot be written to")?;
        guide::joining(&cloud).context("standard output cannot be written to")?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cloud.shutdown().await;
        Ok(())
    }
}

/// Which cloud the terminals of `run` join.
#[derive(Args)]
pub(crate) struct WhichCloud {
    /// Where the sandbox cloud of this process listens [default: 127.0.0.1:8445, or a free port; none with --defect, or
    /// with more than 100 terminals]
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["no_cloud", "cloud_url"])]
    cloud: Option<SocketAddr>,
    /// Have no cloud: each terminal has a host of its own
    #[arg(long, conflicts_with = "cloud_url")]
    no_cloud: bool,
    /// Join the cloud that `vinr-simulator cloud` runs there, over the same directory or a copy of it
    #[arg(long, value_name = "URL")]
    cloud_url: Option<CloudUrl>,
    #[command(flatten)]
    manner: Manner,
}

/// More terminals than this have a cloud only where it is asked for.
const LINKED: usize = 100;

impl WhichCloud {
    /// Gives the builder its cloud. One that is broken on purpose is so towards tills: no cloud makes up for it.
    pub(crate) fn apply(self, builder: Builder, terminals: usize, is_broken: bool) -> Builder {
        let unasked = terminals > LINKED || is_broken;
        match (self.cloud_url, self.cloud) {
            (Some(url), _) => builder.join(url),
            (None, Some(address)) => builder.cloud(self.manner.options(address)),
            (None, None) if self.no_cloud || unasked => builder,
            (None, None) => {
                let mut options = self.manner.options(ADDRESS);
                options.or_a_free_port = true;
                builder.cloud(options)
            }
        }
    }
}

/// Revokes a till's identity.
#[derive(Args)]
pub(crate) struct Revoke {
    /// The directory that `provision` made
    #[arg(long, default_value = "vinr-local")]
    dir: PathBuf,
    /// The till: the file of its certificate, or its serial number in hexadecimal
    #[arg(long, value_name = "FILE|SERIAL")]
    pos: String,
}

impl Revoke {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let revoked = Pki::open(&self.dir)?.revoke(&self.pos)?;
        guide::revoked(&revoked).context("standard output cannot be written to")
    }
}
