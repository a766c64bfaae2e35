//! A whole tool: `cargo build --release --target wasm32-wasip2 -p hotcell --example greet` makes it a component.

/// Greets somebody.
#[hotcell::tool(effect = "pure")]
fn greet(
    /// Whom to greet.
    name: String,
) -> String {
    format!("Hello, {name}!")
}
