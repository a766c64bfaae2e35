//! Conversions, alone and through the engine.

mod engine;
mod input;
mod random;
