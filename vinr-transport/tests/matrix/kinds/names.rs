//! Which terminal it is, or which terminals it may drive: byte for byte. \[TLS-6, TLS-10\]

use rcgen::{CertificateParams, DnType};
use vinr_transport::Side;

use super::{Kind, kind};
use crate::paper::{DIRECTORY, DNS, EMAIL, IP, Shop, TERMINAL, URI};
use crate::verdict::Expect::{Accepted, Refused};
use crate::verdict::Fault::*;
use crate::verdict::{Expect, Fault};

pub(super) fn kinds(side: Side) -> Vec<Kind> {
    let mut kinds = vec![
        kind("no name", no_name(side), |shop| {
            let mut params = shop.leaf();
            params.custom_extensions.clear();
            shop.show(params)
        }),
        kind(
            "an empty list of names",
            match side {
                Side::Terminal => Refused(&[Names, Encoding]),
                Side::Pos => Refused(&[NotForTerminal, Encoding]),
            },
            |shop| shop.show(shop.named(&[])),
        ),
        kind("name in the common name only", no_name(side), |shop| {
            let mut params = shop.named(&[(EMAIL, b"shop@example.com")]);
            let (_, name) = crate::paper::name(shop.side, TERMINAL);
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
            shop.show(params)
        }),
        kind("other terminal in the common name", Accepted, |shop| {
            let mut params = shop.leaf();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(DnType::CommonName, "term_CT20_0043");
            shop.show(params)
        }),
    ];
    // Another terminal, however much it looks like this one.
    for (name, id) in [
        ("other terminal", "term_CT20_0043"),
        ("right name, wrong case", "term_ct20_0042"),
        (
            "right name, first letter in the wrong case",
            "term_cT20_0042",
        ),
        ("right name and a digit more", "term_CT20_00421"),
        ("right name and a digit less", "term_CT20_004"),
        ("right name with another line", "term_CT20-0042"),
        ("right name after another prefix", "term_xCT20_0042"),
    ] {
        kinds.push(kind(name, other_terminal(side), move |shop| {
            shop.show(shop.named_for(&[id]))
        }));
    }
    kinds.extend(match side {
        Side::Terminal => terminals(),
        Side::Pos => tills(),
    });
    kinds
}

fn no_name(side: Side) -> Expect {
    match side {
        Side::Terminal => Refused(&[Names]),
        // A till's names are for each terminal that it may drive: none.
        Side::Pos => Refused(&[NotForTerminal]),
    }
}

fn other_terminal(side: Side) -> Expect {
    match side {
        Side::Terminal => Refused(&[OtherTerminal]),
        Side::Pos => Refused(&[NotForTerminal]),
    }
}

