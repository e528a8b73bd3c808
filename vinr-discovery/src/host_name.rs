//! The host name of a terminal: what its SRV record points at.

use vinr_protocol::TerminalId;

/// The longest label of a DNS name.
const LABEL_MAX: usize = 63;

/// A host name of letters, digits and hyphens, such as `term-ct20-0042.local.`, one for each id.
///
/// An id may hold underscores, which host names may not, so they become hyphens. Where that could make
/// two ids one name (the id has hyphens itself) or a bad name (it would end in one), a checksum of the id
/// stands behind it.
pub(crate) fn host_name(id: &TerminalId) -> String {
    let mut label = id.as_str().to_ascii_lowercase().replace('_', "-");
    if id.as_str().contains('-') || label.ends_with('-') {
        let checksum = format!("-{:08x}", fnv1a(id.as_str().as_bytes()));
        label.truncate(LABEL_MAX - checksum.len());
        label.push_str(&checksum);
    }
    format!("{label}.local.")
}

/// FNV-1a: nothing hangs on it but that two similar ids get different names.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> String {
        host_name(&TerminalId::new(id).unwrap())
    }

    #[test]
    fn it_reads_like_the_id() {
        assert_eq!(of("term_CT20_0042"), "term-ct20-0042.local.");
    }

    #[test]
    fn two_ids_never_share_one() {
        assert_ne!(of("term_a-b"), of("term_a_b"));
        assert_ne!(of("term_a-b_c"), of("term_a_b-c"));
    }

    #[test]
    fn it_has_letters_digits_and_hyphens_and_fits_a_label() {
        for id in [
            "term_-",
            "term__",
            &format!("term_{}", "-".repeat(58)),
            &format!("term_{}", "x".repeat(58)),
        ] {
            let name = of(id);
            let label = name.strip_suffix(".local.").unwrap();
            assert!(label.len() <= LABEL_MAX, "{label}");
            assert!(
                label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-'),
                "{label}"
            );
            assert!(!label.starts_with('-') && !label.ends_with('-'), "{label}");
        }
    }
}
