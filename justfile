# Recipes that also run without `just`: each line is a plain command.

# Lists the recipes.
default:
    @just --list

# Formatting, lints, documentation and all tests.
check:
    cargo fmt --all --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
    cargo test

# The promises at length; figures go into docs/reliability.md. `just prove tricks` runs one part, and
# `python3 benches/prove.py --help` lists them. Fuzzing needs cargo-fuzz and a nightly toolchain.
prove *parts:
    python3 benches/prove.py {{ parts }}

# Size, start-up and memory of the release binary.
bench:
    benches/startup.sh

# The whole job on an embedded world.
demo:
    cargo run --release -- demo

# Licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check
