//! One call of a function of a plain component: arguments in, answer out.

use std::char::CharTryFromError;
use std::num::TryFromIntError;
use std::sync::Arc;

use hotcell_call::{ByteSize, Code, Failure, Limits, Payload, Resource};
use wasmtime::component::{Component, ComponentExportIndex, Func, Val};
use wasmtime::{AsContextMut, StoreContextMut, WasmBacktrace};

use crate::convert::cost::{Budget, Cost};
use crate::convert::read::arguments;
use crate::convert::typed::{Argument, Piece, Route};
use crate::convert::write::{Text, WriteError};
use crate::describe::{Broken, Plain, Shape, ShapeId};
use crate::stop::{Spent, Stop};

/// Memory that the values of arguments may take, as a multiple of the limit on their text.
const HEAVIEST_INPUT: u64 = 16;

/// How a function is called; chosen once, when its tool is loaded.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    plain: Arc<Plain>,
    route: Option<Route>,
    cost: Cost,
}

/// A call whose arguments fit.
#[derive(Debug)]
pub(crate) struct Prepared {
    plain: Arc<Plain>,
    arguments: Arguments,
    budget: Budget,
    output: ByteSize,
    host_data: ByteSize,
}

#[derive(Debug)]
enum Arguments {
    Typed(Route, Vec<Argument>),
    Values(Vec<Val>),
}

/// What came of a call that was not stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Returned {
    /// The answer, as JSON.
    Value(Payload),
    /// The error of a `result`: the text, or its JSON where it is no text.
    Error(String),
    /// The answer or error is longer than the limit on results.
    TooLarge {
        /// At least so long: exact where the whole was seen.
        at_least: ByteSize,
    },
    /// Its values take more of the host than a result may, whatever its length.
    TooHeavy {
        /// What they may take.
        most: ByteSize,
    },
    /// What came back is not of the type that was described: a bug of ours.
    Unlike(WriteError),
}

// === impl Caller ===

impl Caller {
    pub(crate) fn new(plain: Arc<Plain>) -> Result<Self, Broken> {
        let route = Route::of(&plain.shapes, &plain.signature);
        let cost = Cost::of(&plain.shapes, &plain.signature)?;
        Ok(Self { plain, route, cost })
    }

    /// Where the function is in its component.
    pub(crate) fn find(&self, component: &Component) -> Option<ComponentExportIndex> {
        let mut found: Option<ComponentExportIndex> = None;
        for name in &self.plain.path {
            found = Some(component.get_export_index(found.as_ref(), name)?);
        }
        found
    }

    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// [`Code::Input`] with `$.path`, wanted and got; [`Code::InputNotJson`]; [`Code::InputTooLarge`].
    pub(crate) fn prepare(&self, input: &Payload, limits: &Limits) -> Result<Prepared, Failure> {
        if input.size() > limits.input {
            return Err(Failure::new(Code::InputTooLarge, "the input is too large")
                .why(format!("{} of {}", input.size(), limits.input))
                .reached(input.size(), limits.input));
        }
        let most = ByteSize::bytes(limits.input.as_u64().saturating_mul(HEAVIEST_INPUT));
        let Plain { shapes, signature, .. } = &*self.plain;
        let (arguments, budget) = match self.route {
            Some(route) => {
                let typed = arguments(shapes, signature, input.as_str(), most)?;
                // A byte of fuel for a byte of text: what is longer than its limit is mostly seen whole, and told exactly.
                let fuel = limits.output.as_usize().max(limits.host_data.as_usize());
                (Arguments::Typed(route, typed), Budget { fuel, heaviest: None })
            }
            None => {
                let values = arguments(shapes, signature, input.as_str(), most)?;
                (Arguments::Values(values), self.cost.budget(limits))
            }
        };
        Ok(Prepared {
            plain: Arc::clone(&self.plain),
            arguments,
            budget,
            output: limits.output,
            host_data: limits.host_data,
        })
    }
}

// === impl Prepared ===

