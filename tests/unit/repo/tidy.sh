#!/usr/bin/env bash
# clang-tidy over some files of every room, a few seconds each; files that have not changed since they passed (nor
# anything they include) are skipped.
#
#   tidy.sh BUILD_DIR             the files below
#   tidy.sh BUILD_DIR --all       every source file of the build
#   tidy.sh BUILD_DIR FILE...     these
set -euo pipefail
cd "$(dirname "$0")/../../.."

# Where mistakes cost most, and at least one file a room. None that includes gRPC or RocksDB: those take a minute.
representative=(
  server/base/log.cc
  server/base/units.cc
  server/ops/config.cc
  server/engine/task.cc
  server/engine/evolve.cc
  server/partition/partition.cc
  server/partition/run_cache.cc
  server/verify/run_check.cc
  server/dispatch/dispatcher.cc
  server/dispatch/sessions.cc
  storage/memory_store.cc
  storage/keyspace.cc
  worker-sdk/src/runtime/run.cc
  cmd/perdure/history_view.cc
  cmd/perdure/json_output.cc
)

build=${1:?usage: tidy.sh BUILD_DIR [--all | FILE...]}
shift
if [ ! -f "$build/compile_commands.json" ]; then
  echo "tidy.sh: $build has no compile_commands.json; configure it first" >&2
  exit 2
fi
if [ $# -eq 0 ]; then
  set -- "${representative[@]}"
elif [ "$1" = --all ]; then
  mapfile -t all < <(sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$build/compile_commands.json" |
    grep -E "^$PWD/(server|storage|worker-sdk|cmd|tests)/" | sort -u)
  set -- "${all[@]}"
fi

export build cache=$build/tidy
mkdir -p "$cache"

check_one() {
  local file=$1 command key
  if [ ! -f "$file" ]; then
    echo "tidy.sh: there is no $file" >&2
    return 1
  fi
  # The hash of the preprocessed file: what it says with everything it includes.
  command=$(grep -F -- "-c ${PWD}/${file#"$PWD"/}\"" "$build/compile_commands.json" | head -n 1 |
    sed -E 's/^ *"command": "(.*)",?$/\1/; s/ -o [^ ]+//; s/ -c / -E -P /; s/\\"/"/g; s/^.*ccache //')
  if [ -z "$command" ]; then
    echo "tidy.sh: $file is not part of the build in $build" >&2
    return 1
  fi
  key=$( (cat .clang-tidy "$file"; cd "$build" && eval "$command" 2>/dev/null) | sha256sum | cut -c1-32)
  if [ -e "$cache/$key" ]; then return 0; fi
  if ! clang-tidy-19 -p "$build" --quiet "$file" 2>/dev/null; then
    echo "clang-tidy: $file"
    return 1
  fi
  touch "$cache/$key"
}
export -f check_one
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c 'check_one "$0"'
