//! The attacks: what each goes for, under which limits, with which input.
//!
//! A limit in force that would take long to reach, or much of the machine, is narrowed for the attack, as any caller may narrow
//! it; the mechanism is the same. What is smaller stays as it is.

use std::time::Duration;

use hotcell_call::{ByteSize, Count, LimitKeys, Limits};
use serde_json::{Value, json};

use super::ground::{FOLDER, Ground, SECRET};
use super::judge::Bound;

/// One attack.
pub(super) struct Attack {
    /// What it does, in a few words.
    pub(super) name: &'static str,
    /// The tool and its function.
    pub(super) target: &'static str,
    pub(super) bound: Bound,
    /// What it lowers, of what is in force.
    pub(super) narrow: fn(&Limits) -> LimitKeys,
    /// Its arguments, under the limits that were asked for.
    pub(super) input: fn(&Limits, &Ground) -> Value,
}

/// The longest that an attack may take which goes for anything but time: a busy machine gives a guest little of itself.
const LONG: Duration = Duration::from_secs(5);
/// For a compiler that nothing bounds.
const COMPILING: Duration = Duration::from_secs(2);
/// The time of one that goes for time.
const SHORT: Duration = Duration::from_millis(300);
/// Fuel that is used up in a moment.
const FUEL: Count = Count::new(500_000_000);
/// Nanoseconds that a guest may take for a unit of fuel, on a machine that is slow and busy.
const SLOWEST: u64 = 4;
/// More units of fuel than any guest uses in a nanosecond.
const FASTEST: u64 = 5;
/// Memory that one call may take on any machine.
const MEMORY: ByteSize = ByteSize::mib(64);
/// What is handed over in one piece.
const PIECE: ByteSize = ByteSize::kib(256);
const RANDOM: ByteSize = ByteSize::mib(1);
const HANDLES: u32 = 1_024;
pub(super) const INSTANCES: u32 = 32;
const DISK: ByteSize = ByteSize::mib(4);
const ENTRIES: u32 = 100;
const REQUESTS: u32 = 64;
/// A page of memory.
const PAGE: u64 = 64 << 10;

