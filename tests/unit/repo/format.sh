#!/usr/bin/env bash
# Every C++ file is as clang-format leaves it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if ! find server storage worker-sdk cmd tests -name '*.cc' -o -name '*.h' | sort |
  xargs clang-format-19 --dry-run --Werror --ferror-limit=1; then
  echo "format.sh: put it right with: clang-format-19 -i FILE..." >&2
  exit 1
fi
