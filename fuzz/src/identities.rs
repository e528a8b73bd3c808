//! A `.p12` file as it may lie in a till's folder.

use vinr_transport::identity::Identity;

/// Larger files are not read: what is looked for is found in small ones, and faster.
const SIZE_MAX: usize = 16 * 1024;

/// A PKCS#12 file under a passphrase that is usually the right one.
pub(crate) fn p12(data: &[u8]) {
    if data.len() > SIZE_MAX {
        return;
    }
    if let Err(error) = Identity::from_p12_bytes(data, "corpus") {
        assert!(
            !error.to_string().contains("corpus"),
            "an error says nothing of the passphrase"
        );
    }
}
