//! From a function to the function and its declaration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, LitStr, parse2};

use crate::docs;
use crate::function::{Answer, Faults, Function};
use crate::parameter::{Absent, Parameter};
use crate::settings::{Effect, Settings, check_name};

/// Expands `#[hotcell::tool(settings)] function`.
pub(crate) fn tool(settings: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut function: Function = match parse2(tokens.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = syn::Error::new(error.span(), format_args!("a tool is a function: {error}"));
            let error = error.into_compile_error();
            return quote! { #tokens #error };
        }
    };
    let mut faults = Faults::default();
    let settings = faults.keep(Settings::parse(settings));
    let name = faults.keep(name(settings.as_ref(), &function));
    let checked = faults.keep(function.check());
    let (Some(settings), Some(name), Some((parameters, answer))) = (settings, name, checked) else {
        // The function as it is, so that its callers raise no errors of their own.
        let faults = faults.all.map(syn::Error::into_compile_error);
        return quote! { #[allow(unused, reason = "not a tool yet")] #function #faults };
    };
    let declaration = declaration(&Tool {
        name,
        description: settings.description.map_or_else(|| docs::text(&function.attributes), |text| text.value()),
        effect: settings.effect,
        function: &function.signature.ident,
        parameters,
        answer,
    });
    // The parameters are those of the tool, owned and as many as it needs: not a matter of taste.
    quote! {
        #[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "a tool's input")]
        #function
        #declaration
    }
}

/// The tool's name; that of the function unless set.
fn name(settings: Option<&Settings>, function: &Function) -> syn::Result<LitStr> {
    if let Some(name) = settings.and_then(|settings| settings.name.clone()) {
        return Ok(name);
    }
    let ident = &function.signature.ident;
    let name = LitStr::new(&ident.unraw().to_string(), ident.span());
    check_name(&name).map(|()| name)
}

struct Tool<'a> {
    name: LitStr,
    description: String,
    effect: Effect,
    function: &'a Ident,
    parameters: Vec<Parameter>,
    answer: Answer,
}

fn declaration(tool: &Tool<'_>) -> TokenStream {
    let Tool { name, description, .. } = tool;
    let effect = match tool.effect {
        Effect::Pure => quote! { Pure },
        Effect::Read => quote! { Read },
        Effect::Idempotent => quote! { Idempotent },
        Effect::Write => quote! { Write },
    };
    let defaults = tool.parameters.iter().enumerate().filter_map(default);
    let parameters = tool.parameters.iter().enumerate().map(parameter);
    let output = output(&tool.answer);
    let call = call(tool);
    quote! {
        const _: () = {
            #(#defaults)*
            #call
            ::hotcell::__private::submit! {
                ::hotcell::__private::Declaration {
                    name: #name,
                    description: #description,
                    effect: ::hotcell::Effect::#effect,
                    parameters: &[#(#parameters),*],
                    output: #output,
                    call: __hotcell_call,
                }
            }
        };
    }
}

/// The name of the function that makes the default of a parameter.
fn default_name(at: usize) -> Ident {
    format_ident!("__hotcell_default_{at}", span = Span::mixed_site())
}

fn default((at, parameter): (usize, &Parameter)) -> Option<TokenStream> {
    let Absent::Default(value) = &parameter.absent else {
        return None;
    };
    let name = default_name(at);
    let kind = &parameter.kind;
    let value = match &**value {
        // So that a default can be written `"UTC"` where the parameter is a `String`.
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            quote_spanned! { text.span() => <#kind as ::core::convert::From<&'static str>>::from(#text) }
        }
        value => quote! { #value },
    };
    Some(quote! {
        fn #name() -> #kind { #value }
    })
}

fn parameter((at, parameter): (usize, &Parameter)) -> TokenStream {
    let name = key(parameter);
    let description = &parameter.description;
    let kind = &parameter.kind;
    let absent = match parameter.absent {
        Absent::Invalid => quote! { Invalid },
        Absent::Nothing => quote! { Nothing },
        Absent::Default(_) => {
            let default = default_name(at);
            quote_spanned! { kind.span() =>
                Default(|| ::hotcell::serde_json::to_value(#default()).ok())
            }
        }
    };
    let schema = quote_spanned! { kind.span() =>
        ::hotcell::schemars::SchemaGenerator::subschema_for::<#kind>
    };
    quote! {
        ::hotcell::__private::Parameter {
            name: #name,
            description: #description,
            absent: ::hotcell::__private::Absent::#absent,
            schema: #schema,
        }
    }
}

fn key(parameter: &Parameter) -> LitStr {
    LitStr::new(&parameter.name.unraw().to_string(), parameter.name.span())
}

fn output(answer: &Answer) -> TokenStream {
    match answer {
        Answer::Value(kind) => quote_spanned! { kind.span() =>
            ::hotcell::schemars::SchemaGenerator::subschema_for::<#kind>
        },
        Answer::Result(kind) => quote_spanned! { kind.span() =>
            ::hotcell::__private::result_schema::<#kind>
        },
    }
}

/// The function that reads the arguments, calls the tool and writes its answer.
fn call(tool: &Tool<'_>) -> TokenStream {
    let arguments = Ident::new("arguments", Span::mixed_site());
    let read = tool.parameters.iter().enumerate().map(|(at, parameter)| {
        let name = key(parameter);
        let kind = &parameter.kind;
        let span = kind.span();
        match parameter.absent {
            Absent::Invalid => quote_spanned! { span => #arguments.required::<#kind>(#name)? },
            Absent::Nothing => {
                quote_spanned! { span => #arguments.or::<#kind>(#name, || ::core::option::Option::None)? }
            }
            Absent::Default(_) => {
                let default = default_name(at);
                quote_spanned! { span => #arguments.or::<#kind>(#name, #default)? }
            }
        }
    });
    let function = tool.function;
    let write = match &tool.answer {
        Answer::Value(kind) => {
            quote_spanned! { kind.span() => ::hotcell::__private::value::<#kind> }
        }
        Answer::Result(kind) => {
            quote_spanned! { kind.span() => ::hotcell::__private::result }
        }
    };
    quote! {
        #[allow(unused_variables, reason = "a tool without parameters reads none")]
        fn __hotcell_call(
            #arguments: &mut ::hotcell::__private::Arguments<'_>,
        ) -> ::core::result::Result<::std::string::String, ::hotcell::Error> {
            #write(#function(#(#read),*))
        }
    }
}
