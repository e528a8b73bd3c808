//! Defects outside the session: in what is read, what is advertised and how fast the screen is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use tokio::sync::watch;
use vinr_discovery::Advert;
use vinr_protocol::terminal::{Revocation, Screen, Timer};
use vinr_protocol::{Amount, Currency};

use super::{Defect, Defects};
use crate::host::Link;

/// The hooks; without a defect each does nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire {
    defects: Defects,
    prompts: Arc<AtomicU32>,
    /// How many times as fast as real time the terminal waits.
    pace: u32,
    /// The line to the internet, for those who wait for it.
    line: Option<watch::Receiver<Link>>,
}

/// Past the 90 s of PAY-6.
const TOO_LATE: Duration = Duration::from_secs(100);

/// How late a slow screen is: well past the 50 ms of LAT-1.
const LATE: Duration = Duration::from_millis(120);

/// How long a terminal waits for a cloud before it goes on without: past every till's patience with a screen.
const FOR_THE_CLOUD: Duration = Duration::from_secs(8);

impl Wire {
    pub(crate) fn new(defects: Defects, pace: u32) -> Self {
        Self {
            pace,
            defects,
            prompts: Arc::default(),
            line: None,
        }
    }

    /// The same, beside the line to the internet.
    pub(crate) fn beside(mut self, line: watch::Receiver<Link>) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn has(&self, defect: Defect) -> bool {
        self.defects.contains(&defect)
    }

    /// How long a timer really takes.
    pub(crate) fn wait(&self, timer: &Timer, after: Duration) -> Duration {
        let after = match timer {
            Timer::Interaction if self.has(Defect::AnswersTooLate) => TOO_LATE,
            _ => after,
        };
        after / self.pace.max(1)
    }

    /// The body as it will be read.
    pub(crate) fn body(&self, body: &Bytes) -> Bytes {
        const KNOWN: &[&str] = &[
            "terminalId",
            "amount",
            "currency",
            "reference",
            "captureMethod",
            "description",
            "metadata",
            "timeoutMs",
            "attemptKey",
        ];
        if !self.has(Defect::UnknownFieldAccepted) {
            return body.clone();
        }
        let read = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
        let Ok(mut members) = read else {
            return body.clone();
        };
        members.retain(|name, _| KNOWN.contains(&name.as_str()));
        serde_json::to_vec(&members).map_or_else(|_| body.clone(), Bytes::from)
    }

    /// How the revocation list stands, as far as a payment is asked.
    pub(crate) fn revocation(&self, stands: Revocation) -> Revocation {
        match self.has(Defect::PaysOnPastTheList) {
            true => Revocation::InForce,
            false => stands,
        }
    }

    /// Is nobody on the network told that the terminal is busy?
    pub(crate) fn hides_activity(&self) -> bool {
        self.has(Defect::ActivityNotAnnounced)
    }

    /// What lights up for a request that was refused.
    pub(crate) fn flash(&self, path: &str) -> Option<Screen> {
        let flashes = self.has(Defect::ScreenForABadBody) && path == "/v1/pay";
        flashes.then(|| Screen::PresentCard {
            payment: crate::terminal::fresh_payment_id(),
            amount: Amount::MIN,
            currency: Currency::USD,
        })
    }

    /// What happens between the durable record and the prompt.
    pub(crate) async fn before_prompt(&self) {
        let is_cut = self
            .line
            .as_ref()
            .is_some_and(|line| *line.borrow() == Link::Cut);
        let is_slow =
            self.has(Defect::SlowOneInTwenty) || self.has(Defect::SlowWithoutTheInternet) && is_cut;
        if is_slow && self.prompts.fetch_add(1, Ordering::Relaxed) % 20 == 19 {
            tokio::time::sleep(LATE).await;
        }
        if let Some(mut line) = self
            .line
            .clone()
            .filter(|_| self.has(Defect::WaitsForTheCloud))
        {
            let up = line.wait_for(|link| *link == Link::Up);
            let _ = tokio::time::timeout(FOR_THE_CLOUD, up).await;
        }
    }
}

/// An advertisement under another service type, as long as it lives.
pub(crate) struct Elsewhere(ServiceDaemon);

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Elsewhere")
    }
}

impl Elsewhere {
    /// The defects that take such an advertisement.
    pub(crate) const DEFECTS: &[Defect] = &[
        Defect::WrongServiceType,
        Defect::StaleAddress,
        Defect::TxtIncomplete,
    ];

    pub(crate) fn start(advert: &Advert, defects: &Defects) -> io::Result<Self> {
        let service_type = match defects.contains(&Defect::WrongServiceType) {
            true => "_vinr-pos._tcp.local.",
            false => "_vinr-terminal._tcp.local.",
        };
        // The discard port: nobody listens there.
        let port = match defects.contains(&Defect::StaleAddress) {
            true => 9,
            false => advert.listens_on.port(),
        };
        let start = || -> mdns_sd::Result<ServiceDaemon> {
            let daemon = ServiceDaemon::new()?;
            if advert.listens_on.ip().is_loopback() {
                daemon.enable_interface(IfKind::LoopbackV4)?;
            }
            let service = ServiceInfo::new(
                service_type,
                advert.terminal.as_str(),
                "vinr-elsewhere.local.",
                advert.listens_on.ip(),
                port,
                &[("id", advert.terminal.as_str())][..],
            )?;
            daemon.register(service)?;
            Ok(daemon)
        };
        start().map(Self).map_err(io::Error::other)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.shutdown();
    }
}
