#!/bin/sh
# measure.py and plot.py, at a size that takes seconds: every experiment runs, is in the table, and is drawn.
#
#   measure_test.sh PERDURE_BENCH
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$here/measure.py" --bench "$1" --dir "$dir" --out "$dir/measured.json" --rounds 1 --seconds 0.3 --sleepers 200 \
  --settle 0.1 --stored 1000 --in-flight 50 --skip "chain10@4,chain10@64" >"$dir/measured.md"
cat "$dir/measured.md"
for line in "noop, 256" "chain10, 256: of the bare ring" "sleepers: restart" "recovery: all go on"; do
  grep -q "$line" "$dir/measured.md" || { echo "no line '$line'" >&2; exit 1; }
done
"$here/plot.py" "$dir/measured.json" "$dir/plots"
for plot in "$dir"/plots/*.svg; do
  grep -q '</svg>' "$plot" || { echo "$plot is not whole" >&2; exit 1; }
done
