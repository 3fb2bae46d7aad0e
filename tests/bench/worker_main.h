// The worker process, from inside: hosts what the workloads start, with the public SDK.
#ifndef PERDURE_TESTS_BENCH_WORKER_MAIN_H_
#define PERDURE_TESTS_BENCH_WORKER_MAIN_H_

#include "tests/bench/args.h"

namespace perdure::bench {

// Runs until SIGTERM; returns the exit status.
int RunWorker(const Args& args);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_WORKER_MAIN_H_
