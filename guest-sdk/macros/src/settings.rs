//! What stands in `#[hotcell::tool(..)]`.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::{Error, LitStr, Result};

/// The settings of one tool.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) effect: Effect,
    pub(crate) name: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
}

/// As in the WIT.
#[derive(Clone, Copy, Default)]
pub(crate) enum Effect {
    Pure,
    Read,
    Idempotent,
    /// A call that wrongly counts as harmless may be done twice, so this is what is assumed.
    #[default]
    Write,
}

// === impl Settings ===

impl Settings {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let mut settings = Self::default();
        let mut seen = Vec::new();
        syn::meta::parser(|meta| settings.set(&meta, &mut seen)).parse2(tokens)?;
        Ok(settings)
    }

    fn set(&mut self, meta: &ParseNestedMeta<'_>, seen: &mut Vec<String>) -> Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        if seen.contains(&key) {
            return Err(meta.error(format_args!("`{key}` is given twice")));
        }
        match key.as_str() {
            "effect" => self.effect = Effect::parse(&meta.value()?.parse()?)?,
            "name" => {
                let name = meta.value()?.parse()?;
                check_name(&name)?;
                self.name = Some(name);
            }
            "description" => self.description = Some(meta.value()?.parse()?),
            _ => {
                return Err(meta.error("unknown key: a tool has `effect`, `name` and `description`"));
            }
        }
        seen.push(key);
        Ok(())
    }
}

// === impl Effect ===

impl Effect {
    fn parse(text: &LitStr) -> Result<Self> {
        match text.value().as_str() {
            "pure" => Ok(Self::Pure),
            "read" => Ok(Self::Read),
            "idempotent" => Ok(Self::Idempotent),
            "write" => Ok(Self::Write),
            _ => Err(Error::new(
                text.span(),
                "an effect is \"pure\" (a function of its input), \"read\" (changes nothing), \"idempotent\" (doing it twice \
                 is doing it once) or \"write\"",
            )),
        }
    }
}

/// Checks a tool's name: the WIT says what it may be.
pub(crate) fn check_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if starts && fits {
        return Ok(());
    }
    Err(Error::new(
        name.span(),
        format_args!(
            "`{text}` can't be a tool's name: it starts with a letter a-z or A-Z, then come letters, digits, `_` and `-`; \
             give another by `#[hotcell::tool(name = \"..\")]`"
        ),
    ))
}
