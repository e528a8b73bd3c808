//! Who is asked to tap a card, to watch the screen, to cut the power.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use crate::drivers::Url;

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
    /// Takes payments at a till that has no adapter, and reads its screen.
    Till,
}

impl Capability {
    /// All that is done to a terminal.
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
            Capability::Till => "till",
        }
    }
}

/// Who answers questions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    /// The simulator's control port; with the file that says where it is and its token.
    Control(Option<PathBuf>),
    /// A command: the question on its input, the answer on its output.
    Exec(String),
    /// A service: the question is POSTed to it, the response is the answer.
    Http(Url),
    /// A person at the terminal in which the suite runs.
    Operator,
    /// A person with a phone: a page is served there.
    OperatorPage(SocketAddr),
}

/// What a driver may be, for whoever wrote something else.
const KINDS: &str = "a driver is \"control\", \"control:FILE\", \"exec:COMMAND\", \"http://HOST:PORT/PATH\", \
                     \"operator\", \"operator:web\" or \"operator:web:ADDRESS:PORT\"";

impl Driver {
    /// Reads a driver as a profile writes it; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let kinds = || KINDS.to_owned();
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        Ok(match (kind, rest) {
            ("control", "") if !text.ends_with(':') => Self::Control(None),
            ("control", path) if !path.is_empty() => Self::Control(Some(path.into())),
            ("exec", command) if !command.trim().is_empty() => Self::Exec(command.to_owned()),
            // `http:URL`, and the URL by itself.
            ("http", url) if url.starts_with("//") => Self::Http(Url::parse(text)?),
            ("http", url) => Self::Http(Url::parse(url)?),
            ("operator", "") if !text.ends_with(':') => Self::Operator,
            ("operator", "web") => Self::OperatorPage((Ipv4Addr::UNSPECIFIED, 0).into()),
            ("operator", place) => {
                let place = place.strip_prefix("web:").ok_or_else(kinds)?;
                let address = place.parse().map_err(|_| {
                    format!("\"{place}\" is no ADDRESS:PORT such as 192.168.1.5:8080")
                })?;
                Self::OperatorPage(address)
            }
            _ => return Err(kinds()),
        })
    }

    /// How a profile writes it. A command's arguments and a URL's path may hold a secret: they are given by
    /// their digest.
    pub(super) fn without_secrets(&self) -> String {
        let digest = |text: &str| format!("sha256:{}", crate::plan::sha256(text.as_bytes()));
        match self {
            Self::Control(_) => "control".to_owned(),
            Self::Exec(command) => {
                let program = command.split_whitespace().next().unwrap_or_default();
                format!("exec:{program} {}", digest(command))
            }
            Self::Http(url) => format!("{} {}", url.place(), digest(&url.text())),
            Self::Operator => "operator".to_owned(),
            Self::OperatorPage(_) => "operator:web".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_driver_is_read() {
        let url = |text| Driver::Http(Url::parse(text).expect("lawful"));
        for (text, driver) in [
            ("control", Driver::Control(None)),
            ("control:a/b.json", Driver::Control(Some("a/b.json".into()))),
            ("exec:tap --slow", Driver::Exec("tap --slow".into())),
            ("http://robot:9000/q", url("http://robot:9000/q")),
            ("http:http://robot:9000/q", url("http://robot:9000/q")),
            ("operator", Driver::Operator),
            (
                "operator:web",
                Driver::OperatorPage(([0, 0, 0, 0], 0).into()),
            ),
            (
                "operator:web:192.168.1.5:8080",
                Driver::OperatorPage(([192, 168, 1, 5], 8080).into()),
            ),
        ] {
            assert_eq!(Driver::parse(text), Ok(driver), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_driver_and_the_reason_is_said() {
        for (text, why) in [
            ("", "a driver is"),
            ("robot", "a driver is"),
            ("exec:", "a driver is"),
            ("exec: ", "a driver is"),
            ("control:", "a driver is"),
            ("operator:", "a driver is"),
            ("operator:web:8080", "no ADDRESS:PORT"),
            ("https://robot", "a driver is"),
            ("http:robot", "http://HOST:PORT/PATH"),
            ("http://me:secret@robot", "no password"),
        ] {
            let refused = Driver::parse(text).expect_err(text);
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn a_token_in_a_command_or_a_url_is_not_shown() {
        for text in ["exec:tap --token hunter2", "http://robot/hunter2"] {
            let driver = Driver::parse(text).expect("a driver");
            assert!(!driver.without_secrets().contains("hunter2"), "{text}");
        }
    }
}
