//! What a call may reach outside its cell: nothing, unless it was granted.
//!
//! Three parties, one rule. The author of a tool says what it *wants* ([`Wants`]), the operator says what it *gets*
//! ([`GrantSet`]), and the call has what both say ([`GrantSet::narrowed`]). An agent or a caller may say again what it wants:
//! it can only become less.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::{Effect, NetRule, SecretGrant, ToolName, shortened};

/// How a folder may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Open, read, list.
    Read,
    /// That, and write, create, rename, delete.
    Write,
}

/// A folder of the host under the name that the guest sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Folder {
    /// The guest's name for it, as the operator wrote it: `docs`, `/srv/data`.
    pub guest: String,
    /// The folder that the operator named, on the host. Never shown to a guest.
    pub host: PathBuf,
    /// The part of it that is meant, below `host`; empty: all of it.
    ///
    /// Kept apart because it comes from somebody else. The operator may well name a path with links in it; a part must not lead
    /// out of what the operator named, whatever lies there when it is opened.
    #[serde(skip_serializing_if = "is_whole")]
    pub part: PathBuf,
    /// What may be done in it.
    pub access: Access,
}

/// Which time a guest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    /// Starts at 2000-01-01 for each call, moves with each reading and each sleep, tells nothing of the world.
    #[default]
    Virtual,
    /// The machine's clocks.
    Real,
    /// The tool wants the real clock and was not given it: reading the time of day is a denial.
    Withheld,
}

/// Which randomness a guest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RandomMode {
    /// A stream that the seed fixes: the same in each call.
    Seeded(u64),
    /// The operating system's.
    System,
    /// The tool wants the system's randomness and was not given it: asking for secure bytes is a denial.
    Withheld,
}

impl Default for RandomMode {
    fn default() -> Self {
        Self::Seeded(0)
    }
}

/// Everything that a call may reach. Empty by default: no file, no variable, no request, virtual clock, seeded randomness.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct GrantSet {
    /// Folders.
    pub folders: Vec<Folder>,
    /// Environment variables with their values.
    #[serde(serialize_with = "names_only")]
    pub env: BTreeMap<String, String>,
    /// Names of variables that the tool wants and was not given: asking for the environment notes them as denials.
    pub env_withheld: Vec<String>,
    /// Requests that may be sent.
    pub net: Vec<NetRule>,
    /// Secrets that the host puts on requests.
    pub secrets: Vec<SecretGrant>,
    /// The clock.
    pub clock: ClockMode,
    /// The randomness.
    pub random: RandomMode,
}

/// What a file or flag of the operator adds to a tool's grants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantKeys {
    /// Folders, already resolved against the place where they were written.
    pub folders: Option<Vec<Folder>>,
    /// Environment variables with their values.
    pub env: Option<BTreeMap<String, String>>,
    /// Requests that may be sent.
    pub net: Option<Vec<NetRule>>,
    /// Secrets that the host puts on requests.
    pub secrets: Option<Vec<SecretGrant>>,
    /// The clock.
    pub clock: Option<ClockMode>,
    /// The randomness.
    pub random: Option<RandomMode>,
}

/// What a tool, an agent or a caller says that it needs, at most.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Wants {
    /// Paths to read, relative to each granted folder: `.` is all of it.
    pub read: Vec<String>,
    /// Paths to write, relative to each granted folder.
    pub write: Vec<String>,
    /// Names of environment variables.
    pub env: Vec<String>,
    /// Requests to send.
    pub net: Vec<NetRule>,
    /// Whether the real clock is needed.
    pub real_clock: bool,
    /// Whether the system's randomness is needed.
    pub system_random: bool,
}

/// A wanted path that leaves the granted folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path within a granted folder")]
pub struct WantError {
    /// The path as written.
    pub path: String,
}

// === impl GrantSet ===

