//! JSON → values, in one pass over the text and without a tree of JSON in between.
//!
//! The parser bounds the depth (128), and the table of types bounds what is wanted, so nothing here recurses without bound. The
//! memory of values is counted before they are made: `{}` can be a record of ten thousand absent options.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hotcell_call::{ByteSize, Code, Failure, nearest, shortened};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::convert::mismatch::{Mismatch, Step, path, wanted_of};
use crate::describe::{Shape, ShapeId, Shapes, Signature};

/// Takes base64 with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// What one value takes.
pub(crate) const VALUE: usize = size_of::<wasmtime::component::Val>();

/// Reads arguments: an object by name, or an array by position.
///
/// # Errors
///
/// [`Code::InputNotJson`], [`Code::Input`] with `$.path`, wanted and got, or [`Code::InputTooLarge`] when the values would take
/// more than `most` of the host's memory.
pub(crate) fn arguments<E: Element>(
    shapes: &Shapes,
    signature: &Signature,
    json: &str,
    most: ByteSize,
) -> Result<Vec<E>, Failure> {
    let reading = Reading::new(shapes, most);
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let visitor = Arguments { reading: &reading, params: &signature.params, element: PhantomData };
    let read = deserializer.deserialize_any(visitor);
    let read = read.and_then(|read| deserializer.end().map(|()| read));
    read.map_err(|error| match reading.mismatch.take() {
        Some(mismatch) => mismatch.failure(),
        None => Failure::new(Code::InputNotJson, "the input is not JSON")
            .why(format!("line {}, column {}; nesting is read down to 128 levels", error.line(), error.column()))
            .caused_by(error),
    })
}

/// What an argument becomes.
pub(crate) trait Element: Sized {
    /// Reads one of the given shape.
    fn read<'de, D: Deserializer<'de>>(reading: &Reading<'_>, shape: ShapeId, from: D) -> Result<Self, D::Error>;
}

/// The state of one reading.
pub(crate) struct Reading<'a> {
    pub(crate) shapes: &'a Shapes,
    steps: RefCell<Vec<Step<'a>>>,
    /// Why it failed: the parser's own error can carry nothing but text.
    mismatch: RefCell<Option<Mismatch>>,
    /// Names of fields and cases by their place, for long lists of them.
    indices: RefCell<HashMap<usize, HashMap<&'a str, usize>>>,
    /// Bytes that values may still take.
    left: Cell<usize>,
    most: ByteSize,
}

impl<'a> Reading<'a> {
    fn new(shapes: &'a Shapes, most: ByteSize) -> Self {
        Self {
            shapes,
            steps: RefCell::default(),
            mismatch: RefCell::default(),
            indices: RefCell::default(),
            left: Cell::new(most.as_usize()),
            most,
        }
    }

