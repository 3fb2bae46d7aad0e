// The bare ring, run and measured: see ring_server.h for what it is.
#ifndef PERDURE_TESTS_BENCH_RING_H_
#define PERDURE_TESTS_BENCH_RING_H_

#include "tests/bench/args.h"
#include "tests/bench/workloads.h"

namespace perdure::bench {

// About what one transition of chain10 writes, and the key that goes with each.
inline constexpr int kRingEntryBytes = 100;
inline constexpr int kRingKeyBytes = 19;

struct RingLoad {
  int concurrency = 1;
  // 0: nothing is written, to see what the processes cost alone.
  int entry_bytes = kRingEntryBytes;
};

struct RingFigures {
  double workflows_per_s = 0;
  // Tasks, steps or runs, as the workload counts.
  double units_per_s = 0;
  // Of a whole workflow.
  double p50_ms = 0;
  double server_cpu_us_per_unit = 0;
};

// `workload.ring` must be true. For args.seconds, after args.Warmup(). Throws BenchError.
RingFigures RunRing(const Args& args, const Workload& workload, const RingLoad& load);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_RING_H_
