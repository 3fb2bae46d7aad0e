// Load: keeps so many workflows in flight: start each and wait for its result in one call (in calls of their
// own for start, signal and result if the workload signals), and begin the next.
//
// One thread drives them all over a completion queue, straight on the API's messages, so that the client
// costs little beside the server that shares its CPUs. A call that fails with UNAVAILABLE or
// RESOURCE_EXHAUSTED is repeated under the same request id; that is counted, and is part of the latency.
#ifndef PERDURE_TESTS_BENCH_LOAD_H_
#define PERDURE_TESTS_BENCH_LOAD_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/wait.h"
#include "tests/bench/workloads.h"

namespace perdure::bench {

struct LoadOptions {
  std::string address;
  std::string task_queue;
  // In flight; more than 0.
  int concurrency = 1;
  // Workflows in all; 0: until StopStarting().
  int64_t total = 0;
  // Start and wait in one call; false: in two, so that it is known what has been started.
  bool one_call = true;
};

// When a workflow was asked for, and when its result was there.
struct Finished {
  Clock::time_point begin;
  Clock::time_point end;
};

struct LoadCounts {
  // Acknowledged.
  int64_t started = 0;
  // With the right result.
  int64_t finished = 0;
  // Another status or result than expected, or an error that is not worth repeating.
  int64_t failed = 0;
  int64_t retries = 0;
};

// Thread-safety: all public functions may be called from any thread.
class Load {
 public:
  // `workload` must outlive this object.
  Load(const Workload& workload, LoadOptions options);
  // Cancels what is in flight.
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Begins nothing new.
  void StopStarting();
  // Whether nothing is in flight any more (with `total`: all of them are through).
  bool Done() const;

  LoadCounts Counts() const;
  // How many of those that began at or after `begin` have finished.
  int64_t FinishedSince(Clock::time_point begin) const;
  std::vector<Finished> TakeFinished();
  // Of the first failure; empty: none failed.
  std::string FirstFailure() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_LOAD_H_
