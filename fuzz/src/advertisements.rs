//! What anybody on the network may send to a till that looks for terminals.

use vinr_discovery::txt::{Txt, VALUE_MAX};

/// The entries of a TXT record, one on each line.
pub(crate) fn txt_record(data: &[u8]) {
    let entries =
        data.split(|byte| *byte == b'\n')
            .map(|line| match line.iter().position(|b| *b == b'=') {
                Some(place) => (&line[..place], Some(&line[place + 1..])),
                None => (line, None),
            });
    let Ok(txt) = Txt::read(entries) else { return };
    let written = txt.entries();
    for (key, value) in &written {
        assert!(
            value.len() <= VALUE_MAX && !value.chars().any(char::is_control),
            "{key}"
        );
    }
    let entries = written
        .iter()
        .map(|(key, value)| (key.as_bytes(), Some(value.as_bytes())));
    assert_eq!(Txt::read(entries), Ok(txt), "what is written is read back");
}

/// Packets that answer a browse: each begins with its length in two bytes.
pub(crate) fn mdns_answer(mut data: &[u8]) {
    let mut packets = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        packets.push(&rest[..length]);
        data = &rest[length..];
    }
    let found = vinr_discovery::fuzzing::hear(&packets);
    assert!(
        found.candidates.is_sorted_by(|a, b| a.id < b.id),
        "one for each id, in order"
    );
    assert!(found.candidates.iter().all(|c| !c.addresses.is_empty()));
    assert!(
        found
            .candidates
            .iter()
            .flat_map(|c| &c.addresses)
            .all(|a| a.port() != 0 && !a.ip().is_loopback())
    );
    assert!(
        found
            .left_out
            .iter()
            .all(|l| !l.to_string().chars().any(char::is_control))
    );
}
