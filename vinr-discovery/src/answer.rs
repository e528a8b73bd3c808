//! Reads a multicast DNS message: bytes that anybody may have sent.

use std::net::IpAddr;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Packet, PacketFlag, ResourceRecord};

use crate::domain::{Domain, service_name};
use crate::slots::Heard;
use crate::txt::{Txt, TxtError};

/// How many records one message may announce before it is thrown away unread: a terminal sends about five,
/// and the parser reserves room for as many as the header claims.
pub(crate) const RECORDS_MAX: usize = 256;

/// What a message says about terminals and hosts, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// There is an instance of our service.
    pub(crate) pointers: Vec<(Domain, Heard<()>)>,
    /// Where an instance listens.
    pub(crate) services: Vec<(Domain, Heard<Service>)>,
    /// What an instance says of itself.
    pub(crate) texts: Vec<(Domain, Heard<Text>)>,
    /// Where a host is.
    pub(crate) addresses: Vec<(Domain, Heard<IpAddr>)>,
}

/// What a TXT record says, or why it cannot be believed.
pub(crate) type Text = Result<Txt, TxtError>;

/// Where an instance listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Service {
    pub(crate) host: Domain,
    pub(crate) port: u16,
}

/// What a message is to somebody who looks for terminals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// It may be about terminals.
    Answer(Answer),
    /// Somebody else's business, and a sign that multicast works.
    Foreign,
    /// No message at all, or more than anybody honest sends.
    Nonsense,
}

/// Reads a message.
pub(crate) fn read(bytes: &[u8]) -> Message {
    if announced_records(bytes).is_none_or(|records| records > RECORDS_MAX) {
        return Message::Nonsense;
    }
    let Ok(packet) = Packet::parse(bytes) else {
        return Message::Nonsense;
    };
    if !packet.has_flags(PacketFlag::RESPONSE) {
        return Message::Foreign;
    }
    let mut answer = Answer::default();
    for record in packet.answers.iter().chain(&packet.additional_records) {
        answer.take(record);
    }
    if answer == Answer::default() {
        return Message::Foreign;
    }
    Message::Answer(answer)
}

impl Answer {
    fn take(&mut self, record: &ResourceRecord<'_>) {
        if record.class != CLASS::IN {
            return;
        }
        let service = service_name();
        let is_instance = |name: &simple_dns::Name<'_>| {
            name.is_subdomain_of(&service)
                && name.get_labels().len() == service.get_labels().len() + 1
        };
        match &record.rdata {
            RData::PTR(to) if record.name == service && is_instance(&to.0) => {
                let pointer = (Domain::of(&to.0), heard((), record));
                self.pointers.push(pointer);
            }
            RData::SRV(srv) if is_instance(&record.name) => {
                let service = Service {
                    host: Domain::of(&srv.target),
                    port: srv.port,
                };
                let service = (Domain::of(&record.name), heard(service, record));
                self.services.push(service);
            }
            RData::TXT(txt) if is_instance(&record.name) => {
                let text = heard(Txt::read(txt.iter_raw()), record);
                self.texts.push((Domain::of(&record.name), text));
            }
            RData::A(a) => self.address(a.address.to_be_bytes().into(), record),
            RData::AAAA(aaaa) => self.address(aaaa.address.to_be_bytes().into(), record),
            _ => {}
        }
    }

    fn address(&mut self, ip: IpAddr, record: &ResourceRecord<'_>) {
        let address = (Domain::of(&record.name), heard(ip, record));
        self.addresses.push(address);
    }
}

fn heard<T>(value: T, record: &ResourceRecord<'_>) -> Heard<T> {
    Heard {
        value,
        ttl: record.ttl,
        flush: record.cache_flush,
    }
}

