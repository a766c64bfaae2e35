//! What the host knows of a tool without running it.

use std::collections::HashMap;
use std::sync::Arc;

use hotcell_call::{ByteSize, Code, Effect, Failure, printable, shortened};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::describe::import::{Import, check_contract};
use crate::describe::names::{MOST_CALLABLE, names};
use crate::describe::report::{Export, Parts, Report};
use crate::describe::schema;
use crate::describe::shape::{Shapes, Signature};

/// Bytes of a description; what is beyond is cut, and the cut is shown.
pub(crate) const MOST_DESCRIPTION: usize = 1_024;
/// Bytes of all schemas of a component together, roughly.
const MOST_SCHEMAS: usize = 4 << 20;

/// How a tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contract {
    /// It exports `hotcell:tool/tools`: `list` and `call`, with JSON.
    Hotcell,
    /// Its exported functions are the tools; values are converted.
    Plain,
}

/// What is known of a tool.
#[derive(Debug, Clone, Serialize)]
pub struct Descriptor {
    /// How it is called.
    pub contract: Contract,
    /// What can be called, and what can't, with the reason.
    pub functions: Vec<Function>,
    /// Functions beyond the first 1 024, which are not listed and can't be called.
    pub dropped: u64,
    /// What it wants of the host.
    pub imports: Vec<Import>,
    /// The size of its file.
    pub size: ByteSize,
    /// What one instantiation makes.
    pub parts: Parts,
    /// The functions that give room for arguments, by their index in their module.
    #[serde(skip)]
    pub(crate) allocators: Arc<[u32]>,
}

/// One function of a tool.
#[derive(Debug, Clone, Serialize)]
pub struct Function {
    /// Its name behind the tool's and a dot: `eval`, `math.add`.
    pub name: String,
    /// What it does, in the author's words: not to be trusted. Printable, at most 1 KiB.
    pub description: String,
    /// The JSON Schema of its arguments, which are an object.
    pub input: Value,
    /// The JSON Schema of its answer; none if it promises nothing.
    pub output: Option<Value>,
    /// The names of its arguments in their order, for arguments by position.
    pub parameters: Vec<String>,
    /// What a call does outside, as far as that was said.
    pub effect: Effect,
    /// Why it can't be called, if it can't.
    #[serde(rename = "uncallable", serialize_with = "reason")]
    pub callable: Result<(), String>,
    #[serde(skip)]
    pub(crate) plain: Option<Arc<Plain>>,
}

/// Where a function of a plain component is, and its types.
#[derive(Debug)]
pub(crate) struct Plain {
    /// The names of the instances around it, then its own.
    pub(crate) path: Vec<String>,
    pub(crate) shapes: Arc<Shapes>,
    pub(crate) signature: Signature,
}

impl Descriptor {
    /// Judges what the compile child found in a file of `size`.
    ///
    /// The functions of a tool of our own contract are still missing: only its `list` knows them.
    ///
    /// # Errors
    ///
    /// [`Code::Import`] for an import that is not offered or a contract of another version; [`Code::Fault`] if the report does
    /// not hold together.
    pub(crate) fn new(report: &Report, size: ByteSize) -> Result<Self, Failure> {
        report.check().map_err(|broken| {
            Failure::new(Code::Fault, "the report on the component does not hold together").caused_by(broken)
        })?;
        let imports: Vec<Import> = report.imports.iter().map(|name| Import::new(name)).collect();
        if let Some(import) = imports.iter().find(|import| !import.offered) {
            return Err(import.refusal());
        }
        let contract = match &report.contract {
            Some(name) => {
                check_contract(name)?;
                Contract::Hotcell
            }
            None => Contract::Plain,
        };
        let mut descriptor = Self {
            contract,
            functions: Vec::new(),
            dropped: report.dropped,
            imports,
            size,
            parts: report.parts,
            allocators: report.allocators.as_slice().into(),
        };
        if contract == Contract::Plain {
            descriptor.add_exports(report);
        }
        Ok(descriptor)
    }

    /// The function of that name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    fn add_exports(&mut self, report: &Report) {
        let shapes = Arc::new(report.shapes.clone());
        let names = names(&report.exports);
        let mut uses: HashMap<&str, u32> = HashMap::new();
        for name in &names {
            *uses.entry(name).or_default() += 1;
        }
        let mut written = 0;
        for (name, export) in names.iter().zip(&report.exports) {
            let unique = uses.get(name.as_str()) == Some(&1);
            let function = Function::plain(name, export, &shapes, unique);
            written += schema_size(&function.input) + function.output.as_ref().map_or(0, schema_size);
            if written > MOST_SCHEMAS {
                self.dropped += 1;
            } else {
                self.functions.push(function);
            }
        }
    }
}

