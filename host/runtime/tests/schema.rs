//! The JSON Schema of an agent's file says what the reader reads: neither a key more nor one less.
//!
//! The reader knows its keys by asking for them, and tells them to whoever writes one that is unknown. So a key that nobody has is
//! put into each section, and what the hint lists is held against the schema.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic, and so do its helpers"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hotcell_agent::document::Source;
use hotcell_agent::{Agent, Diagnostic, Lookup, Offer, Pattern, Tools};
use hotcell_call::{GrantSet, LimitKeys, Limits, Priority, Target, ToolName};
use serde_json::{Value, json};

/// No tools: what is wrong with a file beside its keys is another test's matter.
struct Nothing;

impl Tools for Nothing {
    fn function(&self, _target: &Target) -> Lookup {
        Lookup::UnknownTool { tools: Vec::new() }
    }

    fn offers(&self, _tool: Option<&ToolName>) -> Vec<Offer> {
        Vec::new()
    }

    fn limits(&self, _tool: &ToolName) -> Limits {
        Limits::default()
    }

    fn grants(&self, _tool: &ToolName) -> GrantSet {
        GrantSet::default()
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(here("../cli/schema/agent.json")).unwrap()).unwrap()
}

fn wrong(text: &str) -> Vec<Diagnostic> {
    Agent::read(&Source::new("agents/x.toml", text), &Nothing).err().unwrap_or_default()
}

/// The key that nobody has: too far from all others to be taken for one of them.
const NOBODYS: &str = "zzqqxxzzqqxx";

/// Keys that the reader knows only to say whose they are.
const REFUSED: [(&str, &str); 2] = [("model", "key"), ("model", "base_url")];

/// Each place of the schema, with files that have [`NOBODYS`] key there as `K = 1`.
const PLACES: &[(&str, &[&str])] = &[
    ("/properties", &["K = 1\n[[step]]", "K = 1\n[agent]\npattern = \"react\""]),
    ("/properties/agent/properties", &["[agent]\nK = 1"]),
    ("/properties/input/properties", &["[input]\nK = 1"]),
    ("/properties/output/properties", &["[output]\nK = 1"]),
    ("/properties/run/properties", &["[run]\nK = 1"]),
    ("/properties/schedule/properties", &["[schedule]\nK = 1"]),
    ("/properties/retry/properties", &["[retry]\nK = 1"]),
    ("/properties/budget/properties", &["[budget]\nK = 1"]),
    ("/properties/model/properties", &["[agent]\npattern = \"react\"\n[model]\nK = 1"]),
    (
        "/properties/model/properties/reply/items/properties",
        &["[agent]\npattern = \"react\"\n[model]\nuse = \"scripted\"\n[[model.reply]]\nK = 1"],
    ),
    (
        "/properties/model/properties/reply/items/properties/use/items/properties",
        &["[agent]\npattern = \"react\"\n[model]\nuse = \"scripted\"\n[[model.reply]]\n[[model.reply.use]]\nK = 1"],
    ),
    ("/properties/approve/properties", &["[agent]\npattern = \"react\"\n[approve]\nK = 1"]),
    ("/properties/plan/properties", &["[agent]\npattern = \"plan\"\n[plan]\nK = 1"]),
    ("/properties/watch/properties", &["[agent]\npattern = \"reactive\"\n[watch]\ntask = \"x\"\nK = 1"]),
    ("/properties/memory/properties", &["[agent]\npattern = \"react\"\n[memory]\nK = 1"]),
    (
        "/$defs/agent/properties",
        &[
            "[agent]\npattern = \"react\"\n[[agents]]\nK = 1",
            "[agent]\npattern = \"react\"\n[[agents]]\npattern = \"react\"\nK = 1",
        ],
    ),
    ("/$defs/step/properties", &["[[step]]\nK = 1"]),
    ("/$defs/step/properties/on_error/oneOf/1/properties", &["[[step]]\non_error = { K = 1 }"]),
    ("/$defs/limits/properties", &["[limits]\nK = 1", "[tools.x.limits]\nK = 1"]),
    ("/$defs/narrowing/properties", &["[tools.x]\nK = 1"]),
    ("/$defs/narrowing/properties/fs/properties", &["[tools.x.fs]\nK = 1"]),
    ("/$defs/narrowing/properties/env/properties", &["[tools.x.env]\nK = 1"]),
    ("/$defs/narrowing/properties/net/properties", &["[tools.x.net]\nK = 1"]),
    ("/$defs/narrowing/properties/clock/properties", &["[tools.x.clock]\nK = 1"]),
    ("/$defs/narrowing/properties/random/properties", &["[tools.x.random]\nK = 1"]),
];

