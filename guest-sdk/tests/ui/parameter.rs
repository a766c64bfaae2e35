use std::path::Path;

#[hotcell::tool]
fn pattern((a, b): (u8, u8)) -> u8 {
    a + b
}

#[hotcell::tool]
fn nameless(_: u8) -> u8 {
    0
}

#[hotcell::tool]
fn borrowed(text: &str, list: &[u8], path: &Path, number: &u8) -> u8 {
    0
}

#[hotcell::tool]
fn several_types(value: impl Sized) -> u8 {
    0
}

#[hotcell::tool]
fn unknown_key(#[hotcell(optional)] value: u8) -> u8 {
    value
}

#[hotcell::tool]
fn two_defaults(#[hotcell(default = 1, default = 2)] value: u8) -> u8 {
    value
}

#[hotcell::tool]
fn conditional(#[cfg(unix)] value: u8) -> u8 {
    0
}

fn main() {}
