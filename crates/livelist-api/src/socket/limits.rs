//! How many connections a server accepts, and which proxies it trusts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// The limits on connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. Further ones are answered with 503.
    pub connections: usize,
    /// Connections of one address (of IPv6, one /64). Further ones are answered with 429. Behind a trusted
    /// proxy: concurrent requests of one address that it forwards.
    pub per_address: usize,
    /// The same for the loopback address, where usually a proxy on this machine forwards all sites.
    pub per_loopback: usize,
    /// Additional connections, for a second or two each: `/v1/health` is answered even if all others are
    /// taken.
    pub reserved: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 1_024,
            per_address: 64,
            per_loopback: 256,
            reserved: 64,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Limits {
    /// Whether `address` is that of a trusted proxy.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let mut networks = self.trusted_proxies.iter();
        networks.any(|network| network.holds(address))
    }

    /// The limit of `address`.
    pub(super) fn of(&self, address: IpAddr) -> usize {
        match address.to_canonical().is_loopback() {
            true => self.per_loopback,
            false => self.per_address,
        }
    }
}

/// Addresses that begin with the same bits, e.g. `10.0.0.0/8`; or one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that names no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected an address, or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl Network {
    /// Whether `address` is one of them.
    fn holds(self, address: IpAddr) -> bool {
        masked(address, self.bits) == masked(self.address, self.bits)
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), str::parse).map_err(|_| NotANetwork)?;
        if bits > all {
            return Err(NotANetwork);
        }
        Ok(Network { address, bits })
    }
}

/// `address` with all but its first `bits` zero.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32)));
            Ipv4Addr::from_bits(address.to_bits() & mask.unwrap_or(0)).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128)));
            Ipv6Addr::from_bits(address.to_bits() & mask.unwrap_or(0)).into()
        }
    }
}

/// The address under which a peer is counted: for IPv6 its /64, because one owner has all of it.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => masked(address.into(), 64),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(networks: &[&str]) -> Limits {
        Limits {
            trusted_proxies: networks.iter().map(|n| n.parse().unwrap()).collect(),
            ..Limits::default()
        }
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_as_it_does() {
        let limits = limits(&["10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::1"]);
        for inside in [
            "10.1.2.3",
            "192.0.2.7",
            "2001:db8:1::5",
            "::1",
            "::ffff:10.1.0.9",
        ] {
            assert!(limits.trusts(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["10.2.0.1", "192.0.2.8", "2001:db9::1", "::2", "127.0.0.1"] {
            assert!(!limits.trusts(outside.parse().unwrap()), "{outside}");
        }
        let everybody = Limits {
            trusted_proxies: vec!["0.0.0.0/0".parse().unwrap()],
            ..Limits::default()
        };
        assert!(everybody.trusts("203.0.113.9".parse().unwrap()));
        assert!(!everybody.trusts("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "proxy",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0/8",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }

    #[test]
    fn who_has_an_address_of_ipv6_has_its_64() {
        let count = |address: &str| counted(address.parse().unwrap());
        assert_eq!(count("2001:db8::1"), count("2001:db8::ffff:1"));
        assert_ne!(count("2001:db8::1"), count("2001:db8:0:1::1"));
        assert_eq!(count("::ffff:192.0.2.1"), count("192.0.2.1"));
        assert_ne!(count("192.0.2.1"), count("192.0.2.2"));
    }
}
