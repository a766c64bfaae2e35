//! `wasi:sockets`: nothing, and it is said what was asked.
//!
//! Sockets and names are refused where they would come into being, so nothing behind that can be reached.

use hotcell_call::Capability;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, IpAddress, Network, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsCtxView;

use crate::cell::Cell;
use crate::stop::Stop;

impl Cell {
    /// The stock host, which denies everything.
    pub(crate) fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        WasiSocketsCtxView { ctx: &mut self.sockets, table: &mut self.table }
    }

    fn refuse_network<T>(&mut self, asked: &str) -> Result<T, SocketError> {
        self.deny(Capability::Net, asked);
        Err(ErrorCode::AccessDenied.into())
    }
}

impl network::Host for &mut Cell {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.sockets().convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl network::HostNetwork for &mut Cell {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl tcp_create_socket::Host for &mut Cell {
    fn create_tcp_socket(&mut self, _family: IpAddressFamily) -> Result<Resource<TcpSocket>, SocketError> {
        self.refuse_network("a TCP socket")
    }
}

impl udp_create_socket::Host for &mut Cell {
    async fn create_udp_socket(&mut self, _family: IpAddressFamily) -> Result<Resource<UdpSocket>, SocketError> {
        self.refuse_network("a UDP socket")
    }
}

impl ip_name_lookup::Host for &mut Cell {
    fn resolve_addresses(
        &mut self,
        _network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        self.refuse_network(&format!("the address of {name}"))
    }
}

impl ip_name_lookup::HostResolveAddressStream for &mut Cell {
    fn resolve_next_address(
        &mut self,
        _stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        self.refuse_network("the address of a host")
    }

    fn subscribe(&mut self, _stream: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Err(Stop::Denied(self.deny(Capability::Net, "the address of a host")).into())
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}
