//! Names that a caller can type for what a component exports.
//!
//! A function at the root keeps its name. One in an interface has the interface's before it, `math.add` for `docs:adder/math@0.1.0`;
//! where two interfaces end in the same word, as much more of their names as tells them apart.

use std::collections::HashMap;

use crate::describe::report::Export;

/// Characters of a function's name; with the longest tool's name before it, it is still a target.
pub(crate) const MOST_CALLABLE: usize = 135;

/// A name for each export, in order.
pub(crate) fn names(exports: &[Export]) -> Vec<String> {
    let prefixes = prefixes(exports);
    let mut names = Vec::with_capacity(exports.len());
    for export in exports {
        let Some((function, instances)) = export.path.split_last() else {
            names.push(String::new());
            continue;
        };
        let mut parts: Vec<&str> = Vec::new();
        if let Some(prefix) = prefixes.get(instances) {
            parts.push(prefix);
        }
        parts.push(bare(function));
        names.push(parts.join("."));
    }
    names
}

/// `[method]counter.up` → `counter.up`.
fn bare(function: &str) -> &str {
    function.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(function, |(_, name)| name)
}

/// The shortest prefix for each path of instances that no other path has.
fn prefixes(exports: &[Export]) -> HashMap<&[String], String> {
    let paths = exports.iter().filter_map(|export| export.path.split_last());
    let mut open: Vec<&[String]> =
        paths.map(|(_, instances)| instances).filter(|instances| !instances.is_empty()).collect();
    open.sort_unstable();
    open.dedup();
    let mut found = HashMap::new();
    for length in Length::ALL {
        let mut takers: HashMap<String, Vec<&[String]>> = HashMap::new();
        for path in open.drain(..) {
            takers.entry(prefix(path, length)).or_default().push(path);
        }
        for (prefix, paths) in takers {
            match paths.as_slice() {
                [only] => {
                    found.insert(*only, prefix);
                }
                _ if length == Length::WithVersion => {
                    found.extend(paths.into_iter().map(|path| (path, prefix.clone())));
                }
                _ => open.extend(paths),
            }
        }
    }
    found
}

/// How much of an interface's name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Interface,
    WithPackage,
    WithNamespace,
    WithVersion,
}

impl Length {
    const ALL: [Self; 4] = [Self::Interface, Self::WithPackage, Self::WithNamespace, Self::WithVersion];
}

fn prefix(path: &[String], length: Length) -> String {
    let parts: Vec<String> = path.iter().map(|instance| shortened(instance, length)).collect();
    parts.join(".")
}

/// `ns:package/interface@1.2.3` as `interface`, `package.interface`, `ns.package.interface` or `ns.package.interface.1-2-3`.
fn shortened(instance: &str, length: Length) -> String {
    let (name, version) = instance.split_once('@').unwrap_or((instance, ""));
    let Some((package, interface)) = name.rsplit_once('/') else {
        return callable(name);
    };
    let word = match length {
        Length::Interface => interface.to_owned(),
        Length::WithPackage => format!("{}.{interface}", package.rsplit(':').next().unwrap_or_default()),
        Length::WithNamespace => format!("{package}.{interface}"),
        Length::WithVersion => format!("{package}.{interface}.{}", version.replace('.', "-")),
    };
    callable(&word)
}

/// Only what a target is made of; anything else becomes `-`.
fn callable(word: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    word.chars()
        .map(|c| {
            if c == ':' || c == '/' {
                '.'
            } else if fits(c) {
                c
            } else {
                '-'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::report::Opaque;

    fn check(paths: &[&[&str]], wanted: &[&str]) {
        let export = |path: &&[&str]| Export {
            path: path.iter().map(|name| (*name).to_owned()).collect(),
            docs: String::new(),
            types: Err(Opaque::Size),
        };
        assert_eq!(names(&paths.iter().map(export).collect::<Vec<_>>()), wanted);
    }

    #[test]
    fn an_interface_is_named_by_its_last_word() {
        check(
            &[&["shout"], &["docs:adder/math@0.1.0", "add"], &["docs:adder/math@0.1.0", "sub"], &["plain", "f"]],
            &["shout", "math.add", "math.sub", "plain.f"],
        );
    }

    #[test]
    fn two_of_one_word_are_told_apart() {
        check(&[&["a:x/m", "f"], &["a:y/m", "f"]], &["x.m.f", "y.m.f"]);
        check(&[&["a:x/m", "f"], &["b:x/m", "f"], &["c:z/n", "f"]], &["a.x.m.f", "b.x.m.f", "n.f"]);
        check(&[&["a:x/m@1.0.0", "f"], &["a:x/m@2.0.0", "f"]], &["a.x.m.1-0-0.f", "a.x.m.2-0-0.f"]);
    }

    #[test]
    fn marks_of_methods_are_left_out() {
        check(&[&["a:b/c", "[method]counter.up"], &["[constructor]x"]], &["c.counter.up", "x"]);
    }
}
