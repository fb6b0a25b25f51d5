//! Which addresses webhooks may be sent to: public unicast addresses only. A client's document names
//! a host, and its DNS is controlled by somebody else. Without this check (SSRF protection), the name
//! could resolve to the metadata service, the Lambda runtime's API or an internal database.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `address` is public (IANA's registries of special-purpose addresses, 2024-10). An IPv4 address
/// embedded in IPv6 (mapped, translated, 6to4, Teredo) is not: no host name resolves to one for a good
/// reason.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // "This network", private, loopback.
        [0 | 10 | 127, ..] => true,
        // Shared by carriers (CGNAT).
        [100, 64..=127, ..] => true,
        // Link-local: cloud metadata services are here.
        [169, 254, ..] => true,
        [172, 16..=31, ..] => true,
        // Protocol assignments, documentation, 6to4 relays.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] => true,
        [192, 168, ..] => true,
        // Benchmarks, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // 2000::/3 is all of the global unicast space that was handed out. Loopback, unspecified,
    // mapped and translated addresses, unique local, link-local and multicast are outside.
    let is_global = first & 0xe000 == 0x2000;
    let special = match (first, second) {
        // Protocol assignments, Teredo among them.
        (0x2001, 0..=0x01ff) => true,
        // Documentation.
        (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff) => true,
        // 6to4.
        (0x2002, _) => true,
        _ => false,
    };
    is_global && !special
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn special_addresses_are_not_public() {
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.9.10",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff:0fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "3fff:1000::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    proptest! {
        /// Agrees with the standard library's knowledge of special addresses.
        #[test]
        fn nothing_that_the_standard_library_calls_special_is_public(bits: u32, wide: u128) {
            let four = Ipv4Addr::from(bits);
            let special = four.is_private() || four.is_loopback() || four.is_link_local()
                || four.is_broadcast() || four.is_documentation() || four.is_multicast()
                || four.is_unspecified();
            prop_assert!(!(special && is_public(four.into())), "{four}");
            prop_assert!(!is_public(four.to_ipv6_mapped().into()), "{four}");
            let six = Ipv6Addr::from(wide);
            let special = six.is_loopback() || six.is_multicast() || six.is_unspecified()
                || six.is_unique_local() || six.is_unicast_link_local()
                || six.to_ipv4_mapped().is_some();
            prop_assert!(!(special && is_public(six.into())), "{six}");
        }
    }
}
