//! Counts what one instantiation of a component makes, by walking its sections as they go by.
//!
//! A module is often instantiated once and a component may be instantiated many times, so definitions are counted where they
//! are made into instances. What comes from outside (an imported module, a component taken from an instance) counts as nothing:
//! the sandbox links neither, so such a component is refused anyway.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Payload,
};

use crate::describe::report::Parts;

/// Walks one file.
#[derive(Default)]
pub(crate) struct Counter {
    frames: Vec<Frame>,
    total: Parts,
}

/// A module or component that is being read.
enum Frame {
    Module(Parts),
    Component(Scope),
}

/// What the definitions of a component would make, by their indices, and what it makes itself.
#[derive(Default)]
struct Scope {
    modules: Vec<Parts>,
    components: Vec<Parts>,
    makes: Parts,
}

impl Counter {
    /// How many modules and components are open around the next payload.
    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn total(&self) -> Parts {
        self.total
    }

    /// Takes note of a payload that the validator has found valid.
    pub(crate) fn see(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => {
                self.frames.push(Frame::Module(Parts::ONE_INSTANCE));
            }
            Payload::Version { encoding: Encoding::Component, .. } => {
                self.frames.push(Frame::Component(Scope::default()));
            }
            Payload::End(_) => self.close(),
            Payload::MemorySection(memories) => self.grow(Parts { memories: memories.count(), ..Parts::default() }),
            Payload::TableSection(tables) => self.grow(Parts { tables: tables.count(), ..Parts::default() }),
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.make(|scope| &scope.modules, module_index);
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.make(|scope| &scope.components, component_index);
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases.clone() {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => {
                            self.define(ComponentExternalKind::Module, Parts::default());
                        }
                        ComponentTypeRef::Component(_) => {
                            self.define(ComponentExternalKind::Component, Parts::default());
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                // An export is a new index for the thing it exports.
                for export in exports.clone() {
                    let export = export?;
                    let parts = self.at(0, export.kind, export.index);
                    self.define(export.kind, parts);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) {
        let (kind, parts) = match self.frames.pop() {
            Some(Frame::Module(parts)) => (ComponentExternalKind::Module, parts),
            Some(Frame::Component(scope)) => (ComponentExternalKind::Component, scope.makes),
            None => return,
        };
        self.define(kind, parts);
        if self.frames.is_empty() {
            self.total = parts;
        }
    }

    fn grow(&mut self, more: Parts) {
        if let Some(Frame::Module(parts)) = self.frames.last_mut() {
            *parts = parts.plus(more);
        }
    }

    fn make(&mut self, which: impl Fn(&Scope) -> &Vec<Parts>, index: u32) {
        if let Some(Frame::Component(scope)) = self.frames.last_mut() {
            let made = usize::try_from(index).ok().and_then(|index| which(scope).get(index).copied());
            scope.makes = scope.makes.plus(made.unwrap_or_default());
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::InstanceExport { kind, .. } => self.define(*kind, Parts::default()),
            ComponentAlias::Outer { kind, count, index } => {
                let kind = match kind {
                    ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
                    ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => return,
                };
                let parts = self.at(*count, kind, *index);
                self.define(kind, parts);
            }
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
    }

    /// What stands at `index`, `outwards` components out of the innermost.
    fn at(&self, outwards: u32, kind: ComponentExternalKind, index: u32) -> Parts {
        let frame = usize::try_from(outwards).ok().and_then(|outwards| self.frames.iter().rev().nth(outwards));
        let Some(Frame::Component(scope)) = frame else {
            return Parts::default();
        };
        let space = match kind {
            ComponentExternalKind::Module => &scope.modules,
            ComponentExternalKind::Component => &scope.components,
            _ => return Parts::default(),
        };
        usize::try_from(index).ok().and_then(|index| space.get(index)).copied().unwrap_or_default()
    }

    fn define(&mut self, kind: ComponentExternalKind, parts: Parts) {
        let Some(Frame::Component(scope)) = self.frames.last_mut() else {
            return;
        };
        match kind {
            ComponentExternalKind::Module => scope.modules.push(parts),
            ComponentExternalKind::Component => scope.components.push(parts),
            _ => {}
        }
    }
}
