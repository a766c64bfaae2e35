//! The attacks of `hotcell doctor --prove`: one small program that comes inside the binary, one function an attack.
//!
//! It is made without our SDK, and without what the other guests share, because its size is the binary's. Each function goes for one limit alone, and never
//! ends by itself before that: what stops it is the host.

#![expect(clippy::mem_forget, reason = "what is never given back is the attack")]

use std::arch::wasm32::{memory_grow, memory_size, unreachable};
use std::hint::black_box;
use std::mem::forget;
use std::sync::atomic::{AtomicU32, Ordering};

use wasip2::cli::{environment, stderr, stdin, stdout};
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::filesystem::preopens;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::{OutputStream, StreamError};
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};

#[expect(clippy::mem_forget, reason = "lists are handed over, as wit-bindgen writes it")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package hotcell:proof;

            world proof {
                export spin: func() -> u64;
                export storm: func() -> u64;
                export sleep: func();
                export grow: func() -> result<u32, string>;
                export recurse: func() -> u64;
                export answer: func(bytes: u32) -> string;
                export flood: func(bytes: u32);
                export random: func(bytes: u64) -> u64;
                export hand-over: func(bytes: u32) -> result<_, string>;
                export hold: func(count: u32) -> u32;
                export fill: func(folder: string) -> result<u64, string>;
                export litter: func(folder: string) -> result<u32, string>;
                export climb: func(folder: string, name: string, full: string) -> list<string>;
                export read: func(path: string) -> result<string, string>;
                export look: func() -> list<string>;
                export reach: func() -> result<list<string>, string>;
                export ask: func(server: string, times: u32) -> result<u32, string>;
                export send: func(server: string, bytes: u64) -> result<u64, string>;
                export receive: func(server: string, bytes: u64) -> result<u64, string>;
                export trap: func();
                export count: func() -> u32;
                export echo: func(text: string) -> string;
            }
        ",
    });
}

struct Proof;

#[expect(unsafe_code, reason = "the exports, as wit-bindgen writes them")]
mod exports {
    use super::{Proof, bindings};

    bindings::export!(Proof with_types_in bindings);
}

/// What is written at once, to logs and files.
const BLOCK: usize = 4 << 10;

static CALLS: AtomicU32 = AtomicU32::new(0);

impl bindings::Guest for Proof {
    /// Counts for ever.
    fn spin() -> u64 {
        let mut n = 0_u64;
        loop {
            n = black_box(n.wrapping_add(1));
        }
    }

    /// Asks the host for the time, for ever.
    fn storm() -> u64 {
        loop {
            black_box((monotonic_clock::now(), wall_clock::now().seconds));
        }
    }

    /// Waits for the end of time.
    fn sleep() {
        monotonic_clock::subscribe_instant(u64::MAX).block();
    }

    /// Grows until the engine says no. The pages are left alone: it is the host's account that is tried.
    fn grow() -> Result<u32, String> {
        while memory_grow::<0>(16) != usize::MAX {}
        Err(format!("no more than {} pages", memory_size::<0>()))
    }

    /// Calls itself until the stack ends.
    fn recurse() -> u64 {
        fn down(n: u64) -> u64 {
            if n == u64::MAX { n } else { black_box(down(black_box(n + 1))) + 1 }
        }
        down(0)
    }

    /// Answers with so many bytes.
    fn answer(bytes: u32) -> String {
        "x".repeat(bytes as usize)
    }

    /// Prints so many bytes to each stream.
    fn flood(bytes: u32) {
        for stream in [stdout::get_stdout(), stderr::get_stderr()] {
            print(&stream, bytes as usize);
        }
    }

    /// Asks for so many random bytes, a few at a time.
    fn random(bytes: u64) -> u64 {
        let mut given = 0;
        while given < bytes {
            given += wasip2::random::random::get_random_bytes((bytes - given).min(1 << 10)).len() as u64;
        }
        given
    }

    /// Hands the host so many bytes in one write.
    fn hand_over(bytes: u32) -> Result<(), String> {
        stdout::get_stdout().write(&vec![b'x'; bytes as usize]).map_err(|error| error.to_string())
    }