impl GrantSet {
    /// Adds or replaces what `keys` name: the operator's right.
    #[must_use]
    pub fn with(mut self, keys: &GrantKeys) -> Self {
        if let Some(folders) = &keys.folders {
            self.folders.clone_from(folders);
        }
        if let Some(env) = &keys.env {
            self.env.clone_from(env);
        }
        if let Some(net) = &keys.net {
            self.net.clone_from(net);
        }
        if let Some(secrets) = &keys.secrets {
            self.secrets.clone_from(secrets);
        }
        self.clock = keys.clock.unwrap_or(self.clock);
        self.random = keys.random.unwrap_or(self.random);
        self
    }

    /// What is left when only what `wants` names may be used.
    ///
    /// A folder becomes the wanted paths within it, and no more than read where only reading is wanted. A rule for the network
    /// becomes what it has in common with each that is wanted, and a secret stays as long as any of the requests that it is
    /// for may be sent. A clock or randomness
    /// that is wanted and not granted is [withheld](ClockMode::Withheld), so that its use is a denial instead of a silent lie.
    #[must_use]
    pub fn narrowed(&self, wants: &Wants) -> Self {
        let mut folders = Vec::new();
        for folder in &self.folders {
            let written = wants.write.iter().map(|path| (path, folder.access));
            let read = wants.read.iter().map(|path| (path, Access::Read));
            for (path, access) in written.chain(read) {
                // What leaves the folder means no part of it: nothing is granted for it.
                let Some(part) = folder.part(path, access) else { continue };
                if !folders.iter().any(|known: &Folder| known.covers(&part)) {
                    folders.push(part);
                }
            }
        }
        let wanted = |name: &String| wants.env.contains(name);
        let env_withheld = wants.env.iter().filter(|name| !self.env.contains_key(*name)).cloned().collect();
        let env = self.env.iter().filter(|(name, _)| wanted(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        let net = NetRule::common(&self.net, &wants.net);
        let of_use = |secret: &&SecretGrant| !NetRule::common(std::slice::from_ref(&secret.to), &net).is_empty();
        let secrets = self.secrets.iter().filter(of_use).cloned().collect();
        let clock = match (wants.real_clock, self.clock) {
            (true, ClockMode::Real) => ClockMode::Real,
            (true, _) => ClockMode::Withheld,
            (false, ClockMode::Withheld) => ClockMode::Withheld,
            (false, _) => ClockMode::Virtual,
        };
        let random = match (wants.system_random, self.random) {
            (true, RandomMode::System) => RandomMode::System,
            (true, _) | (false, RandomMode::Withheld) => RandomMode::Withheld,
            (false, RandomMode::Seeded(seed)) => RandomMode::Seeded(seed),
            (false, RandomMode::System) => RandomMode::default(),
        };
        Self { folders, env, env_withheld, net, secrets, clock, random }
    }

    /// The most that a call with these grants could do to the world, whatever its tool says of itself.
    #[must_use]
    pub fn could(&self) -> Effect {
        let writes = self.folders.iter().any(|folder| folder.access == Access::Write)
            || self.net.iter().any(|rule| !rule.only_reads());
        match (writes, self.is_empty()) {
            (true, _) => Effect::Write,
            (false, false) => Effect::Read,
            (false, true) => Effect::Pure,
        }
    }

    /// Whether nothing at all is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
            && self.env.is_empty()
            && self.net.is_empty()
            && self.secrets.is_empty()
            && self.clock != ClockMode::Real
            && self.random != RandomMode::System
    }
}

impl fmt::Display for GrantSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        for folder in &self.folders {
            let verb = if folder.access == Access::Read { "read" } else { "write" };
            parts.push(format!("{verb} {}", shortened(&folder.guest, 60)));
        }
        parts.extend(self.env.keys().map(|name| format!("env {name}")));
        parts.extend(self.net.iter().map(|rule| format!("net {}", shortened(&rule.to_string(), 120))));
        parts.extend(self.secrets.iter().map(|secret| format!("secret {}", secret.name)));
        if self.clock == ClockMode::Real {
            parts.push("clock real".to_owned());
        }
        if self.random == RandomMode::System {
            parts.push("random system".to_owned());
        }
        if parts.is_empty() { f.write_str("none") } else { f.write_str(&parts.join(", ")) }
    }
}

// === impl Folder, Wants ===