/// The keys that the reader lists.
fn read(file: &str) -> BTreeSet<String> {
    let wrong = wrong(&file.replace('K', NOBODYS));
    let unknown = format!("unknown key `{NOBODYS}`");
    let told = wrong.iter().find(|wrong| wrong.message() == unknown).unwrap_or_else(|| panic!("{file}: {wrong:?}"));
    let hint = told.remedy().expect("a hint");
    let (_, keys) = hint.split_once(" has: ").unwrap_or_else(|| panic!("{file}: {hint}"));
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_that_is_read_is_in_the_schema_and_no_other() {
    let schema = schema();
    for (place, files) in PLACES {
        let known: BTreeSet<String> = files.iter().flat_map(|file| read(file)).collect();
        let refused = |key: &String| {
            REFUSED.iter().any(|(of, name)| place.ends_with(&format!("/{of}/properties")) && key == name)
        };
        let known: BTreeSet<String> = known.into_iter().filter(|key| !refused(key)).collect();
        let properties = schema.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("{place}"));
        assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), known, "{place}");
    }
    for (section, key) in REFUSED {
        let text = format!("[agent]\npattern = \"react\"\n[{section}]\nuse = \"rules\"\n{key} = \"x\"\n");
        assert!(wrong(&text).iter().any(|wrong| wrong.message().contains("the operator's")), "{key}");
    }
}

// Of these no hint lists the keys: beside them, any key is a tool's name.
#[test]
fn what_stands_beside_the_keys_of_tools_narrows_a_tool() {
    let known = ["allow", "deny", "result"];
    let properties = schema();
    let properties = properties.pointer("/properties/tools/properties").and_then(Value::as_object).unwrap();
    assert!(properties.keys().eq(known), "{properties:?}");
    let told = |key: &str| {
        let text = format!("[tools]\n{key} = {{ limits.fuel = 1 }}\n[[step]]\nid = \"a\"\nvalue = \"b\"\n");
        wrong(&text).iter().map(|wrong| wrong.message().to_owned()).collect::<Vec<_>>().join("\n")
    };
    let no_tool = told("other");
    assert!(no_tool.contains("`other`"), "{no_tool}");
    for key in known {
        let told = told(key);
        assert!(!told.is_empty() && told != no_tool.replace("other", key), "{key} is taken for a tool: {told}");
    }
}

/// Every object of the schema that has properties, by its place.
fn objects(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    if let Value::Object(map) = value {
        for (key, value) in map {
            let place = format!("{place}/{key}");
            if key == "properties" && map.get("type") == Some(&json!("object")) {
                found.insert(place.clone());
            }
            objects(value, &place, found);
        }
    } else if let Value::Array(list) = value {
        list.iter().enumerate().for_each(|(number, value)| objects(value, &format!("{place}/{number}"), found));
    }
}

