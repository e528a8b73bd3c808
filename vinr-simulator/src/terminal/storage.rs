//! The raw files of a terminal, for whoever wants to see what a thief would.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use vinr_protocol::question::Question;

use super::Terminal;
use crate::cards::TestCard;
use crate::defect::Defect;

impl Terminal {
    /// Copies what the terminal stores to a new directory that only its owner may enter, and says where. The card
    /// network's ledger is not the terminal's, and is not copied.
    pub fn copy_storage(&self) -> io::Result<PathBuf> {
        let name = format!("vinr-storage-{}-{}", self.id(), ulid::Ulid::generate());
        let to = std::env::temp_dir().join(name);
        copy(&self.options.data, &to)?;
        if self.options.defects.contains(&Defect::QueueInClearText) {
            let queue = serde_json::to_vec(&self.state().queue)?;
            std::fs::write(to.join("queue.json"), queue)?;
        }
        Ok(to)
    }

    /// What a terminal that breaks promises writes down of a card: its number, and the PIN. \[SEC-1\]
    pub(crate) fn log_the_card(&self, question: &Question) {
        if !self.options.defects.contains(&Defect::LogsTheCard) {
            return;
        }
        let text = |name: &str| question.args.get(name).and_then(|value| value.as_str());
        let line = match question.question.as_str() {
            "present_card" => text("card")
                .and_then(TestCard::find)
                .map(|card| format!("card {}", card.number)),
            "enter_pin" => text("pin").map(|pin| format!("PIN {pin}")),
            _ => None,
        };
        let log = self.options.data.join("terminal.log");
        let file = OpenOptions::new().create(true).append(true).open(log);
        if let (Some(line), Ok(mut file)) = (line, file) {
            // A log that cannot be written breaks no promise.
            let _ = writeln!(file, "{line}");
        }
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = name
            .to_str()
            .is_none_or(|name| name != "lock" && !name.starts_with("ledger"));
        if !is_ours {
            continue;
        }
        let (from, to) = (entry.path(), to.join(name));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
            continue;
        }
        match std::fs::copy(&from, &to) {
            // Replaced by another while we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => {
                copied?;
            }
        }
    }
    Ok(())
}
