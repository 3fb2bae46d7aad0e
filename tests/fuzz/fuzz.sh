#!/usr/bin/env bash
# Runs one fuzzer: the inputs it is known to have failed on, its corpus, then new ones.
#
#   fuzz.sh FUZZER                 as ctest does: PERDURE_FUZZ_SECONDS of new inputs (60), PERDURE_FUZZ_SEED (random)
#   fuzz.sh --grow FUZZER SECONDS  looks for inputs that reach more, and keeps those, minimised, in the corpus
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
grow=0
if [ "${1:-}" = --grow ]; then
  grow=1
  shift
fi
fuzzer=${1:-}
[ -x "$fuzzer" ] || usage
name=$(basename "$fuzzer")
name=${name#fuzz_}
corpus=$here/corpus/$name
regressions=$here/regressions/$name

# Where a failing input is left: beside the fuzzer, so that the sources stay clean.
artifacts=$(dirname "$fuzzer")/failed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$artifacts" "$work/new" "$work/seeds"
limits=(-rss_limit_mb=1024 -malloc_limit_mb=512 -timeout=20)
# A whole server each time: what is new is told by edges alone, and what is large is slow.
if [ "$name" = record ]; then limits+=(-use_counters=0 -max_len=2600); fi
# Containers are filled by libraries that are not instrumented.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_container_overflow=0:quarantine_size_mb=32:malloc_context_size=8
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

folders=()
for folder in "$regressions" "$corpus"; do
  if [ -d "$folder" ]; then folders+=("$folder"); fi
done
"$fuzzer" --seeds "$work/seeds"
folders+=("$work/seeds")

if [ $grow = 1 ]; then
  seconds=${2:?usage: fuzz.sh --grow FUZZER SECONDS}
  "$fuzzer" "${limits[@]}" -max_total_time="$seconds" -artifact_prefix="$artifacts/$name-" -print_final_stats=1 \
    "$work/new" "${folders[@]}"
  mkdir -p "$work/merged"
  # As few inputs as reach every edge that all of them reach.
  "$fuzzer" "${limits[@]}" -use_counters=0 -set_cover_merge=1 "$work/merged" "$work/seeds" "$work/new" "${folders[@]}"
  rm -rf "$corpus"
  mkdir -p "$corpus"
  cp "$work/seeds/"* "$work/merged/"* "$corpus"
  exit 0
fi

seed=${PERDURE_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
seconds=${PERDURE_FUZZ_SECONDS:-60}
echo "fuzz.sh: $name, seed $seed, $seconds s"
failed() {
  echo "fuzz.sh: $name failed, seed $seed. The input it failed on lies in $artifacts; run it alone with:"
  newest=$(find "$artifacts" -name "$name-*" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
  echo "  $fuzzer ${newest:-FILE}"
  echo "or look for it again with: PERDURE_FUZZ_SEED=$seed PERDURE_FUZZ_SECONDS=$seconds $0 $fuzzer"
  exit 1
}
"$fuzzer" "${limits[@]}" -runs=0 -artifact_prefix="$artifacts/$name-" "${folders[@]}" || failed
if [ "$seconds" -gt 0 ]; then
  "$fuzzer" "${limits[@]}" -seed="$seed" -max_total_time="$seconds" -artifact_prefix="$artifacts/$name-" \
    -print_final_stats=1 "$work/new" "${folders[@]}" || failed
fi