// So that a section can't be forgotten above.
#[test]
fn every_section_of_the_schema_is_looked_at_and_says_what_its_keys_are() {
    let schema = schema();
    let mut found = BTreeSet::new();
    objects(&schema, "", &mut found);
    let looked_at =
        |place: &String| PLACES.iter().any(|(known, _)| known == place) || place == "/properties/tools/properties";
    // An agent at another's side has the sections of one that stands alone.
    let (inner, outer): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|place| place.starts_with("/$defs/agent/properties/"));
    let forgotten: Vec<_> = outer.iter().filter(|place| !looked_at(place)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
    for place in &inner {
        let same = place.replace("/$defs/agent", "");
        assert_eq!(schema.pointer(place), schema.pointer(&same), "{place}");
    }
    for place in outer.iter().chain(&inner) {
        for (key, value) in schema.pointer(place).and_then(Value::as_object).unwrap() {
            assert!(
                value["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{place}/{key} says nothing"
            );
        }
    }
}

#[test]
fn words_are_those_of_the_reader() {
    let schema = schema();
    let words = |place: &str| {
        let list =
            schema.pointer(place).and_then(|value| value["enum"].as_array()).unwrap_or_else(|| panic!("{place}"));
        list.iter().map(|word| word.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        words("/properties/agent/properties/pattern"),
        Pattern::WORDS.iter().map(|(word, _)| (*word).to_owned()).collect()
    );
    let priorities: Vec<&str> = Priority::WORDS.iter().map(|(word, _)| *word).collect();
    assert_eq!(words("/properties/schedule/properties/priority"), of(&priorities));
    let limits = schema.pointer("/$defs/limits/properties").and_then(Value::as_object).unwrap();
    assert_eq!(limits.keys().map(String::as_str).collect::<BTreeSet<_>>(), LimitKeys::NAMES.iter().copied().collect());
    // Of the rest, each word fits, and none that is nobody's.
    for (place, file) in [
        ("/properties/input/properties/kind", "[input]\nkind = \"W\""),
        ("/properties/budget/properties/on_exceed", "[budget]\non_exceed = \"W\""),
        ("/properties/memory/properties/kind", "[agent]\npattern = \"react\"\n[memory]\nkind = \"W\""),
        ("/$defs/step/properties/on_error/oneOf/0", "[[step]]\nid = \"a\"\nvalue = \"b\"\non_error = \"W\""),
        ("/$defs/narrowing/properties/clock/properties/mode", "[tools.x.clock]\nmode = \"W\""),
        ("/$defs/narrowing/properties/random/properties/mode", "[tools.x.random]\nmode = \"W\""),
    ] {
        let is_none =
            |word: &str| wrong(&file.replace('W', word)).iter().any(|wrong| wrong.message().contains("` is not a `"));
        assert!(is_none(NOBODYS), "{file}");
        for word in words(place) {
            assert!(!is_none(&word), "{place}: {word}");
        }
        // The reader lists its words to whoever has none of them.
        let wrong = wrong(&file.replace('W', NOBODYS));
        let hint =
            wrong.iter().filter_map(Diagnostic::remedy).find_map(|hint| hint.strip_prefix("one of: ")).expect("a hint");
        assert_eq!(hint.split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), words(place), "{place}");
    }
}

#[test]
fn agents_that_are_sound_fit_and_others_do_not() {
    let schema = schema();
    jsonschema::meta::validate(&schema).expect("a schema");
    let fits = jsonschema::validator_for(&schema).unwrap();
    let value = |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    let mut texts: Vec<(String, String)> = fs::read_dir(here("../../agents"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(texts.len() >= 2);
    for (template, pattern) in [("mind", "react"), ("mind", "plan"), ("mind", "reactive"), ("steps", "steps")] {
        let text = fs::read_to_string(here(&format!("../cli/templates/agent/{template}.toml.in"))).unwrap();
        texts.push((pattern.to_owned(), text.replace("{{pattern}}", pattern).replace("{{more}}", "")));
    }
    for (name, text) in &texts {
        let told: Vec<String> =
            fits.iter_errors(&value(text)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(told.is_empty(), "{name}: {told:?}");
    }
    let whole = "[agent]\npattern = \"react\"\n[model]\nuse = \"scripted\"\n[[model.reply]]\nuse = [{ call = \"calc.eval\" }]\n[tools]\nallow = [\"*\"]\n[tools.files]\nfs.read = [\".\"]\nlimits.fuel = 5\n[[agents]]\nname = \"b\"\nshare = 0.2\nmodel.use = \"rules\"\n[[agents.agents]]\nname = \"c\"\n";
    assert!(fits.is_valid(&value(whole)));
    for (from, to) in [
        ("\"react\"", "\"chat\""),
        ("\"scripted\"", "\"gpt\""),
        ("call =", "name ="),
        ("share = 0.2", "share = 2"),
        ("name = \"c\"", "title = \"c\""),
        ("fs.read", "fs.reed"),
        ("limits.fuel = 5", "limits.fuel = -5"),
        ("[\"*\"]", "\"*\""),
    ] {
        assert!(whole.contains(from) && !fits.is_valid(&value(&whole.replace(from, to))), "{to}");
    }
}
