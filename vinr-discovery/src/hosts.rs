//! Terminals whose address is written down, so that nothing needs to be discovered. \[DISC-4\]
//!
//! Reading and resolving only: asking the terminal who it is takes mutual TLS, which is another crate's.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::DEFAULT_PORT;

/// The longest DNS name and label.
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// How many addresses of one name are tried.
const ADDRESSES_MAX: usize = 16;

/// Where a terminal is: `host`, `host:port`, `192.0.2.7`, `192.0.2.7:8443`, `[2001:db8::7]`,
/// `[fe80::1%eth0]:8443`. Without a port it is 8443.
///
/// ```
/// use vinr_discovery::StaticHost;
///
/// let host: StaticHost = "till-4.shop.example".parse()?;
/// assert_eq!(host.port(), 8443);
/// assert_eq!(host.to_string(), "till-4.shop.example:8443");
/// # Ok::<(), vinr_discovery::hosts::InvalidHost>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StaticHost {
    place: Place,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Name(String),
    V4(Ipv4Addr),
    V6 { ip: Ipv6Addr, scope: Option<String> },
}

/// A text is no address of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// Neither a host name nor an IP address.
    #[error("a terminal's address is a host name, an IPv4 address or an IPv6 address in brackets")]
    Host,
    /// An IPv6 address without brackets cannot be told from one with a port.
    #[error("an IPv6 address stands in brackets: [2001:db8::7] or [fe80::1%eth0]:8443")]
    Brackets,
    /// Four numbers that are no IPv4 address, such as 192.0.2.256.
    #[error("an IPv4 address is four numbers from 0 to 255")]
    Ipv4,
    /// After `%` stands the name or number of a network interface.
    #[error("after '%' stands the name or number of a network interface")]
    Scope,
    /// After the colon stands a port.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

impl StaticHost {
    /// Reads an address, or says what one looks like.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        if let Some(rest) = text.strip_prefix('[') {
            let (inside, after) = rest.split_once(']').ok_or(InvalidHost::Brackets)?;
            let port = match after.strip_prefix(':') {
                Some(port) => parse_port(port)?,
                None if after.is_empty() => DEFAULT_PORT,
                None => return Err(InvalidHost::Host),
            };
            return Ok(Self {
                place: parse_ipv6(inside)?,
                port,
            });
        }
        let (host, port) = match text.split_once(':') {
            Some((_, more)) if more.contains(':') => return Err(InvalidHost::Brackets),
            Some((host, port)) => (host, parse_port(port)?),
            None => (text, DEFAULT_PORT),
        };
        Ok(Self {
            place: parse_name_or_ipv4(host)?,
            port,
        })
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses to dial, in the order of the system's resolver. An address resolves to itself; a name
    /// is asked for as every program of this machine would.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.place {
            Place::V4(ip) => Ok(vec![SocketAddr::new(IpAddr::V4(*ip), self.port)]),
            Place::V6 { ip, scope } => {
                let index = scope
                    .as_deref()
                    .map(interface_index)
                    .transpose()?
                    .unwrap_or(0);
                Ok(vec![SocketAddrV6::new(*ip, self.port, 0, index).into()])
            }
            Place::Name(name) => {
                let mut addresses = Vec::new();
                for address in tokio::net::lookup_host((name.as_str(), self.port)).await? {
                    if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
                Ok(addresses)
            }
        }
    }
}

impl std::str::FromStr for StaticHost {
    type Err = InvalidHost;
    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        Self::parse(text)
    }
}

impl fmt::Display for StaticHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Name(name) => write!(f, "{name}:{}", self.port),
            Place::V4(ip) => write!(f, "{ip}:{}", self.port),
            Place::V6 { ip, scope: None } => write!(f, "[{ip}]:{}", self.port),
            Place::V6 {
                ip,
                scope: Some(scope),
            } => write!(f, "[{ip}%{scope}]:{}", self.port),
        }
    }
}

impl From<SocketAddr> for StaticHost {
    fn from(address: SocketAddr) -> Self {
        let place = match address {
            SocketAddr::V4(v4) => Place::V4(*v4.ip()),
            SocketAddr::V6(v6) => {
                let scope = (v6.scope_id() != 0).then(|| v6.scope_id().to_string());
                Place::V6 {
                    ip: *v6.ip(),
                    scope,
                }
            }
        };
        Self {
            place,
            port: address.port(),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, InvalidHost> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidHost::Port); // "+8443" is a number to Rust
    }
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or(InvalidHost::Port)
}

fn parse_ipv6(text: &str) -> Result<Place, InvalidHost> {
    let (ip, scope) = match text.split_once('%') {
        Some((ip, scope)) => (ip, Some(scope)),
        None => (text, None),
    };
    let ip = ip.parse().map_err(|_| InvalidHost::Brackets)?;
    let is_interface = |s: &str| {
        (1..=15).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
    };
    if scope.is_some_and(|s| !is_interface(s)) {
        return Err(InvalidHost::Scope);
    }
    Ok(Place::V6 {
        ip,
        scope: scope.map(str::to_owned),
    })
}

