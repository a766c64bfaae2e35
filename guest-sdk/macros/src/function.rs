//! A function, checked for what a tool can be.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, FnArg, Result, ReturnType, Safety, Signature, Type, Visibility};

use crate::parameter::Parameter;

/// A function. The body stays as it is: what is wrong in there is for the compiler to say.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    visibility: Visibility,
    pub(crate) signature: Signature,
    body: TokenStream,
}

/// What a function answers with.
pub(crate) enum Answer {
    Value(Box<Type>),
    Result(Box<Type>),
}

// === impl Function ===

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.attributes {
            attribute.to_tokens(tokens);
        }
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

impl Function {
    /// Reads the parameters and the answer; says all that doesn't fit at once.
    pub(crate) fn check(&mut self) -> Result<(Vec<Parameter>, Answer)> {
        let mut faults = Faults::default();
        faults.note(check_qualifiers(&self.signature));
        let parameters = self
            .signature
            .inputs
            .iter_mut()
            .filter_map(|argument: &mut FnArg| faults.keep(Parameter::take(argument)))
            .collect();
        let answer = faults.keep(answer(&self.signature));
        match (faults.all, answer) {
            (None, Some(answer)) => Ok((parameters, answer)),
            (Some(faults), _) => Err(faults),
            // Without an answer there is a fault; this arm only has to say something.
            (None, None) => Err(Error::new_spanned(&self.signature, "not a tool")),
        }
    }
}

fn check_qualifiers(signature: &Signature) -> Result<()> {
    let mut faults = Faults::default();
    if let Some(token) = &signature.asyncness {
        faults.say(token, "a tool is not `async`: a call has its cell to itself and nothing else to do while it waits");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        faults.say(token, "a tool is called with whatever fits its schema: it can't be `unsafe`");
    }
    if let Some(token) = &signature.abi {
        faults.say(token, "a tool is a plain function, without `extern`");
    }
    let generics = &signature.generics.params;
    if !generics.is_empty() {
        faults.say(generics, "a tool's input has one type: it can't be generic");
    }
    if let Some(variadic) = &signature.variadic {
        faults.say(variadic, "a tool has a fixed list of parameters");
    }
    faults.all.map_or(Ok(()), Err)
}

fn answer(signature: &Signature) -> Result<Answer> {
    match &signature.output {
        ReturnType::Default => Err(Error::new_spanned(
            &signature.ident,
            "a tool answers: give it a return type, such as `Result<String, hotcell::Error>` (or `()` if there is nothing to say)",
        )),
        ReturnType::Type(_, kind) => match &**kind {
            Type::ImplTrait(_) => {
                Err(Error::new_spanned(kind, "a tool's output has one type: write it in place of `impl ..`"))
            }
            Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Result") => {
                Ok(Answer::Result(kind.clone()))
            }
            _ => Ok(Answer::Value(kind.clone())),
        },
    }
}

/// The faults found so far, as one error.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) all: Option<Error>,
}

// === impl Faults ===

impl Faults {
    fn say(&mut self, what: impl ToTokens, message: &str) {
        self.add(Error::new_spanned(what, message));
    }

    fn add(&mut self, fault: Error) {
        match &mut self.all {
            Some(all) => all.combine(fault),
            None => self.all = Some(fault),
        }
    }

    pub(crate) fn note(&mut self, checked: Result<()>) {
        self.keep(checked);
    }

    /// Gives what was read; what couldn't be is noted.
    pub(crate) fn keep<T>(&mut self, read: Result<T>) -> Option<T> {
        read.map_err(|fault| self.add(fault)).ok()
    }
}
