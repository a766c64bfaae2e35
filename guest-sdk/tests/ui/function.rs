#[hotcell::tool]
async fn asynchronous() -> u8 {
    0
}

#[hotcell::tool]
fn generic<T>(value: T) -> u8 {
    0
}

#[hotcell::tool]
fn lifetime<'a>(value: &'a str) -> u8 {
    0
}

#[hotcell::tool]
unsafe fn not_safe() -> u8 {
    0
}

#[hotcell::tool]
extern "C" fn foreign() -> u8 {
    0
}

#[hotcell::tool]
fn silent() {}

#[hotcell::tool]
fn vague() -> impl Sized {
    0
}

// All at once.
#[hotcell::tool]
async fn much(text: &str, (a, b): (u8, u8)) {}

fn main() {}
