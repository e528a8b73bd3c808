//! What is still to be written to a link: from here a command can be taken back, and nowhere later. \[HYB-8\]

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use vinr_protocol::PaymentId;

use super::Down;

/// The queue of one link.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Down>,
    is_closed: bool,
}

impl Outgoing {
    /// Puts a value at the end; false where the link is over.
    pub(crate) fn push(&self, value: Down) -> bool {
        let mut queue = self.queue();
        if queue.is_closed {
            return false;
        }
        queue.waiting.push_back(value);
        drop(queue);
        self.changed.notify_one();
        true
    }

    /// Takes a command back; false where a byte of it may have left.
    pub(crate) fn take_back(&self, id: &PaymentId) -> bool {
        let mut queue = self.queue();
        let before = queue.waiting.len();
        queue.waiting.retain(|value| command(value) != Some(id));
        queue.waiting.len() < before
    }

    /// Ends the link, and names the commands of which no byte left.
    pub(crate) fn close(&self) -> Vec<PaymentId> {
        let mut queue = self.queue();
        queue.is_closed = true;
        let unsent = std::mem::take(&mut queue.waiting);
        drop(queue);
        self.changed.notify_one();
        unsent.iter().filter_map(command).cloned().collect()
    }

    /// The next value; `None` where the link is over.
    pub(super) async fn next(&self) -> Option<Down> {
        loop {
            {
                let mut queue = self.queue();
                if queue.is_closed {
                    return None;
                }
                if let Some(value) = queue.waiting.pop_front() {
                    return Some(value);
                }
            }
            self.changed.notified().await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn command(value: &Down) -> Option<&PaymentId> {
    match value {
        Down::Command { command } => Some(&command.payment),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vinr_protocol::Timestamp;
    use vinr_protocol::cloud::CloudPayRequest;
    use vinr_protocol::cloud::relay::Command;

    use super::*;

    fn id() -> PaymentId {
        PaymentId::new("tpay_1").unwrap()
    }

    fn a_command() -> Down {
        let body = br#"{"terminalId":"term_1","amount":1,"currency":"USD","reference":"a"}"#;
        let now = Timestamp::from_unix_ms(0).unwrap();
        let command = Arc::new(Command {
            payment: id(),
            request: CloudPayRequest::parse(body).unwrap(),
            key: "k".parse().unwrap(),
            received: now,
            expires_at: now,
        });
        Down::Command { command }
    }

    // [HYB-8]
    #[tokio::test]
    async fn a_command_is_taken_back_until_it_is_on_its_way_and_not_later() {
        let outgoing = Outgoing::default();
        outgoing.push(a_command());
        assert!(outgoing.take_back(&id()));
        outgoing.push(a_command());
        outgoing.next().await.unwrap();
        assert!(!outgoing.take_back(&id()));
    }

    #[tokio::test]
    async fn a_link_that_ends_names_what_never_left() {
        let outgoing = Outgoing::default();
        outgoing.push(Down::Welcome);
        outgoing.push(a_command());
        assert_eq!(outgoing.close(), [id()]);
        assert!(!outgoing.push(a_command()));
        assert_eq!(outgoing.next().await, None);
    }
}
