//! The control port: who presents the card, enters the PIN, pulls the plug and watches the screen, over HTTP.
//!
//! | request | does |
//! |---|---|
//! | `POST /v1/question` | answers a question of `spec/harness.md` §2 |
//! | `GET /v1/events` | streams screens, records and changes, as server-sent events |
//! | `POST /v1/power`, `/v1/internet`, `/v1/lan` | cuts one of them, or restores it |
//! | `POST /v1/clock` | sets the clock, or takes its date away |
//! | `POST /v1/local-mode`, `/v1/limits` | configures the device |
//! | `POST /v1/reset` | resets it to the state of the factory |
//! | `POST /v1/cardholder` | gives the cardholder another script |
//! | `GET /v1/state` | says what runs, and how it is |
//! | `GET /v1/openapi.json` | describes all this |
//!
//! `GET /` is [the screen in a browser](Control::page).
//!
//! It listens on loopback only, asks for a token that stands in a file readable by its owner, and of all that a browser
//! sends it takes only what its own page does.

mod answer;
mod browser;
mod calls;
mod dashboard;
mod events;
mod http;
mod openapi;
mod page;
mod state;
mod token;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::provision::files::{self, Audience};
use crate::terminal::Terminal;
pub(crate) use dashboard::Dashboard;
pub use openapi::openapi;
pub use state::{Cardholder, OnOff, Queued, TerminalState, UpDown};
pub use token::Token;

/// A control port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Whoever reaches it can pay with test cards and cut the power: it stays on this machine.
    #[error("the control port listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// Somebody else listens there, often another simulator.
    #[error(
        "the control port cannot listen on {0}: the port is in use by another program; port 0 takes a free one"
    )]
    PortInUse(SocketAddr),
    /// It cannot listen.
    #[error("the control port cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The file with the token cannot be written.
    #[error("the control file {} cannot be written: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// An open control port. Dropping it closes the port and removes the files that name it.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    token: Token,
    files: Vec<PathBuf>,
    accepting: JoinHandle<()>,
    off: CancellationToken,
}

/// What every connection works with.
struct Shared {
    terminals: Vec<Arc<Terminal>>,
    dashboard: Option<Dashboard>,
    token: Token,
    own: browser::Own,
}

impl Control {
    /// Opens the port for these terminals; a file for each, `<dir>/<id>.json`, names its URL and token.
    pub async fn open(
        address: SocketAddr,
        terminals: Vec<Arc<Terminal>>,
        dir: PathBuf,
    ) -> Result<Self, ControlError> {
        Self::open_with(address, terminals, dir, None).await
    }

    /// As [`open`](Self::open), and with the calls of the dashboard.
    pub(crate) async fn open_with(
        address: SocketAddr,
        terminals: Vec<Arc<Terminal>>,
        dir: PathBuf,
        dashboard: Option<Dashboard>,
    ) -> Result<Self, ControlError> {
        if !address.ip().is_loopback() {
            return Err(ControlError::NotLoopback(address));
        }
        let bind = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => ControlError::PortInUse(address),
            _ => ControlError::Bind { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let token = Token::draw()?;
        let files: Vec<_> = terminals
            .iter()
            .map(|terminal| dir.join(format!("{}.json", terminal.id())))
            .collect();
        let off = CancellationToken::new();
        let shared = Arc::new(Shared {
            terminals: terminals.clone(),
            dashboard,
            token: token.clone(),
            own: browser::Own::at(address),
        });
        // First the files: whoever finds the port open finds its own token, not that of an earlier run.
        write_files(address, &token, &terminals, &files, &dir)?;
        Ok(Self {
            address,
            token,
            files,
            accepting: tokio::spawn(http::accept(listener, shared, off.clone())),
            off,
        })
    }

    /// Where it listens, as `http://127.0.0.1:8444`.
    pub fn url(&self) -> String {
        url(self.address)
    }

    /// The link to the screen in a browser. The token stands behind the `#`, so that the browser keeps it to itself.
    pub fn page(&self) -> String {
        format!("{}/#token={}", self.url(), self.token.reveal())
    }

    /// What `Authorization: Bearer` must say.
    pub fn token(&self) -> &Token {
        &self.token
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.accepting.abort();
        self.off.cancel();
        for file in &self.files {
            // A file that is gone already names nothing.
            let _ = std::fs::remove_file(file);
        }
    }
}

fn write_files(
    address: SocketAddr,
    token: &Token,
    terminals: &[Arc<Terminal>],
    files: &[PathBuf],
    dir: &PathBuf,
) -> Result<(), ControlError> {
    let at = |path: &PathBuf| {
        let path = path.clone();
        |source| ControlError::File { path, source }
    };
    files::make_dir(dir, Audience::Owner).map_err(at(dir))?;
    for (terminal, path) in terminals.iter().zip(files) {
        let content = serde_json::json!({
            "url": url(address),
            "token": token.reveal(),
            "terminal": terminal.id(),
            "address": terminal.address(),
        });
        let content = format!("{content}\n");
        files::replace_for_now(path, content.as_bytes(), Audience::Owner).map_err(at(path))?;
    }
    Ok(())
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
