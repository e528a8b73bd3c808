//! The terminal's internet: up or cut, fast or slow, faithful or not.
//!
//! A cut line says so to whoever wants to send: no byte leaves. What is under way when it is cut is lost, and
//! nobody can tell whether it had arrived.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;
use vinr_protocol::payment::DeclineCode;
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::HostVerdict;
use vinr_protocol::timing::HOST_UNREACHABLE_AFTER;

use super::Word;

/// How the line to the host behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How long an answer is under way.
    pub delay: Duration,
    /// Which answers never arrive.
    pub lost: Lost,
    /// Every new authorization is declined with this, whatever the card.
    pub decline: Option<DeclineCode>,
}

/// Which of the host's answers get lost on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lost {
    /// None.
    #[default]
    None,
    /// The next so many.
    Next(u32),
    /// All, until told otherwise.
    All,
}

impl Lost {
    /// Reads `true`, `false` or how many; `None` where it is none of these.
    pub(crate) fn read(word: &Value) -> Option<Self> {
        match word {
            Value::Null | Value::Bool(false) => Some(Self::None),
            Value::Bool(true) => Some(Self::All),
            count => u32::try_from(count.as_u64()?).ok().map(Self::Next),
        }
    }

    /// Is the next answer lost? It counts.
    pub(crate) fn takes_one(&mut self) -> bool {
        match self {
            Self::None | Self::Next(0) => false,
            Self::Next(left) => {
                *left -= 1;
                true
            }
            Self::All => true,
        }
    }
}

/// Is a line there?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Link {
    /// It is.
    #[default]
    Up,
    /// It is cut.
    Cut,
}

/// The line between a terminal and the internet. It does not share the terminal's power.
#[derive(Debug, Default)]
pub(crate) struct Line {
    link: watch::Sender<Link>,
    behaviour: Mutex<Behaviour>,
}

impl Line {
    /// Cuts it or mends it.
    pub(crate) fn set(&self, link: Link) {
        self.link.send_replace(link);
    }

    pub(crate) fn link(&self) -> Link {
        *self.link.borrow()
    }

    /// Every cut and every mending, from here on.
    pub(crate) fn watch(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour() = behaviour;
    }

    pub(crate) fn now(&self) -> Behaviour {
        self.behaviour().clone()
    }

    /// Asks over the line: what is asked reaches the other end or never leaves, and its answer comes as slowly and
    /// as unreliably as the line is.
    pub(crate) async fn exchange(&self, asked: impl Future<Output = Option<HostVerdict>>) -> Word {
        let mut link = self.watch();
        if *link.borrow_and_update() == Link::Cut {
            return Word::NotSent;
        }
        let verdict = asked.await;
        let is_cut = tokio::select! {
            biased;
            // An answer under way is lost with the line. A cut that was mended meanwhile lost it, too.
            _ = link.changed() => true,
            () = sleep(self.now().delay) => false,
        };
        match verdict {
            Some(verdict) if !is_cut && !self.behaviour().lost.takes_one() => {
                Word::Verdict(verdict)
            }
            _ => Word::Silence,
        }
    }

    fn behaviour(&self) -> std::sync::MutexGuard<'_, Behaviour> {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a terminal that is switched on now knows of the line: a line that is there answers its probes at once, one
/// that is cut is known to be so when no probe was answered for
/// [`HOST_UNREACHABLE_AFTER`]. At boot nothing was ever answered, so a cut line is known from the start. §6
///
/// Probes are below payments: a host that leaves a payment unanswered is still reached.
pub(super) fn reachable(mut line: watch::Receiver<Link>) -> watch::Receiver<ReaderStatus> {
    let status = |link| match link {
        Link::Up => ReaderStatus::Online,
        Link::Cut => ReaderStatus::Offline,
    };
    let (known, reachable) = watch::channel(status(*line.borrow_and_update()));
    let follow = async move {
        while line.changed().await.is_ok() {
            if *line.borrow_and_update() == Link::Cut {
                let mended = line.wait_for(|link| *link == Link::Up);
                let in_time = tokio::time::timeout(HOST_UNREACHABLE_AFTER, mended);
                if in_time.await.is_ok() {
                    continue;
                }
            }
            let now = status(*line.borrow_and_update());
            known.send_if_modified(|known| std::mem::replace(known, now.clone()) != now);
            if known.is_closed() {
                return;
            }
        }
    };
    tokio::spawn(follow);
    reachable
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;

    async fn approved(line: &Line) -> Word {
        line.exchange(ready(Some(HostVerdict::Approved))).await
    }

    // [OFF-16]
    #[tokio::test]
    async fn a_cut_line_says_that_no_byte_left() {
        let line = Line::default();
        line.set(Link::Cut);
        let never = async { panic!("nothing may arrive") };
        assert_eq!(line.exchange(never).await, Word::NotSent);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_under_way_is_lost_with_the_line() {
        let line = Arc::new(Line::default());
        line.behave(Behaviour {
            delay: Duration::from_secs(1),
            ..Behaviour::default()
        });
        let asked = tokio::spawn({
            let line = line.clone();
            async move { approved(&line).await }
        });
        tokio::task::yield_now().await;
        line.set(Link::Cut);
        assert_eq!(asked.await.unwrap(), Word::Silence);
    }

    #[tokio::test]
    async fn so_many_answers_are_lost_and_no_more() {
        let line = Line::default();
        line.behave(Behaviour {
            lost: Lost::Next(1),
            ..Behaviour::default()
        });
        assert_eq!(approved(&line).await, Word::Silence);
        assert_eq!(approved(&line).await, Word::Verdict(HostVerdict::Approved));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_is_known_after_three_seconds_and_its_end_at_once() {
        let line = Line::default();
        let mut reachable = reachable(line.watch());
        let cut_at = Instant::now();
        line.set(Link::Cut);
        reachable.changed().await.unwrap();
        assert_eq!(*reachable.borrow_and_update(), ReaderStatus::Offline);
        assert_eq!(cut_at.elapsed().as_secs(), 3);

        let mended_at = Instant::now();
        line.set(Link::Up);
        reachable.changed().await.unwrap();
        assert_eq!(*reachable.borrow_and_update(), ReaderStatus::Online);
        assert_eq!(mended_at.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_cut_is_not_noticed() {
        let line = Line::default();
        let reachable = reachable(line.watch());
        line.set(Link::Cut);
        sleep(HOST_UNREACHABLE_AFTER - Duration::from_millis(1)).await;
        line.set(Link::Up);
        sleep(2 * HOST_UNREACHABLE_AFTER).await;
        assert!(!reachable.has_changed().unwrap());
    }

    #[tokio::test]
    async fn a_line_that_is_cut_at_boot_is_known_at_once() {
        let line = Line::default();
        line.set(Link::Cut);
        assert_eq!(*reachable(line.watch()).borrow(), ReaderStatus::Offline);
    }
}
