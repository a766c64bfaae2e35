//! Random types, random values of them, and what must hold for all.

use proptest::prelude::*;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wasmtime::component::Val;

use hotcell_call::{ByteSize, Code};

use crate::convert::cost::Cost;
use crate::convert::read::arguments;
use crate::convert::write::Text;
use crate::describe::{Shape, ShapeId, Shapes, Signature};

const ENOUGH: ByteSize = ByteSize::mib(256);

/// A source of types and values that one number fixes.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A table of a few types; the last may be made of all before it.
    pub(super) fn shapes(&mut self) -> Shapes {
        let count = self.0.random_range(1..10);
        let mut shapes = Vec::new();
        for last in 0..count {
            let shape = self.shape(last);
            shapes.push(shape);
        }
        Shapes::new(shapes)
    }

    fn shape(&mut self, below: u32) -> Shape {
        let kinds = if below == 0 { 15 } else { 22 };
        match self.0.random_range(0..kinds) {
            0 => Shape::Bool,
            1 => Shape::S8,
            2 => Shape::U8,
            3 => Shape::S16,
            4 => Shape::U16,
            5 => Shape::S32,
            6 => Shape::U32,
            7 => Shape::S64,
            8 => Shape::U64,
            9 => Shape::F32,
            10 => Shape::F64,
            11 => Shape::Char,
            12 => Shape::String,
            13 => Shape::Enum(self.names()),
            14 => Shape::Flags(self.names()),
            15 | 16 => Shape::List(self.part(below)),
            17 => Shape::Record(self.names().into_iter().map(|name| (name, self.part(below))).collect()),
            18 => Shape::Tuple((0..self.0.random_range(1..4)).map(|_| self.part(below)).collect()),
            19 => Shape::Variant(self.names().into_iter().map(|name| (name, self.payload(below))).collect()),
            20 => Shape::Option(self.part(below)),
            _ => Shape::Result(self.payload(below), self.payload(below)),
        }
    }

    fn part(&mut self, below: u32) -> ShapeId {
        ShapeId(self.0.random_range(0..below))
    }

    fn payload(&mut self, below: u32) -> Option<ShapeId> {
        self.0.random::<bool>().then(|| self.part(below))
    }

    /// More than a few at times, so that names are also found by hash.
    fn names(&mut self) -> Vec<String> {
        let count = if self.0.random_ratio(1, 8) { 20 } else { self.0.random_range(1..5) };
        (0..count).map(|n| format!("n{n}-x")).collect()
    }

    /// A value of the type at `id`.
    pub(super) fn value(&mut self, shapes: &Shapes, id: ShapeId) -> Val {
        match shapes.get(id).unwrap() {
            Shape::Bool => Val::Bool(self.0.random()),
            Shape::S8 => Val::S8(self.0.random()),
            Shape::U8 => Val::U8(self.0.random()),
            Shape::S16 => Val::S16(self.0.random()),
            Shape::U16 => Val::U16(self.0.random()),
            Shape::S32 => Val::S32(self.0.random()),
            Shape::U32 => Val::U32(self.0.random()),
            Shape::S64 => Val::S64(self.edge(&[i64::MIN, i64::MAX, -1, (1 << 53) + 1])),
            Shape::U64 => Val::U64(self.edge(&[0, u64::MAX, (1 << 53) + 1])),
            // Any bits: subnormal, infinite, NaN of all kinds.
            Shape::F32 => {
                Val::Float32(f32::from_bits(self.edge(&[0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0001])))
            }
            Shape::F64 => Val::Float64(f64::from_bits(self.edge(&[1 << 63, 0x7ff0 << 48, 0xfff0 << 48, 0x7ff8 << 48]))),
            Shape::Char => Val::Char(self.char()),
            Shape::String => Val::String(self.string()),
            Shape::List(element) => Val::List((0..self.count()).map(|_| self.value(shapes, *element)).collect()),
            Shape::Record(fields) => {
                Val::Record(fields.iter().map(|(name, id)| (name.clone(), self.value(shapes, *id))).collect())
            }
            Shape::Tuple(parts) => Val::Tuple(parts.iter().map(|id| self.value(shapes, *id)).collect()),
            Shape::Variant(cases) => {
                let (name, payload) = cases.choose(&mut self.0).unwrap();
                Val::Variant(name.clone(), payload.map(|id| Box::new(self.value(shapes, id))))
            }
            Shape::Enum(names) => Val::Enum(names.choose(&mut self.0).unwrap().clone()),
            Shape::Flags(names) => Val::Flags(names.iter().filter(|_| self.0.random()).cloned().collect()),
            Shape::Option(some) => Val::Option(self.0.random::<bool>().then(|| Box::new(self.value(shapes, *some)))),
            Shape::Result(ok, err) => {
                let ok_side = self.0.random::<bool>();
                let payload = if ok_side { ok } else { err }.map(|id| Box::new(self.value(shapes, id)));
                Val::Result(if ok_side { Ok(payload) } else { Err(payload) })
            }
        }
    }

    fn edge<T: Copy>(&mut self, edges: &[T]) -> T
    where
        rand::distr::StandardUniform: rand::distr::Distribution<T>,
    {
        if self.0.random_ratio(1, 3) { *edges.choose(&mut self.0).unwrap() } else { self.0.random() }
    }

    fn char(&mut self) -> char {
        match self.0.random_range(0..3) {
            0 => char::from(self.0.random_range(0_u8..128)),
            1 => *['ä', '漢', '🦀', '\u{202e}', '"', '\\', '\u{feff}'].choose(&mut self.0).unwrap(),
            _ => self.0.random(),
        }
    }

    fn string(&mut self) -> String {
        (0..self.count()).map(|_| self.char()).collect()
    }

    fn count(&mut self) -> usize {
        self.0.random_range(0..5)
    }
}

