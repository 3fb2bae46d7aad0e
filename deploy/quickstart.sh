#!/usr/bin/env bash
# From nothing to finished workflows: installs packages, builds, starts a server and a worker, runs 200 orders
# through the order_fulfillment example and shows what came of them.
#
#   deploy/quickstart.sh           everything is stopped and removed at the end
#   deploy/quickstart.sh --keep    server and worker stay up, on ports 7480 and 7481 if those are free
set -euo pipefail
cd "$(dirname "$0")/.."

keep=0
case "${1:-}" in
  "") ;;
  --keep) keep=1 ;;
  *) echo "usage: deploy/quickstart.sh [--keep]" >&2; exit 2 ;;
esac

bin=build/release/bin
orders=worker-sdk/examples/data/orders.jsonl
home=$(mktemp -d "${TMPDIR:-/tmp}/perdure-quickstart.XXXXXX")
pids=()
stay=0

say() { printf '\n==> %s\n' "$*"; }
fail() {
  echo "quickstart: $1" >&2
  if [ -n "${2:-}" ] && [ -s "$2" ]; then
    echo "--- the end of $2:" >&2
    tail -n 30 "$2" >&2
  fi
  exit 1
}
cleanup() {
  local status=$?
  if [ "$stay" = 1 ]; then return; fi
  # The worker first, so that it can drain.
  for ((i = ${#pids[@]} - 1; i >= 0; --i)); do
    kill "${pids[i]}" 2>/dev/null || continue
    wait "${pids[i]}" 2>/dev/null || true
  done
  if [ "$status" = 0 ]; then
    rm -rf "$home"
  else
    echo "quickstart: data and logs are left in $home" >&2
  fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# wait_for SECONDS PID LOG COMMAND...: until COMMAND succeeds; fails if the process ends first.
wait_for() {
  local deadline=$((SECONDS + $1)) pid=$2 log=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || fail "a process ended early" "$log"
    [ "$SECONDS" -lt "$deadline" ] || fail "not ready in time" "$log"
    sleep 0.05
  done
}
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# field NAME: of the ready file.
field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$home/ready.json"; }

say "Packages"
deploy/install-deps.sh

say "Build (release, into build/release)"
build_log=$home/build.log
if [ ! -f build/release/build.ninja ]; then
  cmake --preset release -DPERDURE_TESTS=OFF >"$build_log" 2>&1 || fail "cmake could not configure the build" "$build_log"
fi
echo "the first build takes some minutes; later ones are quick"
started=$SECONDS
cmake --build build/release --target \
  perdured perdure perdure-example-order-worker perdure-example-orders >>"$build_log" 2>&1 ||
  fail "the build failed" "$build_log"
echo "built in $((SECONDS - started)) s"

say "Server"
listen=127.0.0.1:0
http=127.0.0.1:0
if [ "$keep" = 1 ] && port_is_free 7480 && port_is_free 7481; then
  listen=127.0.0.1:7480
  http=127.0.0.1:7481
fi
launcher=()
if [ "$keep" = 1 ]; then launcher=(setsid nohup); fi
"${launcher[@]}" "$bin/perdured" --data-dir "$home/data" --listen "$listen" --http-listen "$http" \
  --ready-file "$home/ready.json" >"$home/perdured.log" 2>&1 </dev/null &
pids+=($!)
wait_for 30 "${pids[0]}" "$home/perdured.log" test -s "$home/ready.json"
address=$(field listen)
http_address=$(field http_listen)
server_pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$home/ready.json")
export PERDURE_ADDRESS=$address
echo "perdured listens on $address; metrics and health: http://$http_address/"

say "Worker"
"${launcher[@]}" "$bin/perdure-example-order-worker" --address "$address" \
  >"$home/worker.log" 2>&1 </dev/null &
pids+=($!)
worker_pid=$!
has_worker() { "$bin/perdure" server info --output json | grep -q '"task_queue": *"default"'; }
wait_for 30 "$worker_pid" "$home/worker.log" has_worker
echo "connected; it hosts the workflow order_fulfillment and its tasks"

say "200 orders: validate, then stock and payment in parallel, then finalize"
"$bin/perdure-example-orders" --address "$address" "$orders" ||
  fail "the orders did not all get through" "$home/worker.log"

say "What one of them went through"
# The first of the file is one that goes all the way.
id=order-$(sed -n '1s/^{"id": *"\([^"]*\)".*/\1/p' "$orders")
echo "\$ perdure workflow history $id"
"$bin/perdure" workflow history "$id"

if [ "$keep" = 1 ]; then
  stay=1
  say "Server and worker stay up"
  cat <<EOF
server   $address, HTTP http://$http_address/   (pid $server_pid)
worker   task queue default                      (pid $worker_pid)
logs     $home/*.log
stop     kill $worker_pid $server_pid
remove   rm -r $home

Try next, in this shell:
EOF
  [ "$address" = 127.0.0.1:7480 ] || echo "  export PERDURE_ADDRESS=$address"
  cat <<EOF
  $bin/perdure workflow list
  $bin/perdure workflow count
  $bin/perdure workflow describe $id
  head -n 1 $orders > /tmp/order.json
  $bin/perdure workflow start --type order_fulfillment --id my-order \\
      --input @/tmp/order.json --wait
  kill -9 $server_pid    # then start it again, and nothing is lost:
  $bin/perdured --data-dir $home/data --listen $address --http-listen $http_address
  curl http://$http_address/metrics
EOF
else
  say "Done; all is stopped again"
  cat <<EOF
Try next:
  deploy/quickstart.sh --keep        the same, and server and worker stay up
  $bin/perdured --help  every setting of the server
  $bin/perdure --help   the command line
  tests/run.sh                       all tests
  worker-sdk/examples/order_fulfillment/workflow.cc: the workflow you just ran
  worker-sdk/examples/ideas/*.cc: signals, timers, steps, sagas and more, a page each
EOF
fi
