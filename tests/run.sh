#!/usr/bin/env bash
# Installs what the tests need, builds, runs them, and ends with ctest's own summary.
#
#   tests/run.sh                       all tests, release build
#   tests/run.sh --preset asan         AddressSanitizer and UBSan; also debug, tsan
#   tests/run.sh -R History            only those whose name matches; any ctest option may follow
#
# tsan covers the programs listed below: those that link neither gRPC nor RocksDB, whose Debian builds are not
# instrumented and would give false reports.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
while [ $# -gt 0 ]; do
  case "$1" in
    --preset)
      [ $# -ge 2 ] || { echo "tests/run.sh: --preset needs a name: release, debug, asan or tsan" >&2; exit 2; }
      preset=$2
      shift 2
      ;;
    --preset=*) preset=${1#*=}; shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) break ;;
  esac
done
case "$preset" in
  release | debug | asan | tsan) ;;
  *) echo "tests/run.sh: no preset is called '$preset'; there are release, debug, asan and tsan" >&2; exit 2 ;;
esac

deploy/install-deps.sh
cmake --preset "$preset" -DPERDURE_TESTS=ON >/dev/null
select=()
if [ "$preset" = tsan ]; then
  cmake --build "build/$preset" --target base_test dispatch_test engine_test engine_model_test partition_test \
    partition_crash_test storage_test sdk_runtime_test sdk_values_test
  select=(-E '_NOT_BUILT$|^(Repo|Bench)\.' -LE 'e2e|fuzz')
else
  cmake --build "build/$preset"
fi

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
# ctest's summary is the last thing printed, and its exit status is this script's.
exec ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --parallel "$(nproc)" "${select[@]}" "$@"
