//! How much of the host's memory a result may take, so that every result within its limit passes and no other takes much more.
//!
//! The engine bounds what one call hands to the host by a count of its own, *host-call fuel*: a byte for a byte of text, and the
//! size of a [`Val`] for each element, field and payload. It is charged while a result becomes values, before anybody can know
//! how long its JSON will be. From the types alone follows how much fuel one byte of JSON can cost at most ([`Cost::fuel`]), so
//! fuel for the longest allowed text is enough for every text that is allowed.
//!
//! It also follows how much memory one unit of fuel can really take ([`Cost::weight`]): a flag costs the engine the length of
//! its name and the host a string. A result may weigh [`HEAVIEST`] times its limit; one that would weigh more is too large,
//! whatever its text.

use hotcell_call::{ByteSize, Limits};
use wasmtime::component::Val;

use crate::describe::{Broken, Shape, ShapeId, Shapes, Signature};

/// Memory that values may take, as a multiple of the limit on their text.
pub(crate) const HEAVIEST: u64 = 32;
/// What a slot for a value costs in fuel, and takes.
const SLOT: f64 = size_of::<Val>() as f64;
/// What an allocation takes beside its bytes, and at least.
const ALLOCATION: f64 = 16.0;
/// A string's own size.
const STRING: f64 = size_of::<String>() as f64;
/// Fuel for the outermost value and rounding.
const SLACK: u64 = 16 << 10;

/// The price of a result of one type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// The most host-call fuel for one byte of JSON.
    pub(super) fuel: f64,
    /// The most memory for one unit of fuel.
    pub(super) weight: f64,
}

/// What is known of one entry of the table.
#[derive(Debug, Clone, Copy)]
struct Price {
    /// The least bytes of JSON of a value.
    least: f64,
    /// The most fuel for one byte of JSON.
    fuel: f64,
    /// Memory and fuel that a value takes outside of its slot and its parts, at the worst ratio.
    own: (f64, f64),
    /// The most memory for one unit of fuel, of anything within.
    weight: f64,
}

impl Cost {
    /// The price of the function's results.
    pub(crate) fn of(shapes: &Shapes, signature: &Signature) -> Result<Self, Broken> {
        let Some(result) = signature.result else {
            return Ok(Self { fuel: 0.0, weight: 1.0 });
        };
        let prices = prices(shapes, result)?;
        let of = |id: ShapeId| {
            let place = usize::try_from(id.0).ok();
            place.and_then(|place| prices.get(place)).copied().unwrap_or(Price::NOTHING)
        };
        // A list at the top is one vector: of its room beyond its length, the system gives nothing until it is touched.
        let top = |id: ShapeId| match shapes.get(id)? {
            Shape::List(element) => {
                let element = of(*element);
                Ok(element.weight.max((SLOT + element.own.0) / (SLOT + element.own.1)))
            }
            _ => Ok(of(id).weight),
        };
        let weight = match shapes.get(result)? {
            Shape::Result(ok, err) => {
                let payload = |side: &Option<ShapeId>| side.map_or(1.0, |id| of(id).boxed());
                let ok_weight = ok.map_or(Ok(1.0), top)?;
                let err_weight = err.map_or(1.0, |id| of(id).weight);
                ok_weight.max(err_weight).max(payload(ok)).max(payload(err))
            }
            _ => top(result)?,
        };
        Ok(Self { fuel: of(result).fuel, weight: weight.max(1.0) })
    }

    /// What a call under `limits` may lift.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a bound that needs no more than a few digits; a negative or endless one can't be, and would saturate"
    )]
    pub(crate) fn budget(self, limits: &Limits) -> Budget {
        let output = limits.output.as_u64();
        let heaviest = HEAVIEST.saturating_mul(output);
        let enough = (self.fuel * output as f64) as u64;
        let bearable = (heaviest as f64 / self.weight) as u64;
        // Imports draw on the same count, each call from the start.
        let fuel = enough.max(limits.host_data.as_u64()).min(bearable).saturating_add(SLACK);
        Budget {
            fuel: ByteSize::bytes(fuel).as_usize(),
            heaviest: (bearable < enough).then_some(ByteSize::bytes(heaviest)),
        }
    }
}

/// How much a result may take of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The host-call fuel to set.
    pub(crate) fuel: usize,
    /// The memory that a result may take, where that is less than the longest allowed text could need.
    pub(crate) heaviest: Option<ByteSize>,
}

/// The prices of all entries up to `last`, each from those before it.
fn prices(shapes: &Shapes, last: ShapeId) -> Result<Vec<Price>, Broken> {
    let mut known: Vec<Price> = Vec::new();
    for id in 0..=last.0 {
        let shape = shapes.get(ShapeId(id))?;
        let price = price(shape, shape.is_bytes(shapes), |part| {
            usize::try_from(part.0).ok().and_then(|place| known.get(place)).copied().unwrap_or(Price::NOTHING)
        });
        known.push(price);
    }
    Ok(known)
}

