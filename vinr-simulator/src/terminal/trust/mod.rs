//! What a terminal trusts and shows: its own certificate, the CA of the tills, and that CA's revocation lists.
//!
//! All three are followed while it runs. A certificate or a CA bundle that changed on disk counts for the next
//! connection; a list counts for the next request, on open connections too. What cannot be used is refused with its
//! reason, and what was in use stays. \[TLS-12, TLS-15\]

mod kept;
mod watched;

use std::fmt;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use vinr_protocol::TerminalId;
use vinr_transport::identity::Identity;
use vinr_transport::revocation::{CrlError, MAX_BYTES, Revocation, RevocationList};
use vinr_transport::server::{Limits, Server, ServerOptions};
use vinr_transport::trust::TrustBundle;

use super::{Options, StartError};
use crate::defect::{Defect, LaxLists};
use crate::provision::Pki;
use kept::Kept;
use watched::Watched;

/// A new list takes effect within a second: the files are looked at this often.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// What one terminal trusts and shows.
#[derive(Debug)]
pub(crate) struct Trust {
    terminal: TerminalId,
    pki: Pki,
    limits: Limits,
    ignores_lists: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    identity: Identity,
    pos_ca: TrustBundle,
    kept: Kept,
    watched: OnDisk,
    front: Front,
    /// What came over the link before the front was open.
    early: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct OnDisk {
    identity: Watched<2>,
    pos_ca: Watched<1>,
    list: Watched<1>,
}

/// Who judges tills, while the terminal is switched on.
#[derive(Debug, Default)]
pub(super) enum Front {
    #[default]
    None,
    Strict(Weak<Server>),
    /// One that is broken on purpose.
    Lax(Arc<LaxLists>),
}

/// Where a list came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Cloud,
    ControlPort,
    /// The directory that was provisioned, as it is when the terminal starts.
    Directory,
    /// The same, when it changes.
    ChangedDirectory,
}

/// A list is not in use; the one before it stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// It is not one that counts.
    #[error(transparent)]
    Refused(#[from] CrlError),
    /// Nobody is there to take it.
    #[error("the terminal is switched off: it takes no list")]
    Off,
    /// It counts, and is forgotten at the next restart.
    #[error("the list is in force, but it cannot be kept: {0}")]
    Unkept(io::Error),
}

impl Trust {
    /// Reads what the terminal needs before it can listen.
    pub(super) fn load(options: &Options, data: &Path) -> Result<Arc<Self>, StartError> {
        let (pki, terminal) = (options.pki.clone(), options.terminal.clone());
        // Looked at before they are read: what changes in between is seen as a change.
        let watched = OnDisk {
            identity: Watched::new([pki.terminal_cert(&terminal), pki.terminal_key(&terminal)]),
            pos_ca: Watched::new([pki.pos_ca()]),
            list: Watched::unread([pki.pos_crl()]),
        };
        let identity = read_identity(&pki, &terminal)?;
        let pos_ca = TrustBundle::from_pem_file(pki.pos_ca())?;
        let kept = Kept::open(data).map_err(|error| {
            let file = kept::file(data);
            StartError::Storage(format!("{} cannot be used: {error}", file.display()))
        })?;
        let state = State {
            identity,
            pos_ca,
            kept,
            watched,
            front: Front::None,
            early: Vec::new(),
        };
        let mut limits = Limits::default();
        if options.defects.contains(&Defect::SlowPeersStay) {
            limits.head = FOR_EVER;
        }
        Ok(Arc::new(Self {
            limits,
            ignores_lists: options.defects.contains(&Defect::IgnoresRevocation),
            terminal,
            pki,
            state: Mutex::new(state),
        }))
    }

    /// What the server of a terminal that is switched on begins with.
    pub(super) fn server_options(&self) -> ServerOptions {
        let mut state = self.lock();
        self.look_at_identity(&mut state);
        self.look_at_pos_ca(&mut state);
        ServerOptions {
            terminal: self.terminal.clone(),
            identity: state.identity.clone(),
            pos_ca: state.pos_ca.clone(),
            crl: self.kept_lists(&state).into_iter().next(),
            limits: self.limits.clone(),
        }
    }

    /// The CA of the tills.
    pub(super) fn pos_ca(&self) -> TrustBundle {
        self.lock().pos_ca.clone()
    }

    /// The terminal listens. What it kept comes first: nothing older than that is taken.
    pub(super) fn opened(&self, front: Front) {
        let mut state = self.lock();
        state.front = front;
        for list in state.kept.lists() {
            // Whether it can be read was asked before the front opened.
            let _ = state.front.install(&list);
        }
        for list in std::mem::take(&mut state.early) {
            let _ = self.take(&mut state, &list, Origin::Cloud);
        }
        state.watched.list.forget();
        self.look_at_list(&mut state, Origin::Directory);
        if state.front.revocation() != Some(Revocation::InForce) {
            let terminal = &self.terminal;
            tracing::warn!(%terminal, "no revocation list is in force: new payments are refused until there is one");
        }
    }

