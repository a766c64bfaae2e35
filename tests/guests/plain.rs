//! A component that knows nothing of hotcell: its functions are tools by their WIT types alone.

use std::cell::Cell;

use bindings::exports::example::plain::handles::{Counter, Guest as Handles, GuestCounter};
use bindings::exports::example::plain::shapes::{Colour, Guest as Shapes, Point, Shape, Style};

#[expect(clippy::mem_forget, reason = "lists are handed over, as wit-bindgen writes it")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "plain" });
}

struct Plain;

#[expect(unsafe_code, reason = "the exports, as wit-bindgen writes them")]
mod exports {
    use super::{Plain, bindings};

    bindings::export!(Plain with_types_in bindings);
}

impl bindings::Guest for Plain {
    fn reverse(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.reverse();
        bytes
    }

    fn letters(text: Option<String>) -> u32 {
        text.map_or(0, |text| text.chars().count() as u32)
    }

    fn divide(dividend: i64, divisor: i64) -> Result<i64, String> {
        dividend.checked_div(divisor).ok_or_else(|| format!("{dividend} can't be divided by {divisor}"))
    }

    fn limits() -> (u64, i64, f64, f32) {
        (u64::MAX, i64::MIN, f64::MAX, f32::MIN_POSITIVE)
    }

    fn after(letter: char) -> Option<char> {
        (letter != char::MAX).then(|| (letter..=char::MAX).nth(1)).flatten()
    }

    fn swap(either: Result<String, u8>) -> Result<u8, String> {
        match either {
            Ok(text) => Err(text),
            Err(number) => Ok(number),
        }
    }

    fn odd() -> Vec<f64> {
        vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]
    }

    fn even(count: u32) -> Vec<bool> {
        (0..count).map(|number| number % 2 == 0).collect()
    }

    fn repeat(text: String, times: u32) -> Vec<String> {
        vec![text; times as usize]
    }

    fn nothing() {}
}

impl Shapes for Plain {
    fn move_by(shape: Shape, dx: f64, dy: f64) -> Shape {
        let moved = |point: Point| Point { x: point.x + dx, y: point.y + dy, label: point.label };
        match shape {
            Shape::Empty => Shape::Empty,
            Shape::Dot(point) => Shape::Dot(moved(point)),
            Shape::Polygon(points) => Shape::Polygon(points.into_iter().map(moved).collect()),
        }
    }

    fn mix(one: Style, two: Style, colour: Colour) -> (Style, Colour) {
        let next = match colour {
            Colour::Red => Colour::Green,
            Colour::Green => Colour::Blue,
            Colour::Blue => Colour::Red,
        };
        (one & two, next)
    }
}

struct Number(Cell<u32>);

impl GuestCounter for Number {
    fn new() -> Self {
        Self(Cell::new(0))
    }

    fn next(&self) -> u32 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

impl Handles for Plain {
    type Counter = Number;

    fn make() -> Counter {
        Counter::new(Number::new())
    }
}
