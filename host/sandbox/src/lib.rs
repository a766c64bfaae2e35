//! Runs one tool call in one cell.
#![deny(unsafe_code)]

mod capability;
mod cell;
mod contract;
mod engine;
mod invoke;
mod lane;
mod limiter;
mod log;
mod settings;
mod stop;
mod ticker;
mod trap;
mod compile {
    //! x
    /// x
    #[derive(Clone, Debug)]
    pub struct Compiler;
    /// x
    #[derive(Clone, Debug, Default)]
    pub struct CompileLimits;
}
