//! The interlock: no customer and no money may be hurt by a certification.

use std::net::IpAddr;

use super::{Profile, ProfileError};

/// What keeps people and money from harm while cards are tapped and power is cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Safety {
    /// The terminal is in test mode: no card is charged.
    pub test_mode_confirmed: bool,
    /// No till of a shop is on this network.
    pub isolated_network: bool,
    /// No payment is larger, in minor units; the documented limits bind where absent.
    pub amount_ceiling: Option<u64>,
    /// Every sale's reference begins so, that somebody can find and clear them.
    pub reference_prefix: Option<String>,
}

impl Safety {
    fn missing(&self) -> Vec<&'static str> {
        let said = [
            (
                self.test_mode_confirmed,
                "test_mode_confirmed = true (no card is charged)",
            ),
            (
                self.isolated_network,
                "isolated_network = true (no shop's till is on this network)",
            ),
            (
                self.amount_ceiling.is_some(),
                "amount_ceiling = 99999999 (no payment is larger, in minor units)",
            ),
            (
                self.reference_prefix.is_some(),
                "reference_prefix = \"cert-\" (every sale can be found and cleared)",
            ),
        ];
        said.into_iter()
            .filter(|(is_said, _)| !is_said)
            .map(|(_, what)| what)
            .collect()
    }
}

impl Profile {
    /// Refuses a subject that is not on this machine until `[safety]` says that all is safe.
    pub fn interlock(&self, address: IpAddr) -> Result<(), ProfileError> {
        // An IPv4 loopback address in IPv6 dress is this machine too.
        if address.to_canonical().is_loopback() {
            return Ok(());
        }
        let missing = self.safety.missing();
        if missing.is_empty() {
            return Ok(());
        }
        Err(ProfileError::Unsafe {
            address: address.to_string(),
            missing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_needs_no_confirmation() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let address = address.parse().expect("an address");
            assert!(Profile::simulator().interlock(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn another_machine_is_refused_and_each_missing_word_is_named() {
        let mut profile = Profile::simulator();
        profile.safety = Safety {
            isolated_network: true,
            ..Safety::default()
        };
        let refused = profile.interlock("192.168.1.20".parse().expect("an address"));
        let sentence = refused.expect_err("it is not safe").to_string();
        assert!(sentence.contains("test_mode_confirmed"), "{sentence}");
        assert!(sentence.contains("amount_ceiling"), "{sentence}");
        assert!(sentence.contains("reference_prefix"), "{sentence}");
        assert!(!sentence.contains("isolated_network"), "{sentence}");
    }

    #[test]
    fn another_machine_is_taken_when_all_is_said() {
        let mut profile = Profile::simulator();
        profile.safety = Safety {
            test_mode_confirmed: true,
            isolated_network: true,
            amount_ceiling: Some(20_000),
            reference_prefix: Some("cert-".to_owned()),
        };
        assert!(
            profile
                .interlock("192.168.1.20".parse().expect("an address"))
                .is_ok()
        );
    }
}
