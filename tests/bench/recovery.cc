// Recovery: the server is killed with many runs in the middle of their work, and started again.
#include <algorithm>

#include "tests/bench/scenarios.h"
#include "tests/bench/setup.h"
#include "tests/bench/window.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kPollInterval{0.002};
constexpr std::chrono::duration<double> kScrapeInterval{0.01};
constexpr std::chrono::duration<double> kPatience{300};

double TasksDone(Setup& setup) {
  return Scrape(setup.server().http_address()).Sum("perdure_partition_tasks_total", "outcome=\"completed\"");
}

void Await(const std::function<bool()>& done, std::chrono::duration<double> interval, const Load& load,
           const std::string& what) {
  if (WaitUntil(done, kPatience, interval)) return;
  const std::string failure = load.FirstFailure();
  throw BenchError(what + " did not come within five minutes" +
                   (failure.empty() ? "" : "; the first failure: " + failure));
}

}  // namespace

Report RunRecovery(const Args& args, const Workload& workload) {
  Setup setup(args, workload);
  const auto count = args.count > 0 ? args.count : workload.count_default;
  const HostWatch host;
  const Clock::time_point begin = Clock::now();
  LoadOptions options = setup.Load();
  options.total = count;
  options.concurrency = static_cast<int>(count);
  options.one_call = false;
  Load load(workload, options);

  // Runs take turns in the queues, so half-way through the tasks most runs are half-way through theirs.
  const double half = static_cast<double>(count * workload.units_per_run) / 2;
  Await([&] { return TasksDone(setup) >= half; }, kScrapeInterval, load, "half of the tasks");
  const LoadCounts at_kill = load.Counts();
  const Clock::time_point killed = Clock::now();
  setup.server().Kill();
  const double restart_ms = setup.server().Start();
  Await([&] { return TasksDone(setup) > 0; }, kPollInterval, load, "the first task after the restart");
  const double first_task_ms = SecondsSince(killed) * 1e3;
  // In turns again: so many tasks later about each run that was in flight has gone on.
  const auto in_flight = static_cast<double>(at_kill.started - at_kill.finished);
  Await([&] { return load.Done() || TasksDone(setup) >= in_flight; }, kScrapeInterval, load,
        "progress of all runs");
  const double all_go_on_ms = SecondsSince(killed) * 1e3;
  Await([&] { return load.Done(); }, kPollInterval, load, "the last result");
  const double all_done_ms = SecondsSince(killed) * 1e3;
  const double seconds = SecondsSince(begin);

  const Spent spent = SpentSinceStart(setup, killed);
  Headline headline;
  headline.workload = &workload;
  headline.concurrency = options.concurrency;
  headline.seconds = seconds;
  headline.workflows_per_s = static_cast<double>(load.Counts().finished) / seconds;
  headline.tasks_per_s = Per(spent.tasks, spent.seconds);
  headline.latency_ms = LatenciesMs(load.TakeFinished(), begin, Clock::now());
  headline.server_cpu_us_per_task =
      Per(spent.server_cpu_s ? std::optional(*spent.server_cpu_s * 1e6) : std::nullopt, spent.tasks);
  headline.server_peak_rss_mib = setup.server().MemoryMib("VmHWM");
  headline.disk_bytes_per_task = Per(spent.commit_bytes, spent.tasks);

  Report report;
  AddHeadline(report, headline);
  report.Add("count", static_cast<double>(count), 0);
  report.Add("in_flight_at_kill", in_flight, 0);
  report.Add("restart_ms", restart_ms, 0);
  report.Add("first_task_ms", first_task_ms, 0);
  report.Add("all_go_on_ms", all_go_on_ms, 0);
  report.Add("all_done_ms", all_done_ms, 0);
  report.Add("tasks_after_restart", spent.tasks, 0);
  AddCounts(report, load.Counts());
  if (load.Counts().failed > 0) report.Add("first_failure", load.FirstFailure());
  setup.AddTo(report);
  Report machine;
  host.AddTo(machine, std::nullopt);
  report.AddAll(machine);
  return report;
}

}  // namespace perdure::bench
