//! Reads the answer to a one-shot query: bytes that anybody may have sent.

use std::net::IpAddr;

use simple_dns::rdata::RData;
use simple_dns::{Name, Packet, PacketFlag, ResourceRecord};

use crate::SERVICE_TYPE;
use crate::gather::Sighting;
use crate::interfaces::HeardOn;
use crate::txt::Txt;

/// How many records one answer may announce before it is thrown away unread: a terminal sends about five,
/// and the parser reserves room for as many as the header claims.
const RECORDS_MAX: usize = 256;

/// What an answer says about terminals; empty for anything that is not one.
pub(crate) fn sightings(bytes: &[u8], heard_on: HeardOn) -> Vec<Sighting> {
    if announced_records(bytes).is_none_or(|records| records > RECORDS_MAX) {
        return Vec::new();
    }
    let Ok(packet) = Packet::parse(bytes) else {
        return Vec::new();
    };
    if !packet.has_flags(PacketFlag::RESPONSE) {
        return Vec::new();
    }
    let records: Vec<_> = packet
        .answers
        .iter()
        .chain(&packet.additional_records)
        .collect();
    let service = service_name();
    let instances = records.iter().filter_map(|record| match &record.rdata {
        // A goodbye has no lifetime. [DISC-5]
        RData::PTR(pointer) if record.name == service && record.ttl > 0 => Some(&pointer.0),
        _ => None,
    });
    instances
        .filter(|name| name.is_subdomain_of(&service))
        .map(|name| sighting(name, &records, heard_on))
        .collect()
}

/// The service type as a name of the parser.
pub(crate) fn service_name() -> Name<'static> {
    Name::new_unchecked(SERVICE_TYPE.trim_end_matches('.'))
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

fn sighting(instance: &Name<'_>, records: &[&ResourceRecord<'_>], heard_on: HeardOn) -> Sighting {
    let label = instance
        .get_labels()
        .first()
        .map(|l| String::from_utf8_lossy(l.as_ref()).into_owned());
    let mut sighting = Sighting {
        instance: label.unwrap_or_default(),
        ..Sighting::default()
    };
    let mut host = None;
    for record in records.iter().filter(|r| r.name == *instance) {
        match &record.rdata {
            RData::SRV(srv) => {
                sighting.port = Some(srv.port);
                host = Some(&srv.target);
            }
            RData::TXT(txt) => sighting.txt = Some(Txt::read(txt.iter_raw())),
            _ => {}
        }
    }
    let of_host = records.iter().filter(|record| Some(&record.name) == host);
    sighting.addresses = of_host
        .filter_map(|record| match &record.rdata {
            RData::A(a) => Some(IpAddr::from(a.address.to_be_bytes())),
            RData::AAAA(aaaa) => Some(IpAddr::from(aaaa.address.to_be_bytes())),
            _ => None,
        })
        .map(|ip| (ip, heard_on))
        .collect();
    sighting
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::CLASS;
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
        vec![
            record(
                INSTANCE,
                120,
                RData::SRV(SRV {
                    priority: 0,
                    weight: 0,
                    port: 9443,
                    target,
                }),
            ),
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

    fn heard(bytes: &[u8]) -> Vec<Sighting> {
        sightings(bytes, HeardOn::Network(2))
    }

    #[test]
    fn one_packet_tells_everything() {
        let seen = heard(&answer(pointer(10), details()));
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (seen[0].instance.as_str(), seen[0].port),
            ("term_1", Some(9443))
        );
        assert_eq!(
            seen[0].addresses,
            [(IpAddr::from([192, 0, 2, 1]), HeardOn::Network(2))]
        );
        let txt = seen[0].txt.clone().unwrap().unwrap();
        assert_eq!(txt.id.unwrap().as_str(), "term_1");
    }

    // [DISC-5]
    #[test]
    fn a_goodbye_is_no_sighting() {
        assert!(heard(&answer(pointer(0), details())).is_empty());
    }

    #[test]
    fn a_query_is_no_sighting() {
        let mut bytes = answer(pointer(10), details());
        bytes[2] &= 0x7f;
        assert!(heard(&bytes).is_empty());
    }

    // [DISC-5]
    #[test]
    fn another_service_is_no_sighting() {
        let to = PTR(Name::new_unchecked("printer._ipp._tcp.local"));
        let printer = record("_ipp._tcp.local", 10, RData::PTR(to));
        assert!(heard(&answer(printer, vec![])).is_empty());
        let to = PTR(Name::new_unchecked("printer._ipp._tcp.local"));
        let liar = record("_vinr-terminal._tcp.local", 10, RData::PTR(to));
        assert!(heard(&answer(liar, vec![])).is_empty());
    }

    #[test]
    fn an_answer_that_claims_more_than_256_records_is_not_read() {
        let with = |count: u8| {
            let mut bytes = answer(pointer(10), details());
            bytes[8..10].copy_from_slice(&[0, 0]);
            bytes[4..6].copy_from_slice(&[0, count]);
            announced_records(&bytes)
        };
        assert_eq!(with(252), Some(RECORDS_MAX));
        let mut bytes = answer(pointer(10), details());
        bytes[4..6].copy_from_slice(&[0xff, 0xff]);
        assert!(heard(&bytes).is_empty());
    }

    #[test]
    fn every_cut_short_answer_is_survived() {
        let bytes = answer(pointer(10), details());
        for end in 0..bytes.len() {
            assert!(heard(&bytes[..end]).is_empty(), "cut at {end}");
        }
    }
}