    /// The shape at `id`. The table was checked when it was loaded, so a hole in it is a mismatch that nobody can cause.
    pub(crate) fn shape<E: Error>(&self, id: ShapeId) -> Result<&'a Shape, E> {
        self.shapes.get(id).map_err(E::custom)
    }

    /// Refuses what was found.
    pub(crate) fn refuse<E: Error>(&self, wanted: impl Into<String>, got: impl Into<String>) -> E {
        let path = path(&self.steps.borrow());
        self.fail(Mismatch::Type { path, wanted: wanted.into(), got: got.into() })
    }

    pub(crate) fn fail<E: Error>(&self, mismatch: Mismatch) -> E {
        self.mismatch.borrow_mut().get_or_insert(mismatch);
        E::custom("mismatch")
    }

    pub(crate) fn spend<E: Error>(&self, bytes: usize) -> Result<(), E> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.fail(Mismatch::Size { limit: self.most })),
        }
    }

    pub(crate) fn at<T>(&self, step: Step<'a>, read: impl FnOnce() -> T) -> T {
        self.steps.borrow_mut().push(step);
        let read = read();
        self.steps.borrow_mut().pop();
        read
    }

    /// Decodes base64 text.
    pub(crate) fn bytes<E: Error>(&self, text: &str) -> Result<Vec<u8>, E> {
        BASE64.decode(text).map_err(|error| self.refuse("base64 text", format!("a string that is not: {error}")))
    }

    /// Reads named fields, in whatever order they come, into the order of `fields`.
    pub(crate) fn named<'de, T: Element, A: MapAccess<'de>>(
        &self,
        fields: &'a [(String, ShapeId)],
        mut map: A,
    ) -> Result<Vec<T>, A::Error> {
        self.spend(fields.len().saturating_mul(VALUE))?;
        let mut slots: Vec<Option<T>> = Vec::new();
        slots.resize_with(fields.len(), || None);
        let mut next = 0;
        while let Some(key) = map.next_key::<String>()? {
            let expected = fields.get(next).filter(|(name, _)| *name == key).map(|_| next);
            let place = expected.or_else(|| self.find(fields, |(name, _)| name, &key));
            let (place, (name, shape)) = place
                .and_then(|place| Some((place, fields.get(place)?)))
                .ok_or_else(|| self.unknown_key(fields.iter().map(|(name, _)| name), &key))?;
            let slot = slots.get_mut(place).ok_or_else(|| A::Error::custom("slot"))?;
            if slot.is_some() {
                return Err(self.at(Step::Key(name), || self.refuse("it once", "it twice")));
            }
            let seed = Seed::new(self, *shape);
            *slot = Some(self.at(Step::Key(name), || map.next_value_seed(seed))?);
            next = place + 1;
        }
        let filled = fields.iter().zip(slots).map(|((name, shape), slot)| match slot {
            Some(value) => Ok(value),
            None => self.at(Step::Key(name), || self.absent(*shape)),
        });
        filled.collect()
    }

    /// What a field is that was not given: nothing, if it may be nothing.
    fn absent<T: Element, E: Error>(&self, shape: ShapeId) -> Result<T, E> {
        match self.shape(shape)? {
            Shape::Option(_) => T::read(self, shape, serde::de::value::UnitDeserializer::new()),
            wanted => Err(self.refuse(wanted_of(wanted, self.shapes), "nothing")),
        }
    }

    /// Where `name` stands among `items`: by hash where they are many, so that no input costs more than its size.
    ///
    /// The hash table is made once for each list of names, and lists of names are as old as the table of shapes.
    pub(crate) fn find<T>(&self, items: &'a [T], name_of: impl Fn(&'a T) -> &'a String, name: &str) -> Option<usize> {
        if items.len() <= 16 {
            return items.iter().position(|item| name_of(item) == name);
        }
        let mut indices = self.indices.borrow_mut();
        let index = indices
            .entry(items.as_ptr().addr())
            .or_insert_with(|| items.iter().enumerate().map(|(place, item)| (name_of(item).as_str(), place)).collect());
        index.get(name).copied()
    }

    pub(crate) fn unknown_key<'n, E: Error>(&self, names: impl Iterator<Item = &'n String>, key: &str) -> E {
        let near = nearest(key, names.map(String::as_str).take(1_000));
        self.fail(Mismatch::Key {
            path: path(&self.steps.borrow()),
            key: shortened(key, 80),
            nearest: near.map(str::to_owned),
        })
    }

    /// Reads values by position; `of` says which shape each has.
    pub(crate) fn positioned<'de, T: Element, A: SeqAccess<'de>>(
        &self,
        parts: &[ShapeId],
        mut seq: A,
    ) -> Result<Vec<T>, A::Error> {
        self.spend(parts.len().saturating_mul(VALUE))?;
        let mut values = Vec::with_capacity(parts.len());
        let few = |got: usize| self.refuse(format!("{} values", parts.len()), format!("{got}"));
        for (index, shape) in parts.iter().enumerate() {
            let seed = Seed::new(self, *shape);
            match self.at(Step::Index(index), || seq.next_element_seed(seed))? {
                Some(value) => values.push(value),
                None => return Err(few(index)),
            }
        }
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(values),
            Some(IgnoredAny) => Err(self.refuse(format!("{} values", parts.len()), "more")),
        }
    }
}

/// Reads an element of a known shape.
pub(crate) struct Seed<'r, 'a, T> {
    reading: &'r Reading<'a>,
    shape: ShapeId,
    element: PhantomData<T>,
}

impl<'r, 'a, T> Seed<'r, 'a, T> {
    pub(crate) fn new(reading: &'r Reading<'a>, shape: ShapeId) -> Self {
        Self { reading, shape, element: PhantomData }
    }
}

impl<'de, T: Element> DeserializeSeed<'de> for Seed<'_, '_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(self.reading, self.shape, from)
    }
}

/// Reads all arguments.
struct Arguments<'r, 'a, T> {
    reading: &'r Reading<'a>,
    params: &'a [(String, ShapeId)],
    element: PhantomData<T>,
}

impl<'de, T: Element> Visitor<'de> for Arguments<'_, '_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
        self.reading.named(self.params, map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
        let parts: Vec<ShapeId> = self.params.iter().map(|(_, shape)| *shape).collect();
        self.reading.positioned(&parts, seq)
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
        Err(self.wanted("null"))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Vec<T>, E> {
        Err(self.wanted("a boolean"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Vec<T>, E> {
        Err(self.wanted("a number"))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Vec<T>, E> {
        Err(self.wanted("a number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Vec<T>, E> {
        Err(self.wanted("a number"))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Vec<T>, E> {
        Err(self.wanted("a string"))
    }
}

impl<T> Arguments<'_, '_, T> {
    fn wanted<E: Error>(&self, got: &str) -> E {
        self.reading.refuse("an object of arguments by name, or an array by position", got)
    }
}