impl Folder {
    /// All of a folder.
    #[must_use]
    pub fn whole(guest: impl Into<String>, host: impl Into<PathBuf>, access: Access) -> Self {
        Self { guest: guest.into(), host: host.into(), part: PathBuf::new(), access }
    }

    /// The part of the folder at `path`, with `access` at most.
    fn part(&self, path: &str, access: Access) -> Option<Self> {
        let within = clean(path)?;
        let access = access.min(self.access);
        if is_whole(&within) {
            return Some(Self { access, ..self.clone() });
        }
        let guest = format!("{}/{}", self.guest.trim_end_matches('/'), within.display());
        Some(Self { guest, host: self.host.clone(), part: self.part.join(&within), access })
    }

    /// Whether it is the same folder with the same rights, or more of them.
    fn covers(&self, other: &Self) -> bool {
        self.host == other.host && self.part == other.part && self.access >= other.access
    }
}

fn is_whole(part: &Path) -> bool {
    part.as_os_str().is_empty()
}

impl Wants {
    /// What both want: of two paths the one that lies within the other, of two rules what they have in common.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let paths = |own: &[String], others: &[String]| {
            let deeper = |one: &String, other: &String| {
                let (a, b) = (clean(one)?, clean(other)?);
                if a.starts_with(&b) { Some(one.clone()) } else { b.starts_with(&a).then(|| other.clone()) }
            };
            own.iter().flat_map(|one| others.iter().filter_map(move |other| deeper(one, other))).collect()
        };
        Self {
            read: paths(&self.read, &other.read),
            write: paths(&self.write, &other.write),
            env: self.env.iter().filter(|name| other.env.contains(name)).cloned().collect(),
            net: NetRule::common(&self.net, &other.net),
            real_clock: self.real_clock && other.real_clock,
            system_random: self.system_random && other.system_random,
        }
    }

    /// Makes sure that each path stays within whatever folder is granted.
    ///
    /// # Errors
    ///
    /// [`WantError`] with the first path that is absolute or climbs out with `..`.
    pub fn check(self) -> Result<Self, WantError> {
        match self.read.iter().chain(&self.write).find(|path| clean(path).is_none()) {
            Some(path) => Err(WantError { path: shortened(path, 120) }),
            None => Ok(self),
        }
    }
}

/// `path` without `.` parts, if it is relative and never leaves its root.
fn clean(path: &str) -> Option<PathBuf> {
    let mut cleaned = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => cleaned.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(cleaned)
}

/// A receipt tells which variables a call could see, never their values.
fn names_only<S: Serializer>(env: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(env.keys())
}

// === denials ===

/// What can be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Reading a file or folder.
    Read,
    /// Writing a file or folder.
    Write,
    /// An environment variable.
    Env,
    /// The machine's clocks.
    Clock,
    /// The system's randomness.
    Random,
    /// Requests over HTTP; also sockets and names of hosts, which nothing grants.
    Net,
}

impl Capability {
    /// The word in receipts and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Env => "env",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Net => "net",
        }
    }
}

/// Something that a guest asked for and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// What would have had to be granted.
    pub capability: Capability,
    /// What was asked, in the guest's own words: a path, a host. Escaped and cut to 200 characters.
    pub asked: String,
}

/// What was decided about one thing that a guest asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// What it takes.
    pub capability: Capability,
    /// What was asked: a path, the name of a variable, a request without its query. Escaped and cut to 200 characters.
    pub asked: String,
    /// The grant that allows it, as grants are shown: `read docs`, `net GET https://example.org/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The names of the secrets that the host put on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

impl Denial {
    /// Records what was asked.
    #[must_use]
    pub fn new(capability: Capability, asked: &str) -> Self {
        Self { capability, asked: shortened(asked, 200) }
    }

    /// What was refused, fit for "… may not".
    #[must_use]
    pub fn act(&self) -> String {
        match self.capability {
            Capability::Read => format!("read `{}`", self.asked),
            Capability::Write => format!("write `{}`", self.asked),
            Capability::Env => format!("see the variable `{}`", self.asked),
            Capability::Clock => "read the real clock".to_owned(),
            Capability::Random => "use the system's randomness".to_owned(),
            Capability::Net if self.rule().is_some() => self.asked.clone(),
            Capability::Net => format!("use the network: {}", self.asked),
        }
    }

