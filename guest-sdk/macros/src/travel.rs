//! Types that travel as JSON.
//!
//! The derives of serde and schemars refer to these crates by name; an author who only depends on `hotcell` hasn't got
//! them. So the attributes say where they are: behind `hotcell`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, parse2};

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
    let kind: DeriveInput = parse2(item)
        .map_err(|error| Error::new(error.span(), "only a struct or an enum travels as JSON"))?;
    if let syn::Data::Union(union) = &kind.data {
        return Err(Error::new(
            union.union_token.span,
            "only a struct or an enum travels as JSON",
        ));
    }
    Ok(kind)
}

fn derives(direction: Direction, kind: &DeriveInput) -> TokenStream {
    let derives = match direction {
        Direction::Input => quote! {
            ::hotcell::serde::Deserialize, ::hotcell::serde::Serialize, ::hotcell::schemars::JsonSchema
        },
        Direction::Output => quote! { ::hotcell::serde::Serialize, ::hotcell::schemars::JsonSchema },
    };
    // serde can't refuse keys next to a flattened field, which takes all that is left.
    let strict = (matches!(direction, Direction::Input) && !flattens(kind))
        .then(|| quote! { deny_unknown_fields, });
    quote! {
        #[derive(#derives)]
        #[serde(#strict crate = "::hotcell::serde")]
        #[schemars(crate = "::hotcell::schemars")]
    }
}

fn flattens(kind: &DeriveInput) -> bool {
    let fields: Vec<&syn::Field> = match &kind.data {
        syn::Data::Struct(data) => data.fields.iter().collect(),
        syn::Data::Enum(data) => data
            .variants
            .iter()
            .flat_map(|variant| variant.fields.iter())
            .collect(),
        syn::Data::Union(_) => Vec::new(),
    };
    fields
        .iter()
        .flat_map(|field| &field.attrs)
        .filter(|attribute| attribute.path().is_ident("serde"))
        .any(|attribute| {
            let mut found = false;
            // What else stands there is serde's to check.
            let _ = attribute.parse_nested_meta(|meta| {
                found |= meta.path.is_ident("flatten");
                Ok(())
            });
            found
        })
}
