//! What a guest can reach, one capability a file.
//!
//! Everything of WASI 0.2 is linked (of HTTP, what sends requests), for every tool, and refused when it is used without a grant: so that a refusal can
//! name what was asked. Where the engine's stock hosts can't bound what they do, or can't name what they refuse, the host is
//! our own; where they are right (path resolution within a folder, streams, polling) they do the work behind our checks.

mod cli;
mod clock;
mod context;
mod descriptors;
mod files;
mod grants;
mod http;
mod listing;
mod network;
mod quota;
mod random;
mod streams;

pub(crate) use clock::Clock;
pub(crate) use descriptors::{Descriptors, Share};
pub(crate) use files::Files;
pub use grants::OpenGrants;
pub use http::Names;
pub(crate) use http::{Bounds, FIELDS, Http, Net, Outlet};
pub(crate) use random::Random;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::{cli as wasi_cli, clocks, filesystem, random as wasi_random, sockets};
use wasmtime_wasi::sockets::WasiSockets;
use wasmtime_wasi_http::WasiHttp;
use wasmtime_wasi_http::p2::bindings::http as wasi_http;
use wasmtime_wasi_io::bindings::wasi::io;

use crate::cell::Cell;

/// Hands the whole cell to a host implementation.
struct InCell;

impl HasData for InCell {
    type Data<'a> = &'a mut Cell;
}

/// Hands the table of resources to the stock streams and pollables.
struct InTable;

impl HasData for InTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Fills the one linker.
///
/// # Errors
///
/// The engine's, when two definitions clash: a bug that the first start shows.
pub(crate) fn link(linker: &mut Linker<Cell>) -> wasmtime::Result<()> {
    fn cell(cell: &mut Cell) -> &mut Cell {
        cell
    }
    fn table(cell: &mut Cell) -> &mut ResourceTable {
        &mut cell.table
    }
    io::error::add_to_linker::<Cell, InTable>(linker, table)?;
    io::poll::add_to_linker::<Cell, InTable>(linker, table)?;
    io::streams::add_to_linker::<Cell, InCell>(linker, cell)?;

    wasi_cli::environment::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::exit::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::stdin::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::stdout::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::stderr::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::terminal_input::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::terminal_output::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::terminal_stdin::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::terminal_stdout::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_cli::terminal_stderr::add_to_linker::<Cell, InCell>(linker, cell)?;

    clocks::wall_clock::add_to_linker::<Cell, InCell>(linker, cell)?;
    clocks::monotonic_clock::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_random::random::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_random::insecure::add_to_linker::<Cell, InCell>(linker, cell)?;
    wasi_random::insecure_seed::add_to_linker::<Cell, InCell>(linker, cell)?;
    filesystem::preopens::add_to_linker::<Cell, InCell>(linker, cell)?;
    filesystem::types::add_to_linker::<Cell, InCell>(linker, cell)?;

    // Sockets can't be made, so nothing behind these can be reached: they are here for guests that import them all.
    sockets::tcp_create_socket::add_to_linker::<Cell, InCell>(linker, cell)?;
    sockets::udp_create_socket::add_to_linker::<Cell, InCell>(linker, cell)?;
    sockets::ip_name_lookup::add_to_linker::<Cell, InCell>(linker, cell)?;
    sockets::instance_network::add_to_linker::<Cell, WasiSockets>(linker, Cell::sockets)?;
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<Cell, WasiSockets>(linker, &options, Cell::sockets)?;
    sockets::tcp::add_to_linker::<Cell, WasiSockets>(linker, Cell::sockets)?;
    sockets::udp::add_to_linker::<Cell, WasiSockets>(linker, Cell::sockets)?;
    wasi_http::outgoing_handler::add_to_linker::<Cell, WasiHttp>(linker, Cell::http)?;
    let options = wasi_http::types::LinkOptions::default();
    wasi_http::types::add_to_linker::<Cell, WasiHttp>(linker, &options, Cell::http)?;
    context::link(linker)
}
