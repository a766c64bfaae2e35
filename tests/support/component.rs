//! Components that no compiler makes: assembled from text.
//!
//! Three ways, by what a case needs. [`text`] takes the text of a component as it is: for counts and nestings. [`world`] puts a core
//! module behind a WIT world, and the engine's own tools write what lies between: for results that break their types.
//! [`Contract`] does that with the world of a hotcell tool: for tools that lie about themselves.

use std::fmt::Write;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::source::root;

/// Where the default answer of `call` stands.
const ANSWER: u32 = 1_024;
/// Where the answer of `list` stands.
const LIST: u32 = 2_048;
/// Where its tools stand: after those, the texts.
const TOOLS: u32 = 4_096;

/// A component from its text.
pub(crate) fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A core module behind the only world of a WIT text.
pub(crate) fn world(wit: &str, core: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("shape.wit", wit).unwrap_or_else(|error| panic!("{error:#}"));
    encode(&resolve, package, core)
}

fn encode(resolve: &Resolve, package: wit_parser::PackageId, core: &str) -> Vec<u8> {
    let world = resolve.select_world(&[package], None).unwrap_or_else(|error| panic!("{error:#}"));
    let mut module = text(core);
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
        .and_then(|()| ComponentEncoder::default().module(&module)?.encode())
        .unwrap_or_else(|error| panic!("{error:#}"))
}

/// A tool as it presents itself.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) input: String,
}

impl Default for Listed {
    fn default() -> Self {
        let text = str::to_owned;
        Self { name: text("run"), description: text("Runs."), input: text(r#"{"type":"object"}"#) }
    }
}

/// A tool component in pieces of core text, each of which may be replaced. As it is, it has one tool, which answers `null`.
#[derive(Clone)]
pub(crate) struct Contract {
    /// What `list` says.
    pub(crate) tools: Vec<Listed>,
    /// The body of `list`.
    pub(crate) list: String,
    /// The body of `call`: its parameters are `$name $name_len $input $input_len`.
    pub(crate) call: String,
    /// The body of what is called after `call`'s result was read.
    pub(crate) post: String,
    /// The body of the allocator.
    pub(crate) realloc: String,
    /// Further fields of the module.
    pub(crate) more: String,
}

impl Default for Contract {
    fn default() -> Self {
        let align = "(local.set 4 (i32.and (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1))) (i32.sub (i32.const 0) (local.get 2))))";
        let take = "(global.set $next (i32.add (local.get 4) (local.get 3))) (local.get 4)";
        Self {
            tools: vec![Listed::default()],
            list: format!("(i32.const {LIST})"),
            call: format!("(i32.const {ANSWER})"),
            post: String::new(),
            realloc: format!("(local i32) {align} {take}"),
            more: String::new(),
        }
    }
}

impl Contract {
    /// One whose `call` is this.
    pub(crate) fn calling(call: &str) -> Self {
        Self { call: call.to_owned(), ..Self::default() }
    }

    /// One whose `list` says this.
    pub(crate) fn listing(tools: impl IntoIterator<Item = Listed>) -> Self {
        Self { tools: tools.into_iter().collect(), ..Self::default() }
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(root().join("guest-sdk/wit")).unwrap_or_else(|error| panic!("{error:#}"));
        encode(&resolve, package, &self.core())
    }

    fn core(&self) -> String {
        let (data, end) = self.data();
        let heap = end.next_multiple_of(16);
        let pages = heap / 65_536 + 8;
        let Self { list, call, post, realloc, more, .. } = self;
        format!(
            r#"(module
                (memory (export "memory") {pages})
                (global $next (mut i32) (i32.const {heap}))
                (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "hotcell:tool/tools@0.1.0#list") (result i32) {list})
                (func (export "hotcell:tool/tools@0.1.0#call")
                    (param $name i32) (param $name_len i32) (param $input i32) (param $input_len i32) (result i32) {call})
                (func (export "cabi_post_hotcell:tool/tools@0.1.0#call") (param i32) {post})
                {data}
                {more})"#
        )
    }

    /// What `list` and `call` answer, as the canonical ABI has it, and where it ends.
    fn data(&self) -> (String, u32) {
        let count = self.tools.len() as u32;
        let mut texts = TOOLS + 40 * count;
        let (mut records, mut bytes) = (Vec::new(), Vec::new());
        for tool in &self.tools {
            for text in [&tool.name, &tool.description, &tool.input] {
                records.extend(texts.to_le_bytes());
                records.extend((text.len() as u32).to_le_bytes());
                bytes.extend(text.as_bytes());
                texts += text.len() as u32;
            }
            // No schema of the output, and the effect `pure`.
            records.extend([0; 16]);
        }
        let null = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0].map(|byte: u8| byte);
        let mut answer = null.to_vec();
        answer[8..12].copy_from_slice(&(ANSWER + 64).to_le_bytes());
        let mut list = TOOLS.to_le_bytes().to_vec();
        list.extend(count.to_le_bytes());
        let mut data = String::new();
        for (at, bytes) in [
            (ANSWER, answer.as_slice()),
            (ANSWER + 64, b"null"),
            (LIST, &list),
            (TOOLS, &records),
            (TOOLS + 40 * count, &bytes),
        ] {
            write!(data, "(data (i32.const {at}) \"{}\")", escaped(bytes)).expect("a string takes all");
        }
        (data, texts)
    }
}

/// A core body that stores a `result` at [`ANSWER`] and returns it: `tag`, then the address and length of a text.
pub(crate) fn answering(tag: u32, text: u32, len: u32) -> String {
    format!(
        "(i32.store8 (i32.const {ANSWER}) (i32.const {tag})) (i32.store offset=8 (i32.const {ANSWER}) (i32.const {text}))
         (i32.store offset=12 (i32.const {ANSWER}) (i32.const {len})) (i32.const {ANSWER})"
    )
}

/// Bytes as the text format writes them.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").expect("a string takes all");
        text
    })
}
