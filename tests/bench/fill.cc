#include "tests/bench/fill.h"

#include "tests/bench/batch_load.h"
#include "tests/bench/metrics.h"
#include "tests/bench/wait.h"
#include "tests/bench/workloads.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kPatience{1'800};
constexpr std::chrono::duration<double> kSettlePatience{120};
constexpr std::chrono::duration<double> kScrapeInterval{0.1};
// Longer than the interval of checkpoints.
constexpr double kQuietSeconds = 6;

}  // namespace

void Settle(Setup& setup, double quiet_seconds) {
  double commits = -1;
  Clock::time_point since = Clock::now();
  WaitUntil(
      [&] {
        const double now = Scrape(setup.server().http_address()).Sum("perdure_commit_commits_total");
        if (now != commits) since = Clock::now();
        commits = now;
        return SecondsSince(since) >= quiet_seconds;
      },
      kSettlePatience, kScrapeInterval);
}

void FillStore(Setup& setup, int64_t runs) {
  if (runs == 0) return;
  BatchLoadOptions options;
  options.address = setup.Load().address;
  options.task_queue = setup.Load().task_queue;
  options.total = runs;
  StartInBatches(*FindWorkload("noop"), options);
  const auto closed = [&] {
    return Scrape(setup.server().http_address()).Sum("perdure_partition_runs_closed_total") >=
           static_cast<double>(runs);
  };
  if (!WaitUntil(closed, kPatience, kScrapeInterval)) {
    throw BenchError("the runs that were to be stored did not close within half an hour");
  }
  Settle(setup, kQuietSeconds);
}

}  // namespace perdure::bench
