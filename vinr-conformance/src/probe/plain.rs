//! Bytes that are not TLS 1.3, and what the port makes of them. \[TLS-1, TLS-13\]

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::Probe;
use super::certificate::hex;
use super::connection::{dial, how};
use crate::journal::{Event, Side};

/// What the journal calls the hello of [`old_client_hello`].
pub(super) const OLD_TLS: &str = "a ClientHello that knows nothing newer than TLS 1.2";

/// How long an answer to plain bytes is waited for: longer than the 5 s that a terminal gives a handshake.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
const KEPT: usize = 256;

pub(super) async fn say(probe: &Probe, number: u64, sent: &str, bytes: &[u8]) {
    let Some(mut tcp) = dial(probe, number).await else {
        return;
    };
    let mut received = Vec::new();
    let talked = timeout(ANSWER_WITHIN, async {
        tcp.write_all(bytes).await?;
        let mut buffer = [0; KEPT];
        while received.len() < KEPT {
            match tcp.read(&mut buffer).await? {
                0 => break,
                length => received.extend_from_slice(&buffer[..length]),
            }
        }
        std::io::Result::Ok(())
    })
    .await;
    received.truncate(KEPT);
    probe.journal().record(Event::Plain {
        connection: number,
        sent: sent.to_owned(),
        received: received.iter().map(|byte| printable(*byte)).collect(),
        hex: hex(&received[..received.len().min(32)]),
    });
    let (by, how) = match talked {
        Ok(Ok(())) => (Side::Terminal, "end of stream".to_owned()),
        Ok(Err(error)) => (Side::Terminal, how(&error)),
        Err(_) => (Side::Suite, "nothing more came".to_owned()),
    };
    probe.journal().record(Event::Closed {
        connection: number,
        by,
        how,
        tickets: 0,
    });
}

fn printable(byte: u8) -> char {
    match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    }
}

/// A lawful hello of 2008: TLS 1.2 with ECDHE and AES-GCM, and no `supported_versions`.
pub(crate) fn old_client_hello() -> Vec<u8> {
    let extensions: &[&[u8]] = &[
        &[0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17], // supported_groups: secp256r1
        &[0x00, 0x0b, 0x00, 0x02, 0x01, 0x00],             // ec_point_formats: uncompressed
        &[
            0x00, 0x0d, 0x00, 0x08, 0x00, 0x06, 0x04, 0x03, 0x08, 0x04, 0x04, 0x01,
        ], // signatures
    ];
    let extensions = extensions.concat();
    let mut hello = vec![0x03, 0x03];
    hello.extend([0x5a; 32]); // the random
    hello.push(0); // no session
    hello.extend([0x00, 0x04, 0xc0, 0x2b, 0xc0, 0x2f]); // ECDHE-{ECDSA,RSA}-AES128-GCM-SHA256
    hello.extend([0x01, 0x00]); // no compression
    hello.extend(length16(extensions.len()));
    hello.extend(extensions);

    let mut handshake = vec![0x01, 0x00];
    handshake.extend(length16(hello.len()));
    handshake.extend(hello);

    let mut record = vec![0x16, 0x03, 0x01];
    record.extend(length16(handshake.len()));
    record.extend(handshake);
    record
}

fn length16(length: usize) -> [u8; 2] {
    u16::try_from(length)
        .expect("the hello above is some hundred bytes long")
        .to_be_bytes()
}