fn parse_name_or_ipv4(text: &str) -> Result<Place, InvalidHost> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) {
        // A resolver would read 192.168.1 as 192.168.0.1.
        return text.parse().map(Place::V4).map_err(|_| InvalidHost::Ipv4);
    }
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= NAME_MAX && name.split('.').all(is_label) {
        Ok(Place::Name(text.to_owned()))
    } else {
        Err(InvalidHost::Host)
    }
}

fn interface_index(scope: &str) -> io::Result<u32> {
    if let Ok(index) = scope.parse() {
        return Ok(index);
    }
    let interfaces = if_addrs::get_if_addrs()?;
    let index = interfaces
        .into_iter()
        .find(|i| i.name == scope)
        .and_then(|i| i.index);
    index.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no network interface {scope}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, InvalidHost> {
        StaticHost::parse(text).map(|host| host.to_string())
    }

    // [DISC-4]
    #[test]
    fn every_form_of_the_documentation_is_read() {
        for (text, meant) in [
            ("terminal", "terminal:8443"),
            ("till-4.shop.example.", "till-4.shop.example.:8443"),
            ("terminal:9443", "terminal:9443"),
            ("192.0.2.7", "192.0.2.7:8443"),
            ("192.0.2.7:9443", "192.0.2.7:9443"),
            ("[2001:db8::7]", "[2001:db8::7]:8443"),
            ("[fe80::1%eth0]:9443", "[fe80::1%eth0]:9443"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(meant), "{text}");
        }
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, mistake) in [
            ("", InvalidHost::Host),
            ("a b", InvalidHost::Host),
            ("https://terminal", InvalidHost::Port),
            ("user@terminal", InvalidHost::Host),
            ("terminal/v1", InvalidHost::Host),
            ("-terminal", InvalidHost::Host),
            ("a..b", InvalidHost::Host),
            ("caf\u{e9}", InvalidHost::Host),
            ("2001:db8::7", InvalidHost::Brackets),
            ("fe80::1:8443", InvalidHost::Brackets),
            ("[2001:db8::7", InvalidHost::Brackets),
            ("[192.0.2.7]", InvalidHost::Brackets),
            ("[::1]x", InvalidHost::Host),
            ("[fe80::1%]", InvalidHost::Scope),
            ("[fe80::1%a/b]", InvalidHost::Scope),
            ("192.0.2.256", InvalidHost::Ipv4),
            ("192.168.1", InvalidHost::Ipv4),
            ("8443", InvalidHost::Ipv4),
            ("192.0.2.07", InvalidHost::Ipv4),
            ("terminal:", InvalidHost::Port),
            ("terminal:+1", InvalidHost::Port),
        ] {
            assert_eq!(read(text), Err(mistake), "{text:?}");
        }
    }

    #[test]
    fn a_port_is_1_to_65535() {
        assert_eq!(read("a:0"), Err(InvalidHost::Port));
        assert!(read("a:1").is_ok());
        assert!(read("a:65535").is_ok());
        assert_eq!(read("a:65536"), Err(InvalidHost::Port));
    }

    #[test]
    fn a_name_has_at_most_253_characters_and_a_label_63() {
        let label = "x".repeat(63);
        assert!(read(&label).is_ok());
        assert_eq!(read(&format!("{label}x")), Err(InvalidHost::Host));
        let name = [label.as_str(), &label, &label, &"x".repeat(61)].join(".");
        assert_eq!(name.len(), 253);
        assert!(read(&name).is_ok());
        assert_eq!(read(&format!("{name}x")), Err(InvalidHost::Host));
    }

    #[test]
    fn what_is_written_out_is_read_back() {
        for text in ["terminal", "192.0.2.7", "[::1]:1", "[fe80::1%eth0]"] {
            let host = StaticHost::parse(text).unwrap();
            assert_eq!(StaticHost::parse(&host.to_string()), Ok(host));
        }
    }

    #[tokio::test]
    async fn an_address_resolves_to_itself() {
        let resolved = StaticHost::parse("[::1]:9443")
            .unwrap()
            .resolve()
            .await
            .unwrap();
        assert_eq!(resolved, ["[::1]:9443".parse().unwrap()]);
    }

    #[tokio::test]
    async fn a_scope_is_the_index_of_its_interface() {
        let lo = if_addrs::get_if_addrs()
            .unwrap()
            .into_iter()
            .find(|i| i.ip() == Ipv4Addr::LOCALHOST)
            .unwrap();
        let host = StaticHost::parse(&format!("[fe80::1%{}]", lo.name)).unwrap();
        let resolved = host.resolve().await.unwrap();
        assert!(matches!(resolved[0], SocketAddr::V6(v6) if Some(v6.scope_id()) == lo.index));
    }

    #[tokio::test]
    async fn an_interface_that_is_not_there_is_named() {
        let error = StaticHost::parse("[fe80::1%nosuch0]")
            .unwrap()
            .resolve()
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "there is no network interface nosuch0");
    }
}