type Row = (&'static str, Expect, &'static [(u8, &'static [u8])]);

fn rows(rows: &[Row]) -> Vec<Kind> {
    rows.iter()
        .map(|&(name, expect, names)| {
            kind(name, expect, move |shop: &Shop| {
                shop.show(shop.named(names))
            })
        })
        .collect()
}

const MALFORMED: &[Fault] = &[Names, Encoding];

/// Exactly one name, a dNSName.
fn terminals() -> Vec<Kind> {
    let mut kinds = rows(&[
        (
            "two names, its own and another terminal's",
            Refused(&[Names]),
            &[(DNS, b"term_CT20_0042"), (DNS, b"term_CT20_0043")],
        ),
        (
            "two names, another terminal's and its own",
            Refused(&[Names]),
            &[(DNS, b"term_CT20_0043"), (DNS, b"term_CT20_0042")],
        ),
        (
            "its own name twice",
            Refused(&[Names]),
            &[(DNS, b"term_CT20_0042"), (DNS, b"term_CT20_0042")],
        ),
        (
            "its own name and an address",
            Refused(&[Names]),
            &[(DNS, b"term_CT20_0042"), (IP, &[127, 0, 0, 1])],
        ),
        (
            "its own name and a URI",
            Refused(&[Names]),
            &[(DNS, b"term_CT20_0042"), (URI, b"https://shop.example")],
        ),
        (
            "an address only",
            Refused(&[Names]),
            &[(IP, &[127, 0, 0, 1])],
        ),
        (
            "an address as dNSName",
            Refused(&[Names]),
            &[(DNS, b"127.0.0.1")],
        ),
        (
            "an e-mail address only",
            Refused(&[Names]),
            &[(EMAIL, b"term_CT20_0042")],
        ),
        (
            "its id as URI",
            Refused(&[Names]),
            &[(URI, b"term_CT20_0042")],
        ),
        (
            "a till's name",
            Refused(&[Names]),
            &[(URI, b"urn:vinr:terminal:term_CT20_0042")],
        ),
        (
            "a till's name as dNSName",
            Refused(&[Names]),
            &[(DNS, b"urn:vinr:terminal:term_CT20_0042")],
        ),
        (
            "a host name",
            Refused(&[Names]),
            &[(DNS, b"terminal.example")],
        ),
        ("a wildcard", Refused(&[Names]), &[(DNS, b"*")]),
        (
            "a wildcard for its label",
            Refused(&[Names]),
            &[(DNS, b"term_*")],
        ),
        (
            "a wildcard below its name",
            Refused(&[Names]),
            &[(DNS, b"*.term_CT20_0042")],
        ),
        (
            "its name with a period behind",
            Refused(&[Names]),
            &[(DNS, b"term_CT20_0042.")],
        ),
        (
            "its name below a domain",
            Refused(&[Names]),
            &[(DNS, b"term_CT20_0042.example")],
        ),
        (
            "its name with a space behind",
            Refused(MALFORMED),
            &[(DNS, b"term_CT20_0042 ")],
        ),
        (
            "its name with a space before",
            Refused(MALFORMED),
            &[(DNS, b" term_CT20_0042")],
        ),
        (
            "its name with a newline behind",
            Refused(MALFORMED),
            &[(DNS, b"term_CT20_0042\n")],
        ),
        (
            "name with NUL behind",
            Refused(MALFORMED),
            &[(DNS, b"term_CT20_0042\0")],
        ),
        (
            "name with NUL and a domain behind",
            Refused(MALFORMED),
            &[(DNS, b"term_CT20_0042\0.evil.example")],
        ),
        (
            "name with a letter of another alphabet",
            Refused(MALFORMED),
            &[(DNS, b"term_\xd0\xa1T20_0042")],
        ),
        (
            "name that is not UTF-8",
            Refused(MALFORMED),
            &[(DNS, b"term_CT20_004\xff")],
        ),
        ("an empty name", Refused(MALFORMED), &[(DNS, b"")]),
        ("the prefix only", Refused(&[Names]), &[(DNS, b"term_")]),
        (
            "prefix in the wrong case",
            Refused(&[Names]),
            &[(DNS, b"TERM_CT20_0042")],
        ),
        (
            "name of 64 bytes",
            Refused(&[Names]),
            &[(
                DNS,
                b"term_00000000001111111111222222222233333333334444444444555555555",
            )],
        ),
        (
            "its name as directory name",
            Refused(MALFORMED),
            &[(
                DIRECTORY,
                b"\x30\x1b\x31\x19\x30\x17\x06\x03\x55\x04\x03\x0c\x10urn:term_CT20_00",
            )],
        ),
        (
            "a kind of name that does not exist",
            Refused(MALFORMED),
            &[(0x89, b"term_CT20_0042")],
        ),
    ]);
    kinds.push(kind("several terminals", Refused(&[Names]), |shop| {
        shop.show(shop.named_for(&["term_A", TERMINAL, "term_B"]))
    }));
    kinds.push(kind("1 000 names", Refused(&[Names]), |shop| {
        shop.show(a_thousand(shop))
    }));
    kinds
}

/// A URI for each terminal that it may drive; what begins as ours and is not of our form spoils it all.
fn tills() -> Vec<Kind> {
    let mut kinds = rows(&[
        (
            "several terminals and names that are not ours",
            Accepted,
            &[
                (URI, b"urn:vinr:terminal:term_A"),
                (URI, b"https://shop.example/?urn:vinr:terminal:"),
                (EMAIL, b"till@shop.example"),
                (URI, b"urn:vinr:terminal:term_CT20_0042"),
                (DNS, b"till.shop.example"),
                (IP, &[192, 0, 2, 1]),
            ],
        ),
        (
            "two names, neither this terminal's",
            Refused(&[NotForTerminal]),
            &[
                (URI, b"urn:vinr:terminal:term_A"),
                (URI, b"urn:vinr:terminal:term_B"),
            ],
        ),
        (
            "its name as dNSName",
            Refused(&[NotForTerminal]),
            &[(DNS, b"urn:vinr:terminal:term_CT20_0042")],
        ),
        (
            "its name as e-mail address",
            Refused(&[NotForTerminal]),
            &[(EMAIL, b"urn:vinr:terminal:term_CT20_0042")],
        ),
        (
            "a terminal's name",
            Refused(&[NotForTerminal]),
            &[(DNS, b"term_CT20_0042")],
        ),
        (
            "the bare id as URI",
            Refused(&[NotForTerminal]),
            &[(URI, b"term_CT20_0042")],
        ),
        (
            "an address only",
            Refused(&[NotForTerminal]),
            &[(IP, &[127, 0, 0, 1])],
        ),
        ("a URI wildcard", Refused(&[NotForTerminal]), &[(URI, b"*")]),
        (
            "a URN of nearly our kind",
            Refused(&[NotForTerminal]),
            &[(URI, b"urn:vinrs:terminal:term_CT20_0042")],
        ),
        (
            "a URN of nearly our kind beside a good one",
            Accepted,
            &[
                (URI, b"urn:vinrs:terminal:term_A"),
                (URI, b"urn:vinr:terminal:term_CT20_0042"),
            ],
        ),
        (
            "a URN with a space before",
            Refused(&[NotForTerminal, Names]),
            &[(URI, b" urn:vinr:terminal:term_CT20_0042")],
        ),
    ]);
    // Each alone would be refused for having no name; beside a good one it shows that it spoils it.
    for (name, malformed) in [
        (
            "malformed URN, scheme in capitals",
            &b"URN:vinr:terminal:term_CT20_0042"[..],
        ),
        (
            "malformed URN, vinr in capitals",
            b"urn:VINR:terminal:term_CT20_0042",
        ),
        (
            "malformed URN, terminal in capitals",
            b"urn:vinr:TERMINAL:term_CT20_0042",
        ),
        ("malformed URN, no id", b"urn:vinr:terminal:"),
        ("malformed URN, nothing behind vinr", b"urn:vinr:"),
        ("malformed URN, another kind of thing", b"urn:vinr:shop:1"),
        (
            "malformed URN, id without its prefix",
            b"urn:vinr:terminal:CT20_0042",
        ),
        (
            "malformed URN, prefix in capitals",
            b"urn:vinr:terminal:TERM_CT20_0042",
        ),
        ("malformed URN, prefix only", b"urn:vinr:terminal:term_"),
        ("malformed URN, wildcard", b"urn:vinr:terminal:*"),
        (
            "malformed URN, wildcard behind the prefix",
            b"urn:vinr:terminal:term_*",
        ),
        (
            "malformed URN, percent-encoded",
            b"urn:vinr:terminal:term_%43T20_0042",
        ),
        (
            "malformed URN, two ids",
            b"urn:vinr:terminal:term_A,term_CT20_0042",
        ),
        (
            "malformed URN, a query",
            b"urn:vinr:terminal:term_CT20_0042?a",
        ),
        (
            "malformed URN, a fragment",
            b"urn:vinr:terminal:term_CT20_0042#a",
        ),
        (
            "malformed URN, a slash",
            b"urn:vinr:terminal:term_CT20_0042/",
        ),
        (
            "malformed URN, a space behind",
            b"urn:vinr:terminal:term_CT20_0042 ",
        ),
        (
            "malformed URN, a newline behind",
            b"urn:vinr:terminal:term_CT20_0042\n",
        ),
        (
            "malformed URN, NUL behind",
            b"urn:vinr:terminal:term_CT20_0042\0",
        ),
        (
            "malformed URN, NUL and another id behind",
            b"urn:vinr:terminal:term_CT20_0042\0_A",
        ),
        (
            "malformed URN, id of 64 bytes",
            b"urn:vinr:terminal:term_00000000001111111111222222222233333333334444444444555555555",
        ),
        (
            "malformed URN, a letter of another alphabet",
            b"urn:vinr:terminal:term_\xd0\xa1T20_0042",
        ),
    ] {
        kinds.push(kind(name, Refused(MALFORMED), move |shop| {
            shop.show(shop.named(&[(URI, b"urn:vinr:terminal:term_CT20_0042"), (URI, malformed)]))
        }));
    }
    kinds.push(kind("several terminals", Accepted, |shop| {
        shop.show(shop.named_for(&["term_A", TERMINAL, "term_B"]))
    }));
    kinds.push(kind("1 000 names, one of them right", Accepted, |shop| {
        shop.show(a_thousand(shop))
    }));
    kinds.push(kind(
        "1 000 names, none of them right",
        Refused(&[NotForTerminal]),
        |shop| {
            let names = (0..1000).map(|number| format!("term_CT20_1{number:03}"));
            let names: Vec<_> = names.collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            shop.show(shop.named_for(&names))
        },
    ));
    kinds
}

/// The right one is the last.
fn a_thousand(shop: &Shop) -> CertificateParams {
    let mut names: Vec<_> = (0..999)
        .map(|number| format!("term_CT20_1{number:03}"))
        .collect();
    names.push(TERMINAL.into());
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    shop.named_for(&names)
}
