//! `wasi:cli`: granted variables, no arguments, empty input, captured output, and an exit that is no answer.

use hotcell_call::Capability;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr, terminal_stdin,
    terminal_stdout,
};
use wasmtime_wasi::p2::pipe::ClosedInputStream;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use crate::cell::Cell;
use crate::log::Capture;
use crate::stop::Stop;

impl environment::Host for &mut Cell {
    /// Hands out the granted variables; a guest asks for all at once, so what its tool wants and did not get is noted here.
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let grants = std::sync::Arc::clone(&self.grants);
        for name in &grants.set().env_withheld {
            self.deny(Capability::Env, name);
        }
        for name in grants.set().env.keys() {
            self.teller.allowed(Capability::Env, name, || format!("env {name}"));
        }
        Ok(grants.set().env.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for &mut Cell {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Stop::Exit(u8::from(status.is_err())).into())
    }

    fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(Stop::Exit(code).into())
    }
}

impl Cell {
    fn output(&mut self, capture: Capture) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(capture);
        Ok(self.table.push(stream)?)
    }
}

impl stdin::Host for &mut Cell {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(ClosedInputStream);
        Ok(self.table.push(stream)?)
    }
}

impl stdout::Host for &mut Cell {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let capture = self.stdout.clone();
        self.output(capture)
    }
}

impl stderr::Host for &mut Cell {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let capture = self.stderr.clone();
        self.output(capture)
    }
}

impl terminal_input::Host for &mut Cell {}
impl terminal_output::Host for &mut Cell {}

impl terminal_input::HostTerminalInput for &mut Cell {
    fn drop(&mut self, terminal: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_output::HostTerminalOutput for &mut Cell {
    fn drop(&mut self, terminal: Resource<terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_stdin::Host for &mut Cell {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for &mut Cell {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for &mut Cell {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}
