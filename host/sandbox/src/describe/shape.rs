//! The types of a component's functions, as a table that stands for itself.
//!
//! The compile child, which alone reads hostile bytes, writes the table; schemas, conversions and bounds are made from it. So
//! nothing in the serving process walks types of the engine, which can only be compared by walking them. Equal types are one
//! entry, and an entry refers only to entries before it: what looks like 2^16 leaves is 16 entries, and no walk can loop.

use serde::{Deserialize, Serialize};

/// The most entries that a component's table may have.
pub(crate) const MOST_SHAPES: usize = 16_384;
/// How deep types may nest: as deep as JSON may on the way in.
pub(crate) const MOST_DEPTH: u32 = 100;

/// An entry of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ShapeId(pub(crate) u32);

/// The form of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(ShapeId),
    Record(Vec<(String, ShapeId)>),
    Tuple(Vec<ShapeId>),
    Variant(Vec<(String, Option<ShapeId>)>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    Option(ShapeId),
    Result(Option<ShapeId>, Option<ShapeId>),
}

/// Parameters and result of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) params: Vec<(String, ShapeId)>,
    pub(crate) result: Option<ShapeId>,
}

/// The table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shapes(Vec<Shape>);

/// The table does not hold together, or an entry lies outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the table of types does not hold together at entry {entry}")]
pub(crate) struct Broken {
    entry: u32,
}

impl Shape {
    /// Whether it is a list of bytes, which JSON shows as base64.
    pub(crate) fn is_bytes(&self, shapes: &Shapes) -> bool {
        matches!(self, Self::List(element) if shapes.get(*element) == Ok(&Self::U8))
    }

    /// What the entry refers to.
    pub(crate) fn parts(&self) -> Vec<ShapeId> {
        match self {
            Self::List(part) | Self::Option(part) => vec![*part],
            Self::Record(fields) => fields.iter().map(|(_, part)| *part).collect(),
            Self::Tuple(parts) => parts.clone(),
            Self::Variant(cases) => cases.iter().filter_map(|(_, part)| *part).collect(),
            Self::Result(ok, err) => ok.iter().chain(err).copied().collect(),
            _ => Vec::new(),
        }
    }
}

impl Shapes {
    /// Takes over a table; each entry must refer only to entries before it.
    #[cfg(test)]
    pub(crate) fn new(shapes: Vec<Shape>) -> Self {
        Self(shapes)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends an entry, whose parts must be in the table already.
    pub(crate) fn push(&mut self, shape: Shape) -> ShapeId {
        let id = ShapeId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(shape);
        id
    }

    /// The entry at `id`.
    ///
    /// # Errors
    ///
    /// [`Broken`] if there is none: the table and what refers to it come from another process.
    pub(crate) fn get(&self, id: ShapeId) -> Result<&Shape, Broken> {
        let entry = usize::try_from(id.0).ok();
        entry.and_then(|entry| self.0.get(entry)).ok_or(Broken { entry: id.0 })
    }

    /// Makes sure that every entry refers only to entries before it, and that none nests too deep.
    pub(crate) fn check(&self) -> Result<(), Broken> {
        if self.0.len() > MOST_SHAPES {
            return Err(Broken { entry: u32::MAX });
        }
        let mut depths: Vec<u32> = Vec::with_capacity(self.0.len());
        for (entry, shape) in (0_u32..).zip(&self.0) {
            let mut deepest = 0;
            for part in shape.parts() {
                let place = usize::try_from(part.0).unwrap_or(usize::MAX);
                deepest = deepest.max(*depths.get(place).ok_or(Broken { entry })?);
            }
            if deepest >= MOST_DEPTH {
                return Err(Broken { entry });
            }
            depths.push(deepest + 1);
        }
        Ok(())
    }
}

impl Signature {
    /// The function's types, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = ShapeId> + '_ {
        self.params.iter().map(|(_, shape)| *shape).chain(self.result)
    }

    /// Makes sure that its types are in the table.
    pub(crate) fn check(&self, shapes: &Shapes) -> Result<(), Broken> {
        self.parts().try_for_each(|part| shapes.get(part).map(|_| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_refers_forward_or_outside_is_refused() {
        let id = ShapeId;
        for (shapes, good) in [
            (vec![Shape::Bool, Shape::List(id(0))], true),
            (vec![Shape::List(id(0))], false),
            (vec![Shape::List(id(1)), Shape::Bool], false),
            (vec![Shape::Bool, Shape::Tuple(vec![id(0), id(7)])], false),
            (vec![Shape::U8, Shape::Result(None, Some(id(0)))], true),
        ] {
            assert_eq!(Shapes::new(shapes.clone()).check().is_ok(), good, "{shapes:?}");
        }
        let deep = std::iter::once(Shape::Bool).chain((0..200).map(|below| Shape::Option(id(below))));
        assert!(Shapes::new(deep.collect()).check().is_err());
    }
}
