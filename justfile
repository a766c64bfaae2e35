# The one list of commands. `just` alone shows it.

set shell := ["bash", "-euo", "pipefail", "-c"]
set ignore-comments

# The hostile guests are programs for the cell alone: natively they have no meaning, and some would not end.
native := "--workspace --exclude hotcell-test-guests"

# List the commands
[private]
default:
    @just --list --unsorted

# Make the wasm target available (rustup; else built from Debian's sources); installs nothing else
setup:
    @bash .ci/wasm-target

# Build the starter tools, then the binary that has them inside: target/release/hotcell
build: setup _tools
    cargo build --release -p hotcell-cli

# Build everything and let the shipped agent analyse this checkout; the report is in target/demo
demo: build
    @mkdir -p target/demo
    target/release/hotcell run file-analyst . --out target/demo
    @echo "The report: target/demo/report.md"

# Run all tests, documentation's examples too; arguments go to `cargo test`
test *args: setup _tools _guests
    # Program and tests in one build, so that their shared dependencies are compiled once, with one set of features.
    cargo build {{ native }} --bins --tests
    cargo test {{ native }} {{ args }}

# Try hotcell with what others made, where there is Node: a mock of providers of models, and clients of MCP
test-clients: setup
    bash .ci/clients

# Measure; the figures go to target/bench.json
bench *args: setup _tools _guests
    cargo bench -p hotcell-benches {{ args }}

# Throw hostile input at what reads strangers' words, each target for so many seconds; what is found is in target/fuzz/found
fuzz seconds="60" *targets:
    bash .ci/fuzz {{ seconds }} {{ targets }}

# Check format, lints and dependencies; changes nothing
lint: setup
    cargo fmt --all --check
    CLIPPY_CONF_DIR="{{ justfile_directory() }}/.ci" cargo clippy {{ native }} --all-targets -- -D warnings
    # What there is only in components: the exports, and the hostile guests.
    CLIPPY_CONF_DIR="{{ justfile_directory() }}/.ci" cargo clippy --target wasm32-wasip2 -p hotcell -p 'tool-*' -- -D warnings
    CLIPPY_CONF_DIR="{{ justfile_directory() }}/.ci" cargo clippy --target wasm32-wasip2 -p hotcell-test-guests --lib --examples -- -D warnings
    bash .ci/deny

# Do what continuous integration does
ci:
    bash .ci/run

# Format all code
fmt:
    cargo fmt --all

# Build the documentation of all crates, warnings are errors: target/doc
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps {{ native }} --lib

# The tools of tools/* as components, laid out in target/starter
_tools:
    @bash .ci/starter

# The hostile guests of tests/guests as components, in target/wasm32-wasip2/tool/examples
_guests:
    @bash .ci/wasm-build --profile tool -p hotcell-test-guests --examples
