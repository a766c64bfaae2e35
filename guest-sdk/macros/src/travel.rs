//! Types that travel as JSON.
//!
//! The derives of serde and schemars refer to these crates by name; an author who only depends on `hotcell` hasn't got
//! them. So the attributes say where they are: behind `hotcell`.

use proc_macro2::{Group, TokenStream};
use quote::quote;
use syn::token::Paren;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Field, Token, parse2};

/// Which way a type goes.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Input,
    Output,
}

/// Puts the derives on a type.
pub(crate) fn derive(direction: Direction, settings: TokenStream, item: TokenStream) -> TokenStream {
    match check(settings, item.clone()) {
        Ok(kind) => {
            let derives = derives(direction, &kind);
            quote! { #derives #item }
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #item #error }
        }
    }
}

fn check(settings: TokenStream, item: TokenStream) -> syn::Result<DeriveInput> {
    if !settings.is_empty() {
        return Err(Error::new_spanned(settings, "this attribute has no settings"));
    }
    let kind: DeriveInput =
        parse2(item).map_err(|error| Error::new(error.span(), "only a struct or an enum travels as JSON"))?;
    if let Data::Union(union) = &kind.data {
        return Err(Error::new_spanned(union.union_token, "only a struct or an enum travels as JSON"));
    }
    Ok(kind)
}

fn derives(direction: Direction, kind: &DeriveInput) -> TokenStream {
    let derives = match direction {
        Direction::Input => quote! {
            ::hotcell::serde::Deserialize, ::hotcell::serde::Serialize, ::hotcell::schemars::JsonSchema
        },
        Direction::Output => {
            quote! { ::hotcell::serde::Serialize, ::hotcell::schemars::JsonSchema }
        }
    };
    let strict = strict(direction, kind).then(|| quote! { deny_unknown_fields, });
    quote! {
        #[derive(#derives)]
        #[serde(#strict crate = "::hotcell::serde")]
        #[schemars(crate = "::hotcell::schemars")]
    }
}

/// Whether to refuse unknown keys. Serde can't beside a flattened field, which takes all that is left, and doesn't like to
/// be told twice.
fn strict(direction: Direction, kind: &DeriveInput) -> bool {
    matches!(direction, Direction::Input)
        && !says(&kind.attrs, "deny_unknown_fields")
        && !fields(kind).any(|field| says(&field.attrs, "flatten"))
}

fn fields(kind: &DeriveInput) -> impl Iterator<Item = &Field> {
    let (fields, variants) = match &kind.data {
        Data::Struct(data) => (Some(&data.fields), None),
        Data::Enum(data) => (None, Some(&data.variants)),
        Data::Union(_) => (None, None),
    };
    let of_variants = variants.into_iter().flatten().flat_map(|variant| &variant.fields);
    fields.into_iter().flatten().chain(of_variants)
}

/// Whether a word stands in a `#[serde(..)]`.
fn says(attributes: &[Attribute], word: &str) -> bool {
    let mut found = false;
    for attribute in attributes {
        if attribute.path().is_ident("serde") {
            // Whether it all is right is serde's to say; what follows a `=` has to be gone over.
            let _ = attribute.parse_nested_meta(|meta| {
                found |= meta.path.is_ident(word);
                if meta.input.peek(Token![=]) {
                    meta.value()?.parse::<Expr>()?;
                } else if meta.input.peek(Paren) {
                    meta.input.parse::<Group>()?;
                }
                Ok(())
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn unknown_keys_are_refused_where_serde_can() {
        let cases: [(DeriveInput, bool); 5] = [
            (parse_quote! { struct A { b: u8 } }, true),
            (parse_quote! { enum A { B, C(u8) } }, true),
            (parse_quote! { #[serde(rename_all = "lowercase", deny_unknown_fields)] struct A; }, false),
            (parse_quote! { struct A { #[serde(rename(serialize = "c"), flatten)] b: B } }, false),
            (parse_quote! { enum A { B { #[serde(default = "d")] #[serde(flatten)] c: C } } }, false),
        ];
        for (kind, strictly) in cases {
            assert_eq!(strict(Direction::Input, &kind), strictly, "{}", kind.ident);
            assert!(!strict(Direction::Output, &kind));
        }
    }
}
