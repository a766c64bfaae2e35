//! `[fs]`, `[env]`, `[net]`, `[clock]` and `[random]`: read as what is wanted, and as what is given.
//!
//! Both sides write the same keys. A tool or an agent *wants*: its paths are parts of whatever folder is granted, never
//! absolute, and its variables are names. The operator *grants*: paths are folders of the machine, and the values of
//! variables come from the operator's own environment.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use hotcell_call::{
    Access, ClockMode, Folder, GrantKeys, GrantSet, NetRule, RandomMode, SecretGrant, SecretSource, Wants, shortened,
};

use super::{Item, Section, Spanned};

/// What a file says that it wants, section by section: a section that is absent says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantKeys {
    /// `fs.read`.
    pub read: Option<Vec<Spanned<String>>>,
    /// `fs.write`.
    pub write: Option<Vec<Spanned<String>>>,
    /// `env.allow`.
    pub env: Option<Vec<Spanned<String>>>,
    /// `net.allow`.
    pub net: Option<Vec<Spanned<NetRule>>>,
    /// `clock.mode`: whether it is the real one.
    pub real_clock: Option<Spanned<bool>>,
    /// `random.mode`: whether it is the system's.
    pub system_random: Option<Spanned<bool>>,
}

const CLOCKS: &[(&str, ClockMode)] = &[("virtual", ClockMode::Virtual), ("real", ClockMode::Real)];
const RANDOMS: &[(&str, RandomMode)] = &[("seeded", RandomMode::Seeded(0)), ("system", RandomMode::System)];

// === wants ===

/// Reads what is wanted from the sections within `parent`.
#[must_use]
pub fn wants(parent: &Section<'_>) -> WantKeys {
    let mut keys = WantKeys::default();
    if let Some(fs) = parent.section("fs") {
        keys.read = fs.get("read").and_then(|item| inner_paths(&item));
        keys.write = fs.get("write").and_then(|item| inner_paths(&item));
    }
    if let Some(env) = parent.section("env") {
        keys.env = env.get("allow").and_then(|item| variables(&item));
    }
    keys.net = net(parent);
    if let Some(clock) = parent.section("clock") {
        keys.real_clock = clock.get("mode").and_then(|item| {
            let mode = item.word(CLOCKS)?;
            Some(Spanned::new(mode == ClockMode::Real, item.span()))
        });
    }
    if let Some(random) = parent.section("random") {
        keys.system_random = random.get("mode").and_then(|item| {
            let mode = item.word(RANDOMS)?;
            Some(Spanned::new(mode == RandomMode::System, item.span()))
        });
    }
    keys
}

impl WantKeys {
    /// Whether no section was there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a tool wants: where it says nothing, nothing.
    #[must_use]
    pub fn wants(&self) -> Wants {
        Wants {
            read: texts(self.read.as_deref().unwrap_or_default()),
            write: texts(self.write.as_deref().unwrap_or_default()),
            env: texts(self.env.as_deref().unwrap_or_default()),
            net: rules(self.net.as_deref().unwrap_or_default()),
            real_clock: self.real_clock.as_ref().is_some_and(|real| real.value),
            system_random: self.system_random.as_ref().is_some_and(|random| random.value),
        }
    }

    /// What an agent leaves of `granted`: where it says nothing, all of it.
    #[must_use]
    pub fn within(&self, granted: &GrantSet) -> Wants {
        let whole = || vec![".".to_owned()];
        let fs = self.read.is_some() || self.write.is_some();
        let paths = |keys: &Option<Vec<Spanned<String>>>| match keys {
            Some(paths) => texts(paths),
            // `fs.read` alone takes the right to write away: it says all that there is to say of files.
            None if fs => Vec::new(),
            None => whole(),
        };
        let known = granted.env.keys().chain(&granted.env_withheld);
        Wants {
            read: paths(&self.read),
            write: paths(&self.write),
            env: match &self.env {
                Some(names) => texts(names),
                None => known.cloned().collect(),
            },
            net: self.net.as_deref().map_or_else(|| granted.net.clone(), rules),
            real_clock: match &self.real_clock {
                Some(real) => real.value,
                None => granted.clock == ClockMode::Real,
            },
            system_random: match &self.system_random {
                Some(system) => system.value,
                None => granted.random == RandomMode::System,
            },
        }
    }
}

fn texts(list: &[Spanned<String>]) -> Vec<String> {
    list.iter().map(|text| text.value.clone()).collect()
}

fn rules(list: &[Spanned<NetRule>]) -> Vec<NetRule> {
    list.iter().map(|rule| rule.value.clone()).collect()
}

/// Paths that stay within whatever folder is granted.
fn inner_paths(item: &Item<'_>) -> Option<Vec<Spanned<String>>> {
    let paths = item.strings()?;
    let mut inner = Vec::with_capacity(paths.len());
    for path in paths {
        let wants = Wants { read: vec![path.value.to_owned()], ..Wants::default() };
        match wants.check() {
            Ok(_) => inner.push(Spanned::new(path.value.to_owned(), path.span)),
            Err(error) => item.report(item.wrong(error.to_string(), "").hint(
                "paths here are relative to the folder that the operator grants, such as \"data\"; `.` is all of it",
            )),
        }
    }
    Some(inner)
}

/// Names of environment variables.
fn variables(item: &Item<'_>) -> Option<Vec<Spanned<String>>> {
    let names = item.strings()?;
    let fits =
        |name: &str| !name.is_empty() && name.len() <= 256 && !name.contains(|c: char| c == '=' || c.is_control());
    let mut known = Vec::with_capacity(names.len());
    for name in names {
        if fits(name.value) {
            known.push(Spanned::new(name.value.to_owned(), name.span));
        } else {
            let message = format!("`{}` is not the name of a variable", shortened(name.value, 60));
            let hint = "names alone, such as \"TZ\"; the operator gives the values";
            item.report(item.wrong(message, "").hint(hint));
        }
    }
    Some(known)
}

