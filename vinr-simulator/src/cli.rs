//! The commands.

mod cloud;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::cardholder::Script;
use vinr_simulator::provision::Pki;
use vinr_simulator::terminal::{LOCAL_SIMULATOR, Mdns, SANDBOX, rotate_key};
use vinr_simulator::{Defect, Missing, Simulator};

use crate::guide;

/// Payment terminals without hardware: mutual TLS, a durable journal, a scripted cardholder.
#[derive(Parser)]
#[command(name = "vinr-simulator", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the CAs and the identities of terminals and till
    Provision(Provision),
    /// Run a terminal
    Run(Box<Run>),
    /// Run the sandbox cloud alone, for terminals of other processes
    Cloud(cloud::CloudAlone),
    /// Revoke the identity of a till
    Revoke(cloud::Revoke),
    /// Issue the identity of a terminal or a till anew; the old one holds until it ends
    Renew(Renew),
    /// Encrypt the journal of a terminal that is switched off with a new key
    RotateKey(RotateKey),
    /// List the promises that `run --defect` breaks
    Defects,
}

/// Makes identities.
#[derive(Args)]
pub(crate) struct Provision {
    /// Where they go
    #[arg(long, default_value = "vinr-local")]
    dir: PathBuf,
    /// A terminal's id, such as term_CT20_0042; may be given several times
    #[arg(long, required_unless_present = "pos")]
    id: Vec<TerminalId>,
    /// Make the identity of a further till under this name, for the terminals of --id or for all
    #[arg(long, value_name = "NAME")]
    pos: Option<String>,
}

impl Provision {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if let Some(name) = &self.pos {
            let pki = Pki::open(&self.dir)?;
            let passphrase = pki.provision_till(name, &self.id)?;
            return guide::till(&pki, name, &passphrase).with_context(|| {
                format!(
                    "the passphrase could not be shown: remove {name}.p12 and its .pem and .key"
                )
            });
        }
        let made = Pki::provision(&self.dir, &self.id)?;
        guide::provisioned(&made, &self.id).with_context(|| {
            let dir = self.dir.display();
            format!("the passphrase could not be shown: remove {dir} and provision again")
        })
    }
}

/// Issues identities anew.
#[derive(Args)]
pub(crate) struct Renew {
    /// The directory that `provision` made
    #[arg(long, default_value = "vinr-local")]
    dir: PathBuf,
    /// A terminal's id; may be given several times. One that runs shows its new certificate within a second
    #[arg(long, required_unless_present = "pos")]
    id: Vec<TerminalId>,
    /// The till of this name; the one that every directory has is called pos
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "pos")]
    pos: Option<String>,
}

impl Renew {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let pki = Pki::open(&self.dir)?;
        for id in &self.id {
            pki.renew_terminal(id)?;
            guide::renewed(&pki, id).context("standard output cannot be written to")?;
        }
        if let Some(name) = &self.pos {
            let passphrase = pki.renew_till(name)?;
            guide::till(&pki, name, &passphrase)
                .context("the passphrase could not be shown: renew it once more")?;
        }
        Ok(())
    }
}

/// Changes the key of a journal.
#[derive(Args)]
pub(crate) struct RotateKey {
    /// The directory that `provision` made
    #[arg(long, default_value = "vinr-local")]
    dir: PathBuf,
    /// The terminal's id
    #[arg(long)]
    id: TerminalId,
}

impl RotateKey {
    #[tokio::main]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let rotated = rotate_key(&Pki::open(&self.dir)?, &self.id).await?;
        guide::rotated(&self.id, rotated).context("standard output cannot be written to")
    }
}

