#[hotcell::tool]
struct NotAFunction;

#[hotcell::input]
fn not_a_type() {}

#[hotcell::output]
union Either {
    a: u8,
    b: u8,
}

#[hotcell::input(strict)]
struct Point {
    x: u8,
}

fn main() {}
