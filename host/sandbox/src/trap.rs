//! From the engine's error to a failure with numbers and a fix, by type and never by text.
//!
//! The order matters. First what the host itself did (its own typed errors), then what the engine says by type, and only then
//! what a guest made of an earlier refusal: a guest that panics because it got no memory was stopped by the memory limit.

use std::time::Duration;

use hotcell_call::{
    ByteSize, Capability, Code, Count, Denial, Failure, Limits, Resource, Target, format_duration, shortened,
};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi_http::FieldMapError;

use crate::capability::FIELDS;
use crate::cell::Cell;
use crate::convert::{is_host_call_fuel, is_lowering};
use crate::engine;
use crate::invoke::host_call_fuel;
use crate::stop::{Spent, Stop};

/// What a failure's text needs to know of the call.
pub(crate) struct Facts<'a> {
    pub(crate) target: &'a Target,
    pub(crate) limits: &'a Limits,
    /// How long the call has run.
    pub(crate) ran: Duration,
    /// Whether the caller's deadline was nearer than the tool's timeout.
    pub(crate) deadline: bool,
    pub(crate) fuel: u64,
    pub(crate) cell: &'a Cell,
    /// The functions that give room for arguments, by their index.
    pub(crate) allocators: &'a [u32],
}

impl Facts<'_> {
    /// The failure behind an error of the engine.
    pub(crate) fn failure(&self, error: wasmtime::Error) -> Failure {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return self.stopped(stop);
        }
        if error.is::<ResourceTableError>() {
            return self.handles(&error);
        }
        if error.is::<FieldMapError>() {
            return self.fields().caused_by(error);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Failure::new(Code::Overloaded, format!("{} was not started", self.target))
                .why("all cells are in use")
                .retry_after(Duration::from_millis(100));
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => self.fuel(),
            Some(Trap::StackOverflow) => self.stack(),
            Some(Trap::Interrupt) => self.late(),
            Some(trap) => {
                let (trap, lowering) = (*trap, is_lowering(&error, self.allocators));
                self.after_refusal().unwrap_or_else(|| if lowering { self.lower(trap) } else { self.trapped(trap) })
            }
            None if is_host_call_fuel(&error) => self.handed_too_much(),
            None => self.after_refusal().unwrap_or_else(|| self.untyped()),
        }
        .caused_by(error)
    }

    /// What an earlier refusal makes of a guest's own error or trap: the limit or the denial is the cause.
    pub(crate) fn after_refusal(&self) -> Option<Failure> {
        if let Some(refused) = self.cell.limiter.refused() {
            return Some(self.memory(refused.wanted));
        }
        let exhausted =
            self.cell.notes.exhausted.or_else(|| self.cell.files.quota_reached()).or_else(|| self.cell.http_reached());
        if let Some((resource, spent)) = exhausted {
            return Some(self.exhausted(resource, spent));
        }
        self.cell.notes.denials.first().map(|denial| self.denied(denial))
    }

    fn stopped(&self, stop: &Stop) -> Failure {
        match stop {
            Stop::Late => self.late(),
            Stop::Exit(code) => Failure::new(Code::Exit, format!("{} left by exit({code})", self.target))
                .why(format!("{}a tool answers with a result or an error; no exit code is an answer", self.where_())),
            Stop::Exhausted(resource, spent) => self.exhausted(*resource, *spent),
            Stop::Denied(denial) => self.denied(denial),
        }
    }

    /// Names the phase, if the guest never got as far as the call.
    fn where_(&self) -> &'static str {
        if self.cell.instantiated.is_some() { "" } else { "while it was instantiated: " }
    }

    fn limit(&self, key: &str, value: &str) -> String {
        format!("limits.{key} = \"{value}\" under [tools.{}] in hotcell.toml", self.target.tool)
    }

    fn flag_or_limit(&self, key: &str, value: &str) -> String {
        format!("once: --{key} {value}\nalways: {}", self.limit(key, value))
    }

    pub(crate) fn late(&self) -> Failure {
        let limit = format_duration(self.limits.timeout);
        let fuel = Count::new(self.fuel);
        let ran = format_duration(self.ran);
        let failure = Failure::new(Code::Timeout, format!("{} ran out of time", self.target));
        if self.deadline {
            return failure
                .why(format!(
                    "{}stopped after {ran}, at the caller's deadline; fuel used: at least {fuel}",
                    self.where_()
                ))
                .fix("give the call a later deadline");
        }
        let double = format_duration(self.limits.timeout.saturating_mul(2));
        failure
            .why(format!(
                "{}ran {ran} of {limit}, the host's own work included; fuel used: at least {fuel}",
                self.where_()
            ))
            .fix(self.flag_or_limit("timeout", &double))
            .reached(ran, limit)
    }

    fn fuel(&self) -> Failure {
        let limit = self.limits.fuel;
        // Of next to nothing the double is no help.
        let double = Count::new(limit.as_u64().saturating_mul(2).max(1_000_000)).to_string();
        Failure::new(Code::Fuel, format!("{} used up its fuel", self.target))
            .why(format!("{}{limit} of {limit} in {}", self.where_(), format_duration(self.ran)))
            .fix(self.flag_or_limit("fuel", &double))
            .reached(limit, limit)
    }

    fn memory(&self, wanted: ByteSize) -> Failure {
        let limit = self.limits.memory;
        let enough = roomier(wanted.as_u64()).min(engine::MEMORY_CEILING as u64);
        Failure::new(Code::Memory, format!("{} used up its memory", self.target))
            .why(format!(
                "{}asked for {wanted} in all its memories and tables, {} more than the {limit} that it may have",
                self.where_(),
                ByteSize::bytes(wanted.as_u64().saturating_sub(limit.as_u64()))
            ))
            .fix(self.flag_or_limit("memory", &ByteSize::bytes(enough).to_string()))
            .reached(wanted, limit)
    }

    fn stack(&self) -> Failure {
        let size = ByteSize::of(engine::stack());
        Failure::new(Code::Stack, format!("{} used up its stack", self.target))
            .why(format!("{}it recursed deeper than {size}; the stack is one size for all tools", self.where_()))
            .fix("less deeply nested input, or a loop in place of the recursion")
            .reached(size, size)
    }

    fn handles(&self, error: &wasmtime::Error) -> Failure {
        match error.downcast_ref::<ResourceTableError>() {
            Some(ResourceTableError::Full) => {
                let limit = u64::from(self.limits.handles);
                self.exhausted(Resource::Handles, Spent { wanted: limit + 1, limit })
            }
            _ => Failure::new(Code::Trap, format!("{} used a handle that it does not have", self.target))
                .why("a stream, file or pollable was used after it was given back"),
        }
    }

    pub(crate) fn exhausted(&self, resource: Resource, spent: Spent) -> Failure {
        let size = |bytes: u64| ByteSize::bytes(bytes).to_string();
        let (code, what, key) = match resource {
            Resource::Handles => (Code::Handles, "opened too many handles", "handles"),
            Resource::Disk => (Code::Disk, "used up its write quota", "disk"),
            Resource::Random => (Code::RandomBytes, "asked for too many random bytes", "random"),
            Resource::HostData => (Code::HostData, "handed too much to the host at once", "host_data"),
            Resource::Output => (Code::Output, "gave a result that is too large", "output"),
            Resource::Instances => (Code::Instances, "is made of too many instances", "instances"),
            Resource::Requests => (Code::Requests, "sent too many requests", "requests"),
            Resource::Sent => (Code::Sent, "sent too much over the network", "sent"),
            Resource::Received => (Code::Received, "was sent too much over the network", "received"),
            Resource::Fuel => return self.fuel(),
            Resource::Stack => return self.stack(),
            Resource::Memory => return self.memory(ByteSize::bytes(spent.wanted)),
        };
        let counted = matches!(resource, Resource::Handles | Resource::Instances | Resource::Requests)
            || (resource == Resource::Disk
                && spent.limit == u64::from(self.limits.entries)
                && spent.wanted == spent.limit + 1);
        let (key, show): (&str, &dyn Fn(u64) -> String) = match (counted, resource) {
            (true, Resource::Disk) => ("entries", &|n| format!("{n} files and folders")),
            (true, _) => (key, &|n| n.to_string()),
            (false, _) => (key, &size),
        };
        let enough = if counted { (spent.wanted.saturating_mul(2)).to_string() } else { size(roomier(spent.wanted)) };
        let line = if resource == Resource::Handles && spent.limit != u64::from(self.limits.handles) {
            "close files that are done with, or raise the limit of the host's process (ulimit -n)".to_owned()
        } else if counted {
            format!("limits.{key} = {enough} under [tools.{}] in hotcell.toml", self.target.tool)
        } else {
            self.limit(key, &enough)
        };
        Failure::new(code, format!("{} {what}", self.target))
            .why(format!("{}{} of {}", self.where_(), show(spent.wanted), show(spent.limit)))
            .fix(line)
            .reached(show(spent.wanted), show(spent.limit))
    }

    fn denied(&self, denial: &Denial) -> Failure {
        let code = match denial.capability {
            Capability::Read | Capability::Write => Code::Files,
            Capability::Env => Code::Env,
            Capability::Clock => Code::Clock,
            Capability::Random => Code::Random,
            Capability::Net => Code::Net,
        };
        let granted = self.cell.grants.set();
        let failure = Failure::new(code, format!("{} may not {}", self.target, denial.act()))
            .why(format!("it is not granted (granted: {granted})"));
        match denial.fix(&self.target.tool) {
            Some(fix) => failure.fix(fix),
            None => failure,
        }
    }

    /// Too much in one set of header fields: the stock host has no error for that, and ends the guest.
    fn fields(&self) -> Failure {
        let limit = ByteSize::of(FIELDS);
        Failure::new(Code::HostData, format!("{} made a set of header fields that is too large", self.target))
            .why(format!("more than {limit} of {limit}, which is one size for all tools"))
            .fix("send less in headers, and more in the body")
            .reached(limit, limit)
    }

    /// What one call handed to the host is more than the engine was told to take, which is more than `host_data`.
    fn handed_too_much(&self) -> Failure {
        let limit = self.limits.host_data.as_u64();
        let wanted = ByteSize::of(host_call_fuel(self.limits)).as_u64().max(limit).saturating_add(1);
        self.exhausted(Resource::HostData, Spent { wanted, limit })
    }

    fn lower(&self, trap: Trap) -> Failure {
        let why = self.trapped(trap);
        Failure::new(Code::Lower, format!("{} broke while it was given its arguments", self.target)).why(format!(
            "its allocator trapped: {}; {}",
            why.kind(),
            why.reason()
        ))
    }

    fn trapped(&self, trap: Trap) -> Failure {
        let (code, what) = match trap {
            Trap::UnreachableCodeReached => (Code::Unreachable, "panicked or ran into `unreachable`"),
            Trap::MemoryOutOfBounds | Trap::TableOutOfBounds | Trap::HeapMisaligned => {
                (Code::OutOfBounds, "reached outside its memory or a table")
            }
            Trap::IntegerDivisionByZero => (Code::Arithmetic, "divided by zero"),
            Trap::IntegerOverflow | Trap::BadConversionToInteger => {
                (Code::Arithmetic, "overflowed a division or conversion")
            }
            Trap::IndirectCallToNull | Trap::BadSignature => (Code::IndirectCall, "called through a wrong pointer"),
            _ => (Code::Trap, "was stopped by the engine"),
        };
        Failure::new(code, format!("{} {what}", self.target)).why(format!("{}{}", self.where_(), self.last_words()))
    }

    /// An error that the engine gives no type: values that break the canonical ABI.
    fn untyped(&self) -> Failure {
        if self.cell.instantiated.is_none() {
            return Failure::new(Code::Trap, format!("{} could not be instantiated", self.target))
                .why(self.last_words());
        }
        Failure::new(Code::InvalidResult, format!("{} broke the rules between guest and host", self.target)).why(
            format!(
                "a value is not what its type says, or a host function was used against its contract; {}",
                self.last_words()
            ),
        )
    }

    /// The end of what the guest wrote to stderr: a panic's message stands there.
    fn last_words(&self) -> String {
        let said = self.cell.stderr.tail(4 << 10);
        match said.trim() {
            "" => "it said nothing".to_owned(),
            said => format!("its last words: {}", shortened(said, 600)),
        }
    }
}

/// The next power of two, for a limit that would be enough; a guest may have asked for more than there is.
fn roomier(wanted: u64) -> u64 {
    wanted.checked_next_power_of_two().unwrap_or(u64::MAX)
}