/// Runs a terminal.
#[derive(Args)]
pub(crate) struct Run {
    /// nexgo_ct20, nexgo_ct20p, nexgo_n92, nexgo_n86pro, ciontek_cm30 or simulator
    #[arg(long, default_value = "simulator", value_parser = model)]
    model: Model,
    /// Whose offline limits it has; the model's own, unless this says otherwise
    #[arg(long, value_parser = model)]
    sheet: Option<Model>,
    /// The terminal's id, as it was provisioned; may be given several times [default: term_local_simulator]
    // [SIM-1]
    #[arg(long)]
    id: Vec<TerminalId>,
    /// Run the terminals of the sandbox: term_local_simulator, term_test_default, term_test_busy, term_test_offline
    #[arg(long)]
    sandbox: bool,
    /// Run so many terminals, term_sim_0001 and on, on free ports
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=9999))]
    count: Option<u16>,
    /// The directory that `provision` made; with --sandbox or --count it is made where it is missing
    #[arg(long, default_value = "vinr-local")]
    dir: PathBuf,
    /// Where tills connect; the second terminal and on take free ports
    // [NET-1]
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Where the control port is; loopback only
    #[arg(long, default_value = "127.0.0.1:8444")]
    control: SocketAddr,
    /// After how many milliseconds the cardholder taps, or `never`: then the control port does it
    #[arg(long, default_value = "300")]
    tap_after: TapAfter,
    /// What the cardholder does, as words with commas between them: tap:MS, walk-away, card:CARD, then:CARD (after a
    /// decline), pin, pin:MS, pin-walk-away, pull:MS
    #[arg(long, conflicts_with = "tap_after")]
    cardholder: Option<Script>,
    /// Start without internet: payments are queued until it is restored at the control port
    // [SIM-4]
    #[arg(long)]
    simulate_offline: bool,
    /// Do not advertise by mDNS
    #[arg(long)]
    no_mdns: bool,
    /// Advertise by mDNS, even more than 16 terminals
    #[arg(long, conflicts_with = "no_mdns")]
    mdns: bool,
    /// Break a promise; may be given several times
    #[arg(long)]
    defect: Vec<Defect>,
    #[command(flatten)]
    cloud: cloud::WhichCloud,
}

/// Each advertised terminal has a thread and sockets of its own.
const ADVERTISED: usize = 16;

impl Run {
    #[tokio::main]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        // Asked for before the terminal starts, so that no signal falls in between.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let ids = self.ids()?;
        let mdns = match !self.no_mdns && (self.mdns || ids.len() <= ADVERTISED) {
            true => Mdns::On,
            false => Mdns::Off,
        };
        let is_made_up = self.sandbox || self.count.is_some();
        let mut builder = Simulator::builder(&self.dir)
            .listen(self.listen)
            .control(self.control)
            .cardholder(self.cardholder.unwrap_or(self.tap_after.script()))
            .simulate_offline(self.simulate_offline)
            .mdns(mdns)
            .missing(if is_made_up {
                Missing::Provision
            } else {
                Missing::Refuse
            });
        builder = (self.cloud).apply(builder, ids.len(), !self.defect.is_empty());
        for id in ids {
            builder = builder.terminal(id, self.model.clone());
        }
        if let Some(sheet) = self.sheet {
            builder = builder.sheet(sheet);
        }
        for defect in &self.defect {
            tracing::warn!(%defect, breaks = defect.requirement(), "broken on purpose: {}", defect.description());
            builder = builder.defect(*defect);
        }
        let simulator = builder.start().await?;
        guide::running(&simulator).context("standard output cannot be written to")?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        simulator.shutdown().await;
        Ok(())
    }

    /// Everything that was asked for, each once.
    fn ids(&self) -> anyhow::Result<Vec<TerminalId>> {
        let mut ids = self.id.clone();
        let counted = (1..=self.count.unwrap_or(0)).map(|number| format!("term_sim_{number:04}"));
        let sandbox = SANDBOX.iter().filter(|_| self.sandbox);
        for id in sandbox.map(|id| (*id).to_owned()).chain(counted) {
            ids.push(TerminalId::new(&id)?);
        }
        if ids.is_empty() {
            ids.push(TerminalId::new(LOCAL_SIMULATOR)?);
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }
}

fn model(word: &str) -> Result<Model, String> {
    match Model::from(word) {
        Model::Unknown(_) => {
            let known: Vec<_> = Model::KNOWN.iter().map(Model::as_str).collect();
            Err(format!("the models are {}", known.join(", ")))
        }
        model => Ok(model),
    }
}

/// The scripted cardholder's pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TapAfter {
    Never,
    Pause(Duration),
}

impl FromStr for TapAfter {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            _ => text
                .parse()
                .map(|ms| Self::Pause(Duration::from_millis(ms)))
                .map_err(|_| "a number of milliseconds, or 'never'".into()),
        }
    }
}

impl TapAfter {
    fn script(self) -> Script {
        match self {
            Self::Never => Script::by_hand(),
            Self::Pause(pause) => Script {
                tap_after: Some(pause),
                ..Script::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_pause_is_milliseconds_or_never() {
        assert_eq!("never".parse(), Ok(TapAfter::Never));
        let pause = TapAfter::Pause(Duration::from_millis(300));
        assert_eq!("300".parse(), Ok(pause));
        assert!("soon".parse::<TapAfter>().is_err());
    }

    #[test]
    fn an_unknown_model_is_refused_with_the_known_ones() {
        assert!(model("acme_9000").unwrap_err().contains("nexgo_ct20"));
    }
}