    /// Takes so many handles and gives none back.
    fn hold(count: u32) -> u32 {
        for _ in 0..count {
            forget(monotonic_clock::subscribe_instant(u64::MAX));
        }
        count
    }

    /// Writes to a file until the host says no.
    fn fill(root: String) -> Result<u64, String> {
        let file = make(&folder(&root)?, "filled").map_err(said)?;
        let (block, mut at) = (vec![b'x'; 16 * BLOCK], 0);
        loop {
            at += file.write(&block, at).map_err(said)?;
        }
    }

    /// Makes files until the host says no.
    fn litter(root: String) -> Result<u32, String> {
        let folder = folder(&root)?;
        for number in 0_u32.. {
            make(&folder, &number.to_string()).map_err(said)?;
        }
        Ok(0)
    }

    /// Climbs out of a granted folder to a file beside it, and tells by which ways it came out.
    ///
    /// Planted in the folder is `way-out`, a link to its parent.
    fn climb(root: String, name: String, full: String) -> Vec<String> {
        let Ok(folder) = folder(&root) else { return vec!["there is no folder".to_owned()] };
        let (above, deep) = (format!("../{name}"), format!("deep/../../{name}"));
        let _ = folder.create_directory_at("deep");
        let mut ways: Vec<(String, bool)> = Vec::new();
        for path in [&above, &deep, &full, &format!("way-out/{name}"), &format!("./way-out/../way-out/{name}")] {
            ways.push((format!("read {path}"), open(&folder, path, DescriptorFlags::READ)));
            ways.push((format!("write {path}"), open(&folder, path, DescriptorFlags::WRITE)));
        }
        for (number, to) in [&above, &full, "..", "/"].into_iter().enumerate() {
            let link = format!("link-{number}");
            // That a link can be made is no way out; that it leads anywhere would be one.
            let _ = folder.symlink_at(to, &link);
            for path in [link.clone(), format!("{link}/{name}")] {
                ways.push((format!("follow {path} to {to}"), open(&folder, &path, DescriptorFlags::READ)));
            }
        }
        let _ = make(&folder, "mine");
        ways.push(("make beside".to_owned(), make(&folder, "../made").is_ok()));
        ways.push(("link in".to_owned(), folder.link_at(PathFlags::empty(), &above, &folder, "stolen").is_ok()));
        ways.push(("link out".to_owned(), folder.link_at(PathFlags::empty(), "mine", &folder, "../linked").is_ok()));
        ways.push(("rename in".to_owned(), folder.rename_at(&above, &folder, "stolen").is_ok()));
        ways.push(("rename out".to_owned(), folder.rename_at("mine", &folder, "../renamed").is_ok()));
        ways.push(("remove".to_owned(), folder.unlink_file_at(&format!("way-out/{name}")).is_ok()));
        ways.into_iter().filter_map(|(way, out)| out.then_some(way)).collect()
    }

    /// Reads a file.
    fn read(path: String) -> Result<String, String> {
        std::fs::read_to_string(&path).map_err(|error| error.to_string())
    }

    /// Looks around, and tells what there is to be seen.
    fn look() -> Vec<String> {
        let mut seen: Vec<_> = environment::get_environment().into_iter().map(|(name, _)| name).collect();
        seen.extend(environment::get_arguments());
        seen.extend(environment::initial_cwd());
        if stdin::get_stdin().blocking_read(1).is_ok() {
            seen.push("standard input".to_owned());
        }
        seen
    }

