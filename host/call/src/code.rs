//! The stable codes of all failures, with what `hotcell explain` says of each.
//!
//! A code never changes its meaning, and one that is no longer used is not given away again. Codes are grouped by outcome: the
//! first two digits are the exit code of the outcome (70 for a fault, 13 for a cancelled call). `docs/errors.md` is made from
//! this table.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::{Kind, Refusal, Resource, TrapKind};

/// A page of `hotcell explain`.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The code as written: `E0401`.
    pub id: &'static str,
    /// The outcome.
    pub kind: Kind,
    /// In a few words.
    pub title: &'static str,
    /// What it means and where it comes from.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($name:ident $id:literal $kind:expr, $title:literal, $meaning:literal, $remedy:literal;)*) => {
        /// The code of a failure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What there is to say about it.
            #[must_use]
            pub const fn page(self) -> Page {
                match self {
                    $(Self::$name => Page { id: $id, kind: $kind, title: $title, meaning: $meaning, remedy: $remedy },)*
                }
            }
        }
    };
}

codes! {
    ToolFailed "E0101" Kind::Failed,
        "the tool answered with its own error",
        "The tool ran, and said that it could not do what was asked. The text is the tool's own.",
        "Read the tool's message. `hotcell inspect TOOL` shows what it expects.";
    ToolUnavailable "E0102" Kind::Failed,
        "the tool says that it is not available now",
        "The tool ran, and said that something it depends on is not available for the moment.",
        "Try again after the time that it names.";
    Model "E0103" Kind::Failed,
        "a model gave no reply",
        "The model could not be reached, answered with an error, or its reply broke off or can't be read. What may pass was tried again, and then the other models that are named. The message is the provider's own, without the key.",
        "Read the provider's message. `hotcell doctor` shows where each provider is and where its key comes from.";
    Input "E0201" Kind::Invalid,
        "the input does not fit the tool's schema",
        "An argument is missing, unknown or of another type. The message names its place as `$.path`, what was wanted and what was given.",
        "`hotcell inspect TOOL` shows the schema.";
    InputTooLarge "E0202" Kind::Invalid,
        "the input is larger than its limit",
        "The arguments, as JSON text, are larger than `[limits] input`.",
        "Send less, hand over a file in a granted folder, or raise `limits.input` for the tool.";
    InputNotJson "E0203" Kind::Invalid,
        "the input is not JSON",
        "The text given as arguments can't be read as JSON, or nests deeper than 128 levels.",
        "Check the place that the message names.";
    ToolInvalidInput "E0204" Kind::Invalid,
        "the tool refused its input",
        "The input fits the schema, but the tool itself found it wrong.",
        "Read the tool's message; it names the argument.";
    File "E0205" Kind::Invalid,
        "a file of settings does not fit",
        "`hotcell.toml`, a `tool.toml` or an agent has a key or a value that is not known. All such places are shown at once.",
        "Mend the places shown; `hotcell check FILE` checks again.";
    Command "E0206" Kind::Invalid,
        "the command line does not fit",
        "A flag or an argument is missing, unknown or malformed.",
        "`hotcell help COMMAND` shows what fits.";
    Grant "E0207" Kind::Invalid,
        "a granted folder can't be used",
        "A folder that is granted does not exist, is not a folder, may not be opened, or a part of it that is wanted lies behind a link. Or it holds what hotcell itself goes by: its cache, what is trusted, or, where it may be written, the `hotcell.toml` in force or a folder of tools.",
        "Name a folder that exists and holds nothing but data, or take the grant away.";
    Reference "E0208" Kind::Invalid,
        "a reference in a plan leads nowhere",
        "At run time `{{…}}` named a field that the earlier result does not have.",
        "Look at the earlier step's result with `hotcell run … --json`.";
    Function "E0209" Kind::Invalid,
        "the tool has several functions and none was named",
        "A tool with more than one function can't be called by its own name alone.",
        "Call `TOOL.FUNCTION`; `hotcell ls` lists them.";
    RunFolder "E0210" Kind::Invalid,
        "the folder of running hosts can't be used",
        "Hosts that run are found by their sockets in `$XDG_RUNTIME_DIR/hotcell`, or in `run` of hotcell's state folder. That folder can't be made or read, belongs to another user, others may open it, or its path is too long for a socket (about 90 bytes).",
        "`chmod 700` the folder, or move it away: it is made anew. `HOTCELL_STATE_DIR` with a shorter path, if that is what is wrong and `XDG_RUNTIME_DIR` is not set.";
    Secret "E0211" Kind::Invalid,
        "a secret can't be used",
        "A secret that is granted to the tool has no value: its variable is not set, or its file can't be read. Or the value is none that a header can hold and that would be found again in a result: 8 bytes to 8 KiB of ASCII letters, without `\"`, `\\` and `%`.",
        "Set the variable or name the file that `from` under `[tools.NAME.secrets.KEY]` in `hotcell.toml` means.";
    ModelKey "E0212" Kind::Invalid,
        "the key of a provider can't be used",
        "A model of this provider needs a key, and the variable or the file that should hold it is not there. Or what it holds is no key: 8 bytes to 8 KiB of ASCII letters, without `\"`, `\\` and `%`.",
        "Set the variable that the message names, or say where the key is: `key = \"env:NAME\"` or `\"file:PATH\"` under `[providers.NAME]` in `hotcell.toml`.";
    Idempotency "E0213" Kind::Invalid,
        "the idempotency key belongs to another request",
        "A request came with an `Idempotency-Key` that was used before, and it is not the same request: another path or another body.",
        "Send a new key with each new request; the same key only to ask for the same thing again.";
    Request "E0214" Kind::Invalid,
        "the request does not fit",
        "A header or a parameter of an HTTP request can't be read, or its body did not come in time. The message names it.",
        "Mend what the message names; `GET /openapi.json` says what fits.";
    Listen "E0215" Kind::Invalid,
        "the server can't listen there",
        "The address is in use, is none of this machine's, or may be reached from other machines while no tenant has a token: then whoever can reach it could call every tool.",
        "Name another address with `--listen`, or make a token with `hotcell token TENANT`.";
    Restart "E0216" Kind::Invalid,
        "the new configuration needs a restart",
        "`hotcell.toml` was read again while the server runs, and changes what is set up once: how many calls have room in the engine, the memory of the process, the compiler's limits, the cache's folder.",
        "Take the change back, or stop the server and start it again.";
    Price "E0217" Kind::Invalid,
        "a budget of money without a price",
        "The agent, one at whose side it stands, or the operator bounds what a run may cost, and for a model that the run may ask, no price is known. What it says would not be counted, so the bound would hold nothing. The run was not begun.",
        "Write the price down that the message names: `prices` under `[providers.NAME]` in `hotcell.toml`; or take the `cost` out of `[budget]`, and bound `tokens`.";
    Net "E0301" Kind::Denied,
        "the network is not granted",
        "The guest tried to send a request that no rule allows, or one that is never sent: to a name that leads to this machine or a private network, with a user's name in its URL, by a tunnel. Or it tried to open a socket or to resolve a name, which nothing grants. Nothing reaches the network by default.",
        "Allow the request once with `--allow-net 'GET https://HOST/PATH'`, or for good with `net.allow` under `[tools.NAME]` in `hotcell.toml`. This machine and private networks are reached only by a rule that names the address itself, or `localhost`, with its port.";
    Files "E0302" Kind::Denied,
        "a file or folder is not granted",
        "The guest tried to open, list or change something outside the folders that it was granted, or to write in one that it may only read.",
        "Grant the folder for one call with `--allow-read` or `--allow-write`, or for good with `fs.read` or `fs.write` under `[tools.NAME]` in `hotcell.toml`.";
    Env "E0303" Kind::Denied,
        "an environment variable is not granted",
        "The tool wants a variable that it was not given.",
        "Grant it with `--allow-env NAME`, or `env.allow` in `hotcell.toml`.";
    Clock "E0304" Kind::Denied,
        "the real clock is not granted",
        "The tool says that it needs the real time, and it was not granted.",
        "Grant it with `--allow-clock`, or `clock.mode = \"real\"` in `hotcell.toml`.";
    Random "E0305" Kind::Denied,
        "the system's randomness is not granted",
        "The tool says that it needs the system's randomness, and it was not granted.",
        "Grant it with `--allow-random`, or `random.mode = \"system\"` in `hotcell.toml`.";
    Wider "E0306" Kind::Denied,
        "more was asked than the operator grants",
        "An agent or a call asked for a limit or a grant that is wider than what `hotcell.toml` gives the tool. They can only narrow.",
        "Ask for less, or raise what the operator gives.";
    Untrusted "E0307" Kind::Denied,
        "a checkout's own hotcell.toml wants to grant more than its folder",
        "A `hotcell.toml` that came with a checkout grants something outside that checkout's folder.",
        "Read the file; then `hotcell trust`, or name it with `--config`.";
    Approval "E0308" Kind::Denied,
        "it was not approved",
        "The agent asks before it calls this (`[approve]` in its file), and whoever runs it did not agree, or was not there to be asked. Or the tool was changed after it was looked at for that: then what was agreed to, or needed no agreement, was another.",
        "Run the agent on a terminal and agree, or with `--yes`, which agrees to every call, or take the function out of `[approve] ask`.";
    Site "E0309" Kind::Denied,
        "the request came by a name or from a page that is not let in",
        "The `Host` of a request is none of the server's names, or a browser sent it for a page (`Origin`) that is not let in. Else any page that is open in a browser could call the tools of this machine.",
        "Name the host under `hosts`, or the page under `origins`, in `[server]` of `hotcell.toml`.";
    Token "E0310" Kind::Denied,
        "a token is needed",
        "The server has tenants with tokens, or listens beyond this machine, and the request showed no token, or one that is not or no longer good.",
        "Send `Authorization: Bearer TOKEN`. `hotcell token TENANT` makes a new one.";
    ModelDenied "E0311" Kind::Denied,
        "the operator does not let this model be asked",
        "`[models] allow` in `hotcell.toml` names the models that agents may ask, and this is none of them. Nothing was sent.",
        "Take one that it names, for a run with `--model`, or add this one to `[models] allow`.";
    Fuel "E0401" Kind::Exhausted(Resource::Fuel),
        "the fuel is used up",
        "The guest did more work than `[limits] fuel` allows. One unit is about one instruction.",
        "Give it less to do, or raise `limits.fuel`.";
    Memory "E0402" Kind::Exhausted(Resource::Memory),
        "the memory is used up",
        "The sum over all memories and tables of the call would have passed `[limits] memory`.",
        "Give it less at once, or raise `limits.memory`.";
    Output "E0403" Kind::Exhausted(Resource::Output),
        "the result is larger than its limit",
        "The result, as JSON text, is larger than `[limits] output`. It is never cut and passed off as whole.",
        "Ask for less, let the tool write a file, or raise `limits.output`.";
    Handles "E0404" Kind::Exhausted(Resource::Handles),
        "too many open handles",
        "The guest holds more files, streams and pollables at one time than `[limits] handles`.",
        "A tool that needs this many is likely to leak them; else raise `limits.handles`.";
    Disk "E0405" Kind::Exhausted(Resource::Disk),
        "the write quota is used up",
        "The guest wrote more bytes than `[limits] disk`, or made more files and folders than `[limits] entries`.",
        "Raise `limits.disk` or `limits.entries`.";
    Stack "E0406" Kind::Exhausted(Resource::Stack),
        "the stack is used up",
        "The guest recursed too deep. The stack is one size for all tools.",
        "A loop in place of the recursion, or less deeply nested input.";
    Instances "E0407" Kind::Exhausted(Resource::Instances),
        "too many instances",
        "The component is made of more core instances, memories or tables than one call may have.",
        "Build it from fewer parts, or raise `limits.instances`.";
    RandomBytes "E0408" Kind::Exhausted(Resource::Random),
        "too many random bytes",
        "The guest asked for more random bytes than `[limits] random`.",
        "A generator in the guest, seeded once; or raise `limits.random`.";
    HostData "E0409" Kind::Exhausted(Resource::HostData),
        "too much data in one host call",
        "The guest handed more to the host in one call than `[limits] host_data`.",
        "Write in smaller pieces, or raise `limits.host_data`.";
    Timeout "E0410" Kind::TimedOut,
        "the time is up",
        "The wall clock reached `[limits] timeout`, or the caller's deadline. Time in the guest and in the host's own work for it counts.",
        "Give it less to do, or raise `limits.timeout`.";
    Requests "E0411" Kind::Exhausted(Resource::Requests),
        "too many requests",
        "The guest sent more requests over HTTP than `[limits] requests`.",
        "Ask for more at once, or raise `limits.requests`.";
    Sent "E0412" Kind::Exhausted(Resource::Sent),
        "too much was sent",
        "All requests of the call together, their heads included, are larger than `[limits] sent`. The one that did not fit was broken off.",
        "Send less, or raise `limits.sent`.";
    Received "E0413" Kind::Exhausted(Resource::Received),
        "too much came back",
        "All responses of the call together, their heads included, are larger than `[limits] received`. The one that did not fit was broken off; it is never cut and passed off as whole.",
        "Ask for less, for example for a part of it, or raise `limits.received`.";
    Rate "E0501" Kind::Refused(Refusal::Rate),
        "too many calls in a short time",
        "The rate that is set for the tenant, agent or tool is reached.",
        "Try again after the time that is named.";
    Quota "E0502" Kind::Refused(Refusal::Quota),
        "the quota is spent",
        "What the tenant may use in this window is used.",
        "Try again after the time that is named.";
    Overloaded "E0503" Kind::Refused(Refusal::Overloaded),
        "the queue is full",
        "More calls are waiting than the queue takes. Nothing was started.",
        "Try again after the time that is named, or set a deadline to wait for room.";
    Open "E0504" Kind::Refused(Refusal::Open),
        "the circuit breaker is open",
        "The tool failed several times in a row and is given a rest.",
        "Try again after the time that is named.";
    Late "E0505" Kind::Refused(Refusal::Late),
        "the deadline passed before the call could start",
        "The call waited until its deadline: in the queue, or for its tool, which is compiled at its first use. Nothing was started.",
        "A later deadline, a higher priority, or fewer calls at once.";
    Draining "E0506" Kind::Refused(Refusal::Overloaded),
        "the host is shutting down",
        "No new calls are taken. Nothing was started.",
        "Try again when the host is back.";
    Shed "E0507" Kind::Refused(Refusal::Overloaded),
        "calls wait too long",
        "For a while, every call has waited for longer than `[schedule] shed_after`, so those that are least urgent and have waited long are turned away. Nothing was started.",
        "Try again after the time that is named, with a higher priority, or offer fewer calls.";
    UnknownTool "E0601" Kind::Unknown,
        "no such tool",
        "There is no tool of this name in the tools folder or among the starter tools.",
        "`hotcell ls` lists what there is.";
    UnknownFunction "E0602" Kind::Unknown,
        "the tool has no such function",
        "The tool exists, but has no function of this name.",
        "`hotcell inspect TOOL` lists its functions.";
    UnknownAgent "E0603" Kind::Unknown,
        "no such agent",
        "There is no agent of this name in the agents folder or among the shipped ones.",
        "Name one of those that the message lists, or the path of a file.";
    UnknownCode "E0604" Kind::Unknown,
        "no such error code",
        "Codes look like E0401.",
        "`hotcell explain` without a code lists all.";
    UnknownTenant "E0605" Kind::Unknown,
        "no such tenant",
        "`hotcell.toml` names tenants, and this is none of them. Once one is named, there are no others but those named and `local`, for whom the command line calls.",
        "Name it under `[tenants]` in `hotcell.toml`, or call for one that is named.";
    UnknownProvider "E0606" Kind::Unknown,
        "no such provider of models",
        "A model is written as `provider/model`, and there is no provider of this name among those that are known and those in `hotcell.toml`.",
        "Name one that the message lists, or write it down: `[providers.NAME]` with `kind` and `base_url` in `hotcell.toml`.";
    UnknownRun "E0607" Kind::Unknown,
        "there is no such run",
        "No run of that id was started by this tenant, or it ended so long ago that others have taken its place.",
        "`GET /v1/runs` lists those that are known; `[server] runs` says how many are kept.";
    UnknownPath "E0608" Kind::Unknown,
        "there is nothing at this path",
        "The server has no such path, or it takes another method.",
        "`GET /openapi.json` lists all paths.";
    NotComponent "E0701" Kind::Rejected,
        "the file is not a component",
        "A tool is a WebAssembly component in its binary form. This is something else, or it is damaged.",
        "Build with `cargo build --release --target wasm32-wasip2`, or the component target of your language.";
    CoreModule "E0702" Kind::Rejected,
        "the file is a core module",
        "It is WebAssembly, but a core module and not a component.",
        "Build with `--target wasm32-wasip2`, or wrap it: `wasm-tools component new`.";
    Import "E0703" Kind::Rejected,
        "the component wants what the host does not offer",
        "It imports an interface that hotcell does not have, or another version of one.",
        "Build it for WASI 0.2; the message lists what there is.";
    Compile "E0704" Kind::Rejected,
        "the component can't be compiled within its limits",
        "Compilation runs in a process of its own, with limits on memory, time and CPU that grow with the size of the file. It reached one of them or broke.",
        "If you trust the file, raise `[compile]` in `hotcell.toml`.";
    TooLarge "E0705" Kind::Rejected,
        "the file is too large",
        "The file is larger than `[compile] max_file`. It was not read.",
        "Strip it (`wasm-tools strip`), or raise `[compile] max_file`.";
    Unreadable "E0706" Kind::Rejected,
        "the file can't be read",
        "It does not exist, may not be read, or is not a regular file.",
        "Check the path and its permissions.";
    Type "E0707" Kind::Rejected,
        "the function has a type that can't be called from outside",
        "Its parameters or results hold a resource, a stream or a future, which have no form in JSON.",
        "Call another function, or wrap this one in a component that hides the resource.";
    Contract "E0708" Kind::Rejected,
        "the component breaks the tool contract",
        "It exports `hotcell:tool/tools`, but what its `list` says can't be used: it failed, is too large, or names what does not fit.",
        "The message says which; `hotcell inspect FILE` shows it.";
    Ambiguous "E0709" Kind::Rejected,
        "two tools have one name",
        "Two files claim the same name. Neither is called, because it could be the wrong one.",
        "Rename one of them, or give it another `[tool] name`.";
    Name "E0710" Kind::Rejected,
        "the file's name can't be a tool's name",
        "Tool names are made of a-z, 0-9, _ and -, and begin with a letter or digit.",
        "Rename the file, or set `[tool] name` in the `.toml` beside it.";
    Budget "E0801" Kind::OverBudget,
        "the budget is spent",
        "The agent used what its `[budget]` allows.",
        "Raise the budget, or give it less to do.";
    RunMemory "E0802" Kind::OverBudget,
        "the run holds too much in memory",
        "The conversations, answers and results that a run holds at one time, those of runs within it included, would be larger than `[budget] memory` in `hotcell.toml` (512 MiB), or one conversation larger than 16 MiB. What did not fit failed: a task of several, a run within another, or else the run.",
        "Hand on less: a smaller `[tools] result`, fewer tasks side by side (`[run] parallel`), a tool that counts or cuts before results are kept. Or raise `[budget] memory`.";
    Unreachable "E0901" Kind::Trapped(TrapKind::Unreachable),
        "the guest panicked or ran into `unreachable`",
        "The guest stopped itself. What it printed before stands in its log.",
        "Its author should see the log: `hotcell call … --json` has it.";
    OutOfBounds "E0902" Kind::Trapped(TrapKind::OutOfBounds),
        "the guest reached outside its memory",
        "A read or write outside its memory or a table. Nothing but the guest was touched.",
        "A bug in the tool: tell its author.";
    Arithmetic "E0903" Kind::Trapped(TrapKind::Arithmetic),
        "the guest divided by zero or overflowed",
        "An integer division or conversion that has no result.",
        "A bug in the tool: tell its author.";
    IndirectCall "E0904" Kind::Trapped(TrapKind::IndirectCall),
        "the guest called through a wrong pointer",
        "An indirect call to nothing, or to a function of another type.",
        "A bug in the tool: tell its author.";
    Exit "E0905" Kind::Trapped(TrapKind::Exit),
        "the guest left by `exit`",
        "A tool answers; it does not exit, whatever the code.",
        "A bug in the tool: it must return its result or its error.";
    InvalidResult "E0906" Kind::Trapped(TrapKind::InvalidResult),
        "the result breaks its own type",
        "What the guest returned is not a value of the type that it declares, or not JSON where it promised JSON.",
        "A bug in the tool or in its compiler: tell its author.";
    Lower "E0907" Kind::Trapped(TrapKind::Lower),
        "the guest broke while it was given its arguments",
        "Its allocator failed or lied.",
        "A bug in the tool: tell its author.";
    Trap "E0908" Kind::Trapped(TrapKind::Other),
        "the engine stopped the guest",
        "A trap of another kind; the message names it.",
        "A bug in the tool: tell its author.";
    Indeterminate "E1001" Kind::Indeterminate,
        "what the call did is not known",
        "The host or its worker died after the call had started.",
        "Look at what the tool was to change before you call it again.";
    Cancelled "E1301" Kind::Cancelled,
        "the call was cancelled",
        "Its caller gave up or went away. The guest was stopped.",
        "Nothing to mend.";
    Fault "E7001" Kind::Fault,
        "a bug in hotcell",
        "Something that can't be was seen. The call ended; the host goes on.",
        "Please report it, with the call's id.";
}

impl Code {
    /// The outcome that the code belongs to.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.page().kind
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.page().id)
    }
}

impl FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|code| code.page().id.eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_grouped_by_exit_code() {
        let ids: Vec<_> = Code::ALL.iter().map(|code| code.page().id).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        for code in Code::ALL {
            let group: u8 = code.page().id.get(1..3).unwrap().parse().unwrap();
            let exit = code.kind().exit_code();
            assert_eq!(group, if exit == 130 { 13 } else { exit }, "{code}");
            assert_eq!(code.to_string().to_lowercase().parse(), Ok(*code));
        }
    }
}
