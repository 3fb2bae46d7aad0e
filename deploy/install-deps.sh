#!/usr/bin/env bash
# Installs what Perdure needs to be built and tested on Debian 12. Quick, and needs no rights, when all of it is there.
#
#   deploy/install-deps.sh [--dry-run]     --dry-run only says what is missing
set -euo pipefail

packages=(
  # tools
  clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev lld-19 mold ccache cmake ninja-build pkg-config git
  # libraries of the daemon, the command line tool and the SDK
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc librocksdb-dev libabsl-dev
  libspdlog-dev prometheus-cpp-dev nlohmann-json3-dev libcli11-dev libyaml-cpp-dev libcpp-httplib-dev libssl-dev libjemalloc-dev
  # tests
  libgtest-dev libgmock-dev valgrind python3 gnuplot-nox
)

dry_run=0
case "${1:-}" in
  "") ;;
  --dry-run) dry_run=1 ;;
  *) echo "usage: deploy/install-deps.sh [--dry-run]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  {
    echo "install-deps.sh: this is not Debian (there is no dpkg-query)."
    echo "Install the counterparts of these packages by hand: ${packages[*]}"
  } >&2
  exit 1
fi

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^ii *//p' || true)
missing=()
for package in "${packages[@]}"; do
  grep -qx -- "$package" <<<"$installed" || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#packages[@]} are installed"
  exit 0
fi
echo "packages: ${#missing[@]} of ${#packages[@]} are missing: ${missing[*]}"
if [ "$dry_run" = 1 ]; then exit 1; fi

sudo=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-deps.sh: run it as root: there is no sudo here" >&2
    exit 1
  fi
  sudo=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  if ! "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "install-deps.sh: failed: $*" >&2
    echo "Perdure is built on Debian 12 (bookworm); this is: $(. /etc/os-release && echo "$PRETTY_NAME")" >&2
    exit 1
  fi
}
run apt-get update -q
run apt-get install -q -y --no-install-recommends "${missing[@]}"
echo "packages: installed ${#missing[@]}"