    /// The rule for the network that would allow it; none where nothing can.
    fn rule(&self) -> Option<NetRule> {
        self.asked.parse().ok().filter(|_| self.capability == Capability::Net)
    }

    /// What would have to be granted: a folder, the name of a variable, a rule for requests; empty for what is granted as a whole. None
    /// where nothing can grant it.
    #[must_use]
    pub fn need(&self) -> Option<String> {
        Some(match self.capability {
            Capability::Read | Capability::Write => {
                let parent = Path::new(&self.asked).parent().filter(|parent| !parent.as_os_str().is_empty());
                parent.map_or_else(|| ".".to_owned(), |parent| parent.display().to_string())
            }
            Capability::Env => self.asked.clone(),
            Capability::Clock | Capability::Random => String::new(),
            Capability::Net => self.rule()?.to_string(),
        })
    }

    /// What to type or paste so that `tool` may; none where nothing can grant it.
    #[must_use]
    pub fn fix(&self, tool: &ToolName) -> Option<String> {
        let need = self.need()?;
        let (flag, line) = match self.capability {
            Capability::Read => (format!("--allow-read {}", shell(&need)), format!("fs.read = [{}]", toml(&need))),
            Capability::Write => (format!("--allow-write {}", shell(&need)), format!("fs.write = [{}]", toml(&need))),
            Capability::Env => (format!("--allow-env {}", shell(&need)), format!("env.allow = [{}]", toml(&need))),
            Capability::Clock => ("--allow-clock".to_owned(), "clock.mode = \"real\"".to_owned()),
            Capability::Random => ("--allow-random".to_owned(), "random.mode = \"system\"".to_owned()),
            Capability::Net => (format!("--allow-net {}", shell(&need)), format!("net.allow = [{}]", toml(&need))),
        };
        Some(format!("once: {flag}\nalways: {line} under [tools.{tool}] in hotcell.toml"))
    }
}

