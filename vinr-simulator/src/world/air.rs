//! What is under way in a shop, and how the network treats it.

use super::message::{Ask, Line, Message, Purpose, Reply};
use super::plan::till_and_nth;
use super::shared::{Shared, fingerprint};
use super::shop::Shop;

impl Shop {
    pub(super) fn send(&mut self, message: Message) {
        match &message {
            Message::Reply { line, .. } | Message::CloudReply { line, .. }
                if line.is_a_tills() && !self.is_listening(*line) =>
            {
                return;
            }
            Message::Reply { line, .. } if !line.is_a_tills() && !line.is_the_clouds() => return,
            // The body overtakes its own head: whoever reads it has both.
            Message::Reply { line, reply, .. } if *reply != Reply::Head => self.air.retain(|it| {
                !matches!(&**it, Message::Reply { line: other, reply: Reply::Head, .. } if other == line)
            }),
            _ => {}
        }
        self.put(Shared::new(message));
    }

    pub(super) fn put(&mut self, message: Shared<Message>) {
        let place = self
            .air
            .binary_search_by_key(&message.fingerprint(), Shared::fingerprint);
        if let Err(place) = place {
            self.air.insert(place, message);
        }
    }

    pub(super) fn remove(&mut self, message: &Message) {
        let fingerprint = fingerprint(message);
        self.air.retain(|it| it.fingerprint() != fingerprint);
    }

    pub(super) fn is_listening(&self, line: Line) -> bool {
        self.tills
            .get(line.till)
            .is_some_and(|till| till.listening.contains(&line))
    }

    /// A till listens no longer on these lines. What it sent may still arrive, as a copy that nobody waits for.
    pub(super) fn hang_up(&mut self, till: usize, which: impl Fn(&Line) -> bool) {
        self.tills[till].change(|it| it.stop_listening(&which));
        let dropped = |line: &Line| line.till == till && line.is_a_tills() && which(line);
        for message in std::mem::take(&mut self.air) {
            match &*message {
                Message::Reply { line, .. } | Message::CloudReply { line, .. } if dropped(line) => {
                }
                Message::Ask {
                    line,
                    terminal,
                    ask,
                } if dropped(line) => self.send_copy(*line, *terminal, ask),
                // What reached the cloud's door goes in, listened to or not; a question changes nothing.
                Message::CloudAsk { line, .. }
                    if dropped(line) && line.purpose == Purpose::CloudLookUp => {}
                _ => self.put(message),
            }
        }
    }

    /// What nobody waits for may still arrive; a question changes nothing and is forgotten.
    pub(super) fn send_copy(&mut self, line: Line, terminal: usize, ask: &Ask) {
        let Some((till, nth)) = line.key().map(|key| till_and_nth(&key)) else {
            return;
        };
        let purpose = Purpose::Copy(nth);
        self.send(Message::Ask {
            line: Line { till, purpose },
            terminal,
            ask: ask.clone(),
        });
    }
}
