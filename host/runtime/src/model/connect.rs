//! From an address to a connection that speaks HTTP/1.1.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hotcell_agent::model::ModelError;
use hotcell_call::{NetHost, Scheme, format_duration};
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, SendRequest};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::stream::Stream;
use crate::config::Base;

/// Look-up, connection and TLS together.
const CONNECT: Duration = Duration::from_secs(10);
/// The most bytes of a response's head, and the most fields in it.
const MOST_HEAD: usize = 64 << 10;
const MOST_FIELDS: usize = 100;

/// A connection; it ends with its drop.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    /// Drives it.
    pub(super) driver: AbortOnDropHandle<()>,
}

/// Connects to the first address that answers; where the operator waits less than usual for a reply, so does this.
pub(super) async fn connect(base: &Base, tls: &TlsConnector, first: Duration) -> Result<Connection, ModelError> {
    let unreachable = |why: String| ModelError::Unreachable(format!("{base} can't be reached: {why}"));
    let within = CONNECT.min(first);
    let stream = match tokio::time::timeout(within, stream(base, tls)).await {
        Ok(stream) => stream.map_err(|error| unreachable(error.to_string()))?,
        Err(_) => return Err(unreachable(format!("no connection within {}", format_duration(within)))),
    };
    let mut builder = Builder::new();
    builder.max_buf_size(MOST_HEAD).max_headers(MOST_FIELDS);
    let (sender, connection) = builder.handshake(stream).await.map_err(|error| unreachable(error.to_string()))?;
    let driver = tokio::spawn(async move {
        // Who waits for a response hears of what went wrong.
        let _ = connection.await;
    });
    Ok(Connection { sender, driver: AbortOnDropHandle::new(driver) })
}

async fn stream(base: &Base, tls: &TlsConnector) -> io::Result<Stream> {
    let stream = match base.host() {
        NetHost::Address(address) => TcpStream::connect((*address, base.port())).await?,
        NetHost::Name(name) => TcpStream::connect((name.as_str(), base.port())).await?,
    };
    stream.set_nodelay(true)?;
    if base.scheme() == Scheme::Http {
        return Ok(Stream::new(stream));
    }
    let name = match base.host() {
        NetHost::Address(address) => ServerName::from(*address),
        NetHost::Name(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
    };
    Ok(Stream::new(tls.connect(name, stream).await?))
}

/// TLS with the roots that browsers trust; HTTP/1.1 alone is offered.
pub(super) fn tls() -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
