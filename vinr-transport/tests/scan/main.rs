//! A terminal seen from outside, by peers that speak TLS badly, oldly or maliciously. \[TLS-13\]
//!
//! The probes are raw bytes in the manner of tlsfuzzer; `sslyze.rs` lets a stranger's scanner look as well.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod hello;
mod inside;
#[path = "../skip/mod.rs"]
mod skip;
mod sslyze;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use hello::{Hello, X25519};
use support::{Pki, Terminal};
use wire::{Alert, Said, Wire};

const PROTOCOL_VERSION: u8 = 70;
const HANDSHAKE_FAILURE: u8 = 40;
const ILLEGAL_PARAMETER: u8 = 47;
const DECODE_ERROR: u8 = 50;
const UNEXPECTED_MESSAGE: u8 = 10;
const RECORD_OVERFLOW: u8 = 22;

/// A terminal on a thread of its own, for tests that block.
struct Outside {
    pki: Pki,
    terminal: Terminal,
    /// Dropped last.
    _runtime: tokio::runtime::Runtime,
}

impl Outside {
    fn new() -> Self {
        Self::with_handshakes_of(Duration::from_secs(5))
    }

    fn with_handshakes_of(limit: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let pki = Pki::new();
        let mut options = pki.options();
        options.limits.handshake = limit;
        options.limits.drain = Duration::from_millis(200);
        let terminal = runtime.block_on(Terminal::start(options));
        Self {
            pki,
            terminal,
            _runtime: runtime,
        }
    }

    fn dial(&self) -> Wire {
        Wire::dial(self.terminal.addr())
    }

    /// What it says first to these bytes.
    fn says_to(&self, bytes: &[u8]) -> Said {
        let mut wire = self.dial();
        wire.send(bytes);
        wire.next()
    }

    /// It has not been taken for a till, and tills are served as before.
    fn is_unharmed(&self) {
        assert_eq!(self.terminal.calls(), 0, "no request came through");
        inside::Till::connect(self).is_answered();
    }
}

fn alert(description: u8) -> Said {
    Said::Alert(Alert {
        level: 2,
        description,
    })
}

// [TLS-13]
#[test]
fn a_lawful_hello_is_answered_with_tls_1_3() {
    let said = Outside::new().says_to(&Hello::lawful().record());
    assert_eq!(said.server_hello().version, Some(0x0304));
}

// [TLS-13]
#[test]
fn older_versions_are_refused_by_their_name() {
    let outside = Outside::new();
    for version in [0x0303, 0x0302, 0x0301, 0x0300] {
        let hello = Hello {
            version,
            versions: None,
            ..Hello::lawful()
        };
        assert_eq!(
            outside.says_to(&hello.record()),
            alert(PROTOCOL_VERSION),
            "{version:04x}"
        );
    }
    outside.is_unharmed();
}

// [TLS-13]
#[test]
fn a_list_of_older_versions_is_refused_by_its_name() {
    let hello = Hello {
        versions: Some(vec![0x0303, 0x0302, 0x0301]),
        ..Hello::lawful()
    };
    assert_eq!(
        Outside::new().says_to(&hello.record()),
        alert(PROTOCOL_VERSION)
    );
}

// [TLS-13]
#[test]
fn a_draft_of_tls_1_3_is_refused() {
    let hello = Hello {
        versions: Some(vec![0x7f1c]),
        ..Hello::lawful()
    };
    assert_eq!(
        Outside::new().says_to(&hello.record()),
        alert(PROTOCOL_VERSION)
    );
}

// [TLS-13]
#[test]
fn an_ssl_2_hello_gets_no_hello() {
    let outside = Outside::new();
    // Version 2, three ciphers, no session, sixteen bytes of challenge.
    let mut hello = vec![0x80, 0x22, 0x01, 0x00, 0x02, 0, 9, 0, 0, 0, 16];
    hello.extend(*b"\x01\x00\x80\x02\x00\x80\x07\x00\xc0challenge-of-16b");
    let said = outside.says_to(&hello);
    assert!(matches!(said, Said::Alert(_) | Said::Closed), "{said:?}");
    outside.is_unharmed();
}

// [TLS-13]
#[test]
fn only_the_suites_of_tls_1_3_are_taken() {
    let outside = Outside::new();
    // ECDHE-ECDSA with AES-GCM, with AES-CBC, RSA with 3DES, NULL; and CCM, which we do not have.
    for suite in [0xc02b, 0xc009, 0x000a, 0x0000, 0x1304, 0x1305] {
        let hello = Hello {
            suites: vec![suite],
            ..Hello::lawful()
        };
        assert_eq!(
            outside.says_to(&hello.record()),
            alert(HANDSHAKE_FAILURE),
            "{suite:04x}"
        );
    }
}

// [TLS-13]
#[test]
fn each_suite_of_tls_1_3_that_we_have_is_taken() {
    let outside = Outside::new();
    for suite in [0x1301, 0x1302, 0x1303] {
        let hello = Hello {
            suites: vec![suite],
            ..Hello::lawful()
        };
        assert_eq!(outside.says_to(&hello.record()).server_hello().suite, suite);
    }
}

