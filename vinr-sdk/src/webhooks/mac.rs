//! HMAC-SHA256 of the one crypto stack.

use aws_lc_rs::hmac;
use vinr_protocol::webhook::Mac;

pub(super) struct AwsLc;

impl Mac for AwsLc {
    fn sign(&self, secret: &[u8], message: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, message);
        tag.as_ref()
            .try_into()
            .expect("a tag of HMAC-SHA256 is 32 bytes")
    }

    /// In constant time.
    fn verify(&self, secret: &[u8], message: &[u8], tag: &[u8; 32]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, message, tag).is_ok()
    }
}
