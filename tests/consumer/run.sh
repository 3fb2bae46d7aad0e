#!/usr/bin/env bash
# Installs Perdure into a temporary prefix, then builds and runs the project beside this script against it.
#   tests/consumer/run.sh BUILD_DIR C++_COMPILER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1
compiler=$2
work=$(mktemp -d)
server=
cleanup() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/configure.log" || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/build"
"$work/prefix/bin/perdured" --data-dir "$work/data" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 \
  --ready-file "$work/ready.json" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
  [ -e "$work/ready.json" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$work/server.log"; exit 1; }
  sleep 0.05
done
address=$(sed 's/.*"listen":"\([^"]*\)".*/\1/' "$work/ready.json")
"$work/build/greeter" "$address"
"$work/prefix/bin/perdure" --address "$address" workflow list
