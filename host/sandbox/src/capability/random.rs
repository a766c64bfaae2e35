//! `wasi:random`: the system's, or a stream that a seed fixes; both bounded over the whole call.
//!
//! The stock host bounds one request, and 64 MiB of it hold a core for 0.4 s. Here the sum is bounded, so a loop of requests reaches
//! the limit as well, and a request beyond it is refused before a byte is made.

use hotcell_call::{ByteSize, Capability, RandomMode, Resource, Used};
use rand::rngs::OsRng;
use rand::{RngCore, SeedableRng, TryRngCore};
use rand_chacha::ChaCha12Rng;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::cell::{Cell, Notes};
use crate::stop::{Spent, Stop};

/// The randomness of one call.
pub(crate) struct Random {
    mode: RandomMode,
    /// Made at the first use: most tools never ask.
    stream: Option<ChaCha12Rng>,
    given: u64,
    limit: u64,
}

impl Random {
    pub(crate) fn new(mode: RandomMode, limit: ByteSize) -> Self {
        Self { mode, stream: None, given: 0, limit: limit.as_u64() }
    }

    /// Begins anew, for the next call in the same cell: a seed gives the same again.
    pub(crate) fn renew(&mut self, limit: ByteSize) {
        *self = Self::new(self.mode, limit);
    }

    /// The most bytes that are handed out.
    pub(crate) fn limit(&self) -> ByteSize {
        ByteSize::bytes(self.limit)
    }

    /// Bytes handed out so far.
    pub(crate) fn given(&self) -> ByteSize {
        ByteSize::bytes(self.given)
    }

    fn charge(&mut self, bytes: u64, notes: &mut Notes) -> Result<(), Stop> {
        let wanted = self.given.saturating_add(bytes);
        if wanted > self.limit {
            return Err(notes.exhaust(Resource::Random, Spent { wanted, limit: self.limit }));
        }
        self.given = wanted;
        Ok(())
    }

    fn seeded(&mut self) -> &mut ChaCha12Rng {
        let seed = match self.mode {
            RandomMode::Seeded(seed) => seed,
            RandomMode::System | RandomMode::Withheld => 0,
        };
        self.stream.get_or_insert_with(|| ChaCha12Rng::seed_from_u64(seed))
    }
}

/// Whether the guest asks for randomness that must be good, or for any.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Secure,
    Any,
}

impl Cell {
    fn random_bytes(&mut self, bytes: u64, need: Need) -> wasmtime::Result<Vec<u8>> {
        self.random.charge(bytes, &mut self.notes)?;
        let mut buffer = vec![0; ByteSize::bytes(bytes).as_usize()];
        match self.random.mode {
            RandomMode::System => {
                self.note(Used::Random);
                self.teller.allowed(Capability::Random, "the system's randomness", || "random system".to_owned());
                OsRng.try_fill_bytes(&mut buffer)?;
            }
            RandomMode::Withheld if need == Need::Secure => {
                return Err(Stop::Denied(self.deny(Capability::Random, "secure random bytes")).into());
            }
            RandomMode::Seeded(_) | RandomMode::Withheld => self.random.seeded().fill_bytes(&mut buffer),
        }
        Ok(buffer)
    }

    fn random_u64(&mut self, need: Need) -> wasmtime::Result<u64> {
        let bytes = self.random_bytes(8, need)?;
        Ok(bytes.try_into().map_or(0, u64::from_le_bytes))
    }
}

impl random::Host for &mut Cell {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len, Need::Secure)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64(Need::Secure)
    }
}

impl insecure::Host for &mut Cell {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len, Need::Any)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64(Need::Any)
    }
}

impl insecure_seed::Host for &mut Cell {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_u64(Need::Any)?, self.random_u64(Need::Any)?))
    }
}
