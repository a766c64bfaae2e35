//! Reads a component without compiling it: exports and their types, imports, and what an instantiation makes.
//!
//! Runs in the compile child alone. Function bodies are not looked at (the engine validates them when it compiles), and nothing
//! is copied but names. The time is linear in the size of the file; what is kept is bounded by the constants of the report.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId,
};
use wasmparser::types::Types;
use wasmparser::{BinaryReaderError, CustomSectionReader, Parser, Payload, ValidPayload, Validator, WasmFeatures};

use crate::describe::count::Counter;
use crate::describe::docs::Docs;
use crate::describe::intern::Interner;
use crate::describe::lift::Lifts;
use crate::describe::report::{Export, MOST_DOCS, MOST_EXPORTS, MOST_IMPORTS, MOST_NAME, Opaque, Report};
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
    let mut lifts = Lifts::default();
    let mut types = None;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        let valid = validator.payload(&payload)?;
        names.see(&payload, counter.depth())?;
        lifts.see(&payload, counter.depth())?;
        counter.see(&payload)?;
        if let ValidPayload::End(end) = valid {
            types = Some(end);
        }
    }
    Ok(match types {
        Some(types) => Report { allocators: lifts.allocators(), ..names.report(&types, counter.total()) },
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
        let mut functions =
            Functions { types, docs: &self.docs, interner: Interner::new(types), found: Vec::new(), dropped: 0 };
        for name in &self.exports {
            if let Some(item) = types.as_ref().component_item_for_export(name) {
                functions.collect(&mut vec![name], item.ty);
            }
        }
        Report {
            exports: functions.found,
            dropped: functions.dropped,
            shapes: functions.interner.into_shapes(),
            imports: self
                .imports
                .iter()
                .filter(|name| !is_names_alone(types, name))
                .take(MOST_IMPORTS)
                .map(|name| cut(name, MOST_NAME))
                .collect(),
            contract,
            parts,
            allocators: Vec::new(),
        }
    }
}

