//! The parser's types → the table of shapes, each kept once.

use std::collections::HashMap;

use wasmparser::PrimitiveValType;
use wasmparser::component_types::{ComponentDefinedType, ComponentDefinedTypeId, ComponentValType};
use wasmparser::types::Types;

use crate::describe::report::{MOST_NAME, Opaque};
use crate::describe::shape::{MOST_SHAPES, Shape, ShapeId, Shapes};

/// Bytes of all names in a table together.
const MOST_NAMES: usize = 1 << 20;

/// Fills a table. Recursion is as deep as types nest, which the parser bounds.
pub(crate) struct Interner<'a> {
    types: &'a Types,
    shapes: Shapes,
    /// Equal shapes are one entry, wherever they were declared.
    known: HashMap<Shape, ShapeId>,
    /// What was seen before, refusals too: types share parts, and each part is walked once.
    seen: HashMap<ComponentDefinedTypeId, Result<ShapeId, Opaque>>,
    names: usize,
}

impl<'a> Interner<'a> {
    pub(crate) fn new(types: &'a Types) -> Self {
        Self { types, shapes: Shapes::default(), known: HashMap::new(), seen: HashMap::new(), names: 0 }
    }

    pub(crate) fn into_shapes(self) -> Shapes {
        self.shapes
    }

    /// Takes a name into the table, if there is room for it.
    pub(crate) fn name(&mut self, name: &str) -> Result<String, Opaque> {
        self.names = self.names.saturating_add(name.len());
        if name.len() > MOST_NAME || self.names > MOST_NAMES {
            return Err(Opaque::Size);
        }
        Ok(name.to_owned())
    }

    pub(crate) fn shape(&mut self, of: ComponentValType) -> Result<ShapeId, Opaque> {
        match of {
            ComponentValType::Primitive(primitive) => self.primitive(primitive),
            ComponentValType::Type(id) => {
                if let Some(seen) = self.seen.get(&id) {
                    return *seen;
                }
                let shape = self.defined(id);
                self.seen.insert(id, shape);
                shape
            }
        }
    }

    fn primitive(&mut self, of: PrimitiveValType) -> Result<ShapeId, Opaque> {
        let shape = match of {
            PrimitiveValType::Bool => Shape::Bool,
            PrimitiveValType::S8 => Shape::S8,
            PrimitiveValType::U8 => Shape::U8,
            PrimitiveValType::S16 => Shape::S16,
            PrimitiveValType::U16 => Shape::U16,
            PrimitiveValType::S32 => Shape::S32,
            PrimitiveValType::U32 => Shape::U32,
            PrimitiveValType::S64 => Shape::S64,
            PrimitiveValType::U64 => Shape::U64,
            PrimitiveValType::F32 => Shape::F32,
            PrimitiveValType::F64 => Shape::F64,
            PrimitiveValType::Char => Shape::Char,
            PrimitiveValType::String => Shape::String,
            PrimitiveValType::ErrorContext => return Err(Opaque::ErrorContext),
        };
        self.intern(shape)
    }

    fn defined(&mut self, id: ComponentDefinedTypeId) -> Result<ShapeId, Opaque> {
        let types = self.types;
        let defined = types.as_ref().get(id).ok_or(Opaque::Size)?;
        let shape = match defined {
            ComponentDefinedType::Primitive(primitive) => return self.primitive(*primitive),
            ComponentDefinedType::List { element, .. } => Shape::List(self.shape(*element)?),
            ComponentDefinedType::Option { ty, .. } => Shape::Option(self.shape(*ty)?),
            ComponentDefinedType::Result { ok, err, .. } => Shape::Result(self.payload(*ok)?, self.payload(*err)?),
            ComponentDefinedType::Tuple(tuple) => {
                let parts = tuple.types.iter().map(|part| self.shape(*part));
                Shape::Tuple(parts.collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter();
                let fields = fields.map(|(name, of)| Ok((self.name(name)?, self.shape(*of)?)));
                Shape::Record(fields.collect::<Result<_, Opaque>>()?)
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.iter();
                let cases = cases.map(|(name, case)| Ok((self.name(name)?, self.payload(case.ty)?)));
                Shape::Variant(cases.collect::<Result<_, Opaque>>()?)
            }
            ComponentDefinedType::Enum(names) => Shape::Enum(self.all(names.iter().map(|name| name.as_str()))?),
            ComponentDefinedType::Flags(names) => Shape::Flags(self.all(names.iter().map(|name| name.as_str()))?),
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => {
                return Err(Opaque::Resource);
            }
            ComponentDefinedType::Future { .. } => return Err(Opaque::Future),
            ComponentDefinedType::Stream { .. } => return Err(Opaque::Stream),
            ComponentDefinedType::Map { .. } | ComponentDefinedType::FixedLengthList { .. } => {
                return Err(Opaque::Proposal);
            }
        };
        self.intern(shape)
    }

    fn payload(&mut self, of: Option<ComponentValType>) -> Result<Option<ShapeId>, Opaque> {
        of.map(|of| self.shape(of)).transpose()
    }

    fn all<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Result<Vec<String>, Opaque> {
        names.map(|name| self.name(name)).collect()
    }

    fn intern(&mut self, shape: Shape) -> Result<ShapeId, Opaque> {
        if let Some(id) = self.known.get(&shape) {
            return Ok(*id);
        }
        if self.shapes.len() >= MOST_SHAPES {
            return Err(Opaque::Size);
        }
        let id = self.shapes.push(shape.clone());
        self.known.insert(shape, id);
        Ok(id)
    }
}
