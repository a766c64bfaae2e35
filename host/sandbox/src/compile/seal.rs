//! The MAC that stands between a file on disk and running it.
//!
//! A sealed file is a header of magic and MAC, then the payload. The MAC is a keyed hash over everything that the payload's meaning
//! depends on: this format, this version of hotcell, the engine with its settings, the digest of the component, which of its two
//! files it is, and the payload. So a torn write, a flipped bit, an entry under another's name, one of another engine or another
//! user's key are all the same: not ours, made again. What another version or engine sealed has another name, so after an upgrade
//! nothing looks as if someone had changed it.

use std::hash::{Hash, Hasher};

use hotcell_call::Digest;
use wasmtime::Engine;

/// Changes whenever the payloads' format does.
const FORMAT: &[u8] = b"hotcell artefact 2";
/// How a sealed file begins.
const MAGIC: [u8; 8] = *b"hotcell\x02";
/// Magic and MAC.
pub(crate) const HEADER: usize = 8 + blake3::OUT_LEN;

/// The key of a cache folder.
pub(crate) type Key = [u8; blake3::KEY_LEN];

/// Which of a component's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What is known of it.
    Meta,
    /// Its machine code.
    Code,
}

/// Bytes that this host made: by its own child just now, or before, under its key.
///
/// Nothing else makes one, and nothing but one may be deserialized.
pub(crate) struct Verified {
    bytes: Vec<u8>,
    start: usize,
}

/// Seals and opens.
pub(crate) struct Seal {
    key: Key,
    /// Of this format, this version, and the engine with its settings.
    maker: blake3::Hash,
}

impl Part {
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Code => "code",
        }
    }
}

impl Verified {
    /// Takes over what the compile child gave.
    pub(super) fn fresh(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl Seal {
    pub(crate) fn new(key: Key, engine: &Engine) -> Self {
        let mut settings = Settings(blake3::Hasher::new());
        for piece in [FORMAT, env!("CARGO_PKG_VERSION").as_bytes()] {
            settings.write_usize(piece.len());
            settings.write(piece);
        }
        engine.precompile_compatibility_hash().hash(&mut settings);
        Self { key, maker: settings.0.finalize() }
    }

    /// The name of a file.
    pub(crate) fn file(&self, part: Part, digest: &Digest) -> String {
        let maker = self.maker.to_hex();
        format!("{}-{}.{}", digest.hex(), maker.get(..16).unwrap_or_default(), part.extension())
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// The header for a payload.
    pub(crate) fn header(&self, part: Part, digest: &Digest, payload: &[u8]) -> Vec<u8> {
        [MAGIC.as_slice(), self.mac(part, digest, payload).as_bytes()].concat()
    }

    /// Takes a file's content, if it is what was sealed.
    pub(crate) fn open(&self, part: Part, digest: &Digest, bytes: Vec<u8>) -> Option<Verified> {
        let (header, payload) = bytes.split_at_checked(HEADER)?;
        let mac = header.strip_prefix(&MAGIC)?.first_chunk::<{ blake3::OUT_LEN }>()?;
        // Compares in constant time.
        if self.mac(part, digest, payload) != blake3::Hash::from_bytes(*mac) {
            return None;
        }
        Some(Verified { bytes, start: HEADER })
    }

    fn mac(&self, part: Part, digest: &Digest, payload: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for piece in [part.extension().as_bytes(), self.maker.as_bytes(), digest.as_bytes(), payload] {
            // Each with its length, so that no piece can pass for the end of the one before.
            hasher.update(&u64::try_from(piece.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(piece);
        }
        hasher.finalize()
    }
}

/// Hashes the engine's settings with more than the 64 bits of the standard hasher.
struct Settings(blake3::Hasher);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        hash.as_bytes().first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first))
    }
}
