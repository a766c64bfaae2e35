//! From a host that a rule names to a connection with an address that was judged.
//!
//! A name is looked up once for each connection, and connected is what came of that: between the judging and the connecting there
//! is no second look-up that could answer otherwise. No proxy is asked, whatever the environment says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hotcell_call::{Asked, NetHost, Place, Scheme, place_of};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

use super::names::Names;

/// A connection, in the clear or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Unconnected {
    /// The name leads to a place where names must not lead; with what it is.
    Forbidden(&'static str),
    /// Nobody answers, or not as one should.
    Failed(Error),
}

impl From<Error> for Unconnected {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Addresses of one host that are tried.
const MOST_ADDRESSES: usize = 4;

/// Looks up where a request goes, and judges it.
///
/// A host that is written as an address was named so by a rule, which is consent; so is `localhost`, which is this machine
/// without being looked up. Any other name has to lead to the open network by all of its addresses: if one of them does not,
/// none is used.
pub(super) async fn destinations(
    host: &NetHost,
    names: &Names,
    lookups: &Arc<Semaphore>,
) -> Result<Vec<IpAddr>, Unconnected> {
    let name = match (host, host.place()) {
        (_, Some(Place::Never(what))) => return Err(Unconnected::Forbidden(what)),
        (NetHost::Address(address), _) => return Ok(vec![*address]),
        (NetHost::Name(_), Some(_)) => return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
        (NetHost::Name(name), None) => name.clone(),
    };
    let turn = Arc::clone(lookups).acquire_owned().await.map_err(|_| Error::DnsTimeout)?;
    let names = names.clone();
    // The thread keeps its turn until it is done, also when nobody waits for it any more: so they can't pile up.
    let looked_up = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        names.addresses(&name)
    });
    let unknown = || Error::DnsError { rcode: None, info_code: None };
    let mut addresses = looked_up.await.map_err(|_| unknown())?.map_err(|_| unknown())?;
    if addresses.is_empty() {
        return Err(unknown().into());
    }
    for address in &addresses {
        match place_of(*address) {
            Place::Global => {}
            Place::Loopback => return Err(Unconnected::Forbidden("this machine")),
            Place::Private => return Err(Unconnected::Forbidden("a private network")),
            Place::Never(what) => return Err(Unconnected::Forbidden(what)),
        }
    }
    addresses.truncate(MOST_ADDRESSES);
    Ok(addresses)
}

/// Connects to the first of `addresses` that answers, and to nothing else.
pub(super) async fn connect(asked: &Asked, addresses: &[IpAddr], tls: &TlsConnector) -> Result<Box<dyn Stream>, Error> {
    let mut failure = Error::DestinationNotFound;
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(*address, asked.port())).await {
            Ok(stream) => {
                // Small requests are not worth waiting for company.
                let _ = stream.set_nodelay(true);
                return match asked.scheme() {
                    Scheme::Http => Ok(Box::new(stream)),
                    Scheme::Https => secured(asked.host(), stream, tls).await,
                };
            }
            Err(error) => failure = unreachable(&error),
        }
    }
    Err(failure)
}

async fn secured(host: &NetHost, stream: TcpStream, tls: &TlsConnector) -> Result<Box<dyn Stream>, Error> {
    let name = match host {
        NetHost::Address(address) => ServerName::from(*address),
        NetHost::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)?,
    };
    match tls.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
            _ => Error::TlsProtocolError,
        }),
    }
}

fn unreachable(error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        std::io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::DestinationUnavailable,
    }
}
