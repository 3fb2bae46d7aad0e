// The bare ring's worker: answers each frame on the thread that read it, by what stands in the frame alone.
#ifndef PERDURE_TESTS_BENCH_RING_WORKER_H_
#define PERDURE_TESTS_BENCH_RING_WORKER_H_

#include "tests/bench/args.h"

namespace perdure::bench {

// This process is the ring's worker, until SIGTERM. Exit status.
int RunRingWorker(const Args& args);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_RING_WORKER_H_
