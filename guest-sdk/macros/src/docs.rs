//! Doc comments as descriptions.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the doc comments among these attributes: the lines as written, without the space that follows `///`.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let text: Vec<String> = attributes.iter().filter_map(line).collect();
    let lines: Vec<&str> = text
        .iter()
        .flat_map(|text| text.split('\n'))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    lines.join("\n").trim().to_owned()
}

fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    #[test]
    fn lines_lose_their_first_space_only() {
        let item: syn::ItemFn = parse_quote! {
            /// Adds.
            ///
            ///  - indented
            #[inline]
            fn f() {}
        };
        assert_eq!(super::text(&item.attrs), "Adds.\n\n - indented");
    }
}
