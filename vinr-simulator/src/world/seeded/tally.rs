//! What was done in a run, or in many.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

macro_rules! faults {
    ($($name:ident => $told:literal,)+) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $(#[doc = $told] $name,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)+];

            /// What it is called in reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(Fault::$name => $told,)+
                }
            }
        }
    };
}

faults! {
    Loss => "message lost",
    Copy => "pay repeated by the network",
    Delay => "message delayed by more than a second",
    Reset => "connection reset",
    HalfOpen => "half-open connection or one-way partition",
    LanOutage => "LAN outage",
    LanFlap => "LAN flaps",
    InternetOutage => "internet outage",
    InternetFlap => "internet flaps",
    CloudSilent => "cloud silent",
    PowerCut => "power cut between two inputs",
    CutInStep => "power cut after an effect or within a write",
    CutAtBoot => "power cut during recovery",
    FailedSync => "failed sync",
    Damage => "damaged disk",
    Swap => "swapped device",
    Month => "month without power",
    HostSilent => "host silent",
    Decline => "host declines",
    Contradiction => "host contradicts itself",
    TillCrash => "till crash",
    CloudRestart => "cloud restart",
    ClockJump => "wall-clock jump",
    WalkAway => "cardholder walks away",
    RedButton => "cardholder gives up",
    NoPin => "cardholder enters no PIN",
    LateCard => "card after more than a minute",
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How many seeds were played.
    pub seeds: u64,
    /// How much time passed in them, in microseconds.
    pub micros: u128,
    /// How many things happened.
    pub events: u64,
    /// How many sales tills began.
    pub begun: u64,
    /// How many of them were charged.
    pub paid: u64,
    faults: [u64; Fault::ALL.len()],
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            seeds: 0,
            micros: 0,
            events: 0,
            begun: 0,
            paid: 0,
            faults: [0; Fault::ALL.len()],
        }
    }

    pub(super) fn count(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    /// How often a fault was injected.
    pub fn faults(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// How much faster than a real clock these ran, if this took so long.
    pub fn speed(&self, took: Duration) -> f64 {
        self.micros as f64 / 1e6 / took.as_secs_f64().max(1e-9)
    }
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Tally) {
        self.seeds += other.seeds;
        self.micros += other.micros;
        self.events += other.events;
        self.begun += other.begun;
        self.paid += other.paid;
        for (sum, more) in self.faults.iter_mut().zip(&other.faults) {
            *sum += more;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let years = self.micros as f64 / 1e6 / 3600.0 / 24.0 / 365.25;
        writeln!(f, "seeds           {:>14}", self.seeds)?;
        writeln!(f, "simulated time  {years:>14.3} years")?;
        writeln!(f, "events          {:>14}", self.events)?;
        writeln!(f, "sales begun     {:>14}", self.begun)?;
        writeln!(f, "sales paid      {:>14}", self.paid)?;
        let all: u64 = self.faults.iter().sum();
        writeln!(f, "faults injected {all:>14}")?;
        for fault in Fault::ALL {
            writeln!(f, "  {:<45} {:>12}", fault.name(), self.faults(*fault))?;
        }
        Ok(())
    }
}
