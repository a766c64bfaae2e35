//! Reads a component without compiling it: exports and their types, imports, and what an instantiation makes.
//!
//! Runs in the compile child alone. Function bodies are not looked at (the engine validates them when it compiles), and nothing
//! is copied but names. The time is linear in the size of the file; what is kept is bounded by the constants of the report.

use wasmparser::component_types::{
    ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId,
};
use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, CustomSectionReader, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use crate::describe::count::Counter;
use crate::describe::docs::Docs;
use crate::describe::intern::Interner;
use crate::describe::report::{
    Export, MOST_DOCS, MOST_EXPORTS, MOST_IMPORTS, MOST_NAME, Opaque, Report,
};
use crate::describe::shape::Signature;

/// Instances within instances that are looked into.
const MOST_NESTING: usize = 4;
/// The package that the tool contract is in.
pub(crate) const CONTRACT: &str = "hotcell:tool/tools";

/// Reads `component`.
///
/// # Errors
///
/// The place at which its bytes break the format.
pub(crate) fn scan(component: &[u8]) -> Result<Report, BinaryReaderError> {
    // Everything that the parser knows: what the engine does not take is refused by the engine, with a better reason.
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut counter = Counter::default();
    let mut names = Names::default();
    let mut types = None;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        let valid = validator.payload(&payload)?;
        names.see(&payload, counter.depth())?;
        counter.see(&payload)?;
        if let ValidPayload::End(end) = valid {
            types = Some(end);
        }
    }
    Ok(match types {
        Some(types) => names.report(&types, counter.total()),
        None => Report::default(),
    })
}

/// What stands in the outermost component's own sections.
#[derive(Default)]
struct Names<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    docs: Docs,
}

impl<'a> Names<'a> {
    fn see(&mut self, payload: &Payload<'a>, depth: usize) -> Result<(), BinaryReaderError> {
        if depth != 1 {
            return Ok(());
        }
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    self.imports.push(import?.name.name);
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    self.exports.push(export?.name.name);
                }
            }
            Payload::CustomSection(section) => self.see_custom(section),
            _ => {}
        }
        Ok(())
    }

    fn see_custom(&mut self, section: &CustomSectionReader<'a>) {
        if section.name() == Docs::SECTION {
            self.docs = Docs::read(section.data());
        }
    }

    fn report(self, types: &Types, parts: crate::describe::Parts) -> Report {
        let is_contract = |name: &&&str| name.split('@').next() == Some(CONTRACT);
        let contract = self.exports.iter().find(is_contract).map(|name| cut(name, MOST_NAME));
        let mut functions = Functions { types, docs: &self.docs, interner: Interner::new(types), found: Vec::new(), dropped: 0 };
        for name in &self.exports {
            if let Some(item) = types.as_ref().component_item_for_export(name) {
                functions.collect(&mut vec![name], item.ty);
            }
        }
        Report {
            exports: functions.found,
            dropped: functions.dropped,
            shapes: functions.interner.into_shapes(),
            imports: self.imports.iter().take(MOST_IMPORTS).map(|name| cut(name, MOST_NAME)).collect(),
            contract,
            parts,
        }
    }
}

/// Finds the functions among exports, those in instances included.
struct Functions<'a> {
    types: &'a Types,
    docs: &'a Docs,
    interner: Interner<'a>,
    found: Vec<Export>,
    dropped: u64,
}

impl<'a> Functions<'a> {
    fn collect<'n>(&mut self, path: &mut Vec<&'n str>, item: ComponentEntityType)
    where
        'a: 'n,
    {
        match item {
            ComponentEntityType::Func(id) => self.add(path, id),
            ComponentEntityType::Instance(id) if path.len() <= MOST_NESTING => self.descend(path, id),
            // Types, modules and components are nothing to call.
            _ => {}
        }
    }

    fn descend<'n>(&mut self, path: &mut Vec<&'n str>, id: ComponentInstanceTypeId)
    where
        'a: 'n,
    {
        let Some(instance) = self.types.as_ref().get(id) else { return };
        for (name, item) in &instance.exports {
            path.push(name);
            self.collect(path, item.ty);
            path.pop();
        }
    }

    fn add(&mut self, path: &[&str], id: ComponentFuncTypeId) {
        if self.found.len() >= MOST_EXPORTS {
            self.dropped += 1;
            return;
        }
        let types = match path.iter().map(|name| name.len()).max() {
            Some(longest) if longest <= MOST_NAME => self.signature(id),
            _ => Err(Opaque::Size),
        };
        let docs = self.docs.of(path).map(|docs| cut(docs, MOST_DOCS));
        self.found.push(Export {
            path: path.iter().map(|name| cut(name, MOST_NAME)).collect(),
            docs: docs.unwrap_or_default(),
            types,
        });
    }

    fn signature(&mut self, id: ComponentFuncTypeId) -> Result<Signature, Opaque> {
        let function = self.types.as_ref().get(id).ok_or(Opaque::Size)?;
        if function.async_ {
            return Err(Opaque::Async);
        }
        let params = function.params.iter();
        let params = params.map(|(name, of)| Ok((self.interner.name(name)?, self.interner.shape(*of)?)));
        let params = params.collect::<Result<_, Opaque>>()?;
        let result = function.result.map(|of| self.interner.shape(of)).transpose()?;
        Ok(Signature { params, result })
    }
}

/// The first `most` bytes of `text`, at the edge of a character.
fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

