//! Functions of bytes and strings, called without a value for each byte.
//!
//! The engine's typed calls need types at compile time, so the shapes that matter are written out: up to three parameters of
//! bytes or text, and a result that is nothing, bytes, text, or a `result` of those. A function with other types beside takes the
//! way of values, and so does one without any bytes, for which values cost no more.
//!
//! Results are copied out of the guest once. The engine could lend them, but by the time it returns it has run the guest's
//! `post-return`, which frees what would be read.

use serde::de::{Deserializer, Error};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentNamedList, Func, Lift, Lower};

use crate::convert::read::{Element, Reading};
use crate::convert::value::text;
use crate::describe::{Shape, ShapeId, Shapes, Signature};

/// Bytes or text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bytes,
    Text,
}

/// A result that the route can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route(Returns);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Returns {
    Nothing,
    One(Kind),
    Either(Option<Kind>, Failing),
}

/// What a `result` holds when it is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    Nothing,
    Text,
}

/// An argument.
#[derive(Debug)]
pub(crate) enum Argument {
    Bytes(Vec<u8>),
    Text(String),
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Nothing,
    Bytes(Vec<u8>),
    Text(String),
}

// === impl Route ===

impl Route {
    /// The route for a function, if it is one of bytes.
    pub(crate) fn of(shapes: &Shapes, signature: &Signature) -> Option<Self> {
        let kind = |id: ShapeId| Kind::of(shapes, id);
        let params: Vec<Kind> = signature.params.iter().map(|(_, id)| kind(*id)).collect::<Option<_>>()?;
        let returns = match signature.result {
            None => Returns::Nothing,
            Some(id) => match shapes.get(id).ok()? {
                Shape::Result(ok, err) => Returns::Either(
                    match ok {
                        Some(ok) => Some(kind(*ok)?),
                        None => None,
                    },
                    match err {
                        None => Failing::Nothing,
                        Some(err) if kind(*err)? == Kind::Text => Failing::Text,
                        Some(_) => return None,
                    },
                ),
                _ => Returns::One(kind(id)?),
            },
        };
        let returns_bytes = matches!(returns, Returns::One(Kind::Bytes) | Returns::Either(Some(Kind::Bytes), _));
        let worth = returns_bytes || params.contains(&Kind::Bytes);
        (worth && params.len() <= 3).then_some(Self(returns))
    }

    /// Calls the function; the inner error is the tool's own.
    pub(crate) async fn call<T: Send>(
        self,
        func: Func,
        store: StoreContextMut<'_, T>,
        arguments: Vec<Argument>,
    ) -> wasmtime::Result<Result<Piece, Piece>> {
        use Argument::{Bytes as B, Text as S};
        let mut given = arguments.into_iter();
        macro_rules! call {
            ($params:expr) => {
                self.returning(func, store, $params).await
            };
        }
        match [given.next(), given.next(), given.next()] {
            [None, ..] => call!(()),
            [Some(B(a)), None, _] => call!((a,)),
            [Some(S(a)), None, _] => call!((a,)),
            [Some(B(a)), Some(B(b)), None] => call!((a, b)),
            [Some(B(a)), Some(S(b)), None] => call!((a, b)),
            [Some(S(a)), Some(B(b)), None] => call!((a, b)),
            [Some(S(a)), Some(S(b)), None] => call!((a, b)),
            [Some(B(a)), Some(B(b)), Some(B(c))] => call!((a, b, c)),
            [Some(B(a)), Some(B(b)), Some(S(c))] => call!((a, b, c)),
            [Some(B(a)), Some(S(b)), Some(B(c))] => call!((a, b, c)),
            [Some(B(a)), Some(S(b)), Some(S(c))] => call!((a, b, c)),
            [Some(S(a)), Some(B(b)), Some(B(c))] => call!((a, b, c)),
            [Some(S(a)), Some(B(b)), Some(S(c))] => call!((a, b, c)),
            [Some(S(a)), Some(S(b)), Some(B(c))] => call!((a, b, c)),
            [Some(S(a)), Some(S(b)), Some(S(c))] => call!((a, b, c)),
        }
    }

    async fn returning<T: Send, P>(
        self,
        func: Func,
        store: StoreContextMut<'_, T>,
        params: P,
    ) -> wasmtime::Result<Result<Piece, Piece>>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
    {
        type Bytes = Vec<u8>;
        macro_rules! call {
            ($result:ty) => {
                Box::pin(run::<T, P, $result>(func, store, params)).await
            };
        }
        match self.0 {
            Returns::Nothing => call!(()),
            Returns::One(Kind::Bytes) => call!((Bytes,)),
            Returns::One(Kind::Text) => call!((String,)),
            Returns::Either(None, Failing::Nothing) => call!((Result<(), ()>,)),
            Returns::Either(None, Failing::Text) => call!((Result<(), String>,)),
            Returns::Either(Some(Kind::Bytes), Failing::Nothing) => call!((Result<Bytes, ()>,)),
            Returns::Either(Some(Kind::Bytes), Failing::Text) => call!((Result<Bytes, String>,)),
            Returns::Either(Some(Kind::Text), Failing::Nothing) => call!((Result<String, ()>,)),
            Returns::Either(Some(Kind::Text), Failing::Text) => call!((Result<String, String>,)),
        }
    }
}

async fn run<T, P, R>(
    func: Func,
    mut store: StoreContextMut<'_, T>,
    params: P,
) -> wasmtime::Result<Result<Piece, Piece>>
where
    T: Send,
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Answer + Send + Sync + 'static,
{
    let func = func.typed::<P, R>(&store)?;
    Ok(func.call_async(&mut store, params).await?.pieces())
}

/// What a typed call returns.
trait Answer {
    fn pieces(self) -> Result<Piece, Piece>;
}

impl Answer for () {
    fn pieces(self) -> Result<Piece, Piece> {
        Ok(Piece::Nothing)
    }
}

impl<O: Into<Piece>> Answer for (O,)
where
    O: Whole,
{
    fn pieces(self) -> Result<Piece, Piece> {
        Ok(self.0.into())
    }
}

impl<O: Into<Piece>, E: Into<Piece>> Answer for (Result<O, E>,) {
    fn pieces(self) -> Result<Piece, Piece> {
        self.0.map(Into::into).map_err(Into::into)
    }
}

/// Types that are an answer as they are, unlike a `result`.
trait Whole {}

impl Whole for String {}

impl Whole for Vec<u8> {}

impl From<()> for Piece {
    fn from((): ()) -> Self {
        Self::Nothing
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Piece {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

// === impl Kind, Argument ===

impl Kind {
    fn of(shapes: &Shapes, id: ShapeId) -> Option<Self> {
        match shapes.get(id).ok()? {
            Shape::String => Some(Self::Text),
            list if list.is_bytes(shapes) => Some(Self::Bytes),
            _ => None,
        }
    }
}

impl Element for Argument {
    fn read<'de, D: Deserializer<'de>>(reading: &Reading<'_>, id: ShapeId, from: D) -> Result<Self, D::Error> {
        let given = text(reading, id, from)?;
        match Kind::of(reading.shapes, id) {
            Some(Kind::Bytes) => reading.bytes(&given).map(Self::Bytes),
            Some(Kind::Text) => Ok(Self::Text(given)),
            None => Err(D::Error::custom("the route has no place for this type")),
        }
    }
}
