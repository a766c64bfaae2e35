//! What a file is, by its first bytes alone: the cheap refusals, before any process is started.
//!
//! Nothing of the file is repeated in a message: the path may be a link to something that its caller may not read.

use hotcell_call::{Code, Failure};

/// The header of a component in the binary format: magic, version 13, layer 1.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// Bytes that are looked at to tell text.
const LOOK: usize = 512;

/// Refuses whatever is not a component by its header.
///
/// # Errors
///
/// [`Code::CoreModule`] or [`Code::NotComponent`], with what it looks like and what to do.
pub(crate) fn look(name: &str, bytes: &[u8]) -> Result<(), Failure> {
    match bytes {
        [] => Err(not(name, "it is empty", "build it again: the file was made, but nothing was written to it")),
        _ if bytes.starts_with(&COMPONENT) => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            Err(Failure::new(Code::CoreModule, format!("{name} is a core module"))
                .why("it is WebAssembly, but has no interface that can be called with values")
                .fix("build it with `--target wasm32-wasip2`, or wrap it: `wasm-tools component new`"))
        }
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Err(not(
            name,
            "it is a component of another version of the binary format",
            "build it with a current toolchain",
        )),
        [0, b'a', b's', b'm', ..] => Err(not(name, "it begins like WebAssembly, but its header is none", BUILD)),
        [0x7f, b'E', b'L', b'F', ..] => Err(not(
            name,
            "it is native code (a program, or a component that was compiled before)",
            "name the `.wasm` file itself: hotcell compiles it, and keeps what it compiled",
        )),
        [b'P', b'K', 3 | 5, ..] => Err(not(name, "it is a zip archive", "unpack it and name the `.wasm` within")),
        [0x1f, 0x8b, ..] => Err(not(name, "it is compressed (gzip)", "unpack it first")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err(not(name, "it is compressed (zstd)", "unpack it first")),
        _ => Err(text(name, bytes)),
    }
}

const BUILD: &str =
    "build it with `cargo build --release --target wasm32-wasip2`, or the component target of your language";

fn text(name: &str, bytes: &[u8]) -> Failure {
    let start = bytes.get(..bytes.len().min(LOOK)).unwrap_or_default();
    let printable = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r');
    if !start.iter().all(printable) {
        return not(name, "it is not WebAssembly", BUILD);
    }
    match start.trim_ascii_start() {
        [b'(' | b';', ..] => {
            not(name, "it is WebAssembly in the text format", "assemble it: `wasm-tools parse FILE -o FILE.wasm`")
        }
        [b'<', ..] => not(
            name,
            "it is HTML or XML",
            "what was saved is a web page, most likely an error: download the file itself",
        ),
        _ => not(name, "it is text", BUILD),
    }
}

fn not(name: &str, why: &str, fix: &str) -> Failure {
    Failure::new(Code::NotComponent, format!("{name} is not a component")).why(why).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_it_is() {
        for (bytes, code, says) in [
            (&b""[..], Code::NotComponent, "empty"),
            (b"\0", Code::NotComponent, "not WebAssembly"),
            (b"\0asm", Code::NotComponent, "header"),
            (b"\0asm\x01\0\0\0rest", Code::CoreModule, "WebAssembly"),
            (b"\0asm\x0c\0\x01\0rest", Code::NotComponent, "another version"),
            (b"\x7fELF\x02", Code::NotComponent, "native code"),
            (b"PK\x03\x04", Code::NotComponent, "zip"),
            (b"\x1f\x8b\x08", Code::NotComponent, "gzip"),
            (b"  (component)", Code::NotComponent, "text format"),
            (b"<!doctype html>", Code::NotComponent, "HTML"),
            (b"root:x:0:0:secret", Code::NotComponent, "it is text"),
            (b"\x01\x02\x03", Code::NotComponent, "not WebAssembly"),
        ] {
            let failure = look("x.wasm", bytes).unwrap_err();
            assert_eq!(failure.code(), code, "{bytes:?}");
            assert!(failure.reason().contains(says) && failure.remedy().is_some(), "{bytes:?}: {failure}");
            assert!(!failure.to_string().contains("secret"));
        }
        assert!(look("x.wasm", b"\0asm\x0d\0\x01\0").is_ok());
    }
}
