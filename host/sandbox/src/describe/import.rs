//! What a component may import, and what each import would let it reach.
//!
//! The list is that of the linker. An interface of WASI 0.2 is taken up to the version that the engine has: the engine would
//! link a later one as well, and fail only at the first function that is missing, with words that help nobody.

use hotcell_call::{Capability, Code, Failure, shortened};
use serde::Serialize;

/// The last version of WASI 0.2 that is offered.
const WASI_PATCH: u64 = 12;
/// The interfaces of WASI 0.2 that are offered, with what they reach.
const WASI: &[(&str, Option<Capability>)] = &[
    ("cli/environment", Some(Capability::Env)),
    ("cli/exit", None),
    ("cli/stderr", None),
    ("cli/stdin", None),
    ("cli/stdout", None),
    ("cli/terminal-input", None),
    ("cli/terminal-output", None),
    ("cli/terminal-stderr", None),
    ("cli/terminal-stdin", None),
    ("cli/terminal-stdout", None),
    ("clocks/monotonic-clock", Some(Capability::Clock)),
    ("clocks/wall-clock", Some(Capability::Clock)),
    ("filesystem/preopens", Some(Capability::Read)),
    ("filesystem/types", Some(Capability::Read)),
    ("http/outgoing-handler", Some(Capability::Net)),
    ("http/types", None),
    ("io/error", None),
    ("io/poll", None),
    ("io/streams", None),
    ("random/insecure", Some(Capability::Random)),
    ("random/insecure-seed", Some(Capability::Random)),
    ("random/random", Some(Capability::Random)),
    ("sockets/instance-network", Some(Capability::Net)),
    ("sockets/ip-name-lookup", Some(Capability::Net)),
    ("sockets/network", Some(Capability::Net)),
    ("sockets/tcp", Some(Capability::Net)),
    ("sockets/tcp-create-socket", Some(Capability::Net)),
    ("sockets/udp", Some(Capability::Net)),
    ("sockets/udp-create-socket", Some(Capability::Net)),
];
/// What we offer of our own, with its version `0.1.PATCH`.
const CONTEXT: (&str, u64) = ("hotcell:tool/context", 0);
/// The contract that a tool component exports, `0.1.x`.
const CONTRACT_MINOR: &str = "0.1.";

/// Something that a component wants of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The interface with its version, escaped and cut to 200 characters.
    pub name: String,
    /// Whether the host has it.
    pub offered: bool,
    /// What would have to be granted to make use of it; none: nothing.
    pub capability: Option<Capability>,
}

impl Import {
    /// Judges an import by its name.
    pub(crate) fn new(name: &str) -> Self {
        let (offered, capability) = offer(name);
        Self { name: shortened(name, 200), offered, capability }
    }

    /// Why a component with this import is not taken in.
    pub(crate) fn refusal(&self) -> Failure {
        let fix = if self.name.starts_with("wasi:http/") {
            "of HTTP there is what sends requests: `wasi:http/outgoing-handler` of WASI 0.2"
        } else if self.name.starts_with("wasi:") {
            "build it for WASI 0.2, for example with `--target wasm32-wasip2`"
        } else if self.name.contains(':') {
            "build it without this import, or compose it with a component that has it (`wac plug`)"
        } else {
            "build it without functions that only its own host has"
        };
        Failure::new(Code::Import, format!("the component imports `{}`, which hotcell does not offer", self.name))
            .why(format!(
                "there are cli, clocks, filesystem, http (to send requests), io, random and sockets of WASI 0.2.0 to 0.2.{WASI_PATCH}, and {}@0.1.{}",
                CONTEXT.0, CONTEXT.1
            ))
            .fix(fix)
    }
}

/// Whether the contract that is exported under this name is one that the host speaks.
///
/// # Errors
///
/// [`Code::Import`] with both versions.
pub(crate) fn check_contract(name: &str) -> Result<(), Failure> {
    let version = name.split_once('@').map_or("", |(_, version)| version);
    if version.starts_with(CONTRACT_MINOR) {
        return Ok(());
    }
    let found = if version.is_empty() { "no version" } else { version };
    Err(Failure::new(Code::Import, format!("the component exports `{}`", shortened(name, 200)))
        .why(format!("hotcell speaks hotcell:tool {CONTRACT_MINOR}x; the component has {}", shortened(found, 40)))
        .fix("build it with the SDK of this version of hotcell"))
}

/// Whether the host has an import, and what it reaches.
fn offer(name: &str) -> (bool, Option<Capability>) {
    let Some((interface, version)) = name.split_once('@') else {
        return (false, None);
    };
    let upto = |track, most| patch(version, track).is_some_and(|patch| patch <= most);
    if interface == CONTEXT.0 {
        return (upto("0.1.", CONTEXT.1), None);
    }
    let known = interface.strip_prefix("wasi:").and_then(|name| WASI.iter().find(|(offered, _)| *offered == name));
    match known {
        Some((_, capability)) if upto("0.2.", WASI_PATCH) => (true, *capability),
        _ => (false, None),
    }
}

/// The last number of `version`, which begins with `track`. A pre-release is no version that anything is compatible with.
fn patch(version: &str, track: &str) -> Option<u64> {
    version.strip_prefix(track)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_wasi_of_this_engine_and_our_own() {
        for (name, offered) in [
            ("wasi:cli/environment@0.2.0", true),
            ("wasi:cli/environment@0.2.12", true),
            ("wasi:cli/environment@0.2.13", false),
            ("wasi:cli/environment@0.2.0-rc.1", false),
            ("wasi:cli/environment@0.3.0", false),
            ("wasi:cli/environment", false),
            ("wasi:http/outgoing-handler@0.2.3", true),
            ("wasi:http/incoming-handler@0.2.3", false),
            ("hotcell:tool/context@0.1.0", true),
            ("hotcell:tool/context@0.1.1", false),
            ("hotcell:tool/context@0.2.0", false),
            ("log", false),
            ("", false),
        ] {
            assert_eq!(Import::new(name).offered, offered, "{name}");
        }
    }

    #[test]
    fn a_refusal_names_the_import_cut_and_escaped() {
        let long = format!("evil:\u{1b}[2J{}/x@1.0.0", "y".repeat(20_000));
        let failure = Import::new(&long).refusal();
        assert_eq!(failure.code(), Code::Import);
        assert!(failure.what().len() < 400 && !failure.what().contains('\u{1b}'), "{failure}");
    }

    #[test]
    fn only_the_contract_of_this_track_is_spoken() {
        for (name, good) in [
            ("hotcell:tool/tools@0.1.0", true),
            ("hotcell:tool/tools@0.1.9", true),
            ("hotcell:tool/tools@0.2.0", false),
            ("hotcell:tool/tools@1.0.0", false),
            ("hotcell:tool/tools", false),
        ] {
            assert_eq!(check_contract(name).is_ok(), good, "{name}");
        }
    }
}
