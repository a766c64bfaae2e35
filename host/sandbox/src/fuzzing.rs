//! Doors for the fuzz targets, in builds with `--cfg fuzzing` alone: what outsiders hand to this room, without the engine.

use hotcell_call::ByteSize;
use wasmtime::component::Val;

use crate::convert::{Text, arguments};
use crate::describe::{Descriptor, Report, Shape, ShapeId, Shapes, Signature, input_schema, scan};

/// What the child makes of a file, and what its parent makes of that.
pub fn component(bytes: &[u8]) {
    let Ok(told) = scan(bytes) else { return };
    let wire = serde_json::to_vec(&told).expect("a report can be sent");
    let heard: Report = serde_json::from_slice(&wire).expect("and read");
    assert_eq!(heard, told, "nothing is lost on the way");
    // Of an honest child's report nothing is a bug of ours: a component is refused for what it is.
    heard.check().expect("a report that the child made holds together");
    let _described = Descriptor::new(&heard, ByteSize::of(bytes.len()));
}

/// What the parent makes of a report that nobody vouches for.
pub fn report(bytes: &[u8]) {
    if let Ok(report) = serde_json::from_slice::<Report>(bytes) {
        let _described = Descriptor::new(&report, ByteSize::kib(1));
    }
}

/// Makes types of `types`, and takes `json` for arguments of them.
///
/// What was read is written and read again, and must then be written in the same way.
pub fn values(types: &[u8], json: &str) {
    let (shapes, signature) = table(types);
    if shapes.check().is_err() {
        return;
    }
    let input = input_schema(&shapes, &signature).expect("a table that holds together has a schema");
    assert!(input.is_object(), "a schema of arguments: {input}");
    let most = ByteSize::mib(1);
    let Ok(values) = arguments::<Val>(&shapes, &signature, json, most) else { return };
    let Ok(first) = written(&shapes, &signature, &values) else { return };
    let again = arguments::<Val>(&shapes, &signature, &first, most).expect("what was written is what can be read");
    assert_eq!(written(&shapes, &signature, &again).ok(), Some(first), "and it says the same");
}

/// Arguments by position, as JSON.
fn written(shapes: &Shapes, signature: &Signature, values: &[Val]) -> Result<String, ()> {
    let mut parts = Vec::new();
    for ((_, shape), value) in signature.params.iter().zip(values) {
        let mut text = Text::new(ByteSize::mib(1));
        text.value(shapes, *shape, value).map_err(drop)?;
        parts.push(text.finish().map_err(drop)?);
    }
    Ok(format!("[{}]", parts.join(",")))
}

/// A table of types: each entry is a few bytes, of which the first says which form it has.
fn table(types: &[u8]) -> (Shapes, Signature) {
    let mut bytes = types.iter().copied();
    let mut shapes = Shapes::default();
    shapes.push(Shape::String);
    while let Some(form) = bytes.next() {
        if shapes.len() >= 64 {
            break;
        }
        let shape = shape(form, &mut bytes, shapes.len());
        shapes.push(shape);
    }
    let last = u32::try_from(shapes.len() - 1).unwrap_or_default();
    let params = (0..=last).rev().take(3).map(|id| (format!("p{id}"), ShapeId(id))).collect();
    (shapes, Signature { params, result: Some(ShapeId(last)) })
}

fn shape(form: u8, bytes: &mut impl Iterator<Item = u8>, made: usize) -> Shape {
    let mut part = || {
        let byte = usize::from(bytes.next().unwrap_or_default());
        ShapeId(u32::try_from(byte % made).unwrap_or_default())
    };
    // Names that collide, that are empty, or that are keys of something else are names too.
    let name =
        |n: usize| ["a", "", "b", "ok", "a", "value", "none", "err"].get(n % 8).copied().unwrap_or("x").to_owned();
    let count = usize::from(form >> 5);
    match form % 21 {
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
        13 => Shape::List(part()),
        14 => Shape::Record((0..count.max(1)).map(|n| (format!("f{n}"), part())).collect()),
        15 => Shape::Tuple((0..count.max(1)).map(|_| part()).collect()),
        16 => Shape::Variant(
            (0..count.max(1)).map(|n| (format!("{}{n}", name(n)), (n % 2 == 0).then(&mut part))).collect(),
        ),
        17 => Shape::Enum((0..count.max(1)).map(|n| format!("{}{n}", name(n))).collect()),
        18 => Shape::Flags((0..count.max(1)).map(|n| format!("{}{n}", name(n))).collect()),
        19 => Shape::Option(part()),
        _ => Shape::Result((count & 1 == 1).then(&mut part), (count & 2 == 2).then(&mut part)),
    }
}
