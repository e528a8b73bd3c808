//! A ClientHello, byte by byte (RFC 8446 §4.1.2).

use crate::wire::record;

pub(crate) const X25519: u16 = 0x001d;

/// What a hello says; every part can be spoiled.
#[derive(Debug, Clone)]
pub(crate) struct Hello {
    /// legacy_version.
    pub(crate) version: u16,
    /// supported_versions; before TLS 1.3 there was no such list.
    pub(crate) versions: Option<Vec<u16>>,
    pub(crate) suites: Vec<u16>,
    pub(crate) compression: Vec<u8>,
    pub(crate) groups: Vec<u16>,
    pub(crate) shares: Vec<(u16, Vec<u8>)>,
    pub(crate) alpn: Vec<Vec<u8>>,
    /// Other extensions, in this order, behind all of these.
    pub(crate) more: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    pub(crate) fn lawful() -> Self {
        Self {
            version: 0x0303,
            versions: Some(vec![0x0304]),
            suites: vec![0x1301, 0x1302, 0x1303],
            compression: vec![0],
            groups: vec![X25519],
            // Any 32 bytes are a point of this curve.
            shares: vec![(X25519, vec![9; 32])],
            alpn: vec![b"http/1.1".to_vec()],
            more: vec![],
        }
    }

    /// Says that early data follows.
    pub(crate) fn with_early_data(mut self) -> Self {
        self.more.push((42, vec![]));
        self
    }

    /// Offers a session of which nobody has heard; always the last extension.
    pub(crate) fn with_psk(mut self) -> Self {
        let identity = [u16_prefixed(&[0x5a; 32]), vec![0; 4]].concat();
        let binder = u8_prefixed(&[0x5a; 32]);
        let offer = [u16_prefixed(&identity), u16_prefixed(&binder)].concat();
        // psk_dhe_ke and psk_ke.
        self.more.extend([(45, vec![2, 1, 0]), (41, offer)]);
        self
    }

    /// The handshake message.
    pub(crate) fn message(&self) -> Vec<u8> {
        let extensions: Vec<u8> = self
            .extensions()
            .into_iter()
            .flat_map(|(kind, content)| [&kind.to_be_bytes()[..], &u16_prefixed(&content)].concat())
            .collect();
        let body = [
            &self.version.to_be_bytes()[..],
            &[0x11; 32],
            &u8_prefixed(&[0x22; 32]),
            &u16_prefixed(&numbers(&self.suites)),
            &u8_prefixed(&self.compression),
            &u16_prefixed(&extensions),
        ]
        .concat();
        let [_, length @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1][..], &length, &body].concat()
    }

    /// In one record, as clients send it.
    pub(crate) fn record(&self) -> Vec<u8> {
        record(22, &self.message())
    }

    fn extensions(&self) -> Vec<(u16, Vec<u8>)> {
        let shares: Vec<u8> = self
            .shares
            .iter()
            .flat_map(|(group, share)| [&group.to_be_bytes()[..], &u16_prefixed(share)].concat())
            .collect();
        let alpn: Vec<u8> = self
            .alpn
            .iter()
            .flat_map(|name| u8_prefixed(name))
            .collect();
        // ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, ed25519.
        let schemes = numbers(&[0x0403, 0x0804, 0x0807]);
        let mut extensions = vec![
            (10, u16_prefixed(&numbers(&self.groups))),
            (13, u16_prefixed(&schemes)),
        ];
        if let Some(versions) = &self.versions {
            extensions.push((43, u8_prefixed(&numbers(versions))));
            extensions.push((51, u16_prefixed(&shares)));
        }
        if !self.alpn.is_empty() {
            extensions.push((16, u16_prefixed(&alpn)));
        }
        extensions.extend(self.more.clone());
        extensions
    }
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

fn u8_prefixed(content: &[u8]) -> Vec<u8> {
    [&[u8::try_from(content.len()).unwrap()], content].concat()
}

fn u16_prefixed(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&length[..], content].concat()
}
