//! The network: every way to it that the standard library and WASI know.

use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};

use hotcell_test_guests::Probe;

/// Tries to reach an address, and to be reached.
#[hotcell::tool]
fn reach(
    /// Where somebody listens.
    address: String,
) -> Result<Vec<Probe>, String> {
    let to: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    let send = || UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", to));
    let network = instance_network::instance_network();
    Ok(vec![
        Probe::of("connect by TCP", TcpStream::connect(to)),
        Probe::of("connect with a timeout", TcpStream::connect_timeout(&to, Duration::from_millis(100))),
        Probe::of("listen by TCP", TcpListener::bind("127.0.0.1:0")),
        Probe::of("send by UDP", send()),
        Probe::of("resolve a name", "localhost:80".to_socket_addrs().map(Iterator::count)),
        Probe::of("a raw TCP socket", tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4)),
        Probe::of("a raw TCP socket, IPv6", tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv6)),
        Probe::of("a raw UDP socket", udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4)),
        Probe::of("a raw look-up", ip_name_lookup::resolve_addresses(&network, "localhost")),
        Probe::of("a raw look-up of a number", ip_name_lookup::resolve_addresses(&network, "127.0.0.1")),
    ])
}

/// Connects, or fails with what it was told: how an ordinary tool meets a denial.
#[hotcell::tool]
fn connect(address: String) -> Result<(), String> {
    TcpStream::connect(&address).map(drop).map_err(|error| format!("can't connect to {address}: {error}"))
}
