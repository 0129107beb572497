#!/usr/bin/env bash
# Lints and builds the binary for Windows with mingw-w64, and tries it under wine; CONTRIBUTING.md says what that needs.
# `benches/windows.sh FILE.exe` only tries a binary that is there.
set -euo pipefail
cd "$(dirname "$0")/.."
target=x86_64-pc-windows-gnu
binary="${1:-}"
if [ -z "$binary" ]; then
  cargo clippy --locked --target "$target" --bin shipgate -- -D warnings
  cargo build --locked --target "$target" --bin shipgate
  binary="target/$target/debug/shipgate.exe"
fi
binary="$(realpath "$binary")"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
export WINEDEBUG=-all TERM=dumb

# Runs shipgate and compares its exit code.
expect() {
  local wanted=$1 found=0
  shift
  (cd "$folder" && wine "$binary" "$@" >"$folder/said" 2>&1) || found=$?
  if [ "$found" -ne "$wanted" ]; then
    cat "$folder/said"
    echo "shipgate $*: expected exit code $wanted, found $found" >&2
    exit 1
  fi
  echo "$wanted  shipgate $*"
}

for name in lf crlf; do
  mkdir -p "$folder/apps/$name/prod"
  sed "s/NAME/$name/g" >"$folder/apps/$name/prod/deployment.yaml" <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
        - {name: NAME, image: "registry.example/NAME:1.0"} # the version
END
done
sed -i 's/$/\r/' "$folder/apps/crlf/prod/deployment.yaml"
cp -r "$folder/apps" "$folder/wanted"
sed -i 's/:1\.0/:1.1/' "$folder"/wanted/*/prod/deployment.yaml

expect 0 --version
expect 0 explain 40
expect 0 set --files 'apps/**/*.yaml' --image registry.example/lf:1.1
expect 0 set --root apps --files 'crlf\prod\*.yaml' --image registry.example/crlf:1.1
expect 2 set --files '..\other.yaml' --image registry.example/lf:1.1
diff -r "$folder/wanted" "$folder/apps"
expect 0 init
expect 0 validate
expect 0 validate 'policies\production.yaml'
expect 10 check --policy 'policies\production.yaml' --at 2026-12-26T10:00:00Z
expect 0 demo --speed 20 --scenario healthy
expect 40 demo --speed 20 --scenario errors
