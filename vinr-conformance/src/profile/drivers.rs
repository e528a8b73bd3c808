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
    /// An HTTP service: the question is posted, the response is the answer.
    Http(String),
    /// A person.
    Operator,
}

impl Driver {
    /// Reads a driver as a profile writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "control" => Self::Control(None),
            "operator" => Self::Operator,
            _ => match text.split_once(':')? {
                ("control", path) if !path.is_empty() => Self::Control(Some(path.into())),
                ("exec", command) if !command.trim().is_empty() => Self::Exec(command.to_owned()),
                ("http" | "https", rest) if rest.starts_with("//") => Self::Http(text.to_owned()),
                _ => return None,
            },
        })
    }

    /// How a profile writes it. What may hold a secret (a command's arguments, a URL's path) is
    /// given by its digest.
    pub(super) fn without_secrets(&self) -> String {
        match self {
            Self::Control(_) => "control".to_owned(),
            Self::Operator => "operator".to_owned(),
            Self::Exec(command) => {
                let program = command.split_whitespace().next().unwrap_or_default();
                format!(
                    "exec:{program} sha256:{}",
                    crate::plan::sha256(command.as_bytes())
                )
            }
            Self::Http(url) => format!("http:sha256:{}", crate::plan::sha256(url.as_bytes())),
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
        assert_eq!(
            Driver::parse("http://robot/tap"),
            Some(Driver::Http("http://robot/tap".into()))
        );
        assert_eq!(Driver::parse("operator"), Some(Driver::Operator));
    }

    #[test]
    fn anything_else_is_no_driver() {
        for text in [
            "",
            "robot",
            "exec:",
            "exec: ",
            "control:",
            "http:robot",
            "ftp://robot",
        ] {
            assert_eq!(Driver::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_in_a_command_or_a_url_is_not_shown() {
        for text in ["exec:tap --token hunter2", "http://robot/hunter2"] {
            let driver = Driver::parse(text).expect("a driver");
            assert!(!driver.without_secrets().contains("hunter2"));
        }
    }
}
