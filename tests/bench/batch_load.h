// BatchLoad: starts many runs as fast as it can, some hundred in each call of StartWorkflows.
#ifndef PERDURE_TESTS_BENCH_BATCH_LOAD_H_
#define PERDURE_TESTS_BENCH_BATCH_LOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/load.h"

namespace perdure::bench {

struct BatchLoadOptions {
  std::string address;
  std::string task_queue;
  int64_t total = 0;
  // Starts in each call, and calls at a time.
  int batch = 500;
  int calls = 4;
};

// Returns when all of them have been acknowledged, with the time of each call. Starts that the server has no
// room for are repeated. Throws BenchError when one was refused for good.
std::vector<Finished> StartInBatches(const Workload& workload, const BatchLoadOptions& options);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_BATCH_LOAD_H_