/// The sum of the four counts in the header.
fn announced_records(bytes: &[u8]) -> Option<usize> {
    let counts = bytes.get(4..12)?;
    Some(
        counts
            .chunks_exact(2)
            .map(|c| usize::from(c[0]) << 8 | usize::from(c[1]))
            .sum(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::Name;
    use simple_dns::rdata::{A, PTR, SRV, TXT};

    const INSTANCE: &str = "term_1._vinr-terminal._tcp.local";

    fn record(name: &'static str, ttl: u32, rdata: RData<'static>) -> ResourceRecord<'static> {
        ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, ttl, rdata)
    }

    fn pointer(ttl: u32) -> ResourceRecord<'static> {
        let to = PTR(Name::new_unchecked(INSTANCE));
        record("_vinr-terminal._tcp.local", ttl, RData::PTR(to))
    }

    fn details() -> Vec<ResourceRecord<'static>> {
        let target = Name::new_unchecked("term-1.local");
        let txt = TXT::new().with_string("id=term_1").unwrap();
        let address = A {
            address: 0xC000_0201,
        };
        let srv = SRV {
            priority: 0,
            weight: 0,
            port: 9443,
            target,
        };
        vec![
            record(INSTANCE, 120, RData::SRV(srv)).with_cache_flush(true),
            record(INSTANCE, 120, RData::TXT(txt)),
            record("term-1.local", 120, RData::A(address)),
        ]
    }

    fn answer(pointer: ResourceRecord<'static>, more: Vec<ResourceRecord<'static>>) -> Vec<u8> {
        let mut packet = Packet::new_reply(0);
        packet.answers.push(pointer);
        packet.additional_records = more;
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn one_packet_tells_everything() {
        let Message::Answer(answer) = read(&answer(pointer(10), details())) else {
            panic!("not an answer")
        };
        let instance = Domain::of_instance("term_1");
        assert_eq!(answer.pointers[0].0, instance);
        let service = &answer.services[0].1;
        assert_eq!(
            (service.value.port, service.ttl, service.flush),
            (9443, 120, true)
        );
        let text = answer.texts[0].1.value.clone().unwrap();
        assert_eq!(text.id.unwrap().as_str(), "term_1");
        assert_eq!(answer.addresses[0].0, service.value.host);
        assert_eq!(answer.addresses[0].1.value, IpAddr::from([192, 0, 2, 1]));
    }

    #[test]
    fn a_query_is_foreign() {
        let mut bytes = answer(pointer(10), details());
        bytes[2] &= 0x7f;
        assert_eq!(read(&bytes), Message::Foreign);
    }

    // [DISC-5]
    #[test]
    fn another_service_is_foreign() {
        let to = PTR(Name::new_unchecked("printer._ipp._tcp.local"));
        let printer = record("_ipp._tcp.local", 10, RData::PTR(to));
        assert_eq!(read(&answer(printer, vec![])), Message::Foreign);
        let to = PTR(Name::new_unchecked("printer._ipp._tcp.local"));
        let liar = record("_vinr-terminal._tcp.local", 10, RData::PTR(to));
        assert_eq!(read(&answer(liar, vec![])), Message::Foreign);
    }

    #[test]
    fn an_instance_has_one_label_before_the_service() {
        let to = PTR(Name::new_unchecked("a.b._vinr-terminal._tcp.local"));
        let deep = record("_vinr-terminal._tcp.local", 10, RData::PTR(to));
        assert_eq!(read(&answer(deep, vec![])), Message::Foreign);
        let to = PTR(Name::new_unchecked("_vinr-terminal._tcp.local"));
        let itself = record("_vinr-terminal._tcp.local", 10, RData::PTR(to));
        assert_eq!(read(&answer(itself, vec![])), Message::Foreign);
    }

    #[test]
    fn a_message_of_256_records_is_read_and_one_that_claims_257_is_not() {
        let with = |count: usize| read(&answer(pointer(10), vec![pointer(10); count - 1]));
        assert!(matches!(with(RECORDS_MAX), Message::Answer(a) if a.pointers.len() == 256));
        assert_eq!(with(RECORDS_MAX + 1), Message::Nonsense);
    }

    #[test]
    fn every_cut_short_answer_is_survived() {
        let bytes = answer(pointer(10), details());
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Message::Nonsense, "cut at {end}");
        }
    }
}
