//! The algorithms, and one of them at work.

use std::fmt::Write as _;

use md5::Digest as _;

/// A way to make a digest.
#[hotcell::input]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// 128 bits; broken.
    Md5,
    /// 160 bits; broken.
    Sha1,
    /// 256 bits, of the SHA-2 family.
    Sha256,
    /// 512 bits, of the SHA-2 family.
    Sha512,
    /// 256 bits, the fastest.
    Blake3,
    /// 32 bits, against accidents only.
    Crc32,
}

/// A digest in the making. Boxed, as the states differ much in size.
pub(crate) enum Running {
    Md5(Box<md5::Md5>),
    Sha1(Box<sha1::Sha1>),
    Sha256(Box<sha2::Sha256>),
    Sha512(Box<sha2::Sha512>),
    Blake3(Box<blake3::Hasher>),
    Crc32(crc32fast::Hasher),
}

impl Algorithm {
    /// Starts a digest of nothing yet.
    pub(crate) fn start(self) -> Running {
        match self {
            Self::Md5 => Running::Md5(Box::default()),
            Self::Sha1 => Running::Sha1(Box::default()),
            Self::Sha256 => Running::Sha256(Box::default()),
            Self::Sha512 => Running::Sha512(Box::default()),
            Self::Blake3 => Running::Blake3(Box::default()),
            Self::Crc32 => Running::Crc32(crc32fast::Hasher::new()),
        }
    }
}

impl Running {
    /// Takes in more bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Sha1(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
            Self::Blake3(state) => {
                state.update(bytes);
            }
            Self::Crc32(state) => state.update(bytes),
        }
    }

    /// Gives the digest as hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        match self {
            Self::Md5(state) => hex(&state.finalize()),
            Self::Sha1(state) => hex(&state.finalize()),
            Self::Sha256(state) => hex(&state.finalize()),
            Self::Sha512(state) => hex(&state.finalize()),
            Self::Blake3(state) => hex(state.finalize().as_bytes()),
            Self::Crc32(state) => hex(&state.finalize().to_be_bytes()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
