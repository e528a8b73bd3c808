//! What every scenario of a run shares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use vinr_protocol::device::OfflineLimits;

use crate::bundle::Secret;
use crate::drivers::Drivers;
use crate::journal::{Event, Journal, Numbers};
use crate::probe::{IdentityError, Probe};
use crate::profile::{CloudProfile, Profile};
use crate::subject::Subject;
use crate::verdict::DeclaredWire;

/// What every scenario of a run shares; clones share it, too.
#[derive(Clone)]
pub struct Context {
    /// Where everything is written.
    pub journal: Journal,
    /// The wire.
    pub probe: Probe,
    /// The terminal under test.
    pub subject: Arc<Subject>,
    /// Who taps the card.
    pub drivers: Arc<Drivers>,
    /// No payment may be larger, in minor units.
    pub amount_ceiling: Option<u64>,
    /// What the terminal may accept offline, by its profile; `None` where it never queues.
    pub offline: Option<OfflineLimits>,
    /// The cloud that the profile names.
    pub cloud: Option<CloudProfile>,
    /// No clock of a simulator is set to shorten a wait.
    pub real_time: bool,
    features: Arc<BTreeMap<String, bool>>,
    prefix: Arc<str>,
    seed: u64,
    names: Arc<AtomicU64>,
    internet_is_away: Arc<AtomicBool>,
}

impl Context {
    /// Begins a run: writes the first entry of the journal.
    pub fn begin(
        journal: Journal,
        mut subject: Subject,
        profile: &Profile,
        seed: u64,
    ) -> Result<Self, IdentityError> {
        let so_far = Numbers::of(&journal.entries());
        let probe = Probe::new(
            journal.clone(),
            subject.address,
            subject.terminal.as_str(),
            &subject.terminal_ca,
        )?;
        let probe = probe.going_on(so_far.connections, so_far.exchanges);
        let probe = match profile.declared {
            DeclaredWire::VinrLocal1 => probe,
            DeclaredWire::Vendor => probe.on_a_vendors_wire(profile.wire.paths.clone()),
        };
        let control = subject.control.take();
        let drivers = Drivers::new(
            journal.clone(),
            subject.terminal.as_str(),
            |capability| profile.drivers(capability).to_vec(),
            control,
        );
        let drivers = drivers.going_on(so_far.questions);
        for link in drivers.links() {
            if let Some((_, token)) = link.split_once("#token=") {
                journal.keep_out(Secret::new("the token of the operator's page", token));
            }
        }
        journal.record(Event::RunBegin {
            suite: env!("CARGO_PKG_VERSION").into(),
            seed,
            terminal: subject.terminal.to_string(),
            address: subject.address.to_string(),
            wire: match profile.declared {
                DeclaredWire::VinrLocal1 => vinr_protocol::API.into(),
                DeclaredWire::Vendor => "vendor".into(),
            },
            driver: drivers.describe(),
        });
        journal.record(Event::Claimed(Box::new(
            profile.claimed(subject.terminal.as_str()),
        )));
        let ours = profile
            .safety
            .reference_prefix
            .as_deref()
            .unwrap_or("cert-");
        // The terminal may remember an earlier run of the same seed, so its names begin with the time.
        let prefix = format!("{ours}{:x}-", jiff::Timestamp::now().as_millisecond());
        Ok(Self {
            journal,
            probe,
            subject: Arc::new(subject),
            drivers: Arc::new(drivers),
            amount_ceiling: profile.safety.amount_ceiling,
            offline: profile.offline.clone(),
            cloud: profile.cloud.clone(),
            real_time: false,
            features: Arc::new(profile.features().clone()),
            prefix: prefix.into(),
            seed,
            names: Arc::default(),
            internet_is_away: Arc::default(),
        })
    }

    /// The same run with another terminal, one that the suite started for a scenario of its own.
    pub fn beside(&self, mut subject: Subject) -> Result<Self, IdentityError> {
        let probe = self.probe.beside(
            subject.address,
            subject.terminal.as_str(),
            &subject.terminal_ca,
        )?;
        let control = subject.control.take();
        if let Some(control) = &control {
            let what = "the control token of a second simulator";
            self.journal.keep_out(Secret::new(what, control.token()));
        }
        let drivers = self.drivers.beside(subject.terminal.as_str(), control);
        Ok(Self {
            probe,
            drivers: Arc::new(drivers),
            subject: Arc::new(subject),
            internet_is_away: Arc::default(),
            ..self.clone()
        })
    }

    /// The same run for a scenario that stands apart: what it sees and does is written down as its own.
    pub(super) fn apart(&self, scenario: &str) -> Self {
        let journal = self.journal.of_scenario(scenario);
        Self {
            probe: self.probe.journaled_by(journal.clone()),
            drivers: Arc::new(self.drivers.nobody(journal.clone())),
            journal,
            internet_is_away: Arc::default(),
            ..self.clone()
        }
    }

    /// Can the suite start a terminal for a scenario alone, as the scenario asks for it?
    pub(crate) fn may_stand_apart(&self) -> bool {
        let has_a_cloud_elsewhere = matches!(self.cloud, Some(CloudProfile::At { .. }));
        self.subject.embedded.is_some() && !has_a_cloud_elsewhere
    }

    /// Did the scenario before leave the internet cut?
    pub fn is_internet_away(&self) -> bool {
        self.internet_is_away.load(Ordering::Relaxed)
    }

    /// Leaves it so for the next one, or not.
    pub fn leave_internet_away(&self, away: bool) {
        self.internet_is_away.store(away, Ordering::Relaxed);
    }

    /// Whether the profile says that the terminal can do this.
    pub fn has(&self, feature: &str) -> bool {
        self.features.get(feature).copied().unwrap_or(false)
    }

    /// A reference or key that nobody used before.
    pub fn fresh(&self, what: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}{number}-{what}", self.prefix)
    }

    /// A wait for the terminal's clock may be shortened by setting it.
    pub(crate) fn may_set_clocks(&self) -> bool {
        !self.real_time && self.drivers.can_set_clock()
    }

    /// Picks the timings of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}
