#!/usr/bin/env bash
# Size, start-up time and memory of the release binary: whole processes, median of 50 runs, and the
# same question answered by a minimal bash+jq script for comparison where jq is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
exec python3 benches/startup.py target/release/shipgate
