// The worker process, seen from the bench.
#ifndef PERDURE_TESTS_BENCH_WORKER_PROCESS_H_
#define PERDURE_TESTS_BENCH_WORKER_PROCESS_H_

#include <optional>
#include <string>

#include "tests/bench/args.h"
#include "tests/bench/child.h"

namespace perdure::bench {

class WorkerProcess {
 public:
  // Returns once it is connected; its log and ready file go to `directory`. Throws BenchError.
  WorkerProcess(const Args& args, const std::string& server, const std::string& task_queue,
                const std::string& directory);

  // None: it is gone.
  std::optional<double> CpuSeconds() const;
  std::optional<double> PeakRssMib() const;

 private:
  Child child_;
};

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_WORKER_PROCESS_H_
