//! `hash`: fingerprints of texts, bytes and files.
//!
//! A file is read piece by piece, so its size costs time and no memory. All algorithms are crates' of their own; what is
//! here is the choice among them.

mod algorithm;

use std::fs::File;
use std::io::{self, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotcell::Error;

pub use algorithm::Algorithm;
use algorithm::Running;

/// Bytes of a file in memory at a time.
const PIECE: usize = 64 << 10;

/// A digest.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Digest {
    /// How it was made.
    pub algorithm: Algorithm,
    /// The digest in small hexadecimal digits.
    pub hex: String,
    /// How many bytes were read.
    pub bytes: u64,
}

/// Gives the digest of a text, or of bytes in base64: one of the two.
///
/// For what must resist an attacker take `sha256`, `sha512` or `blake3`; `md5`, `sha1` and `crc32` are for comparing with
/// digests that are there already.
#[hotcell::tool(effect = "pure")]
pub fn digest(
    /// The text; its UTF-8 bytes are read.
    text: Option<String>,
    /// The bytes, in base64 with padding.
    base64: Option<String>,
    /// How to make the digest.
    #[hotcell(default = Algorithm::Sha256)]
    algorithm: Algorithm,
) -> Result<Digest, Error> {
    let bytes = match (text, base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(base64)) => {
            STANDARD.decode(base64.trim_ascii()).map_err(|error| Error::invalid_input("$.base64", error))?
        }
        (None, None) => {
            return Err(Error::invalid_input("$", "wanted `text` or `base64`, found neither"));
        }
        (Some(_), Some(_)) => {
            return Err(Error::invalid_input("$", "wanted `text` or `base64`, found both"));
        }
    };
    let mut running = algorithm.start();
    running.update(&bytes);
    Ok(describe(algorithm, running, bytes.len() as u64))
}

/// Gives the digest of a file.
#[hotcell::tool(effect = "read")]
pub fn file(
    /// The file's path, within the granted folder.
    path: String,
    /// How to make the digest.
    #[hotcell(default = Algorithm::Sha256)]
    algorithm: Algorithm,
) -> Result<Digest, Error> {
    let failed = |error: io::Error| Error::failed(format_args!("failed to read `{path}`: {error}"));
    let mut file = File::open(&path).map_err(failed)?;
    let mut running = algorithm.start();
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let count = match file.read(&mut piece) {
            Ok(0) => return Ok(describe(algorithm, running, bytes)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        running.update(piece.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
}

fn describe(algorithm: Algorithm, running: Running, bytes: u64) -> Digest {
    Digest { algorithm, hex: running.finish(), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, algorithm: Algorithm) -> String {
        digest(Some(text.into()), None, algorithm).unwrap().hex
    }

    /// The published test vectors for "abc" and for nothing.
    #[test]
    fn known_digests() {
        for (algorithm, abc, empty) in [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72", "d41d8cd98f00b204e9800998ecf8427e"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                Algorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            ),
            (
                Algorithm::Blake3,
                "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            ),
            (Algorithm::Crc32, "352441c2", "00000000"),
        ] {
            assert_eq!((of("abc", algorithm).as_str(), of("", algorithm).as_str()), (abc, empty), "{algorithm:?}");
        }
    }

    #[test]
    fn text_and_its_base64_are_the_same_bytes() {
        let bytes = digest(None, Some("YWJj\n".into()), Algorithm::Crc32).unwrap();
        assert_eq!(bytes, digest(Some("abc".into()), None, Algorithm::Crc32).unwrap());
    }

    #[test]
    fn one_input_is_wanted() {
        for (text, base64, part) in [
            (None, None, "$: wanted `text` or `base64`, found neither"),
            (Some("a"), Some("YQ=="), "$: wanted `text` or `base64`, found both"),
            (None, Some("Y?=="), "$.base64: Invalid symbol 63, offset 1"),
        ] {
            let error = digest(text.map(Into::into), base64.map(Into::into), Algorithm::Md5).unwrap_err().to_string();
            assert!(error.starts_with(part), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, PIECE, 3 * PIECE + 7] {
            let path = folder.path().join("file");
            let text = "x".repeat(size);
            std::fs::write(&path, &text).unwrap();
            let found = file(path.to_string_lossy().into(), Algorithm::Sha256).unwrap();
            assert_eq!(found, digest(Some(text), None, Algorithm::Sha256).unwrap());
            assert_eq!(found.bytes, size as u64);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("none"), folder.path().to_owned()] {
            let path = path.to_string_lossy().into_owned();
            let error = file(path.clone(), Algorithm::Md5).unwrap_err();
            assert!(
                matches!(&error, Error::Failed(text) if text.starts_with(&format!("failed to read `{path}`: "))),
                "{error}"
            );
        }
    }

    #[test]
    fn answers_as_json() {
        assert_eq!(
            hotcell::call("digest", r#"{"text": "abc", "algorithm": "crc32"}"#).unwrap(),
            r#"{"algorithm":"crc32","hex":"352441c2","bytes":3}"#
        );
        let error = hotcell::call("digest", r#"{"text": "abc", "algorithm": "sha3"}"#).unwrap_err();
        assert!(matches!(&error, Error::InvalidInput { path, .. } if path == "$.algorithm"), "{error}");
    }
}
