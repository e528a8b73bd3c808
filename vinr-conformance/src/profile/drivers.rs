//! Who is asked to tap a card, to watch the screen, to cut the power.

use std::path::PathBuf;

use serde::Deserialize;

/// What somebody has to do or see for the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Presents and removes cards, enters PINs.
    Card,
    /// Watches the terminal's screen.
    Screen,
    /// Reads what the card network's host knows.
    Ledger,
    /// Cuts and restores power.
    Power,
    /// Cuts and restores LAN and internet.
    Network,
    /// Reads the terminal's raw storage.
    Storage,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Capability; 6] = [
        Capability::Card,
        Capability::Screen,
        Capability::Ledger,
        Capability::Power,
        Capability::Network,
        Capability::Storage,
    ];

    /// Its key in `[drivers]`.
    pub fn word(self) -> &'static str {
        match self {
            Capability::Card => "card",
            Capability::Screen => "screen",
            Capability::Ledger => "ledger",
            Capability::Power => "power",
            Capability::Network => "network",
            Capability::Storage => "storage",
        }
    }
}

/// Who answers questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// The simulator's control port; with the file that says where it is and its token.
    Control(Option<PathBuf>),
    /// A command: the question on its input, the answer on its output.
    Exec(String),
}

impl Driver {
    /// Reads a driver as a profile writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "control" => Self::Control(None),
            _ => match text.split_once(':')? {
                ("control", path) if !path.is_empty() => Self::Control(Some(path.into())),
                ("exec", command) if !command.trim().is_empty() => Self::Exec(command.to_owned()),
                _ => return None,
            },
        })
    }

    /// How a profile writes it. A command's arguments may hold a secret: they are given by
    /// their digest.
    pub(super) fn without_secrets(&self) -> String {
        match self {
            Self::Control(_) => "control".to_owned(),
            Self::Exec(command) => {
                let program = command.split_whitespace().next().unwrap_or_default();
                format!(
                    "exec:{program} sha256:{}",
                    crate::plan::sha256(command.as_bytes())
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_driver_is_read() {
        assert_eq!(Driver::parse("control"), Some(Driver::Control(None)));
        assert_eq!(
            Driver::parse("control:a/b.json"),
            Some(Driver::Control(Some("a/b.json".into())))
        );
        assert_eq!(
            Driver::parse("exec:tap --slow"),
            Some(Driver::Exec("tap --slow".into()))
        );
    }

    #[test]
    fn anything_else_is_no_driver() {
        for text in [
            "",
            "robot",
            "exec:",
            "exec: ",
            "control:",
            "http://robot",
            "operator",
        ] {
            assert_eq!(Driver::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_in_a_command_is_not_shown() {
        let driver = Driver::parse("exec:tap --token hunter2").expect("a driver");
        assert!(!driver.without_secrets().contains("hunter2"));
    }
}