/// Whether an import is an interface of nothing but types: there is nothing that a host would have to offer.
fn is_names_alone(types: &Types, import: &str) -> bool {
    let Some(item) = types.as_ref().component_item_for_import(import) else { return false };
    let is_type = |ty: &ComponentEntityType| {
        matches!(ty, ComponentEntityType::Type { referenced, .. }
            if !matches!(referenced, ComponentAnyTypeId::Resource(_)))
    };
    match item.ty {
        ComponentEntityType::Instance(instance) => types[instance].exports.values().all(|export| is_type(&export.ty)),
        ty => is_type(&ty),
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
            ComponentEntityType::Instance(id) if path.len() <= MOST_NESTING => {
                self.descend(path, id);
            }
            // Types, modules and components are nothing to call.
            _ => {}
        }
    }

    fn descend<'n>(&mut self, path: &mut Vec<&'n str>, id: ComponentInstanceTypeId)
    where
        'a: 'n,
    {
        let Some(instance) = self.types.as_ref().get(id) else {
            return;
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::report::Parts;
    use crate::describe::shape::{Shape, ShapeId};

    fn report(text: &str) -> Report {
        let report = scan(&wat::parse_str(text).unwrap()).unwrap();
        report.check().unwrap();
        report
    }

    /// Exports `funcs` as lifted functions that are never called.
    fn exporting(types: &str, funcs: &[(&str, &str)]) -> String {
        let mut text = format!(
            r#"(component {types}
                (core module $m
                    (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                    (func (export "f") unreachable))
                (core instance $i (instantiate $m))
            "#
        );
        for (name, ty) in funcs {
            text += &format!(
                r#"(type $ty-{name} {ty}) (import "{name}" (func $f-{name} (type $ty-{name}))) (export "x-{name}" (func $f-{name}))"#
            );
        }
        text + ")"
    }

    #[test]
    fn types_become_one_table_and_what_has_no_form_is_told_apart() {
        let report = report(&exporting(
            r#"(import "r" (type $r (sub resource)))
               (type $pair' (record (field "a" u8) (field "b" string)))
               (import "pair" (type $pair (eq $pair')))"#,
            &[
                ("plain", r#"(func (param "p" $pair) (param "l" (list $pair)) (result (option $pair)))"#),
                ("handle", r#"(func (param "r" (own $r)))"#),
                ("both", r#"(func (param "a" (list u8)) (result (result (list u8) (error string))))"#),
                ("later", "(func (result (stream u8)))"),
                ("soon", "(func (result (future)))"),
            ],
        ));
        let export = |name: &str| report.exports.iter().find(|export| export.path == [name]).unwrap();
        let plain = export("x-plain").types.as_ref().unwrap();
        let pair = plain.params[0].1;
        assert!(matches!(report.shapes.get(pair), Ok(Shape::Record(fields)) if fields.len() == 2));
        assert_eq!(report.shapes.get(plain.params[1].1), Ok(&Shape::List(pair)));
        assert_eq!(report.shapes.get(plain.result.unwrap()), Ok(&Shape::Option(pair)));
        assert_eq!(export("x-handle").types, Err(Opaque::Resource));
        assert_eq!(export("x-later").types, Err(Opaque::Stream));
        assert_eq!(export("x-soon").types, Err(Opaque::Future));
        // Bytes, string and their result: three entries, whatever declared them.
        let both = export("x-both").types.as_ref().unwrap();
        let bytes = both.params[0].1;
        assert!(
            matches!(report.shapes.get(both.result.unwrap()), Ok(Shape::Result(Some(ok), Some(_))) if *ok == bytes)
        );
        // The functions and the resource: `pair` is a name alone, which asks the host for nothing.
        assert_eq!(report.imports.len(), 6);
    }

    #[test]
    fn a_type_that_doubles_at_each_level_is_as_many_entries_as_levels() {
        let mut types = "(type $t0 (tuple u8 u8))".to_owned();
        for level in 1..16 {
            types += &format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1);
        }
        let report = report(&exporting(&types, &[("f", r#"(func (param "x" $t15))"#)]));
        let signature = report.exports[0].types.as_ref().unwrap();
        assert_eq!(signature.params[0].1, ShapeId(16));
        assert_eq!(report.shapes.len(), 17);
    }

    #[test]
    fn functions_of_instances_are_found_and_too_many_are_counted() {
        let many: String = (0..2_000).map(|n| format!(r#"(export "f{n}" (func $f))"#)).collect();
        let report = report(&format!(
            r#"(component (import "f" (func $f)) (instance $i {many}) (export "a:b/many@1.0.0" (instance $i)))"#
        ));
        assert_eq!(report.exports.len(), MOST_EXPORTS);
        assert_eq!(report.dropped, 2_000 - 1_024);
        assert_eq!(report.exports[3].path, ["a:b/many@1.0.0", "f3"]);
    }

    #[test]
    fn what_an_instantiation_makes_is_summed_over_nested_components() {
        let report = report(
            r#"(component
                (core module $m (memory 1) (table 1 funcref) (table 1 funcref))
                (component $inner
                    (alias outer 1 $m (core module $again))
                    (core instance (instantiate $again))
                    (core instance (instantiate $again)))
                (instance (instantiate $inner))
                (instance (instantiate $inner))
                (core instance $made (instantiate $m)))"#,
        );
        assert_eq!(report.parts, Parts { instances: 5, memories: 5, tables: 10 });
    }

    #[test]
    fn the_contract_and_the_docs_are_found() {
        let docs = r#"\01{\22worlds\22:{\22root\22:{\22func_exports\22:{\22g\22:\22Gees.\22}}}}"#;
        let report = report(&format!(
            r#"(component (import "f" (func $f))
                (instance $i (export "call" (func $f)))
                (export "hotcell:tool/tools@0.7.0" (instance $i))
                (export "g" (func $f))
                (@custom "package-docs" "{docs}"))"#
        ));
        assert_eq!(report.contract.as_deref(), Some("hotcell:tool/tools@0.7.0"));
        assert_eq!(report.exports.iter().find(|export| export.path == ["g"]).unwrap().docs, "Gees.");
        assert_eq!(report.parts, Parts::default());
    }

    #[test]
    fn damage_is_an_error_with_its_place_and_never_more() {
        let whole = wat::parse_str(exporting("", &[("f", r#"(func (param "x" (list string)))"#)])).unwrap();
        for cut in 0..whole.len() {
            let _ = scan(&whole[..cut]);
        }
        for place in 8..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[place] ^= 1 << bit;
                let _ = scan(&flipped).map(|report| report.check().unwrap());
            }
        }
        assert!(scan(&whole[..whole.len() - 1]).is_err());
    }
}