/// All of them, in the order in which they are made.
pub(super) const ATTACKS: &[Attack] = &[
    attack("endless loop", "proof.spin", Bound::Limit("fuel", "exhausted(fuel)"), fuel, nothing),
    attack("endless start", "start.run", Bound::Limit("fuel", "exhausted(fuel)"), little_fuel, nothing),
    attack("loop in time", "proof.spin", Bound::Limit("timeout", "timed-out"), time, nothing),
    attack("host calls", "proof.storm", Bound::Limit("timeout", "timed-out"), time, nothing),
    attack("endless sleep", "timer.sleep", Bound::Limit("timeout", "timed-out"), time, nothing),
    attack("memory growth", "proof.grow", Bound::Limit("memory", "exhausted(memory)"), memory, nothing),
    attack("many memories", "memories.run", Bound::Limit("memory", "exhausted(memory)"), memory, nothing),
    attack("table growth", "table.run", Bound::Limit("memory", "exhausted(memory)"), table, nothing),
    attack("deep recursion", "proof.recurse", Bound::Stack, moment, nothing),
    attack(
        "huge input",
        "proof.echo",
        Bound::Limit("input", "invalid"),
        input,
        |limits, _| json!({"text": "x".repeat(limits.input.as_usize())}),
    ),
    attack(
        "huge result",
        "proof.answer",
        Bound::Limit("output", "exhausted(output)"),
        output,
        |limits, _| json!({"bytes": limits.output.as_u64()}),
    ),
    attack("log flood", "proof.flood", Bound::Log, log, |limits, _| json!({"bytes": limits.log.as_u64() * 2})),
    attack(
        "many handles",
        "proof.hold",
        Bound::Limit("handles", "exhausted(handles)"),
        handles,
        |limits, _| json!({"count": u64::from(limits.handles) + 1}),
    ),
    attack("many instances", "instances.run", Bound::Limit("instances", "exhausted(instances)"), instances, nothing),
    attack(
        "random bytes",
        "proof.random",
        Bound::Limit("random", "exhausted(random)"),
        random,
        |limits, _| json!({"bytes": limits.random.as_u64() + 1}),
    ),
    attack(
        "huge write",
        "proof.hand-over",
        Bound::Limit("host_data", "exhausted(host-data)"),
        host_data,
        |limits, _| json!({"bytes": limits.host_data.as_u64() + 1}),
    ),
    attack("disk filling", "folder.fill", Bound::Limit("disk", "exhausted(disk)"), disk, folder),
    attack("file litter", "folder.litter", Bound::Limit("entries", "exhausted(disk)"), entries, folder),
    attack(
        "climbing out",
        "folder.climb",
        Bound::Nothing,
        moment,
        |_, ground| json!({"folder": FOLDER, "name": SECRET, "full": ground.secret().display().to_string()}),
    ),
    attack(
        "ungranted file",
        "proof.read",
        Bound::Denied,
        moment,
        |_, ground| json!({"path": ground.secret().display().to_string()}),
    ),
    attack("environment", "proof.look", Bound::Nothing, moment, nothing),
    attack("network", "proof.reach", Bound::Denied, moment, nothing),
    attack(
        "many requests",
        "web.ask",
        Bound::Limit("requests", "exhausted(requests)"),
        requests,
        |limits, ground| json!({"server": server(ground), "times": u64::from(limits.requests) + 1}),
    ),
    attack(
        "huge upload",
        "web.send",
        Bound::Limit("sent", "exhausted(http-body)"),
        sent,
        |limits, ground| json!({"server": server(ground), "bytes": limits.sent.as_u64() + 1}),
    ),
    attack(
        "huge download",
        "web.receive",
        Bound::Limit("received", "exhausted(http-body)"),
        received,
        |limits, ground| json!({"server": server(ground), "bytes": limits.received.as_u64() + 1}),
    ),
    attack("trap", "proof.trap", Bound::Trap, moment, nothing),
    attack("state left", "proof.count", Bound::Fresh, moment, nothing),
    attack("compile bomb", "bomb.run", Bound::Compile, compiling, nothing),
];

const fn attack(
    name: &'static str,
    target: &'static str,
    bound: Bound,
    narrow: fn(&Limits) -> LimitKeys,
    input: fn(&Limits, &Ground) -> Value,
) -> Attack {
    Attack { name, target, bound, narrow, input }
}

/// The pages of each of five memories that together are more than what the first attack on memory leaves.
pub(super) fn pages(limits: &Limits) -> u32 {
    let memory = limits.memory.min(MEMORY).as_u64();
    u32::try_from(memory / PAGE / 4).unwrap_or(u32::MAX).saturating_add(1)
}

// === what is narrowed ===

/// Nothing but the time: if nothing else ends it, that does.
fn moment(limits: &Limits) -> LimitKeys {
    LimitKeys { timeout: Some(limits.timeout.min(LONG)), ..LimitKeys::default() }
}

fn compiling(limits: &Limits) -> LimitKeys {
    LimitKeys { timeout: Some(limits.timeout.min(COMPILING)), ..LimitKeys::default() }
}

fn fuel(limits: &Limits) -> LimitKeys {
    // As much as there is time for.
    let time = u64::try_from(limits.timeout.as_nanos()).unwrap_or(u64::MAX);
    let possible = Count::new((time / SLOWEST).max(1));
    let timeout = Some(limits.timeout.min(LONG));
    LimitKeys { fuel: Some(limits.fuel.min(FUEL).min(possible)), timeout, ..LimitKeys::default() }
}

/// For a start function, whose loop took ten times as long for its fuel when it was measured.
fn little_fuel(limits: &Limits) -> LimitKeys {
    let keys = fuel(limits);
    LimitKeys { fuel: keys.fuel.map(|fuel| fuel.min(Count::new(FUEL.as_u64() / 10))), ..keys }
}

fn time(limits: &Limits) -> LimitKeys {
    // As much as there is fuel for.
    let possible = Duration::from_nanos(limits.fuel.as_u64() / FASTEST);
    LimitKeys { timeout: Some(limits.timeout.min(SHORT).min(possible)), ..LimitKeys::default() }
}

