// Setup: the processes of one run of a workload: a server (our own, in a fresh directory, or one that runs)
// and a worker. All of it is gone with this object.
#ifndef PERDURE_TESTS_BENCH_SETUP_H_
#define PERDURE_TESTS_BENCH_SETUP_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/bench/args.h"
#include "tests/bench/environment.h"
#include "tests/bench/load.h"
#include "tests/bench/server.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/worker_process.h"

namespace perdure::bench {

class Setup {
 public:
  // Server ready, worker connected. Throws BenchError.
  Setup(const Args& args, const Workload& workload);

  Server& server() { return *server_; }
  WorkerProcess& worker() { return *worker_; }
  int concurrency() const { return concurrency_; }
  // With the workload's own concurrency, until told to stop.
  LoadOptions Load() const;
  // Of the worker and of this process, so far.
  std::optional<double> WorkerCpuSeconds() const { return worker_->CpuSeconds(); }
  // What the machine was like.
  void AddTo(Report& report) const;

 private:
  const std::string base_;
  const TempDir directory_;
  const std::string task_queue_;
  const int concurrency_;
  std::optional<SyncProbe> sync_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<WorkerProcess> worker_;
};

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_SETUP_H_