/// A word for a POSIX shell. The guest chose it and a person will paste it, so it must stay one word.
#[must_use]
pub fn shell(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-');
    if !word.is_empty() && word.bytes().all(plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A TOML basic string. Control characters are gone already.
fn toml(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(guest: &str, access: Access) -> Folder {
        Folder::whole(guest, Path::new("/srv").join(guest), access)
    }

    fn granted() -> GrantSet {
        GrantSet {
            folders: vec![folder("docs", Access::Read), folder("out", Access::Write)],
            env: BTreeMap::from([("TZ".to_owned(), "UTC".to_owned()), ("KEY".to_owned(), "s3cret".to_owned())]),
            env_withheld: Vec::new(),
            net: vec!["GET,POST https://api.example.com/*".parse().unwrap()],
            secrets: Vec::new(),
            clock: ClockMode::Real,
            random: RandomMode::System,
        }
    }

    #[test]
    fn nothing_is_granted_by_default() {
        assert!(GrantSet::default().is_empty());
        assert_eq!(GrantSet::default().to_string(), "none");
    }

    #[test]
    fn what_a_call_could_do_is_told_by_its_grants() {
        assert_eq!((GrantSet::default().could(), granted().could()), (Effect::Pure, Effect::Write));
        let net = |rule: &str| GrantSet { net: vec![rule.parse().unwrap()], ..GrantSet::default() }.could();
        assert_eq!(net("GET,HEAD https://a.example/*"), Effect::Read);
        for rule in ["GET,POST https://a.example/*", "* https://a.example/*", "OPTIONS https://a.example/*"] {
            assert_eq!(net(rule), Effect::Write, "{rule}");
        }
        let only = |access| GrantSet { folders: vec![folder("x", access)], ..GrantSet::default() }.could();
        assert_eq!((only(Access::Read), only(Access::Write)), (Effect::Read, Effect::Write));
        for grants in [
            GrantSet { clock: ClockMode::Real, ..GrantSet::default() },
            GrantSet { random: RandomMode::System, ..GrantSet::default() },
            GrantSet { env: granted().env, ..GrantSet::default() },
        ] {
            assert_eq!(grants.could(), Effect::Read, "{grants}");
        }
        let reads = Wants { read: vec![".".to_owned()], ..Wants::default() };
        assert_eq!(granted().narrowed(&reads).could(), Effect::Read);
    }

    #[test]
    fn wanting_nothing_leaves_nothing() {
        assert!(granted().narrowed(&Wants::default()).is_empty());
    }

    #[test]
    fn wants_cut_folders_and_access() {
        let wants = Wants { read: vec!["a/./b".to_owned()], env: vec!["TZ".to_owned()], ..Wants::default() };
        let narrowed = granted().narrowed(&wants);
        let names: Vec<_> = narrowed.folders.iter().map(|f| (f.guest.as_str(), f.access)).collect();
        assert_eq!(names, [("docs/a/b", Access::Read), ("out/a/b", Access::Read)]);
        assert_eq!(narrowed.env.keys().collect::<Vec<_>>(), ["TZ"]);
        assert_eq!(narrowed.clock, ClockMode::Virtual);
    }

    #[test]
    fn a_part_is_kept_apart_from_what_the_operator_named() {
        let wants = |path: &str| Wants { read: vec![path.to_owned()], ..Wants::default() };
        let narrowed = granted().narrowed(&wants("a/./b")).narrowed(&wants("c")).narrowed(&wants("."));
        let folders: Vec<_> = narrowed.folders.iter().map(|f| (f.host.to_str(), f.part.to_str())).collect();
        assert_eq!(folders, [(Some("/srv/docs"), Some("a/b/c")), (Some("/srv/out"), Some("a/b/c"))]);
    }

    #[test]
    fn wanting_to_write_gives_no_more_than_was_granted() {
        let wants = Wants { write: vec![".".to_owned()], ..Wants::default() };
        let narrowed = granted().narrowed(&wants);
        let names: Vec<_> = narrowed.folders.iter().map(|f| (f.guest.as_str(), f.access)).collect();
        assert_eq!(names, [("docs", Access::Read), ("out", Access::Write)]);
    }

    #[test]
    fn a_clock_that_is_wanted_and_not_granted_is_withheld() {
        let wants = Wants { real_clock: true, system_random: true, ..Wants::default() };
        let narrowed = GrantSet::default().narrowed(&wants);
        assert_eq!((narrowed.clock, narrowed.random), (ClockMode::Withheld, RandomMode::Withheld));
        assert_eq!(granted().narrowed(&wants).clock, ClockMode::Real);
    }

    #[test]
    fn wants_never_leave_the_granted_folder() {
        for path in ["../x", "a/../../x", "/etc"] {
            let wants = Wants { read: vec![path.to_owned()], ..Wants::default() };
            assert!(granted().narrowed(&wants).folders.is_empty(), "{path}");
            assert!(wants.check().is_err(), "{path}");
        }
    }

    #[test]
    fn values_of_variables_never_leave() {
        let text = serde_json::to_string(&granted()).unwrap();
        assert!(text.contains("KEY") && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_denial_names_the_line_that_would_grant_it() {
        let tool: ToolName = "files".parse().unwrap();
        let denial = Denial::new(Capability::Read, "docs/a.md");
        assert_eq!(denial.act(), "read `docs/a.md`");
        assert_eq!(
            denial.fix(&tool).unwrap(),
            "once: --allow-read docs\nalways: fs.read = [\"docs\"] under [tools.files] in hotcell.toml"
        );
    }

    #[test]
    fn what_a_guest_asks_for_stays_one_word_when_pasted() {
        let denial = Denial::new(Capability::Env, "x'; rm -rf ~; '");
        let fix = denial.fix(&"t".parse().unwrap()).unwrap();
        assert!(fix.starts_with(r"once: --allow-env 'x'\''; rm -rf ~; '\'''"), "{fix}");
        let quoted = Denial::new(Capability::Env, "a\"]\nb").fix(&"t".parse().unwrap()).unwrap();
        assert!(quoted.contains(r#"env.allow = ["a\"]\\nb"]"#), "{quoted}");
    }
}
