//! `wasi:io/streams`: the stock streams, behind a bound on what one write may carry.
//!
//! The engine has a bound of its own on what a guest hands over in one call, but reports it with an error that has no type. So it
//! is set where no guest that keeps to its memory can reach it, and the limit that users know is checked here, by type.

use hotcell_call::{ByteSize, Resource as Limit};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};
use wasmtime_wasi_io::bindings::wasi::io::streams::{self, HostInputStream, HostOutputStream};

use crate::cell::Cell;
use crate::stop::{Spent, Stop};

type In = Resource<DynInputStream>;
type Out = Resource<DynOutputStream>;

impl Cell {
    /// Lets so much pass in one host call.
    pub(super) fn admit_data(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let (wanted, limit) = (ByteSize::of(bytes.len()), self.host_data);
        if wanted <= limit {
            return Ok(());
        }
        let spent = Spent { wanted: wanted.as_u64(), limit: limit.as_u64() };
        Err(self.notes.exhaust(Limit::HostData, spent))
    }
}

impl streams::Host for &mut Cell {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<streams::StreamError> {
        self.table.convert_stream_error(error)
    }
}

impl HostOutputStream for &mut Cell {
    async fn drop(&mut self, stream: Out) -> wasmtime::Result<()> {
        HostOutputStream::drop(&mut self.table, stream).await
    }

    fn check_write(&mut self, stream: Out) -> StreamResult<u64> {
        self.table.check_write(stream)
    }

    fn write(&mut self, stream: Out, bytes: Vec<u8>) -> StreamResult<()> {
        self.admit_data(&bytes).map_err(|stop| StreamError::Trap(stop.into()))?;
        self.table.write(stream, bytes)
    }

    fn subscribe(&mut self, stream: Out) -> wasmtime::Result<Resource<DynPollable>> {
        HostOutputStream::subscribe(&mut self.table, stream)
    }

    async fn blocking_write_and_flush(&mut self, stream: Out, bytes: Vec<u8>) -> StreamResult<()> {
        self.admit_data(&bytes).map_err(|stop| StreamError::Trap(stop.into()))?;
        self.table.blocking_write_and_flush(stream, bytes).await
    }

    async fn blocking_write_zeroes_and_flush(&mut self, stream: Out, len: u64) -> StreamResult<()> {
        self.table.blocking_write_zeroes_and_flush(stream, len).await
    }

    fn write_zeroes(&mut self, stream: Out, len: u64) -> StreamResult<()> {
        self.table.write_zeroes(stream, len)
    }

    fn flush(&mut self, stream: Out) -> StreamResult<()> {
        self.table.flush(stream)
    }

    async fn blocking_flush(&mut self, stream: Out) -> StreamResult<()> {
        self.table.blocking_flush(stream).await
    }

    fn splice(&mut self, to: Out, from: In, len: u64) -> StreamResult<u64> {
        self.table.splice(to, from, len)
    }

    async fn blocking_splice(&mut self, to: Out, from: In, len: u64) -> StreamResult<u64> {
        self.table.blocking_splice(to, from, len).await
    }
}

impl HostInputStream for &mut Cell {
    async fn drop(&mut self, stream: In) -> wasmtime::Result<()> {
        HostInputStream::drop(&mut self.table, stream).await
    }

    fn read(&mut self, stream: In, len: u64) -> StreamResult<Vec<u8>> {
        self.table.read(stream, len)
    }

    async fn blocking_read(&mut self, stream: In, len: u64) -> StreamResult<Vec<u8>> {
        self.table.blocking_read(stream, len).await
    }

    fn skip(&mut self, stream: In, len: u64) -> StreamResult<u64> {
        self.table.skip(stream, len)
    }

    async fn blocking_skip(&mut self, stream: In, len: u64) -> StreamResult<u64> {
        self.table.blocking_skip(stream, len).await
    }

    fn subscribe(&mut self, stream: In) -> wasmtime::Result<Resource<DynPollable>> {
        HostInputStream::subscribe(&mut self.table, stream)
    }
}
