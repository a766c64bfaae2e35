//! One parameter of a tool: a key of its input.

use syn::{Attribute, Error, Expr, FnArg, Ident, Pat, PatType, Result, Type};

use crate::docs;

/// A parameter as the input has it.
pub(crate) struct Parameter {
    /// The key. Its span is that of the parameter.
    pub(crate) name: Ident,
    pub(crate) description: String,
    pub(crate) kind: Type,
    pub(crate) absent: Absent,
}

/// What it means when the input hasn't got it.
pub(crate) enum Absent {
    Invalid,
    Nothing,
    Default(Box<Expr>),
}

// === impl Parameter ===

impl Parameter {
    /// Reads a parameter, and takes off it what only this attribute understands.
    pub(crate) fn take(argument: &mut FnArg) -> Result<Self> {
        match argument {
            FnArg::Receiver(receiver) => Err(Error::new_spanned(
                receiver,
                "a tool is a free function: each call has a cell of its own, there is no `self` to keep",
            )),
            FnArg::Typed(argument) => Self::of(argument),
        }
    }

    fn of(argument: &mut PatType) -> Result<Self> {
        let attributes = std::mem::take(&mut argument.attrs);
        let (own, rest) = attributes.into_iter().partition(|attribute: &Attribute| {
            attribute.path().is_ident("doc") || attribute.path().is_ident("hotcell")
        });
        argument.attrs = rest;
        let own: Vec<Attribute> = own;
        check_attributes(&argument.attrs)?;
        check_type(&argument.ty)?;
        let absent = match default(&own)? {
            Some(value) => Absent::Default(Box::new(value)),
            None if is_option(&argument.ty) => Absent::Nothing,
            None => Absent::Invalid,
        };
        Ok(Self { name: name(&argument.pat)?, description: docs::text(&own), kind: (*argument.ty).clone(), absent })
    }
}

fn name(pattern: &Pat) -> Result<Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => Ok(pattern.ident.clone()),
        _ => Err(Error::new_spanned(pattern, "a tool's parameter needs a plain name: it is the key in the input")),
    }
}

fn check_attributes(attributes: &[Attribute]) -> Result<()> {
    match attributes.iter().find(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr"))
    {
        Some(attribute) => Err(Error::new_spanned(
            attribute,
            "a tool has the same parameters in every build: put `cfg` on the function",
        )),
        None => Ok(()),
    }
}

fn check_type(kind: &Type) -> Result<()> {
    match kind {
        Type::Reference(reference) => {
            Err(Error::new_spanned(kind, format_args!("a tool owns its input: write {}", owned(&reference.elem))))
        }
        Type::ImplTrait(_) => {
            Err(Error::new_spanned(kind, "a tool's input has one type: write it in place of `impl ..`"))
        }
        Type::Infer(_) => Err(Error::new_spanned(kind, "a tool's input has one type: write it in place of `_`")),
        _ => Ok(()),
    }
}

fn owned(borrowed: &Type) -> &'static str {
    match borrowed {
        Type::Slice(_) => "`Vec<..>`",
        Type::Path(path) if path.path.is_ident("str") => "`String`",
        Type::Path(path) if last_is(path, "Path") => "`PathBuf`",
        _ => "the type without `&`",
    }
}

fn last_is(path: &syn::TypePath, name: &str) -> bool {
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// Whether a type is written `Option<..>`, by whatever path. An alias of it is a value that may be null, but must be there.
fn is_option(kind: &Type) -> bool {
    matches!(kind, Type::Path(path) if last_is(path, "Option"))
}

fn default(attributes: &[Attribute]) -> Result<Option<Expr>> {
    let mut default = None;
    for attribute in attributes {
        if !attribute.path().is_ident("hotcell") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("default") {
                return Err(meta.error("unknown key: a parameter has `default`"));
            }
            if default.is_some() {
                return Err(meta.error("`default` is given twice"));
            }
            default = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(default)
}
