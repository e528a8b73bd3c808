//! Somebody on the shop's network who floods it with answers.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use simple_dns::rdata::{A, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Name, Packet, ResourceRecord};

use crate::lan::{Lan, Machine};
use crate::process::LONG;
use crate::subject;

/// The terminal that must be found all the same.
const LAWFUL: &str = "term_CT20_0042";

/// How many hostile answers are sent.
const ANSWERS: u32 = 10_000;

/// What the till's memory may grow by, in KiB; `README.md` says so.
const MEMORY_MAX: u64 = 32 * 1024;

/// Sends that many answers, as fast as the system takes them, from as many addresses as this machine has.
pub(crate) fn flood(answers: u32) {
    let sockets: Vec<_> = (100..132)
        .map(|last| {
            let from = SocketAddr::from(([10, 0, 1, last], 5353));
            UdpSocket::bind(from).unwrap()
        })
        .collect();
    for i in 0..answers {
        let socket = &sockets[i as usize % sockets.len()];
        let bytes = match i % 10 {
            0 => about_the_lawful(i),
            1 => nonsense(i),
            _ => made_up(i),
        };
        // The kernel may be busy.
        while socket.send_to(&bytes, "224.0.0.251:5353").is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    println!("flooded");
}

/// A dozen terminals that nobody has, with as long names and texts as can be.
fn made_up(i: u32) -> Vec<u8> {
    let records =
        (0..12).flat_map(|k| advertisement(format!("{i:05}-{k}-{}", "x".repeat(48)), i * 12 + k));
    packet(records.collect())
}

/// Goodbyes and false addresses of the lawful one.
fn about_the_lawful(i: u32) -> Vec<u8> {
    let mut records = advertisement(LAWFUL.to_owned(), i);
    for record in &mut records {
        record.cache_flush = true;
        if i.is_multiple_of(20) {
            record.ttl = 0;
        }
    }
    packet(records)
}

/// Bytes that claim to be much.
fn nonsense(i: u32) -> Vec<u8> {
    let mut bytes = made_up(i);
    bytes[4..12].fill(0xff);
    bytes
}

fn advertisement(instance: String, i: u32) -> Vec<ResourceRecord<'static>> {
    let service = Name::new_unchecked("_vinr-terminal._tcp.local");
    let name = Name::new(&format!("{instance}._vinr-terminal._tcp.local"))
        .unwrap()
        .into_owned();
    // Half of them on the host of the lawful one.
    let host = match i % 2 {
        0 => "term-ct20-0042.local".to_owned(),
        _ => format!("host-{i}.local"),
    };
    let host = Name::new(&host).unwrap().into_owned();
    let address = A {
        address: Ipv4Addr::from([10, 0, 1, 1]).to_bits() + i % 50,
    };
    let txt = TXT::new()
        .with_char_string(format!("id=term_{i}").try_into().unwrap())
        .with_char_string(format!("model={}", "m".repeat(64)).try_into().unwrap());
    let srv = SRV {
        priority: 0,
        weight: 0,
        port: 6666,
        target: host.clone(),
    };
    let record =
        |name: &Name<'static>, rdata| ResourceRecord::new(name.clone(), CLASS::IN, u32::MAX, rdata);
    vec![
        record(&service, RData::PTR(PTR(name.clone()))),
        record(&name, RData::SRV(srv)),
        record(&name, RData::TXT(txt)),
        record(&host, RData::A(address)),
    ]
}

fn packet(answers: Vec<ResourceRecord<'static>>) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    packet.answers = answers;
    packet.build_bytes_vec_compressed().unwrap()
}

// [DISC-5, DISC-8]
#[test]
fn among_10_000_hostile_answers_the_lawful_terminal_is_found_within_the_memory() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    let (device, shop, hostile) = (Machine::new(), Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    lan.plug(&hostile, "eth0", "lan1", 66);
    hostile.sh("for i in $(seq 100 131); do ip addr add 10.0.1.$i/24 dev eth0; done");
    let mut till = subject::till(&shop);
    till.says("that it looks", |line| line == "looking");
    let before = memory(&mut till);
    let mut flooder = subject::start(&hostile, &format!("flooder {ANSWERS}"));
    till.says("the flood", |line| line.starts_with("found"));
    // It comes when the flood is there already.
    let _terminal = subject::terminal(&device, LAWFUL);
    till.tell(&format!("find {LAWFUL}"));
    let begun = Instant::now();
    let at = till.says_within(2 * LONG, "the lawful one", |line| line.starts_with("at "));
    println!("found within {:?} amid the flood", begun.elapsed());
    assert!(at.contains("10.0.1.7:8443"), "{at}");
    flooder.says_within(2 * LONG, "the end of the flood", |line| line == "flooded");
    till.tell(&format!("find {LAWFUL}"));
    let at = till.says("the lawful one", |line| line.starts_with("at "));
    assert!(at.contains("10.0.1.7:8443"), "{at}");
    let grown = memory(&mut till) - before;
    println!("the till grew by {grown} KiB");
    assert!(grown < MEMORY_MAX, "{grown} KiB");
}

fn memory(till: &mut crate::process::Process) -> u64 {
    till.tell("memory");
    let line = till.says("its memory", |line| line.starts_with("memory"));
    line["memory ".len()..].parse().unwrap()
}
