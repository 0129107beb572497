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

# The long version of the end-to-end tests: 20 healthy and 20 failing canaries against real servers.
prove:
    SHIPGATE_PROVE=1 cargo test --release --test end_to_end -- --nocapture

# Size, start-up and memory of the release binary.
bench:
    benches/startup.sh

# The whole job on an embedded world.
demo:
    cargo run --release -- demo

# Licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check
