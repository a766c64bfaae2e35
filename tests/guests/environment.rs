//! What surrounds a program: variables, arguments, the current folder, the input, and the system's own files.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::{env, fs};

use wasip2::cli::{environment, terminal_stdin, terminal_stdout};

/// What a guest sees of its surroundings.
#[hotcell::output]
struct Surroundings {
    variables: BTreeMap<String, String>,
    arguments: Vec<String>,
    /// As WASI tells it.
    folder: Option<String>,
    /// What can be read from standard input.
    input: String,
    /// Whether there is a terminal.
    terminal: bool,
    /// Files of the system that could be read.
    system: Vec<String>,
}

/// Looks around.
#[hotcell::tool(effect = "read")]
fn look() -> io::Result<Surroundings> {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    let system = ["/proc/self/environ", "/proc/self/cmdline", "/etc/passwd", "/etc/hostname", ".", "/", "/dev/stdin"];
    let readable = |path: &&&str| fs::read(path).is_ok() || fs::read_dir(path).is_ok();
    Ok(Surroundings {
        variables: env::vars().collect(),
        arguments: env::args().collect(),
        folder: environment::initial_cwd(),
        input,
        terminal: terminal_stdin::get_terminal_stdin().is_some() || terminal_stdout::get_terminal_stdout().is_some(),
        system: system.iter().filter(readable).map(|path| (*path).to_owned()).collect(),
    })
}

/// Gives one variable.
#[hotcell::tool(effect = "read")]
fn variable(name: String) -> Result<String, String> {
    env::var(&name).map_err(|error| format!("{name}: {error}"))
}