/// `net.allow`: the same rules, wanted or granted.
fn net(parent: &Section<'_>) -> Option<Vec<Spanned<NetRule>>> {
    let section = parent.section("net")?;
    let item = section.get("allow")?;
    let mut rules = Vec::new();
    for text in item.strings()? {
        match text.value.parse::<NetRule>() {
            Ok(rule) => rules.push(Spanned::new(rule, text.span)),
            Err(error) => item.report(item.wrong_at(text.span, error.to_string(), "").hint(error.fix())),
        }
    }
    Some(rules)
}

// === grants ===

/// Reads what the operator gives from the sections within `parent`.
///
/// Relative paths begin at `folder`, the one in which the file lies. `lookup` is the operator's own environment: a variable
/// that is granted and not set is simply absent.
#[must_use]
pub fn grants(parent: &Section<'_>, folder: &Path, lookup: &dyn Fn(&str) -> Option<String>) -> GrantKeys {
    let mut keys = GrantKeys::default();
    if let Some(fs) = parent.section("fs") {
        keys.folders = folders(&fs, folder);
    }
    if let Some(env) = parent.section("env") {
        keys.env = values(&env, lookup);
    }
    keys.net = net(parent).as_deref().map(rules);
    if let Some(section) = parent.section("secrets") {
        keys.secrets = Some(secrets(&section, folder));
    }
    if let Some(clock) = parent.section("clock") {
        keys.clock = clock.get("mode").and_then(|item| item.word(CLOCKS));
    }
    if let Some(random) = parent.section("random") {
        keys.random = randomness(&random);
    }
    keys
}

/// `secrets.NAME`: where its value is, and on which requests it is put. Files are relative to `base`.
fn secrets(section: &Section<'_>, base: &Path) -> Vec<SecretGrant> {
    let mut secrets = Vec::new();
    for (name, item) in section.others() {
        let Some(table) = item.section() else { continue };
        let text = |key| table.get(key).and_then(|item| Some(item.string()?.value.to_owned()));
        let (from, to, header) = (text("from"), text("to"), text("header"));
        let format = text("format").unwrap_or_else(|| "{}".to_owned());
        let (Some(from), Some(to), Some(header)) = (from, to, header) else {
            let message = format!("the secret `{}` is not whole", shortened(name.value, 60));
            item.report(item.wrong_at(name.span, message, "").hint(
                "from = \"env:NAME\" or \"file:PATH\", to = \"GET https://api.example.com/*\", header = \"Authorization\"",
            ));
            continue;
        };
        match SecretGrant::new(name.value, &from, &to, &header, &format) {
            Ok(mut secret) => {
                if let SecretSource::File(path) = &mut secret.from {
                    *path = tidy(&base.join(&path));
                }
                secrets.push(secret);
            }
            Err(error) => item.report(item.wrong_at(name.span, error.to_string(), "")),
        }
    }
    secrets
}

/// The folders of `fs.read` and `fs.write`; one that is in both may be written.
fn folders(fs: &Section<'_>, base: &Path) -> Option<Vec<Folder>> {
    let (read, write) = (fs.get("read"), fs.get("write"));
    if read.is_none() && write.is_none() {
        return None;
    }
    let mut folders: Vec<Folder> = Vec::new();
    for (item, access) in [(write, Access::Write), (read, Access::Read)] {
        let paths = item.as_ref().and_then(Item::strings);
        for path in paths.into_iter().flatten() {
            if path.value.is_empty() || path.value.contains('\0') {
                let wrong = fs.problems().at(path.span, "this is not a path", "");
                fs.problems().push(wrong.hint("the folder of this file is `.`"));
                continue;
            }
            let host = tidy(&base.join(path.value));
            if !folders.iter().any(|known| known.host == host) {
                folders.push(Folder::whole(path.value, host, access));
            }
        }
    }
    Some(folders)
}

/// The path without `.` and `..`, by its text alone: where a folder is a link, what is beside it is not what this says.
#[must_use]
pub fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            // Above the root is the root.
            Component::ParentDir if tidy.has_root() => {}
            _ => tidy.push(part),
        }
    }
    if tidy.as_os_str().is_empty() {
        tidy.push(".");
    }
    tidy
}

/// `env.allow` from the operator's environment, `env.set` as written.
fn values(env: &Section<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Option<BTreeMap<String, String>> {
    let (allow, set) = (env.get("allow"), env.get("set"));
    if allow.is_none() && set.is_none() {
        return None;
    }
    let names = allow.as_ref().and_then(variables).unwrap_or_default();
    let mut values: BTreeMap<String, String> =
        names.into_iter().filter_map(|name| Some((name.value.clone(), lookup(&name.value)?))).collect();
    let set = set.and_then(|item| item.section());
    for (name, item) in set.iter().flat_map(Section::others) {
        if let Some(value) = item.string() {
            values.insert(name.value.to_owned(), value.value.to_owned());
        }
    }
    Some(values)
}

fn randomness(random: &Section<'_>) -> Option<RandomMode> {
    let (mode, seed) = (random.get("mode"), random.get("seed"));
    let chosen = mode.and_then(|item| item.word(RANDOMS));
    let Some(seed) = seed else {
        return chosen;
    };
    if chosen == Some(RandomMode::System) {
        let message = "the system's randomness has no seed";
        seed.report(seed.wrong(message, "").hint("mode = \"seeded\""));
        return None;
    }
    Some(RandomMode::Seeded(seed.count()?.as_u64()))
}