fn price(shape: &Shape, bytes: bool, of: impl Fn(ShapeId) -> Price) -> Price {
    match shape {
        Shape::Bool => Price::plain(4.0),
        Shape::S8 | Shape::U8 | Shape::S16 | Shape::U16 | Shape::S32 | Shape::U32 | Shape::S64 | Shape::U64 => {
            Price::plain(1.0)
        }
        Shape::F32 | Shape::F64 | Shape::Char => Price::plain(3.0),
        // Two bytes in a guest of UTF-16 for one of JSON; one byte takes a whole allocation.
        Shape::String => Price { least: 2.0, fuel: 2.0, own: (2.0 * ALLOCATION, 1.0), weight: 1.0 },
        Shape::Enum(names) => {
            let shortest = names.iter().map(|name| length(name)).fold(f64::INFINITY, f64::min).min(1e9);
            Price { least: shortest + 2.0, fuel: 1.0, own: (heap(shortest), shortest), weight: 1.0 }
        }
        Shape::Flags(names) => Price { least: 2.0, fuel: 1.0, own: flags(names), weight: 1.0 },
        Shape::List(element) => list(of(*element), bytes),
        Shape::Option(some) => {
            let some = of(*some);
            Price {
                least: some.least.min(4.0),
                fuel: some.fuel_with(SLOT, 0.0),
                own: (0.0, 0.0),
                weight: some.weight.max(some.boxed()),
            }
        }
        Shape::Record(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, part)| (length(name), of(*part))).collect();
            // `{` and `}` less one comma; a name with its quotes, colon and comma for each.
            let pieces = fields.iter().map(|(name, part)| Piece { part: *part, fuel: SLOT + name, json: name + 4.0 });
            let names = fields.iter().map(|(name, _)| (heap(*name), *name));
            let names = names.fold((0.0, 0.0), plus);
            let weight = filled(fields.iter().map(|(_, part)| *part), SLOT + STRING, names);
            Price { weight, ..together(1.0, pieces) }
        }
        Shape::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| of(*part)).collect();
            let pieces = parts.iter().map(|part| Piece { part: *part, fuel: SLOT, json: 1.0 });
            let weight = filled(parts.iter().copied(), SLOT, (0.0, 0.0));
            Price { weight, ..together(1.0, pieces) }
        }
        Shape::Variant(cases) => {
            let cases = cases.iter().map(|(name, payload)| case(length(name), length(name), payload.map(&of)));
            cases.fold(Price { least: f64::INFINITY, ..Price::NOTHING }, Price::either)
        }
        Shape::Result(ok, err) => case(2.0, 0.0, ok.map(&of)).either(case(3.0, 0.0, err.map(&of))),
    }
}

fn list(element: Price, bytes: bool) -> Price {
    // A comma or bracket for each; bytes are base64 instead, four characters for three.
    let fuel = if bytes { SLOT * 0.75 } else { element.fuel_with(SLOT, 1.0) };
    // A list of one takes as much as one of four.
    let weight = filled(std::iter::once(element), SLOT, (0.0, 0.0));
    Price { least: 2.0, fuel, own: (0.0, 0.0), weight }
}

/// A case of a variant or a side of a result: `{"name": payload}`, or the name alone.
fn case(name: f64, charged: f64, payload: Option<Price>) -> Price {
    let own = (heap(name), charged);
    let Some(payload) = payload else {
        return Price { least: name + 2.0, fuel: 1.0, own, weight: 1.0 };
    };
    let piece = Piece { part: payload, fuel: SLOT + charged, json: name + 5.0 };
    let weight = payload.weight.max(payload.boxed());
    Price { own, weight, ..together(0.0, std::iter::once(piece)) }
}

/// Memory for a unit of fuel of a vector of these parts, or of anything within them.
///
/// The engine collects without knowing how many will come: a vector has room for four at first, and doubles.
fn filled(parts: impl Iterator<Item = Price>, slot: f64, names: (f64, f64)) -> f64 {
    let (mut count, mut own, mut within) = (0.0_f64, names, 1.0_f64);
    for part in parts {
        count += 1.0;
        own = plus(own, part.own);
        within = within.max(part.weight);
    }
    let room = count.max(4.0) * if count > 4.0 { 2.0 } else { 1.0 };
    within.max((room * slot + ALLOCATION + own.0) / (count * SLOT + own.1))
}

fn plus(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 + b.0, a.1 + b.1)
}

/// A part within something, with what surrounds it.
struct Piece {
    part: Price,
    fuel: f64,
    json: f64,
}

