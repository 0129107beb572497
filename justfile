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

# The editor against the other tools for the job; figures go into docs/editor.md. What is not installed
# is not run; benches/editor.py says how to get each. `python` is one that has ruamel.yaml and PyYAML.
editor python="python3" folder="/dev/shm/shipgate-corpus":
    cargo build --release
    python3 benches/corpus.py {{ folder }} --again
    python3 benches/editor.py {{ folder }} --python {{ python }} --write

# How fast manifests are parsed, against the parser's own events; after `just editor`.
editor-parse folder="/dev/shm/shipgate-corpus":
    cargo bench --bench editor -- {{ folder }}/files/in

# Commits and deployments against the git program; figures go into docs/git.md.
git *options:
    cargo build --release
    python3 benches/git.py --write {{ options }}

# Is what the editor writes still valid for Kubernetes? benches/valid.py says what it needs.
valid python="python3" node="node_modules" *trees:
    {{ python }} benches/valid.py --node {{ node }} {{ trees }}

# Do Datadog's own clients take the tests' stand-in for Datadog? benches/datadog_clients.py says what it needs.
datadog-clients folder="/dev/shm/shipgate-datadog":
    python3 benches/datadog_clients.py {{ folder }}

# How long judging takes: whole steps, and the next poll by how many came before it.
judge-time:
    cargo bench --bench judge

# What watching costs: many questions in one poll, and hours of a watch.
watch-time:
    cargo bench --bench watch

# From the bad verdict to the commits that take it back, over smart HTTP on loopback.
way-back-time runs="50":
    cargo bench --bench way_back -- {{ runs }}

# Size, start-up and memory of the release binary.
bench:
    benches/startup.sh

# The binary for Windows, built with mingw-w64 and tried under wine; CONTRIBUTING.md says what that needs.
windows:
    benches/windows.sh

# The whole job on an embedded world.
demo:
    cargo run --release -- demo

# Licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check
