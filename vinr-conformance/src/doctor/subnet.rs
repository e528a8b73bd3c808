//! The networks that this machine is in.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

/// An interface's address and how much of it is the network's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subnet {
    /// The interface.
    pub interface: String,
    /// This machine's address on it.
    pub ip: IpAddr,
    /// How many leading bits are the network's.
    pub prefix: u8,
}

impl Subnet {
    /// Is this address on the same network, so that no router is between?
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip.to_canonical(), ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let apart = u32::from(own) ^ u32::from(other);
                leading(apart.leading_zeros(), self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let apart = u128::from(own) ^ u128::from(other);
                leading(apart.leading_zeros(), self.prefix)
            }
            _ => false,
        }
    }
}

fn leading(equal_bits: u32, prefix: u8) -> bool {
    equal_bits >= u32::from(prefix)
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ({})", self.ip, self.prefix, self.interface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(own: &str, prefix: u8, other: &str) -> bool {
        let subnet = Subnet {
            interface: "eth0".into(),
            ip: own.parse().expect("an address"),
            prefix,
        };
        subnet.contains(other.parse().expect("an address"))
    }

    #[test]
    fn the_last_address_of_a_network_is_in_it_and_the_next_is_not() {
        assert!(contains("192.168.1.5", 24, "192.168.1.255"));
        assert!(!contains("192.168.1.5", 24, "192.168.2.0"));
        assert!(contains("10.0.0.5", 25, "10.0.0.127"));
        assert!(!contains("10.0.0.5", 25, "10.0.0.128"));
    }

    #[test]
    fn a_network_of_one_holds_its_own_address_alone() {
        assert!(contains("192.0.2.7", 32, "192.0.2.7"));
        assert!(!contains("192.0.2.7", 32, "192.0.2.6"));
    }

    #[test]
    fn the_two_versions_of_ip_are_not_mixed() {
        assert!(!contains("192.0.2.7", 0, "2001:db8::1"));
        assert!(contains("2001:db8::7", 64, "2001:db8::1"));
    }
}