/// Parts that are all there.
fn together(json: f64, pieces: impl Iterator<Item = Piece>) -> Price {
    let (mut least, mut fuel, mut dearest) = (json, 0.0, 0.0_f64);
    for piece in pieces {
        least += piece.json + piece.part.least;
        fuel += piece.fuel + piece.part.fuel * piece.part.least;
        dearest = dearest.max(piece.part.fuel);
    }
    Price { least, fuel: dearest.max(fuel / least.max(1.0)), own: (0.0, 0.0), weight: 1.0 }
}

impl Price {
    const NOTHING: Self = Self { least: 1.0, fuel: 0.0, own: (0.0, 0.0), weight: 1.0 };

    const fn plain(least: f64) -> Self {
        Self { least, ..Self::NOTHING }
    }

    /// The most fuel for a byte of JSON of a value with a surrounding of so much fuel and JSON.
    fn fuel_with(self, fuel: f64, json: f64) -> f64 {
        self.fuel.max((fuel + self.fuel * self.least) / (json + self.least))
    }

    /// Memory for a unit of fuel of a value in a box, as payloads are.
    fn boxed(self) -> f64 {
        (SLOT + ALLOCATION + self.own.0) / (SLOT + self.own.1)
    }

    /// One or the other.
    fn either(self, other: Self) -> Self {
        let ratio = |own: (f64, f64)| (SLOT + own.0) / (SLOT + own.1);
        Self {
            least: self.least.min(other.least),
            fuel: self.fuel.max(other.fuel),
            own: if ratio(self.own) > ratio(other.own) { self.own } else { other.own },
            weight: self.weight.max(other.weight),
        }
    }
}

/// Memory and fuel of as many flags as make the worst ratio: the shortest names.
fn flags(names: &[String]) -> (f64, f64) {
    let mut lengths: Vec<f64> = names.iter().map(|name| length(name)).collect();
    lengths.sort_by(f64::total_cmp);
    let ratio = |own: (f64, f64)| (SLOT + own.0) / (SLOT + own.1);
    let (mut worst, mut names, mut room) = ((0.0, 0.0), (0.0, 0.0), 4.0_f64);
    for (count, name) in (1_u16..).zip(lengths) {
        names = plus(names, (heap(name), name));
        if f64::from(count) > room {
            room *= 2.0;
        }
        let all = plus(names, (room * STRING + ALLOCATION, 0.0));
        if ratio(all) > ratio(worst) {
            worst = all;
        }
    }
    worst
}

/// What an allocation of a name takes.
fn heap(name: f64) -> f64 {
    ALLOCATION + name.max(ALLOCATION)
}

#[expect(clippy::cast_precision_loss, reason = "names are at most a few hundred bytes")]
fn length(name: &str) -> f64 {
    name.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(shapes: Vec<Shape>) -> Cost {
        let last = ShapeId(u32::try_from(shapes.len()).unwrap() - 1);
        Cost::of(&Shapes::new(shapes), &Signature { params: vec![], result: Some(last) }).unwrap()
    }

    #[test]
    fn fuel_is_enough_for_the_dearest_text() {
        let id = ShapeId;
        for (shapes, fuel) in [
            // "true," for a slot.
            (vec![Shape::Bool, Shape::List(id(0))], SLOT / 5.0),
            // "7," for a slot, but bytes are base64.
            (vec![Shape::S8, Shape::List(id(0))], SLOT / 2.0),
            (vec![Shape::U8, Shape::List(id(0))], SLOT * 0.75),
            // "7," for a slot and a box.
            (vec![Shape::S8, Shape::Option(id(0)), Shape::List(id(1))], SLOT),
            (vec![Shape::String], 2.0),
        ] {
            let cost = cost(shapes.clone());
            assert!(cost.fuel >= fuel && cost.fuel <= fuel * 1.6, "{shapes:?} {cost:?}");
        }
    }

    #[test]
    fn what_weighs_more_than_it_costs_gets_less() {
        let flags = |length: usize| Shape::Flags((0..32).map(|n| format!("{n:0length$}")).collect());
        let limits = Limits::default();
        let most = |cost: Cost| cost.budget(&limits).fuel as f64 * cost.weight;
        let short = cost(vec![flags(2), Shape::List(ShapeId(0))]);
        let long = cost(vec![flags(60), Shape::List(ShapeId(0))]);
        assert!(short.weight > 15.0 && long.weight < 4.0, "{short:?} {long:?}");
        for cost in [short, long, cost(vec![Shape::U8, Shape::List(ShapeId(0))])] {
            assert!(most(cost) <= 140.0 * f64::from(1 << 20), "{cost:?}");
        }
    }

    #[test]
    fn imports_keep_their_own_limit() {
        let nothing = Cost::of(&Shapes::default(), &Signature { params: vec![], result: None }).unwrap();
        assert!(nothing.budget(&Limits::default()).fuel >= Limits::default().host_data.as_usize());
    }
}
