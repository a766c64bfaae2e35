//! Guests that break: each in another way.
#![expect(unsafe_code, reason = "what no safe program does is what is to be shown")]

use std::hint::black_box;
use std::thread;

/// Panics with this message.
#[hotcell::tool]
#[expect(clippy::panic, reason = "that is the fault")]
fn panics(message: String) -> u64 {
    panic!("{message}");
}

/// Runs into `unreachable`.
#[hotcell::tool]
fn unreachable() -> u64 {
    std::arch::wasm32::unreachable()
}

/// Divides by zero.
#[hotcell::tool]
fn divide() -> u32 {
    // SAFETY: none, the divisor is zero; so the compiler leaves out its own check and the engine meets the division.
    unsafe { black_box(7_u32).checked_div(black_box(0)).unwrap_unchecked() }
}

/// Reads beyond the end of memory.
#[hotcell::tool]
fn out_of_bounds() -> u8 {
    let beyond = black_box(0xffff_ff00_usize) as *const u8;
    // SAFETY: none, the address is not ours; the engine's bounds check is what this is for.
    unsafe { beyond.read_volatile() }
}

/// Calls a function through a pointer of another type.
#[hotcell::tool]
fn indirect_call() -> f64 {
    fn whole(n: u32) -> u32 {
        n + 1
    }
    let pointer = black_box(whole as *const ());
    // SAFETY: none, the types differ; the engine's check of them is what this is for.
    let wrong: extern "C" fn(f64, f64) -> f64 = unsafe { std::mem::transmute(pointer) };
    black_box(wrong)(1.0, 2.0)
}

/// Leaves by `exit`.
#[hotcell::tool]
#[expect(clippy::exit, reason = "that is the fault")]
fn exits(code: u8) -> u64 {
    std::process::exit(i32::from(code))
}

/// Prints, then panics.
#[hotcell::tool]
#[expect(clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "that is the fault")]
fn prints_and_panics() -> u64 {
    println!("last words on stdout");
    eprintln!("last words on stderr");
    panic!("after the last words");
}

/// Panics with its input and all variables in the message.
#[hotcell::tool]
#[expect(clippy::panic, reason = "that is the fault")]
fn tells_all(input: String) -> u64 {
    let variables: Vec<_> = std::env::vars().collect();
    panic!("input {input}, variables {variables:?}");
}

/// Starts a thread.
#[hotcell::tool]
fn thread() -> Result<String, String> {
    match thread::Builder::new().spawn(|| 1) {
        Ok(_) => Ok("ESCAPE: a thread was started".to_owned()),
        Err(error) => Err(format!("blocked {error}")),
    }
}
