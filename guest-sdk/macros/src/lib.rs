//! The attributes of the `hotcell` crate. Their users read about them there.

#![forbid(unsafe_code)]

mod docs;
mod expand;
mod function;
mod parameter;
mod settings;
mod travel;

use proc_macro::TokenStream;

/// Makes a function a tool.
///
/// Keys, all optional:
/// - `effect`: what a call may do outside of its cell, `"pure"`, `"read"`, `"idempotent"` or `"write"`. The host retries,
///   coalesces and caches by it, so the default is the most careful one, `"write"`;
/// - `name`: the tool's name, if not the function's;
/// - `description`: what it does, if not what the doc comment says.
///
/// Each parameter is a key of the input, and its doc comment is its description. One whose type is written `Option<..>` may
/// be absent, and so may one with `#[hotcell(default = ..)]`.
///
/// The function stays what it is and can be called and tested as such.
#[proc_macro_attribute]
pub fn tool(settings: TokenStream, function: TokenStream) -> TokenStream {
    expand::tool(settings.into(), function.into()).into()
}

/// Lets a type be (a part of) a tool's parameter.
///
/// It derives `Deserialize`, `Serialize` and `JsonSchema`, so that the type can be a default, and a part of an output, too.
/// Keys that a struct doesn't know are refused. Attributes of serde and schemars may stand below.
#[proc_macro_attribute]
pub fn input(settings: TokenStream, item: TokenStream) -> TokenStream {
    travel::derive(travel::Direction::Input, settings.into(), item.into()).into()
}

/// Lets a type be (a part of) a tool's output. It derives `Serialize` and `JsonSchema`.
#[proc_macro_attribute]
pub fn output(settings: TokenStream, item: TokenStream) -> TokenStream {
    travel::derive(travel::Direction::Output, settings.into(), item.into()).into()
}
