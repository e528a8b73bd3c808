//! Why nothing may be found, and what a shop can do about it.

use std::fmt;
use std::io;

/// What keeps a till from hearing terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Blocked {
    /// No network interface is up.
    NoInterface,
    /// Only the loopback interface is up.
    OnlyLoopback,
    /// The system knows no way to the multicast group (ENETUNREACH, ENODEV, EADDRNOTAVAIL).
    NoRoute,
    /// The system does not let this program send or listen (EPERM, EACCES).
    Denied,
    /// Another program has UDP port 5353 for itself (EADDRINUSE).
    PortTaken,
    /// Asked, and nothing at all was heard, not even from other devices.
    Silence,
    /// The system refuses for another reason.
    Refused(io::ErrorKind),
}

impl Blocked {
    /// What to do about it, in a sentence for whoever looks after the shop's network.
    pub fn advice(self) -> &'static str {
        match self {
            Blocked::NoInterface | Blocked::OnlyLoopback => {
                "connect the till to the shop's network"
            }
            Blocked::NoRoute => {
                "give the interface an address and allow multicast on it (ip link set dev eth0 multicast on; \
                 ip route add 224.0.0.0/4 dev eth0); in a container use the host's network"
            }
            Blocked::Denied => {
                "allow UDP port 5353 to 224.0.0.251 and ff02::fb in the firewall; on macOS allow this program \
                 under Privacy, Local Network; in a sandbox grant it the network"
            }
            Blocked::PortTaken => {
                "stop the program that has UDP port 5353 for itself (ss -ulnp 'sport = 5353'), or let it share \
                 the port"
            }
            Blocked::Silence => {
                "check that till and terminals are in one network: same Wi-Fi and VLAN, no guest network, client \
                 isolation off, IGMP snooping with a querier, UDP port 5353 open in the till's firewall"
            }
            Blocked::Refused(_) => "look into the system's log for what refuses multicast",
        }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blocked::NoInterface => f.write_str("no network interface is up"),
            Blocked::OnlyLoopback => f.write_str("only the loopback interface is up"),
            Blocked::NoRoute => f.write_str("there is no route for multicast"),
            Blocked::Denied => f.write_str("the system does not permit multicast to this program"),
            Blocked::PortTaken => f.write_str("UDP port 5353 cannot be shared"),
            Blocked::Silence => f.write_str("nothing at all was heard on the network"),
            Blocked::Refused(kind) => write!(f, "the system refuses multicast ({kind})"),
        }
    }
}

impl From<&io::Error> for Blocked {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        /// No such device: the interface has gone, or has no address of this IP version.
        const ENODEV: i32 = 19;
        match error.kind() {
            Kind::PermissionDenied => Blocked::Denied,
            Kind::AddrInUse => Blocked::PortTaken,
            Kind::NetworkUnreachable
            | Kind::HostUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable => Blocked::NoRoute,
            _ if error.raw_os_error() == Some(ENODEV) => Blocked::NoRoute,
            kind => Blocked::Refused(kind),
        }
    }
}

/// Something that keeps a search from finding all, or anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The interface, or none where it is about all of them.
    pub interface: Option<String>,
    /// What it is.
    pub blocked: Blocked,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(interface) = &self.interface {
            write!(f, "{interface}: ")?;
        }
        write!(f, "{}; {}", self.blocked, self.blocked.advice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_systems_words_are_understood() {
        for (errno, blocked) in [
            (1, Blocked::Denied),
            (13, Blocked::Denied),
            (19, Blocked::NoRoute),
            (98, Blocked::PortTaken),
            (99, Blocked::NoRoute),
            (101, Blocked::NoRoute),
            (100, Blocked::NoRoute),
            (113, Blocked::NoRoute),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(Blocked::from(&error), blocked, "{error}");
        }
    }

    #[test]
    fn a_trouble_says_where_what_and_what_to_do() {
        let trouble = Trouble {
            interface: Some("wlan0".into()),
            blocked: Blocked::Denied,
        };
        let text = trouble.to_string();
        assert!(
            text.starts_with(
                "wlan0: the system does not permit multicast to this program; allow UDP"
            ),
            "{text}"
        );
    }
}