/// A function of one parameter `v` of the last type of the table.
pub(super) fn of_last(shapes: &Shapes) -> Signature {
    let last = ShapeId(u32::try_from(shapes.len()).unwrap() - 1);
    Signature { params: vec![("v".to_owned(), last)], result: Some(last) }
}

pub(super) fn json(shapes: &Shapes, id: ShapeId, value: &Val) -> String {
    let mut text = Text::new(ENOUGH);
    text.value(shapes, id, value).unwrap();
    text.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read_again(seed: u64) {
        let mut chance = Chance::new(seed);
        let shapes = chance.shapes();
        let signature = of_last(&shapes);
        let id = signature.params[0].1;
        let value = chance.value(&shapes, id);
        let text = json(&shapes, id, &value);
        for given in [format!("{{\"v\":{text}}}"), format!("[{text}]")] {
            let read: Vec<Val> = arguments(&shapes, &signature, &given, ENOUGH)
                .map_err(|failure| TestCaseError::fail(format!("{failure}: {given}")))?;
            prop_assert_eq!(&read, &vec![value.clone()]);
        }
    }

    #[test]
    fn any_json_is_a_value_or_a_refusal_with_its_place(seed: u64, given in any_json()) {
        let shapes = Chance::new(seed).shapes();
        let signature = of_last(&shapes);
        for given in [given.to_string(), serde_json::json!({ "v": given }).to_string(), serde_json::json!([given]).to_string()] {
            if let Err(failure) = arguments::<Val>(&shapes, &signature, &given, ENOUGH) {
                prop_assert_eq!(failure.code(), Code::Input);
                prop_assert!(failure.what().starts_with('$'), "{}", failure);
                prop_assert!(!failure.reason().is_empty());
            }
        }
    }

    #[test]
    fn a_text_is_whole_or_too_large(seed: u64, most in 0_u64..64) {
        let mut chance = Chance::new(seed);
        let shapes = chance.shapes();
        let id = of_last(&shapes).params[0].1;
        let value = chance.value(&shapes, id);
        let whole = json(&shapes, id, &value);
        let mut text = Text::new(ByteSize::bytes(most));
        match text.value(&shapes, id, &value) {
            Ok(()) => prop_assert_eq!(text.finish().unwrap(), whole),
            Err(crate::convert::write::WriteError::TooLarge { at_least, .. }) => {
                prop_assert!(at_least.as_u64() > most && at_least <= ByteSize::of(whole.len()), "{} {}", at_least, whole.len());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }

    #[test]
    fn values_never_take_more_than_they_may(seed: u64) {
        let mut chance = Chance::new(seed);
        let shapes = chance.shapes();
        let signature = of_last(&shapes);
        let text = format!("[{}]", json(&shapes, signature.params[0].1, &chance.value(&shapes, signature.params[0].1)));
        let nothing = arguments::<Val>(&shapes, &signature, &text, ByteSize::bytes(1));
        prop_assert_eq!(nothing.err().map(|failure| failure.code()), Some(Code::InputTooLarge));
    }
}

/// What the engine charges for a value beside its slot, and what the value takes beside its slot.
fn price(value: &Val) -> (f64, f64) {
    const SLOT: f64 = size_of::<Val>() as f64;
    let heap = |bytes: usize| if bytes == 0 { 0.0 } else { 16.0 + bytes.max(16) as f64 };
    // A vector has room for four, and doubles.
    let room = |count: usize, each: usize| {
        if count == 0 { 0.0 } else { 16.0 + (count.next_power_of_two().max(4) * each) as f64 }
    };
    let sum = |parts: &mut dyn Iterator<Item = (f64, f64)>| parts.fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let slots = |values: &[Val], each: usize| {
        let (fuel, takes) = sum(&mut values.iter().map(price));
        (fuel + SLOT * values.len() as f64, takes + room(values.len(), each))
    };
    let boxed = |value: &Option<Box<Val>>| {
        value.as_ref().map_or((0.0, 0.0), |value| {
            let (fuel, takes) = price(value);
            (fuel + SLOT, takes + SLOT + 16.0)
        })
    };
    let name = |name: &String| (name.len() as f64, heap(name.len()));
    match value {
        Val::String(text) => (text.len() as f64, heap(text.len())),
        Val::List(values) | Val::Tuple(values) => slots(values, size_of::<Val>()),
        Val::Record(fields) => {
            let (names, values): (Vec<_>, Vec<_>) = fields.iter().cloned().unzip();
            let names = sum(&mut names.iter().map(name));
            let values = slots(&values, size_of::<(String, Val)>());
            (names.0 + values.0, names.1 + values.1)
        }
        Val::Variant(case, payload) => sum(&mut [name(case), boxed(payload)].into_iter()),
        Val::Enum(case) => name(case),
        Val::Option(payload) | Val::Result(Ok(payload) | Err(payload)) => boxed(payload),
        Val::Flags(names) => {
            let (fuel, takes) = sum(&mut names.iter().map(name));
            (fuel, takes + room(names.len(), size_of::<String>()))
        }
        _ => (0.0, 0.0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_price_of_a_type_covers_every_value(seed: u64) {
        let mut chance = Chance::new(seed);
        let shapes = chance.shapes();
        let signature = of_last(&shapes);
        let id = signature.params[0].1;
        let cost = Cost::of(&shapes, &signature).unwrap();
        // A list at the top counts as one vector, without its room to grow: that much is allowed for, and the outermost value.
        for _ in 0..20 {
            let value = chance.value(&shapes, id);
            let (fuel, takes) = price(&value);
            let text = json(&shapes, id, &value).len() as f64;
            prop_assert!(fuel <= cost.fuel * text + 1e-6, "{fuel} {text} {cost:?} {value:?}");
            let whole = match &value {
                // One text or one set of names is bounded by itself.
                Val::String(_) | Val::Flags(_) | Val::Enum(_) => continue,
                Val::Result(Ok(Some(whole))) => whole,
                value => value,
            };
            let top = match whole {
                Val::List(values) => (16 + values.len().next_power_of_two().max(4) * size_of::<Val>()) as f64,
                _ => 0.0,
            };
            prop_assert!(takes - top - 64.0 <= cost.weight * fuel.max(1.0), "{fuel} {takes} {cost:?} {value:?}");
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "(n[0-4]-x|ok|err|some|NaN|-Infinity|[0-9]{1,22}|.{0,6})".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let key = "(n[0-4]-x|ok|err|some|.{0,3})";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(key, inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
