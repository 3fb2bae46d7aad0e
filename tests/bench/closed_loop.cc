#include <algorithm>

#include "tests/bench/fill.h"
#include "tests/bench/ring.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/setup.h"
#include "tests/bench/window.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kPollInterval{0.01};
// One workflow takes less than this, warm-up and draining too.
constexpr std::chrono::duration<double> kPatience{120};
constexpr double kSettleSecondsMax = 1;

[[noreturn]] void GiveUp(const Load& load, const std::string& what) {
  const std::string failure = load.FirstFailure();
  throw BenchError(what + (failure.empty() ? "" : "; the first failure: " + failure));
}

void WarmUp(const Load& load, double seconds) {
  const Clock::time_point begin = Clock::now();
  Pass(std::chrono::duration<double>(seconds));
  if (!WaitUntil([&] { return load.FinishedSince(begin) > 0; }, kPatience, kPollInterval)) {
    GiveUp(load, "no workflow finished within two minutes");
  }
}

std::optional<double> TasksIn(const Spent& spent, Workload::Unit unit) {
  switch (unit) {
    case Workload::Unit::kTask:
      return spent.tasks;
    case Workload::Unit::kStep:
      return spent.steps;
    case Workload::Unit::kRun:
      return spent.runs_completed;
  }
  return std::nullopt;
}

// What the server keeps on disk after a restart, the rows of the run itself shared by its tasks. Nothing
// where the server is not ours, or keeps other runs too.
std::optional<double> StoredBytesPerTask(Setup& setup, const Args& args, const Workload& workload,
                                         int64_t runs) {
  if (!args.server.empty() || args.stored > 0) return std::nullopt;
  Settle(setup, std::min(args.settle_seconds, kSettleSecondsMax));
  // What was in its write buffer is in tables after the next start.
  setup.server().Stop();
  setup.server().Start();
  return Per(setup.server().TableBytes(), static_cast<double>(runs * workload.units_per_run));
}

Report RunPerdure(const Args& args, const Workload& workload, int& entry_bytes) {
  Setup setup(args, workload);
  FillStore(setup, args.stored);
  Load load(workload, setup.Load());
  WarmUp(load, args.Warmup());

  const HostWatch host;
  const Window window(setup);
  Pass(std::chrono::duration<double>(args.seconds));
  // A long workflow is measured whole, at least once.
  if (!WaitUntil([&] { return load.FinishedSince(window.begin()) > 0; }, kPatience, kPollInterval)) {
    GiveUp(load, "no workflow finished within the time");
  }
  const Clock::time_point end = Clock::now();
  const Spent spent = window.Close();
  Report machine;
  host.AddTo(machine, spent.OwnCpuSeconds());
  load.StopStarting();
  if (!WaitUntil([&] { return load.Done(); }, kPatience, kPollInterval)) {
    GiveUp(load, "workflows in flight did not finish within two minutes");
  }

  const std::vector<Finished> finished = load.TakeFinished();
  int64_t in_window = 0;
  for (const Finished& one : finished) in_window += one.end >= window.begin() && one.end <= end;
  const double seconds = std::chrono::duration<double>(end - window.begin()).count();
  Headline headline;
  headline.workload = &workload;
  headline.concurrency = setup.concurrency();
  headline.seconds = seconds;
  headline.workflows_per_s = static_cast<double>(in_window) / seconds;
  headline.latency_ms = LatenciesMs(finished, window.begin(), end);
  const std::optional<double> tasks = TasksIn(spent, workload.unit);
  headline.tasks_per_s =
      tasks ? Per(tasks, spent.seconds)
            : std::optional(headline.workflows_per_s * static_cast<double>(workload.units_per_run));
  headline.server_cpu_us_per_task =
      Per(spent.server_cpu_s ? std::optional(*spent.server_cpu_s * 1e6) : std::nullopt, tasks);
  headline.server_peak_rss_mib = setup.server().MemoryMib("VmHWM");
  headline.disk_bytes_per_task = Per(spent.commit_bytes, tasks);

  Report report;
  AddHeadline(report, headline);
  if (args.stored > 0) report.Add("stored", static_cast<double>(args.stored), 0);
  AddCosts(report, spent, tasks);
  report.Add("worker_peak_rss_mib", setup.worker().PeakRssMib(), 1);
  AddCounts(report, load.Counts());
  if (load.Counts().failed > 0) report.Add("first_failure", load.FirstFailure());
  setup.AddTo(report);
  report.Add("stored_bytes_per_task", StoredBytesPerTask(setup, args, workload, load.Counts().finished), 1);
  report.AddAll(machine);
  if (const auto bytes = Per(spent.commit_bytes, spent.commit_entries))
    entry_bytes = std::max(1, static_cast<int>(*bytes) - kRingKeyBytes);
  return report;
}

double NumberIn(const Report& report, std::string_view key) {
  const Figure* figure = report.Find(key);
  const double* number = figure == nullptr ? nullptr : std::get_if<double>(&figure->value);
  return number == nullptr ? 0 : *number;
}

}  // namespace

Report RunClosedLoop(const Args& args, const Workload& workload) {
  int entry_bytes = kRingEntryBytes;
  Report report = RunPerdure(args, workload, entry_bytes);
  if (!args.ring) return report;
  const int concurrency = args.concurrency > 0 ? args.concurrency : workload.concurrency_default;
  const RingFigures ring = RunRing(args, workload, {.concurrency = concurrency, .entry_bytes = entry_bytes});
  report.Add("ring_tasks_per_s", ring.units_per_s, 0);
  report.Add("ring_p50_ms", ring.p50_ms, 2);
  report.Add("ring_server_cpu_us_per_task", ring.server_cpu_us_per_unit, 1);
  report.Add("ring_entry_bytes", entry_bytes, 0);
  // How much of that was reached.
  report.Add("of_ring", NumberIn(report, "tasks_per_s") / ring.units_per_s, 2);
  return report;
}

}  // namespace perdure::bench
