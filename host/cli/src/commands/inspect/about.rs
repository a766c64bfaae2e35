//! What a tool may reach and use: what it imports, wants and gets, and under which limits.

use hotcell_call::{Access, Capability, ClockMode, GrantSet, Limits, RandomMode, Wants, format_duration, shortened};
use hotcell_runtime::{Contract, Descriptor, Inspected};

/// Rows of a title and what there is to say.
pub(super) fn rows(tool: &Inspected) -> Vec<[String; 2]> {
    let mut rows = vec![row("wants", wants(tool.wants.as_ref())), row("gets", tool.grants.to_string())];
    rows.extend(
        imports(&tool.descriptor, &tool.grants)
            .into_iter()
            .enumerate()
            .map(|(place, import)| row(if place == 0 { "imports" } else { "" }, import)),
    );
    rows.push(row("limits", limits(&tool.limits)));
    rows.push(row("made of", made_of(&tool.descriptor)));
    rows.push(row("digest", tool.digest.to_string()));
    rows
}

fn row(title: &str, text: String) -> [String; 2] {
    [title.to_owned(), text]
}

fn wants(wants: Option<&Wants>) -> String {
    let Some(wants) = wants else {
        return "what it is given (no tool.toml says less)".to_owned();
    };
    let shown = |text: &String| shortened(text, 60);
    let mut parts: Vec<String> = Vec::new();
    parts.extend(wants.read.iter().map(|path| format!("read {}", shown(path))));
    parts.extend(wants.write.iter().map(|path| format!("write {}", shown(path))));
    parts.extend(wants.env.iter().map(|name| format!("env {}", shown(name))));
    parts.extend(wants.net.iter().map(|rule| format!("net {}", shortened(&rule.to_string(), 120))));
    parts.extend(wants.real_clock.then(|| "clock real".to_owned()));
    parts.extend(wants.system_random.then(|| "random system".to_owned()));
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// What it imports, by what that would let it reach, and whether it does. Most languages import more than a tool uses.
fn imports(descriptor: &Descriptor, grants: &GrantSet) -> Vec<String> {
    let reaching = [
        (Capability::Read, "files", files(grants)),
        (Capability::Env, "environment", named(grants.env.keys().map(String::as_str))),
        (Capability::Clock, "clock", clock(grants.clock)),
        (Capability::Random, "randomness", random(grants.random)),
        (Capability::Net, "network", net(grants)),
    ];
    let imports = |capability| descriptor.imports.iter().any(move |import| import.capability == Some(capability));
    let known = reaching.into_iter().filter(|(capability, ..)| imports(*capability));
    let mut lines: Vec<String> = known.map(|(_, what, state)| format!("{what}: {state}")).collect();
    let rest = descriptor.imports.iter().filter(|import| import.capability.is_none()).count();
    match (lines.is_empty(), rest) {
        (true, 0) => lines.push("nothing".to_owned()),
        (_, 0) => {}
        (_, rest) => lines.push(format!("{rest} that reach nothing")),
    }
    lines
}

fn files(grants: &GrantSet) -> String {
    let folders = grants.folders.iter().map(|folder| {
        let verb = if folder.access == Access::Read { "read" } else { "write" };
        format!("{verb} {}", shortened(&folder.guest, 60))
    });
    named(folders.collect::<Vec<_>>().iter().map(String::as_str))
}

fn net(grants: &GrantSet) -> String {
    let rules: Vec<String> = grants.net.iter().map(|rule| shortened(&rule.to_string(), 120)).collect();
    named(rules.iter().map(String::as_str))
}

fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "not granted".to_owned() } else { names.join(", ") }
}

fn clock(mode: ClockMode) -> String {
    match mode {
        ClockMode::Virtual => "virtual",
        ClockMode::Real => "real",
        ClockMode::Withheld => "wanted, not granted",
    }
    .to_owned()
}

fn random(mode: RandomMode) -> String {
    match mode {
        RandomMode::Seeded(_) => "seeded",
        RandomMode::System => "the system's",
        RandomMode::Withheld => "wanted, not granted",
    }
    .to_owned()
}

/// The limits of a call on one line, but for those that hardly anybody meets.
pub(in crate::commands) fn limits(limits: &Limits) -> String {
    let Limits { fuel, timeout, memory, input, output, log, handles, disk, entries, .. } = limits;
    let timeout = format_duration(*timeout);
    format!(
        "fuel {fuel}, timeout {timeout}, memory {memory}, input {input}, output {output}, log {log}, \
         handles {handles}, disk {disk} in {entries} entries"
    )
}

fn made_of(descriptor: &Descriptor) -> String {
    let contract = match descriptor.contract {
        Contract::Hotcell => "hotcell:tool",
        Contract::Plain => "plain exports",
    };
    let parts = descriptor.parts;
    let counted = |count: u32, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    format!(
        "{contract}, {}, {}, {}, {}",
        descriptor.size,
        counted(parts.instances, "core instance", "core instances"),
        counted(parts.memories, "memory", "memories"),
        counted(parts.tables, "table", "tables"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_told_whole() {
        let all = Wants {
            read: vec![".".to_owned()],
            write: vec!["out\n".to_owned()],
            env: vec!["TZ".to_owned()],
            net: vec!["GET https://api.example.com/*".parse().unwrap()],
            real_clock: true,
            system_random: true,
        };
        assert_eq!(
            wants(Some(&all)),
            "read ., write out\\n, env TZ, net GET https://api.example.com/*, clock real, random system"
        );
        assert_eq!(wants(Some(&Wants::default())), "nothing");
        assert_eq!(wants(None), "what it is given (no tool.toml says less)");
    }

    #[test]
    fn limits_are_one_line() {
        insta::assert_snapshot!(
            limits(&Limits::default()),
            @"fuel 10G, timeout 10s, memory 64MiB, input 4MiB, output 4MiB, log 256KiB, handles 1024, disk 64MiB in 1024 entries"
        );
    }
}
