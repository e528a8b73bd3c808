//! Commands that come another way than a till's connection: from the cloud.

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use vinr_protocol::command::Command;
use vinr_protocol::terminal::{Answer, Caller};

use super::actor::{Message, Way};
use super::http::{Waiting, next_caller};

/// Hands commands to a terminal that is switched on.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    actor: mpsc::UnboundedSender<Message>,
}

/// What comes of a command.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    /// The answer; an error where the terminal went dark before.
    pub(crate) answer: oneshot::Receiver<Answer>,
}

impl Commands {
    pub(super) fn new(actor: mpsc::UnboundedSender<Message>) -> Self {
        Self { actor }
    }

    /// Hands a command over.
    pub(crate) fn ask(&self, command: Command, way: Way) -> Asked {
        let caller = next_caller();
        let (answer, hears_answer) = oneshot::channel();
        let message = Message::Asked {
            caller,
            command,
            way,
            received: Instant::now(),
            waiting: Waiting::Apart(answer),
        };
        // A terminal without power drops it, and whoever waits hears that.
        let _ = self.actor.send(message);
        Asked {
            caller,
            answer: hears_answer,
        }
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn hang_up(&self, caller: Caller) {
        let _ = self.actor.send(Message::HungUp(caller));
    }
}