    /// The power is gone.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        state.front = Front::None;
        state.early.clear();
    }

    /// Takes a list from somebody, durably, or says why not.
    pub(crate) fn offer(&self, list: &[u8], from: Origin) -> Result<(), NotTaken> {
        self.take(&mut self.lock(), list, from)
    }

    /// The same for a file. More than any list is long is not read.
    pub(crate) fn offer_file(&self, path: &Path, from: Origin) -> io::Result<Result<(), NotTaken>> {
        let list = read_list(path)?;
        Ok(self.offer(&list, from))
    }

    /// Looks at the files once; does nothing for a terminal that is switched off.
    pub(super) fn look(&self) {
        let mut state = self.lock();
        if matches!(state.front, Front::None) {
            return;
        }
        self.look_at_identity(&mut state);
        self.look_at_pos_ca(&mut state);
        self.look_at_list(&mut state, Origin::ChangedDirectory);
        // That it could not be kept was said when it came.
        let _ = state.kept.try_again();
    }

    fn take(&self, state: &mut State, bytes: &[u8], from: Origin) -> Result<(), NotTaken> {
        if matches!(state.front, Front::None) {
            // A link may be up a moment before the terminal listens.
            if from == Origin::Cloud {
                state.early.push(bytes.to_vec());
                return Ok(());
            }
            return Err(NotTaken::Off);
        }
        for list in kept::each(bytes) {
            let taken = self.take_one(state, list, from);
            if let Err(error) = taken {
                match (&error, from) {
                    // The terminal knows more than its directory: the cloud told it.
                    (NotTaken::Refused(CrlError::Older { .. }), Origin::Directory) => {}
                    _ => {
                        tracing::warn!(terminal = %self.terminal, %from, %error, "a revocation list is not taken")
                    }
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn take_one(&self, state: &mut State, list: &[u8], from: Origin) -> Result<(), NotTaken> {
        if self.ignores_lists && state.front.revocation() == Some(Revocation::InForce) {
            return Ok(());
        }
        if !state.front.install(list)? {
            return Ok(());
        }
        tracing::info!(terminal = %self.terminal, %from, "a new revocation list is in force");
        state.kept.put(list).map_err(|error| {
            tracing::error!(terminal = %self.terminal, %error, "a revocation list is in force and cannot be kept");
            NotTaken::Unkept(error)
        })
    }

    fn look_at_identity(&self, state: &mut State) {
        let State {
            identity,
            watched,
            front,
            ..
        } = state;
        let terminal = &self.terminal;
        let read = || read_identity(&self.pki, terminal);
        match watched.identity.changed(read) {
            None => {}
            Some(Ok(new)) => {
                if let Front::Strict(server) = front
                    && let Some(server) = server.upgrade()
                    && let Err(error) = server.replace_identity(new.clone())
                {
                    tracing::warn!(%terminal, %error, "the new certificate is not used");
                    return;
                }
                *identity = new;
                tracing::info!(%terminal, "new connections see the new certificate");
            }
            Some(Err(error)) => {
                tracing::warn!(%terminal, %error, "the certificate on disk is not used; the one before it stays");
            }
        }
    }

    fn look_at_pos_ca(&self, state: &mut State) {
        let terminal = &self.terminal;
        let read = || TrustBundle::from_pem_file(self.pki.pos_ca());
        match state.watched.pos_ca.changed(read) {
            None => {}
            Some(Ok(new)) => {
                if let Front::Strict(server) = &state.front
                    && let Some(server) = server.upgrade()
                {
                    server.replace_pos_ca(new.clone());
                }
                state.pos_ca = new;
                tracing::info!(%terminal, "the CA bundle of the tills was replaced");
                // A list that was a stranger's may be one of ours now.
                for list in state.kept.lists() {
                    let _ = state.front.install(&list);
                }
                state.watched.list.forget();
            }
            Some(Err(error)) => {
                tracing::warn!(%terminal, %error, "the CA bundle on disk is not used; the one before it stays");
            }
        }
    }

    fn look_at_list(&self, state: &mut State, from: Origin) {
        let path = self.pki.pos_crl();
        // A file that is gone for a moment revokes nothing less than it did.
        if let Some(Ok(list)) = state.watched.list.changed(|| read_list(&path)) {
            let _ = self.take(state, &list, from);
        }
    }

    /// The kept lists that the CAs of the bundle signed.
    fn kept_lists(&self, state: &State) -> Vec<RevocationList> {
        let mut lists = Vec::new();
        for list in state.kept.lists() {
            match RevocationList::read(&list, &state.pos_ca) {
                Ok(list) => lists.push(list),
                Err(error) => {
                    tracing::error!(terminal = %self.terminal, %error, "a revocation list that was kept is not used");
                }
            }
        }
        lists
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Front {
    /// True where it is new.
    fn install(&self, list: &[u8]) -> Result<bool, CrlError> {
        match self {
            Front::None => Ok(false),
            Front::Strict(server) => match server.upgrade() {
                Some(server) => Ok(server.install_crl(list)?.is_new),
                None => Ok(false),
            },
            Front::Lax(lists) => lists.install(list),
        }
    }

    fn revocation(&self) -> Option<Revocation> {
        match self {
            Front::None => None,
            Front::Strict(server) => Some(server.upgrade()?.revocation()),
            Front::Lax(lists) => Some(lists.revocation()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Cloud => "the cloud",
            Origin::ControlPort => "the control port",
            Origin::Directory | Origin::ChangedDirectory => "the provisioned directory",
        })
    }
}

/// The identity on disk, which must be this terminal's. \[TLS-2\]
pub(super) fn read_identity(pki: &Pki, terminal: &TerminalId) -> Result<Identity, StartError> {
    let (certificate, key) = (pki.terminal_cert(terminal), pki.terminal_key(terminal));
    if !certificate.exists() {
        return Err(StartError::NotProvisioned {
            terminal: terminal.clone(),
            dir: pki.dir().to_owned(),
        });
    }
    let identity =
        Identity::from_pem_files(certificate, key).map_err(|source| StartError::Identity {
            terminal: terminal.clone(),
            source,
        })?;
    if identity.names() != std::slice::from_ref(terminal) {
        let terminal = terminal.clone();
        return Err(StartError::WrongCertificate { terminal });
    }
    Ok(identity)
}

/// Reads a list, and of what is longer than any a little more than one.
fn read_list(path: &Path) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
