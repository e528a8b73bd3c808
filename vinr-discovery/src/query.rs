//! Writes queries, and what is known already beneath them (RFC 6762 §7.1, §7.2).

use std::collections::BTreeMap;
use std::time::Duration;

use simple_dns::rdata::{PTR, RData};
use simple_dns::{
    CLASS, Packet, PacketFlag, QCLASS, QTYPE, Question as Asked, ResourceRecord, TYPE,
};

use crate::domain::{Domain, service_name};
use crate::interfaces::HeardOn;

/// How large our messages become: one Ethernet frame, with room for a tunnel's headers.
const MESSAGE_MAX: usize = 1400;

/// What to ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Question {
    /// Which instances are there?
    Instances,
    /// Where does this instance listen?
    Service(Domain),
    /// What does this instance say of itself?
    Text(Domain),
    /// Where is this host?
    AddressV4(Domain),
    /// Where is this host, in IPv6?
    AddressV6(Domain),
}

/// One question to the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Query {
    /// What is asked.
    pub(crate) questions: Vec<Question>,
    /// The instances that need not be told again on an interface, and how long they live on; only said to
    /// everybody.
    pub(crate) known: BTreeMap<HeardOn, Vec<(Domain, Duration)>>,
    /// How it is asked.
    pub(crate) voice: Voice,
}

/// How a query is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Voice {
    /// From a port of our own, to be answered at once and directly.
    Direct,
    /// From port 5353, to be answered to everybody.
    #[default]
    Multicast,
    /// Both.
    Both,
}

impl Query {
    /// The message to send from a port of our own, by which its answers are known.
    pub(crate) fn direct_message(&self, id: u16) -> Vec<u8> {
        message(id, &self.questions, &[], Rest::None)
    }

    /// The messages to send from port 5353, in order: where one cannot hold what is known, the next goes on.
    pub(crate) fn multicast_messages(&self, on: HeardOn) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let mut questions = &self.questions[..];
        let mut known = self.known.get(&on).map_or(&[][..], |known| known);
        loop {
            let room = MESSAGE_MAX.saturating_sub(message(0, questions, &[], Rest::None).len());
            // Written without compression every one has the service twice, once whole: 12 bytes with it.
            let mut used = 0;
            let fits = known
                .iter()
                .take_while(|(instance, _)| {
                    used += instance.first_label().len() + 15;
                    used + 40 <= room
                })
                .count()
                .max(usize::from(questions.is_empty()));
            let (now, later) = known.split_at(fits.min(known.len()));
            let rest = match later.is_empty() {
                true => Rest::None,
                false => Rest::Follows,
            };
            messages.push(message(0, questions, now, rest));
            if later.is_empty() {
                return messages;
            }
            (questions, known) = (&[], later);
        }
    }
}

/// Is this message the last of its query?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Follows,
}

fn message(id: u16, questions: &[Question], known: &[(Domain, Duration)], rest: Rest) -> Vec<u8> {
    let mut packet = Packet::new_query(id);
    if rest == Rest::Follows {
        packet.set_flags(PacketFlag::TRUNCATION);
    }
    for question in questions {
        let (name, kind) = match question {
            Question::Instances => (service_name(), TYPE::PTR),
            Question::Service(name) => (name.name(), TYPE::SRV),
            Question::Text(name) => (name.name(), TYPE::TXT),
            Question::AddressV4(name) => (name.name(), TYPE::A),
            Question::AddressV6(name) => (name.name(), TYPE::AAAA),
        };
        let class = QCLASS::CLASS(CLASS::IN);
        packet
            .questions
            .push(Asked::new(name, QTYPE::TYPE(kind), class, false));
    }
    for (instance, rest) in known {
        let ttl = u32::try_from(rest.as_secs()).unwrap_or(u32::MAX);
        let pointer = RData::PTR(PTR(instance.name()));
        let record = ResourceRecord::new(service_name(), CLASS::IN, ttl, pointer);
        packet.answers.push(record);
    }
    packet
        .build_bytes_vec_compressed()
        .expect("a vector takes every byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Packet<'_> {
        Packet::parse(bytes).unwrap()
    }

    const LAN: HeardOn = HeardOn::Network(2);

    fn known(count: usize) -> BTreeMap<HeardOn, Vec<(Domain, Duration)>> {
        let label = |i| format!("term_{i:058}");
        let known = (0..count)
            .map(|i| (Domain::of_instance(&label(i)), Duration::from_secs(4000)))
            .collect();
        BTreeMap::from([(LAN, known)])
    }

    #[test]
    fn each_question_has_its_name_and_type() {
        let instance = Domain::of_instance("term_CT20");
        let query = Query {
            questions: vec![Question::Instances, Question::Service(instance.clone())],
            ..Query::default()
        };
        let bytes = query.direct_message(77);
        let packet = parse(&bytes);
        assert_eq!(packet.id(), 77);
        assert_eq!(packet.questions[0].qname, service_name());
        assert_eq!(packet.questions[0].qtype, QTYPE::TYPE(TYPE::PTR));
        assert_eq!(Domain::of(&packet.questions[1].qname), instance);
        assert_eq!(packet.questions[1].qtype, QTYPE::TYPE(TYPE::SRV));
    }

    #[test]
    fn what_is_known_is_said_with_the_life_that_is_left() {
        let query = Query {
            questions: vec![Question::Instances],
            known: known(1),
            voice: Voice::Multicast,
        };
        let messages = query.multicast_messages(LAN);
        assert_eq!(messages.len(), 1);
        let packet = parse(&messages[0]);
        assert!(!packet.has_flags(PacketFlag::TRUNCATION));
        assert_eq!(packet.answers[0].ttl, 4000);
    }

    #[test]
    fn what_is_known_on_one_network_is_not_said_on_another() {
        let query = Query {
            questions: vec![Question::Instances],
            known: known(1),
            voice: Voice::Multicast,
        };
        let messages = query.multicast_messages(HeardOn::Network(3));
        assert_eq!(parse(&messages[0]).answers.len(), 0);
    }

    #[test]
    fn what_one_message_cannot_hold_follows_in_the_next() {
        let query = Query {
            questions: vec![Question::Instances],
            known: known(100),
            voice: Voice::Multicast,
        };
        let messages = query.multicast_messages(LAN);
        assert!(messages.len() > 1);
        let last = messages.len() - 1;
        let mut said = 0;
        for (place, bytes) in messages.iter().enumerate() {
            assert!(bytes.len() <= MESSAGE_MAX, "{} bytes", bytes.len());
            let packet = parse(bytes);
            assert_eq!(packet.has_flags(PacketFlag::TRUNCATION), place != last);
            assert_eq!(packet.questions.len(), usize::from(place == 0));
            said += packet.answers.len();
        }
        assert_eq!(said, 100);
    }
}