// [TLS-13]
#[test]
fn compression_is_refused() {
    for methods in [vec![1], vec![1, 0], vec![0, 1]] {
        let hello = Hello {
            compression: methods,
            ..Hello::lawful()
        };
        let said = Outside::new().says_to(&hello.record());
        assert_eq!(said, alert(ILLEGAL_PARAMETER));
    }
}

// [TLS-13]
#[test]
fn an_offer_to_resume_is_answered_with_a_full_handshake() {
    let hello = Hello::lawful().with_psk();
    let said = Outside::new().says_to(&hello.record());
    assert!(!said.server_hello().takes_psk);
}

// [TLS-13]
#[test]
fn early_data_is_never_read() {
    let outside = Outside::new();
    let hello = Hello::lawful().with_early_data().with_psk();
    let mut wire = outside.dial();
    wire.send(&hello.record());
    wire.send(&wire::record(
        23,
        b"GET /v1/reader HTTP/1.1\r\nhost: t\r\n\r\n",
    ));
    // Without the key of an earlier session early data cannot be read, and that key is not taken.
    assert!(!wire.next().server_hello().takes_psk);
    assert_eq!(outside.terminal.calls(), 0);
}

// [TLS-13]
#[test]
fn early_data_without_end_is_cut_off() {
    let outside = Outside::new();
    let hello = Hello::lawful().with_early_data().with_psk();
    let mut wire = outside.dial();
    wire.send(&hello.record());
    assert!(wire.takes_less_than(1_000_000, &wire::record(23, &[0; 1000])));
    outside.is_unharmed();
}

#[test]
fn a_hello_without_a_key_share_is_asked_for_one_and_then_answered() {
    let outside = Outside::new();
    let mut wire = outside.dial();
    wire.send(
        &Hello {
            shares: vec![],
            ..Hello::lawful()
        }
        .record(),
    );
    let retry = wire.next().server_hello();
    assert!(retry.is_retry);
    assert_eq!(retry.group, Some(X25519));
    assert_eq!(wire.next(), Said::ChangeCipherSpec);
    wire.send(&Hello::lawful().record());
    let hello = wire.next().server_hello();
    assert!(!hello.is_retry);
    assert_eq!(hello.group, Some(X25519));
}

#[test]
fn a_key_share_is_asked_for_once() {
    let outside = Outside::new();
    let mut wire = outside.dial();
    let hello = Hello {
        shares: vec![],
        ..Hello::lawful()
    };
    wire.send(&hello.record());
    assert!(wire.next().server_hello().is_retry);
    assert_eq!(wire.next(), Said::ChangeCipherSpec);
    wire.send(&hello.record());
    let said = wire.next();
    assert!(matches!(said, Said::Alert(_)), "{said:?}");
}

#[test]
fn what_nobody_knows_is_passed_over() {
    // GREASE (RFC 8701): reserved values in every list.
    let hello = Hello {
        suites: vec![0x0a0a, 0x1301],
        versions: Some(vec![0x1a1a, 0x0304]),
        groups: vec![0x2a2a, X25519],
        shares: vec![(0x2a2a, vec![0]), (X25519, vec![9; 32])],
        more: vec![(0x3a3a, vec![]), (0x4a4a, vec![0])],
        ..Hello::lawful()
    };
    let said = Outside::new().says_to(&hello.record());
    assert_eq!(said.server_hello().group, Some(X25519));
}

#[test]
fn groups_that_we_do_not_have_are_a_handshake_failure() {
    let hello = Hello {
        groups: vec![0x0100, 0x2a2a],
        shares: vec![(0x0100, vec![9; 256])],
        ..Hello::lawful()
    };
    assert_eq!(
        Outside::new().says_to(&hello.record()),
        alert(HANDSHAKE_FAILURE)
    );
}

#[test]
fn a_key_share_that_is_no_point_is_refused() {
    for share in [vec![], vec![9; 31], vec![0; 32]] {
        let hello = Hello {
            shares: vec![(X25519, share)],
            ..Hello::lawful()
        };
        let said = Outside::new().says_to(&hello.record());
        assert!(
            matches!(said, Said::Alert(Alert { level: 2, .. })),
            "{said:?}"
        );
    }
}

#[test]
fn no_protocol_is_taken_as_ours() {
    let hello = Hello {
        alpn: vec![],
        ..Hello::lawful()
    };
    assert_eq!(
        Outside::new()
            .says_to(&hello.record())
            .server_hello()
            .version,
        Some(0x0304)
    );
}

#[test]
fn the_same_extension_twice_is_refused() {
    let hello = Hello {
        more: vec![(0x000a, vec![0, 2, 0, 0x1d])],
        ..Hello::lawful()
    };
    let said = Outside::new().says_to(&hello.record());
    assert!(
        [alert(ILLEGAL_PARAMETER), alert(DECODE_ERROR)].contains(&said),
        "{said:?}"
    );
}

