//! Finds the functions by which the guest's memory is asked for room: the allocators of what is called from outside.
//!
//! When a guest traps, the outermost function of its backtrace tells the phase: an allocator there means that it broke while it was
//! given its arguments, and never began the call itself. The engine does not say which function that is, so it is followed
//! here from the lifted function to the module: option → core function → exported by an instance → of a module → its index.

use std::collections::{BTreeSet, HashMap};

use wasmparser::{
    BinaryReaderError, CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentTypeRef,
    ExternalKind, Instance, Payload,
};

/// Allocators that are kept: a component is made by one or two toolchains.
const MOST: usize = 16;

/// Follows the sections of the outermost component.
#[derive(Default)]
pub(crate) struct Lifts<'a> {
    /// Exported functions of each module, by their index in it. A module that comes from elsewhere has none.
    modules: Vec<HashMap<&'a str, u32>>,
    /// The module of each core instance.
    instances: Vec<Option<u32>>,
    /// The index in its module of each core function.
    functions: Vec<Option<u32>>,
    lifted: BTreeSet<u32>,
    allocators: BTreeSet<u32>,
}

impl<'a> Lifts<'a> {
    /// Takes note of a payload, `depth` modules or components deep.
    pub(crate) fn see(&mut self, payload: &Payload<'a>, depth: usize) -> Result<(), BinaryReaderError> {
        match (payload, depth) {
            (Payload::ModuleSection { .. }, 1) => self.modules.push(HashMap::new()),
            (Payload::ExportSection(exports), 2) => {
                for export in exports.clone() {
                    let export = export?;
                    if let (ExternalKind::Func, Some(module)) = (export.kind, self.modules.last_mut()) {
                        module.insert(export.name, export.index);
                    }
                }
            }
            (Payload::InstanceSection(instances), 1) => {
                for instance in instances.clone() {
                    self.instances.push(match instance? {
                        Instance::Instantiate { module_index, .. } => Some(module_index),
                        Instance::FromExports(_) => None,
                    });
                }
            }
            (Payload::ComponentAliasSection(aliases), 1) => {
                for alias in aliases.clone() {
                    self.alias(&alias?);
                }
            }
            (Payload::ComponentCanonicalSection(functions), 1) => {
                for function in functions.clone() {
                    self.canonical(function?);
                }
            }
            (Payload::ComponentImportSection(imports), 1) => {
                for import in imports.clone() {
                    if matches!(import?.ty, ComponentTypeRef::Module(_)) {
                        self.modules.push(HashMap::new());
                    }
                }
            }
            (Payload::ComponentExportSection(exports), 1) => {
                for export in exports.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Module {
                        let module = at(&self.modules, export.index).cloned();
                        self.modules.push(module.unwrap_or_default());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The allocators, by their index in their module, without any that is also called itself.
    pub(crate) fn allocators(&self) -> Vec<u32> {
        self.allocators.difference(&self.lifted).copied().take(MOST).collect()
    }

    fn alias(&mut self, alias: &ComponentAlias<'a>) {
        match alias {
            ComponentAlias::CoreInstanceExport { kind: ExternalKind::Func, instance_index, name } => {
                let module = at(&self.instances, *instance_index).copied().flatten();
                let exports = module.and_then(|module| at(&self.modules, module));
                self.functions.push(exports.and_then(|exports| exports.get(name).copied()));
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => {
                self.modules.push(HashMap::new());
            }
            _ => {}
        }
    }

    fn canonical(&mut self, function: CanonicalFunction) {
        // Everything but a lifted function is a new core function, of the engine's making.
        let CanonicalFunction::Lift { core_func_index, options, .. } = function else {
            self.functions.push(None);
            return;
        };
        let index = |function| at(&self.functions, function).copied().flatten();
        self.lifted.extend(index(core_func_index));
        for option in &options {
            if let CanonicalOption::Realloc(function) = option {
                self.allocators.extend(index(*function));
            }
        }
    }
}

fn at<T>(items: &[T], index: u32) -> Option<&T> {
    usize::try_from(index).ok().and_then(|index| items.get(index))
}
