//! Gives the component the stack that its engine needs.
//!
//! The engine's parser takes some 20 KiB of the component's own stack per level of the source, and a component has 1 MiB
//! unless told otherwise: that ends after 28 objects inside each other. With this much, and the data beside it, it still
//! fits the 4 MiB of memory that tools begin with.

/// Beyond it, the engine of the host ends its own stack first.
const STACK_BYTES: u32 = 2_621_440;

fn main() {
    let family = std::env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    if family.split(',').any(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK_BYTES}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
