//! A factory reset: the journal is gone, and with it what is still to be forwarded. §6

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::PoisonError;

use vinr_journal::RealDisk;
use vinr_protocol::payment::Payment;

use super::settings::Settings;
use super::{Options, StartError, Terminal, record};

/// What a reset left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Where the payments are that were not final, if there were any.
    pub exported: Option<PathBuf>,
}

/// A terminal was not reset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// Money is on its way. Nothing was changed.
    #[error(
        "{0} payments are not settled, queued, in flight or to be taken back: bring the terminal online first, or force the reset; nothing was changed"
    )]
    Unsettled(usize),
    /// A file cannot be written or removed.
    #[error("the reset failed: {0}")]
    Io(#[from] io::Error),
    /// It does not start again.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Terminal {
    /// Resets it to the state of the factory, with a new journal id; its identity stays. With a payment that is not
    /// settled it is refused, unless it is forced: then those payments are exported first, and only then is the journal
    /// erased.
    pub async fn reset(&self, force: bool) -> Result<Reset, ResetError> {
        let mut power = self.power.lock().await;
        let unsettled = self.board.open().len();
        if unsettled > 0 && !force {
            return Err(ResetError::Unsettled(unsettled));
        }
        self.cut(&mut power).await;
        // Asked again: what was journaled until the power went counts.
        let open = self.board.open();
        if open.is_empty() || force {
            let exported = match open.is_empty() {
                true => None,
                false => Some(self.export(&open)?),
            };
            self.erase()?;
            *power = Some(self.power_on().await?);
            return Ok(Reset { exported });
        }
        *power = Some(self.power_on().await?);
        Err(ResetError::Unsettled(open.len()))
    }

    /// Readable by its owner only: it is for whoever must forward the payments by hand.
    fn export(&self, payments: &[Payment]) -> io::Result<PathBuf> {
        let dir = self.options.pki.dir().join("exports");
        vinr_journal::make_dir(&dir, 0o700)?;
        let path = dir.join(format!("{}-{}.json", self.id(), ulid::Ulid::generate()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(&serde_json::to_vec_pretty(payments)?)?;
        file.sync_all()?;
        File::open(&dir)?.sync_all()?;
        Ok(path)
    }

    fn erase(&self) -> io::Result<()> {
        let Options {
            pki,
            terminal,
            data,
            ..
        } = &self.options;
        vinr_journal::erase(&RealDisk, &record::place(pki, terminal, data))?;
        let factory = Settings::default();
        factory.store(&self.dir)?;
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = factory;
        Ok(())
    }
}