impl Function {
    fn plain(name: &str, export: &Export, shapes: &Arc<Shapes>, unique: bool) -> Self {
        let described = match &export.types {
            Err(opaque) => Err(opaque.reason().to_owned()),
            Ok(_) if name.len() > MOST_CALLABLE => Err(format!("its name is longer than {MOST_CALLABLE} characters")),
            Ok(_) if !unique => Err("another function of the component has the same name".to_owned()),
            Ok(signature) => Schemas::of(shapes, signature).map_err(|error| error.to_string()),
        };
        let signature = export.types.as_ref().ok();
        let parameters = signature
            .map_or_else(Vec::new, |signature| signature.params.iter().map(|(name, _)| name.clone()).collect());
        let (callable, input, output) = match described {
            Ok(Schemas { input, output }) => (Ok(()), input, Some(output)),
            Err(reason) => (Err(reason), json!({ "type": "object" }), None),
        };
        let plain = signature.filter(|_| callable.is_ok()).map(|signature| {
            Arc::new(Plain { path: export.path.clone(), shapes: Arc::clone(shapes), signature: signature.clone() })
        });
        Self {
            name: shortened(name, MOST_CALLABLE),
            description: description(&export.docs),
            input,
            output,
            parameters,
            effect: Effect::default(),
            callable,
            plain,
        }
    }
}

struct Schemas {
    input: Value,
    output: Value,
}

impl Schemas {
    fn of(shapes: &Shapes, signature: &Signature) -> Result<Self, schema::SchemaError> {
        Ok(Self { input: schema::input(shapes, signature)?, output: schema::output(shapes, signature)? })
    }
}

/// Text of an author, fit to be shown: escaped, at most 1 KiB, and the cut marked.
pub(crate) fn description(text: &str) -> String {
    const MARK: &str = "… (cut)";
    let shown = printable(text.trim());
    if shown.len() <= MOST_DESCRIPTION {
        return shown;
    }
    let end = shown.floor_char_boundary(MOST_DESCRIPTION - MARK.len());
    format!("{}{MARK}", shown.get(..end).unwrap_or_default())
}

fn schema_size(schema: &Value) -> usize {
    serde_json::to_string(schema).map_or(usize::MAX / 4, |text| text.len())
}

fn reason<S: Serializer>(callable: &Result<(), String>, serializer: S) -> Result<S::Ok, S::Error> {
    callable.as_ref().err().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::report::Opaque;
    use crate::describe::shape::{Shape, ShapeId};

    fn export(path: &[&str], types: Result<Signature, Opaque>) -> Export {
        Export { path: path.iter().map(|name| (*name).to_owned()).collect(), docs: "Does\u{202e} it.".into(), types }
    }

    fn one_string() -> Signature {
        Signature { params: vec![("s".into(), ShapeId(0))], result: Some(ShapeId(0)) }
    }

    #[test]
    fn each_function_is_judged_alone() {
        let report = Report {
            shapes: Shapes::new(vec![Shape::String, Shape::Enum((0..9_999).map(|n| format!("case-{n}")).collect())]),
            exports: vec![
                export(&["good"], Ok(one_string())),
                export(&["handle"], Err(Opaque::Resource)),
                export(&["huge"], Ok(Signature { params: vec![("e".into(), ShapeId(1))], result: None })),
                export(&["[static]good"], Ok(one_string())),
                export(&["other"], Ok(one_string())),
            ],
            ..Report::default()
        };
        let descriptor = Descriptor::new(&report, ByteSize::kib(1)).unwrap();
        let callable: Vec<_> = descriptor.functions.iter().map(|f| (f.name.as_str(), f.callable.is_ok())).collect();
        assert_eq!(callable, [("good", false), ("handle", false), ("huge", false), ("good", false), ("other", true)]);
        let other = descriptor.function("other").unwrap();
        assert_eq!(other.parameters, ["s"]);
        assert_eq!(other.description, "Does\\u{202e} it.");
        assert_eq!(other.input["required"], json!(["s"]));
        assert_eq!(serde_json::to_value(other).unwrap()["uncallable"], Value::Null);
    }

    #[test]
    fn a_report_that_does_not_hold_together_is_a_fault() {
        let report = Report { exports: vec![export(&["f"], Ok(one_string()))], ..Report::default() };
        assert_eq!(Descriptor::new(&report, ByteSize::kib(1)).unwrap_err().code(), Code::Fault);
    }

    #[test]
    fn a_description_is_cut_where_it_shows() {
        let cut = description(&"ä".repeat(2_000));
        assert!(cut.len() <= MOST_DESCRIPTION && cut.ends_with("… (cut)"), "{}", cut.len());
        assert_eq!(description(" short "), "short");
    }
}
