//! Where in the world an address lies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is, as far as it matters for who may reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// A host of the open network: any rule that names it will do.
    Global,
    /// This machine. Only a rule that names the address itself, or `localhost`, leads there.
    Loopback,
    /// A network of the operator's own, shared address space included. Only a rule that names the address itself leads there.
    Private,
    /// Never reached, whatever a rule says; with what it is.
    Never(&'static str),
}

/// Addresses at which clouds tell a machine its own keys, where they are not link-local anyway.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The kind of place that `address` is.
///
/// An IPv6 address that carries one of IPv4 within it (mapped, translated, 6to4, Teredo) is never reached, wherever the inner one
/// leads: there is no need for such a spelling, and much harm in it.
#[must_use]
pub fn place_of(address: IpAddr) -> Place {
    if METADATA.contains(&address) {
        return Place::Never("a cloud's metadata service");
    }
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Place {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Place::Never("an unspecified address"),
        (127, ..) => Place::Loopback,
        (10, ..) | (192, 168, _) | (172, 16..=31, _) | (100, 64..=127, _) => Place::Private,
        (169, 254, _) => Place::Never("a link-local address, where clouds have their metadata service"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Place::Never("an address for documentation"),
        (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _) => Place::Never("a reserved address"),
        (224..=239, ..) => Place::Never("a multicast address"),
        (240..=255, ..) => Place::Never("a reserved address"),
        _ => Place::Global,
    }
}

fn v6(address: Ipv6Addr) -> Place {
    if address == Ipv6Addr::LOCALHOST {
        return Place::Loopback;
    }
    match address.segments() {
        [0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0, 0 | 0xffff, ..] => {
            Place::Never("an unspecified address, or one of IPv4 in another spelling")
        }
        [0x64, 0xff9b, ..] => Place::Never("an address that is translated to one of IPv4"),
        [0x2002, ..] | [0x2001, 0, ..] => Place::Never("an address that leads through a tunnel to one of IPv4"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Place::Never("an address for documentation"),
        [0x2001, 0..=0x01ff, ..] | [0x100 | 0x5f00, ..] => Place::Never("a reserved address"),
        [0xfc00..=0xfdff, ..] => Place::Private,
        [0xfe80..=0xfebf, ..] => Place::Never("a link-local address"),
        [0xfec0..=0xfeff, ..] => Place::Never("a site-local address, which is deprecated"),
        [0xff00..=0xffff, ..] => Place::Never("a multicast address"),
        // ISATAP, which carries an address of IPv4 in its last half.
        [_, _, _, _, 0 | 0x0200, 0x5efe, ..] => Place::Never("an address that leads through a tunnel to one of IPv4"),
        // Of all the rest only this eighth is handed out.
        [0x2000..=0x3fff, ..] => Place::Global,
        _ => Place::Never("a reserved address"),
    }
}