fn memory(limits: &Limits) -> LimitKeys {
    LimitKeys { memory: Some(limits.memory.min(MEMORY)), ..moment(limits) }
}

/// Less than the engine lets any table have.
fn table(limits: &Limits) -> LimitKeys {
    LimitKeys { memory: Some(limits.memory.min(PIECE)), ..moment(limits) }
}

fn input(limits: &Limits) -> LimitKeys {
    LimitKeys { input: Some(limits.input.min(PIECE)), ..moment(limits) }
}

fn output(limits: &Limits) -> LimitKeys {
    LimitKeys { output: Some(limits.output.min(PIECE)), ..moment(limits) }
}

fn log(limits: &Limits) -> LimitKeys {
    LimitKeys { log: Some(limits.log.min(PIECE)), ..moment(limits) }
}

fn handles(limits: &Limits) -> LimitKeys {
    LimitKeys { handles: Some(limits.handles.min(HANDLES)), ..moment(limits) }
}

fn instances(limits: &Limits) -> LimitKeys {
    LimitKeys { instances: Some(limits.instances.min(INSTANCES)), ..moment(limits) }
}

fn random(limits: &Limits) -> LimitKeys {
    LimitKeys { random: Some(limits.random.min(RANDOM)), ..moment(limits) }
}

fn host_data(limits: &Limits) -> LimitKeys {
    LimitKeys { host_data: Some(limits.host_data.min(PIECE)), ..moment(limits) }
}

fn disk(limits: &Limits) -> LimitKeys {
    LimitKeys { disk: Some(limits.disk.min(DISK)), ..moment(limits) }
}

fn entries(limits: &Limits) -> LimitKeys {
    LimitKeys { entries: Some(limits.entries.min(ENTRIES)), ..moment(limits) }
}

fn requests(limits: &Limits) -> LimitKeys {
    LimitKeys { requests: Some(limits.requests.min(REQUESTS)), ..moment(limits) }
}

fn sent(limits: &Limits) -> LimitKeys {
    LimitKeys { sent: Some(limits.sent.min(PIECE)), ..moment(limits) }
}

fn received(limits: &Limits) -> LimitKeys {
    LimitKeys { received: Some(limits.received.min(PIECE)), ..moment(limits) }
}

// === what is given ===

fn nothing(_: &Limits, _: &Ground) -> Value {
    json!({})
}

/// The server's address, as a URL has it; without one the attack is not made.
fn server(ground: &Ground) -> String {
    ground.server().map(|server| server.address().to_string()).unwrap_or_default()
}

fn folder(_: &Limits, _: &Ground) -> Value {
    json!({"folder": FOLDER})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_limit_of_a_call_is_attacked() {
        let attacked: BTreeSet<&str> = ATTACKS.iter().map(|attack| attack.bound.word()).collect();
        for key in LimitKeys::NAMES {
            assert!(attacked.contains(key), "nothing goes for {key}");
        }
    }

    #[test]
    fn what_is_small_is_not_narrowed_and_what_is_large_is() {
        let usual = Limits::default();
        for attack in ATTACKS {
            let keys = (attack.narrow)(&usual);
            assert_eq!(usual.wider(&keys), [], "{} widens", attack.name);
            let time = usual.tighten(&keys).timeout;
            assert!(time <= LONG, "{} may take {time:?}", attack.name);
        }
        let small = Limits { memory: ByteSize::mib(1), handles: 3, disk: ByteSize::kib(1), ..usual.clone() };
        assert_eq!(memory(&small).memory, Some(ByteSize::mib(1)));
        assert_eq!((handles(&small).handles, disk(&small).disk), (Some(3), Some(ByteSize::kib(1))));
        // Neither is reached before the other, whatever they are.
        let hasty = Limits { timeout: Duration::from_millis(100), ..usual.clone() };
        assert_eq!(fuel(&hasty).fuel, Some(Count::new(25_000_000)));
        let hungry = Limits { fuel: Count::new(5_000_000), ..usual };
        assert_eq!(time(&hungry).timeout, Some(Duration::from_millis(1)));
    }
}