    /// Reaches for the network by every way that WASI has, tells by which it came through, and fails as a tool would that did not.
    fn reach() -> Result<Vec<String>, String> {
        let network = instance_network::instance_network();
        let ways = [
            ("tcp", tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).is_ok()),
            ("tcp6", tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv6).is_ok()),
            ("udp", udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4).is_ok()),
            ("dns", ip_name_lookup::resolve_addresses(&network, "localhost").is_ok()),
        ];
        let through: Vec<_> = ways.iter().filter(|(_, through)| *through).map(|(way, _)| (*way).to_owned()).collect();
        if through.is_empty() { Err("there is no way".to_owned()) } else { Ok(through) }
    }

    /// Sends so many requests, one after the other.
    fn ask(server: String, times: u32) -> Result<u32, String> {
        for _ in 0..times {
            receive(&handle(request(&server, &Method::Get, "/", Fields::new())?)?)?;
        }
        Ok(times)
    }

    /// Sends one request with a body of so many bytes.
    fn send(server: String, bytes: u64) -> Result<u64, String> {
        let fields = Fields::new();
        fields.append("content-length", bytes.to_string().as_bytes()).map_err(refused)?;
        let request = request(&server, &Method::Post, "/", fields)?;
        let body = request.body().map_err(refused)?;
        let response = handle(request)?;
        let (stream, block) = (body.write().map_err(refused)?, vec![b'x'; BLOCK]);
        let mut left = bytes;
        while left > 0 {
            let some = left.min(BLOCK as u64);
            stream.blocking_write_and_flush(block.get(..some as usize).unwrap_or_default()).map_err(refused)?;
            left -= some;
        }
        drop(stream);
        OutgoingBody::finish(body, None).map_err(refused)?;
        receive(&response)?;
        Ok(bytes)
    }

    /// Sends one request whose answer has so many bytes, and reads them.
    fn receive(server: String, bytes: u64) -> Result<u64, String> {
        receive(&handle(request(&server, &Method::Get, &format!("/{bytes}"), Fields::new())?)?)
    }

    /// Runs into `unreachable`.
    fn trap() {
        unreachable()
    }

    /// Counts its calls; the first is 1.
    fn count() -> u32 {
        CALLS.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The honest neighbour: gives back the text.
    fn echo(text: String) -> String {
        text
    }
}

/// The granted folder of that name.
fn folder(name: &str) -> Result<Descriptor, String> {
    let mut folders = preopens::get_directories().into_iter();
    let folder = folders.find(|(_, guest)| guest == name).map(|(folder, _)| folder);
    folder.ok_or_else(|| "there is no such folder".to_owned())
}

fn request(server: &str, method: &Method, path: &str, fields: Fields) -> Result<OutgoingRequest, String> {
    let request = OutgoingRequest::new(fields);
    request.set_method(method).map_err(refused)?;
    request.set_scheme(Some(&Scheme::Http)).map_err(refused)?;
    request.set_authority(Some(server)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(request)
}

fn handle(request: OutgoingRequest) -> Result<FutureIncomingResponse, String> {
    outgoing_handler::handle(request, None).map_err(refused)
}

/// Waits for the response, reads it to its end, and tells the size of its body.
fn receive(response: &FutureIncomingResponse) -> Result<u64, String> {
    response.subscribe().block();
    let response = response.get().ok_or("nothing came")?.map_err(refused)?.map_err(refused)?;
    let body = response.consume().map_err(refused)?;
    let stream = body.stream().map_err(refused)?;
    let mut bytes = 0;
    loop {
        match stream.blocking_read(16 * BLOCK as u64) {
            Ok(some) => bytes += some.len() as u64,
            Err(StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(refused(error)),
        }
    }
}

/// What went wrong with a request is the host's to know; the words for it would be 11 KiB of this program.
fn refused<E>(_: E) -> String {
    "refused".to_owned()
}

fn print(stream: &OutputStream, bytes: usize) {
    let mut left = bytes;
    while left > 0 {
        let some = left.min(BLOCK);
        // What the host makes of it is no concern of an attacker's.
        let _ = stream.blocking_write_and_flush(&vec![b'x'; some]);
        left -= some;
    }
}

fn make(folder: &Descriptor, path: &str) -> Result<Descriptor, ErrorCode> {
    folder.open_at(PathFlags::empty(), path, OpenFlags::CREATE, DescriptorFlags::WRITE)
}

/// Whether a file can be opened.
fn open(folder: &Descriptor, path: &str, flags: DescriptorFlags) -> bool {
    folder.open_at(PathFlags::SYMLINK_FOLLOW, path.trim_start_matches('/'), OpenFlags::empty(), flags).is_ok()
        || folder.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::empty(), flags).is_ok()
}

fn said(error: ErrorCode) -> String {
    error.to_string()
}
