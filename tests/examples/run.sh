#!/usr/bin/env bash
# Runs one of the examples against a server of its own, then once more on what that left behind.
#   tests/examples/run.sh BIN_DIR PROGRAM
set -euo pipefail
bin=$1
program=$2
work=$(mktemp -d)
server=
cleanup() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

"$bin/perdured" --data-dir "$work/data" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 \
  --ready-file "$work/ready.json" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
  [ -e "$work/ready.json" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$work/server.log"; exit 1; }
  sleep 0.05
done
address=$(sed 's/.*"listen":"\([^"]*\)".*/\1/' "$work/ready.json")
"$bin/$program" --address "$address"
"$bin/$program" --address "$address" >/dev/null
