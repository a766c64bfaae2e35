//! The compile child as a program of its own: what tests of this crate give a sandbox as its compiler.

fn main() -> std::process::ExitCode {
    hotcell_sandbox::child_main()
}
