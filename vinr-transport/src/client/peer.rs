//! Who is at the other end of an open connection, and whether they may still be asked.

use rustls_pki_types::CertificateDer;
use vinr_protocol::TerminalId;

use super::till::{Current, Till, verdict_on};
use crate::check::Check;
use crate::clock::Clock;
use crate::exchange::Generation;
use crate::pin::Seen;
use crate::verdict::Shown;

/// Whom a connection leads to.
#[derive(Debug)]
pub(super) enum Peer {
    /// A terminal that was verified, and is judged again before every request.
    Terminal(Box<Verified>),
    /// Whoever plays the terminal for the fuzz target, where there is no TLS.
    Anybody,
}

/// A terminal that its handshake showed to be the one that was meant.
#[derive(Debug)]
pub(super) struct Verified {
    terminal: TerminalId,
    till: Till,
    clock: Clock,
    shown: Shown<()>,
}

impl Verified {
    /// Takes over the verdict of the handshake, which was made by what was current then.
    pub(super) fn new(
        till: Till,
        by: &Generation<Current>,
        clock: Clock,
        seen: Seen,
    ) -> Result<Self, Check> {
        let terminal = seen.verdict?;
        let first = verdict_on(&seen.chain, by, seen.at, Ok(()));
        let shown = Shown::new(seen.chain, first);
        Ok(Self {
            terminal,
            till,
            clock,
            shown,
        })
    }

    pub(super) fn terminal(&self) -> &TerminalId {
        &self.terminal
    }
}

impl Peer {
    /// Would it pass its handshake now, by the bundle, the lists and the date of this moment?
    pub(super) fn check(&self) -> Result<(), Check> {
        let it = match self {
            Self::Terminal(it) => it,
            Self::Anybody => return Ok(()),
        };
        let now = it.clock.unix_now();
        it.shown.check(it.till.generation(), now, |chain| {
            it.till.judge(chain, &it.terminal, now)
        })
    }

    /// Leaf first.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Terminal(it) => it.shown.chain(),
            Self::Anybody => &[],
        }
    }
}
