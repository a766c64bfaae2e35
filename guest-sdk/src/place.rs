//! Places in a JSON text, as paths: `$.a[3].b`.
//!
//! The reader of JSON says at which line and column it stopped. [`within`] walks the text up to there and tells the path
//! of what was read last. This costs nothing as long as nothing is wrong, while a reader that keeps the path at all
//! times would be compiled once more for each type.

/// The path of a member of the input: `$.name`.
pub(crate) fn member(name: &str) -> String {
    let mut path = String::from("$");
    push_key(&mut path, name);
    path
}

/// The path, without the `$`, of the value or key that ends at a line and column of a valid JSON text.
pub(crate) fn within(json: &str, line: usize, column: usize) -> String {
    let before: usize = json.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut walk = Walk { rest: json, read: 0, until: before + column, open: Vec::new() };
    while walk.step() {}
    walk.path()
}

/// A walk through a JSON text, token by token.
struct Walk<'a> {
    rest: &'a str,
    read: usize,
    until: usize,
    /// The arrays and objects around the token that comes next.
    open: Vec<Open>,
}

enum Open {
    Array {
        at: usize,
    },
    /// `key` is that of the value which is being read; `awaited` says that the next string is a key.
    Object {
        key: String,
        awaited: bool,
    },
}

// === impl Walk ===

impl Walk<'_> {
    /// Goes over one token; false at the end.
    fn step(&mut self) -> bool {
        if self.read >= self.until {
            return false;
        }
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        let length = match first {
            '"' => string_length(self.rest),
            _ => first.len_utf8(),
        };
        let (token, rest) = self.rest.split_at(length);
        match first {
            '"' => self.key(token),
            '{' => self.open.push(Open::Object { key: String::new(), awaited: true }),
            '[' => self.open.push(Open::Array { at: 0 }),
            '}' | ']' => drop(self.open.pop()),
            ',' => self.next(),
            _ => {}
        }
        self.rest = rest;
        self.read += length;
        true
    }

    fn key(&mut self, token: &str) {
        if let Some(Open::Object { key, awaited }) = self.open.last_mut()
            && *awaited
        {
            *key = serde_json::from_str(token).unwrap_or_default();
            *awaited = false;
        }
    }

    fn next(&mut self) {
        match self.open.last_mut() {
            Some(Open::Array { at }) => *at += 1,
            Some(Open::Object { awaited, .. }) => *awaited = true,
            None => {}
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match open {
                Open::Array { at } => path.push_str(&format!("[{at}]")),
                // Right behind `{`, there is no key yet: the object itself is meant.
                Open::Object { key, awaited } if !(*awaited && key.is_empty()) => {
                    push_key(&mut path, key);
                }
                Open::Object { .. } => {}
            }
        }
        path
    }
}

/// The length of the string at the start of a text, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A key can be as long as the input; this much of it is enough to find it.
const KEY_CHARS: usize = 64;

/// Adds a key as `.key`, or as `["a key"]` where the dot would mislead.
fn push_key(path: &mut String, key: &str) {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match key.char_indices().nth(KEY_CHARS) {
        Some((end, _)) => *path += &format!("[{:?}…]", key.get(..end).unwrap_or_default()),
        None if plain && !key.is_empty() => {
            path.push('.');
            path.push_str(key);
        }
        None => *path += &format!("[{key:?}]"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Point {
        #[expect(dead_code, reason = "only read")]
        x: f64,
        #[expect(dead_code, reason = "only read")]
        #[serde(default)]
        tags: Vec<Tag>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Tag {
        Red,
        Sized(#[expect(dead_code, reason = "only read")] u8),
    }

    /// Where the reading of this text fails.
    #[track_caller]
    fn place<T: DeserializeOwned + Debug>(json: &str) -> String {
        let error = serde_json::from_str::<T>(json).unwrap_err();
        super::within(json, error.line(), error.column())
    }

    #[test]
    fn a_wrong_value_is_found() {
        for (json, path) in [
            (r#"5"#, ""),
            (r#"[{"x": 1}, {"x": "y"}]"#, "[1].x"),
            (r#"[{"x": 1},5]"#, "[1]"),
            ("[\n  {\"x\": 1},\n  {\"x\": null}\n]", "[1].x"),
            (r#"[{"x": {"x": 1}}]"#, "[0].x"),
            (r#"[{"tags": ["red", "blue"], "x": 1}]"#, "[0].tags[1]"),
            (r#"[{"x": 1, "tags": [5]}]"#, "[0].tags[0]"),
            (r#"[{"x": 1, "tags": [{"sized": 256}]}]"#, "[0].tags[0].sized"),
            (r#"[{"tags": "red"}]"#, "[0].tags"),
        ] {
            assert_eq!(place::<Vec<Point>>(json), path, "{json}");
        }
    }

    #[test]
    fn a_missing_key_is_its_objects_fault_and_an_unknown_key_its_own() {
        for (json, path) in [
            (r#"[{"x": 1}, {}]"#, "[1]"),
            (r#"[{"x": 1}, {"tags": ["red"]} ]"#, "[1]"),
            (r#"[{"x": 1, "y" : {"x": 2}}]"#, "[0].y"),
        ] {
            assert_eq!(place::<Vec<Point>>(json), path, "{json}");
        }
    }

    #[test]
    fn keys_and_strings_may_hold_anything() {
        for (json, path) in
            [(r#"{"a\"b": {"}": [1, "2"]}}"#, r#"["a\"b"]["}"][1]"#), (r#"{"": {"ä": [1, "2"]}}"#, r#"[""]["ä"][1]"#)]
        {
            assert_eq!(place::<BTreeMap<String, BTreeMap<String, Vec<u8>>>>(json), path);
        }
        let long = "k".repeat(1000);
        let json = format!(r#"{{"{long}": "v"}}"#);
        assert_eq!(place::<BTreeMap<String, u8>>(&json), format!("[\"{}\"…]", "k".repeat(64)));
    }
}