impl Prepared {
    /// Calls `func`, its post-return included, and makes JSON of what comes back.
    ///
    /// Sets the store's host-call fuel, and leaves it set.
    ///
    /// # Errors
    ///
    /// [`Stop`] when the guest handed more to the host in one call than it may; else the engine's: a trap, an error of a host
    /// function, or, with neither a trap nor a backtrace, values that break the canonical
    /// ABI (a result that is not of its type, or an allocator of the guest that gives away what it does not have).
    pub(crate) async fn call<T: Send + 'static>(
        self,
        func: Func,
        mut store: impl AsContextMut<Data = T>,
    ) -> wasmtime::Result<Returned> {
        let mut store = store.as_context_mut();
        store.set_hostcall_fuel(self.budget.fuel);
        let (budget, output, host_data) = (self.budget, self.output, self.host_data);
        match self.run(func, store).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Ok(error.into()),
            Err(error) if !is_host_call_fuel(&error) => Err(error),
            // Raised within the guest, while it called the host.
            Err(error) if error.is::<WasmBacktrace>() => {
                let wanted = ByteSize::of(budget.fuel).max(host_data).as_u64().saturating_add(1);
                let spent = Spent { wanted, limit: host_data.as_u64() };
                Err(error.context(Stop::Exhausted(Resource::HostData, spent)))
            }
            Err(_) => Ok(match budget.heaviest {
                Some(most) => Returned::TooHeavy { most },
                None => Returned::TooLarge { at_least: ByteSize::bytes(output.as_u64().saturating_add(1)) },
            }),
        }
    }

    async fn run<T: Send + 'static>(
        self,
        func: Func,
        store: StoreContextMut<'_, T>,
    ) -> wasmtime::Result<Result<Returned, WriteError>> {
        let Self { plain, arguments, output, .. } = self;
        match arguments {
            Arguments::Typed(route, arguments) => {
                let pieces = route.call(func, store, arguments).await?;
                Ok(pieces_text(pieces, output))
            }
            Arguments::Values(values) => {
                let mut results = vec![Val::Bool(false); usize::from(plain.signature.result.is_some())];
                func.call_async(store, &values, &mut results).await?;
                drop(values);
                Ok(answer(&plain, results.first(), output))
            }
        }
    }
}

/// The answer in what came back: a result at the top is the tool's answer or the tool's error.
fn answer(plain: &Plain, result: Option<&Val>, limit: ByteSize) -> Result<Returned, WriteError> {
    let mut text = Text::new(limit);
    let (Some(id), Some(value)) = (plain.signature.result, result) else {
        text.null()?;
        return Ok(Returned::Value(Payload::new(text.finish()?)));
    };
    let side = |text: &mut Text, id: Option<ShapeId>, value: Option<&Val>| match (id, value) {
        (Some(id), Some(value)) => text.value(&plain.shapes, id, value),
        (None, None) => text.null(),
        _ => Err(WriteError::Type),
    };
    match (plain.shapes.get(id)?, value) {
        (Shape::Result(ok, _), Val::Result(Ok(value))) => side(&mut text, *ok, value.as_deref())?,
        (Shape::Result(_, err), Val::Result(Err(value))) => {
            if let Some(Val::String(said)) = value.as_deref() {
                return error_text(said.clone(), limit);
            }
            side(&mut text, *err, value.as_deref())?;
            return Ok(Returned::Error(text.finish()?));
        }
        _ => text.value(&plain.shapes, id, value)?,
    }
    Ok(Returned::Value(Payload::new(text.finish()?)))
}

/// The same, of what the typed route gives.
fn pieces_text(pieces: Result<Piece, Piece>, limit: ByteSize) -> Result<Returned, WriteError> {
    let mut text = Text::new(limit);
    let piece = match pieces {
        Ok(piece) => piece,
        Err(Piece::Text(said)) => return error_text(said, limit),
        // The route has no other error with a payload.
        Err(_) => return Ok(Returned::Error("null".to_owned())),
    };
    match piece {
        Piece::Nothing => text.null()?,
        Piece::Bytes(bytes) => text.bytes(&bytes)?,
        Piece::Text(said) => text.string(&said)?,
    }
    Ok(Returned::Value(Payload::new(text.finish()?)))
}

fn error_text(said: String, limit: ByteSize) -> Result<Returned, WriteError> {
    let at_least = ByteSize::of(said.len());
    if at_least > limit { Err(WriteError::TooLarge { at_least, limit }) } else { Ok(Returned::Error(said)) }
}

impl From<WriteError> for Returned {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::TooLarge { at_least, .. } => Self::TooLarge { at_least },
            WriteError::Type | WriteError::Table(_) => Self::Unlike(error),
        }
    }
}

/// Whether the guest broke while it was given its arguments: the outermost function that was running gives room for them.
///
/// Holds for a trap, which has a backtrace; `allocators` are those of its [descriptor](crate::describe::Descriptor). What an
/// allocator merely lies about is an error without backtrace, and can't be told from a result that is a lie.
pub(crate) fn is_lowering(error: &wasmtime::Error, allocators: &[u32]) -> bool {
    let outermost = error.downcast_ref::<WasmBacktrace>().and_then(|trace| trace.frames().last());
    outermost.is_some_and(|frame| allocators.contains(&frame.func_index()))
}

/// Whether lifting values was ended by the host-call fuel.
///
/// The engine's error for it is a private type of no size. Everything else that lifting and lowering raise holds something, but for
/// two conversions of numbers.
pub(crate) fn is_host_call_fuel(error: &wasmtime::Error) -> bool {
    size_of_val(error.root_cause()) == 0 && !error.is::<CharTryFromError>() && !error.is::<TryFromIntError>()
}
