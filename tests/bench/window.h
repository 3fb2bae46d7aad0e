// Window: what a stretch of time cost, and the figures that every workload reports.
#ifndef PERDURE_TESTS_BENCH_WINDOW_H_
#define PERDURE_TESTS_BENCH_WINDOW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/environment.h"
#include "tests/bench/load.h"
#include "tests/bench/report.h"
#include "tests/bench/setup.h"

namespace perdure::bench {

// What was done and spent between Window's construction and Close(). None: not known.
struct Spent {
  double seconds = 0;
  std::optional<double> server_cpu_s;
  std::optional<double> worker_cpu_s;
  std::optional<double> client_cpu_s;
  // Server counters.
  std::optional<double> tasks;
  std::optional<double> steps;
  std::optional<double> runs_started;
  std::optional<double> runs_completed;
  std::optional<double> commit_bytes;
  std::optional<double> commits;
  std::optional<double> commit_entries;
  std::optional<double> sync_seconds;
  // perdure_storage_disk_bytes; may be negative.
  std::optional<double> disk_growth_bytes;

  std::optional<double> OwnCpuSeconds() const;
};

class Window {
 public:
  // `setup` must outlive this object.
  explicit Window(Setup& setup);
  Clock::time_point begin() const { return begin_; }
  Spent Close() const;

 private:
  Setup& setup_;
  Clock::time_point begin_;
  ServerUsage server_;
  std::optional<double> worker_cpu_s_;
  std::optional<double> client_cpu_s_;
};

// Counters since the server's start, for a window that begins with it.
Spent SpentSinceStart(Setup& setup, Clock::time_point begin);

// The keys that each workload has, in their order.
struct Headline {
  const Workload* workload = nullptr;
  int concurrency = 0;
  double seconds = 0;
  double workflows_per_s = 0;
  std::optional<double> tasks_per_s;
  // Sorted, milliseconds; may be empty.
  std::vector<double> latency_ms;
  std::optional<double> server_cpu_us_per_task;
  std::optional<double> server_peak_rss_mib;
  std::optional<double> disk_bytes_per_task;
};
void AddHeadline(Report& report, const Headline& headline);
// CPU a task in each process, commits, and what the disk grew by: `tasks` of them were done.
void AddCosts(Report& report, const Spent& spent, std::optional<double> tasks);
// How many went wrong.
void AddCounts(Report& report, const LoadCounts& counts);

// `amount / count`, if both are known and there was any.
std::optional<double> Per(std::optional<double> amount, std::optional<double> count);
// Milliseconds, sorted, of those that began at or after `begin` and ended by `end`.
std::vector<double> LatenciesMs(const std::vector<Finished>& finished, Clock::time_point begin,
                                Clock::time_point end);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_WINDOW_H_
