// The bare ring: what the machine allows. A client, a server and a worker in three processes that pass on the
// frames that Perdure's pass on, and sync as many entries of the same size, but do nothing else: no engine,
// no history, no queues, no coroutines, no checks, nothing kept for a restart. What Perdure reaches is a
// share of what the bare ring reaches.
#ifndef PERDURE_TESTS_BENCH_RING_SERVER_H_
#define PERDURE_TESTS_BENCH_RING_SERVER_H_

#include "tests/bench/args.h"

namespace perdure::bench {

// This process is the ring's server, until SIGTERM; it writes its address to args.ready_file. Exit status.
//
// StartWorkflow (with wait_ms) and WorkerService.Connect are served. A start, an activation's answer, a step
// and a task's answer are one entry each; one thread commits all that has come since it began the last
// commit, and then sends what follows from it.
int RunRingServer(const Args& args);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_RING_SERVER_H_
