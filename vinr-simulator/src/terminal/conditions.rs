//! What happens to a terminal from outside: its power, its two lines, its clock and its settings.

use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use vinr_protocol::device::{Model, OfflineLimits};

use super::actor::{Message, Setting};
use super::board::Board;
use super::clock::DeviceClock;
use super::power::{Front, Power};
use super::settings::{Settings, Sheet};
use super::trust::{NotTaken, Origin};
use super::{JournalEvent, StartError, Terminal};
use crate::host::{Behaviour, Link};

impl Terminal {
    /// Changes how the line to the card network's host behaves.
    pub fn set_host(&self, behaviour: Behaviour) {
        self.host.line().behave(behaviour);
    }

    /// Cuts the terminal's internet, or restores it. A cut is known to the terminal after 3 s. §6
    pub fn set_internet(&self, link: Link) {
        self.host.line().set(link);
        self.board.touch();
    }

    /// Is the line to the internet there?
    pub fn internet(&self) -> Link {
        self.host.line().link()
    }

    /// Pulls the LAN cable, or puts it back in. Tills hear silence, the advertisement is gone, and a payment on the
    /// screen goes on. \[REC-6\]
    pub async fn set_lan(&self, link: Link) -> Result<(), LaxFront> {
        let mut power = self.power.lock().await;
        if let Some(Power {
            front: Front::Lax(_),
            ..
        }) = *power
        {
            return Err(LaxFront);
        }
        let before = std::mem::replace(&mut *self.lan_lock(), link);
        if let Some(power) = power.as_mut().filter(|_| before != link) {
            match link {
                Link::Cut => power.pull_cable(),
                Link::Up => {
                    power.plug_in_cable();
                    let (announcement, elsewhere) = self.advertise(power.front.address()).await;
                    if let Some(announcement) = &announcement {
                        let heard = Message::Advertised(std::sync::Arc::downgrade(announcement));
                        let _ = power.sender.send(heard);
                    }
                    (power.announcement, power.elsewhere) = (announcement, elsewhere);
                }
            }
        }
        self.board.touch();
        Ok(())
    }

    /// Is the LAN cable in?
    pub fn lan(&self) -> Link {
        *self.lan_lock()
    }

    /// Cuts the power, as a pulled plug would, and gives it back after a while.
    pub async fn power_cycle(&self, off: Duration) -> Result<(), StartError> {
        let mut power = self.power.lock().await;
        self.cut(&mut power).await;
        tokio::time::sleep(off).await;
        *power = Some(self.power_on().await?);
        Ok(())
    }

    /// Pulls the plug, or puts it back in. What is so already stays so.
    pub async fn set_power(&self, on: bool) -> Result<(), StartError> {
        let mut power = self.power.lock().await;
        match (on, power.is_some()) {
            (true, false) => *power = Some(self.power_on().await?),
            (false, true) => self.cut(&mut power).await,
            (true, true) | (false, false) => {}
        }
        Ok(())
    }

    /// Gives it a revocation list from a file, PEM or DER. The outer error is the file's, the inner one the list's: then
    /// the one before it stays. \[TLS-15\]
    pub(crate) fn install_crl(&self, path: &Path) -> io::Result<Result<(), NotTaken>> {
        self.trust.offer_file(path, Origin::ControlPort)
    }

    /// Is it switched on?
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Switches off in good order: says goodbye, lets held answers finish for a moment, and closes.
    pub async fn shutdown(&self) {
        if let Some(power) = self.power.lock().await.take() {
            power.shut_down().await;
        }
        self.is_dark();
    }

    /// Everything is gone at once.
    pub(super) async fn cut(&self, power: &mut Option<Power>) {
        if let Some(power) = power.take() {
            power.cut().await;
        }
        self.is_dark();
    }

    fn is_dark(&self) {
        self.is_on.store(false, Ordering::Relaxed);
        self.trust.closed();
        self.display.go_dark();
        self.board.touch();
    }

    /// Sets its clock so many milliseconds ahead of the world's.
    pub async fn set_clock(&self, offset_ms: i64) {
        self.clock.set(offset_ms);
        self.tell(Setting::Clock(self.clock.state())).await;
    }

    /// Takes its date away: it starts no new payment until [`set_clock`](Self::set_clock).
    pub async fn unset_clock(&self) {
        self.clock.unset();
        self.tell(Setting::Clock(self.clock.state())).await;
    }

    /// Switches local mode. \[NET-4, NET-8\]
    pub async fn set_local_mode(&self, on: bool) -> io::Result<()> {
        let settings = self.configure(|settings| settings.local_mode = on)?;
        self.tell(Setting::LocalMode(settings.local_mode())).await;
        Ok(())
    }

    /// Configures what it may queue. \[OFF-9\]
    pub async fn set_limits(&self, sheet: Sheet) -> io::Result<()> {
        let settings = self.configure(|settings| settings.offline = sheet)?;
        self.tell(Setting::Limits(settings.limits(self.sheet())))
            .await;
        Ok(())
    }

    /// Its model.
    pub fn model(&self) -> &Model {
        &self.options.model
    }

    /// Counts on whenever [`state`](Self::state) says something else.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.board.version()
    }

    /// Every record that is made durable from here on.
    pub fn journaled(&self) -> broadcast::Receiver<JournalEvent> {
        self.board.journal()
    }

    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    pub(crate) fn clock(&self) -> &DeviceClock {
        &self.clock
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The offline limits that it has unless somebody configures others.
    pub(crate) fn sheet(&self) -> Option<OfflineLimits> {
        let model = self.options.sheet.as_ref();
        model.unwrap_or(&self.options.model).offline_limits()
    }

    /// What holds before it is switched on for the first time. \[SIM-4\]
    pub(super) fn set_the_scene(&self) {
        let line = self.host.line();
        if self.options.simulate_offline || self.quirk.offline_for.is_some() {
            line.set(Link::Cut);
        }
        if let Some(pause) = self.quirk.offline_for {
            let (host, board) = (self.host.clone(), self.board.clone());
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                host.line().set(Link::Up);
                board.touch();
            });
        }
    }

    /// Durable first, then in force.
    fn configure(&self, change: impl FnOnce(&mut Settings)) -> io::Result<Settings> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = settings.clone();
        change(&mut changed);
        changed.store(&self.dir)?;
        *settings = changed.clone();
        Ok(changed)
    }

    async fn tell(&self, setting: Setting) {
        if let Some(power) = self.power.lock().await.as_ref() {
            let _ = power.sender.send(Message::Set(setting));
        }
        self.board.touch();
    }

    fn lan_lock(&self) -> std::sync::MutexGuard<'_, Link> {
        self.lan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A terminal with a deliberately lax server has no cable to pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the LAN of a terminal that is broken at TLS cannot be cut")]
pub struct LaxFront;