// [TLS-1]
#[test]
fn plaintext_http_is_answered_with_nothing_of_value() {
    let outside = Outside::new();
    let said = outside.says_to(b"GET /v1/reader HTTP/1.1\r\nhost: t\r\n\r\n");
    assert!(matches!(said, Said::Alert(_) | Said::Closed), "{said:?}");
    outside.is_unharmed();
}

#[test]
fn a_record_that_is_too_long_is_refused_before_it_has_come() {
    let outside = Outside::new();
    let said = outside.says_to(&[22, 3, 1, 0xff, 0xff, 1, 0, 0, 0]);
    assert!(
        [alert(RECORD_OVERFLOW), alert(DECODE_ERROR), Said::Closed].contains(&said),
        "{said:?}"
    );
    outside.is_unharmed();
}

#[test]
fn a_hello_that_claims_sixteen_megabytes_is_not_waited_for() {
    let outside = Outside::new();
    let mut wire = outside.dial();
    let begin = [&[1, 0xff, 0xff, 0xff][..], &[0; 1000]].concat();
    wire.send(&wire::record(22, &begin));
    assert!(wire.takes_less_than(1_000_000, &wire::record(22, &[0; 16_000])));
    outside.is_unharmed();
}

#[test]
fn records_of_nothing_are_not_taken_for_ever() {
    let outside = Outside::new();
    let mut wire = outside.dial();
    assert!(wire.takes_less_than(100_000, &wire::record(22, &[])));
    outside.is_unharmed();
}

#[test]
fn a_hello_in_records_of_one_byte_is_read() {
    let hello = Hello::lawful().message();
    let records: Vec<u8> = hello
        .iter()
        .flat_map(|byte| wire::record(22, &[*byte]))
        .collect();
    let said = Outside::new().says_to(&records);
    assert_eq!(said.server_hello().version, Some(0x0304));
}

#[test]
fn change_cipher_specs_are_not_taken_for_ever() {
    let outside = Outside::new();
    let mut wire = outside.dial();
    wire.send(&Hello::lawful().record());
    assert!(wire.takes_less_than(100_000, &wire::record(20, &[1])));
    outside.is_unharmed();
}

#[test]
fn warnings_are_not_taken_for_ever() {
    let outside = Outside::new();
    let mut wire = outside.dial();
    assert!(wire.takes_less_than(100_000, &wire::record(21, &[1, 90])));
    outside.is_unharmed();
}

#[test]
fn a_heartbeat_is_not_answered() {
    let outside = Outside::new();
    // CVE-2014-0160: sixteen thousand bytes are asked for, and one is given.
    let said = outside.says_to(&wire::record(24, &[1, 0x40, 0x00, 0]));
    assert!(matches!(said, Said::Alert(_) | Said::Closed), "{said:?}");
    outside.is_unharmed();
}

#[test]
fn half_a_hello_and_a_close_leaves_nothing_behind() {
    let outside = Outside::new();
    let hello = Hello::lawful().record();
    for _ in 0..100 {
        let mut wire = outside.dial();
        wire.send(&hello[..hello.len() / 2]);
        wire.tcp.shutdown(Shutdown::Write).unwrap();
        assert_eq!(wire.next(), Said::Closed);
    }
    outside.is_unharmed();
}

// [NET-5]
#[test]
fn half_a_hello_and_silence_is_hung_up_on() {
    let outside = Outside::with_handshakes_of(Duration::from_millis(100));
    let hello = Hello::lawful().record();
    assert_eq!(outside.says_to(&hello[..hello.len() / 2]), Said::Closed);
}

// [NET-5]
#[test]
fn a_hello_that_comes_byte_by_byte_gets_no_more_time() {
    let outside = Outside::with_handshakes_of(Duration::from_millis(200));
    let mut wire = outside.dial();
    let hello = Hello::lawful().record();
    let all_of_it = hello.iter().all(|byte| {
        // As slow as it can be without being silent.
        std::thread::sleep(Duration::from_millis(5));
        wire.tcp.write_all(&[*byte]).is_ok()
    });
    assert!(!all_of_it || wire.next() == Said::Closed);
}

#[test]
fn a_server_hello_from_a_client_is_unexpected() {
    let outside = Outside::new();
    let mut message = Hello::lawful().message();
    message[0] = 2;
    let said = outside.says_to(&wire::record(22, &message));
    assert!(
        [alert(UNEXPECTED_MESSAGE), alert(DECODE_ERROR)].contains(&said),
        "{said:?}"
    );
}

#[test]
fn data_in_the_clear_after_the_hello_is_refused() {
    let outside = Outside::new();
    let mut wire = outside.dial();
    wire.send(&Hello::lawful().record());
    wire.next().server_hello();
    wire.send(&wire::record(
        23,
        b"GET /v1/reader HTTP/1.1\r\nhost: t\r\n\r\n",
    ));
    assert!(wire.takes_less_than(100_000, &[]));
    outside.is_unharmed();
}
