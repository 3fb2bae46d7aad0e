// Sleepers: what a run costs that only waits, in memory and on disk, and what a restart costs with many of
// them.
#include <grpcpp/grpcpp.h>

#include "perdure/v1/workflow_service.grpc.pb.h"
#include "tests/bench/batch_load.h"
#include "tests/bench/fill.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/setup.h"
#include "tests/bench/window.h"

namespace perdure::bench {
namespace {

constexpr std::chrono::duration<double> kScrapeInterval{0.1};
constexpr std::chrono::duration<double> kPatience{900};
constexpr std::chrono::seconds kCountDeadline{60};

// Until all of them have been started; then until each has gone to sleep. Seconds of each.
struct Asleep {
  double start_s = 0;
  double asleep_s = 0;
  std::vector<Finished> calls;
};
Asleep PutToSleep(Setup& setup, const Workload& workload, int64_t count) {
  BatchLoadOptions options;
  options.address = setup.Load().address;
  options.task_queue = setup.Load().task_queue;
  options.total = count;
  const Clock::time_point begin = Clock::now();
  Asleep asleep;
  asleep.calls = StartInBatches(workload, options);
  asleep.start_s = SecondsSince(begin);
  const auto all_asleep = [&] {
    const Metrics metrics = Scrape(setup.server().http_address());
    return metrics.Sum("perdure_partition_activations_answered_total") >= static_cast<double>(count) &&
           metrics.Sum("perdure_partition_hot_runs") == 0;
  };
  if (!WaitUntil(all_asleep, kPatience, kScrapeInterval)) {
    throw BenchError("the runs were not all asleep after 15 minutes");
  }
  asleep.asleep_s = SecondsSince(begin);
  return asleep;
}

double CountOpen(const std::string& address) {
  const auto stub =
      v1::WorkflowService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCountDeadline);
  context.set_wait_for_ready(true);
  v1::CountWorkflowsRequest request;
  request.mutable_filter()->add_statuses(v1::RUN_STATUS_RUNNING);
  v1::CountWorkflowsResponse response;
  const grpc::Status status = stub->CountWorkflows(&context, request, &response);
  if (!status.ok()) throw BenchError("cannot count the open runs: " + status.error_message());
  return static_cast<double>(response.count());
}

// Stop and start in good order, then kill and start. How many runs are open after that.
int64_t AddRestarts(Report& report, Setup& setup, double settle_seconds) {
  Server& server = setup.server();
  report.Add("stop_ms", server.Stop(), 0);
  report.Add("restart_ms", server.Start(), 0);
  report.Add("restart_rss_mib", server.MemoryMib("VmRSS"), 1);
  Settle(setup, settle_seconds);
  server.Kill();
  report.Add("crash_restart_ms", server.Start(), 0);
  const double open = CountOpen(server.address());
  report.Add("open_runs_after_restart", open, 0);
  return static_cast<int64_t>(open);
}

std::optional<double> Difference(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::optional(*a - *b) : std::nullopt;
}

}  // namespace

Report RunSleepers(const Args& args, const Workload& workload) {
  Setup setup(args, workload);
  const auto count = args.count > 0 ? args.count : workload.count_default;
  Settle(setup, std::min(args.settle_seconds, 1.0));
  const std::optional<double> idle_rss = setup.server().MemoryMib("VmRSS");

  const HostWatch host;
  const Window window(setup);
  const Asleep asleep = PutToSleep(setup, workload, count);
  const Spent spent = window.Close();
  Report machine;
  host.AddTo(machine, spent.OwnCpuSeconds());
  Settle(setup, args.settle_seconds);
  const Spent settled = window.Close();

  const auto runs = static_cast<double>(count);
  Headline headline;
  headline.workload = &workload;
  headline.concurrency = BatchLoadOptions().calls;
  headline.seconds = asleep.asleep_s;
  headline.workflows_per_s = runs / asleep.start_s;
  // Of a call that starts some hundred runs.
  headline.latency_ms = LatenciesMs(asleep.calls, window.begin(), Clock::now());
  // With what checkpoints and evictions cost afterwards.
  headline.server_cpu_us_per_task =
      Per(settled.server_cpu_s ? std::optional(*settled.server_cpu_s * 1e6) : std::nullopt, runs);
  headline.server_peak_rss_mib = setup.server().MemoryMib("VmHWM");
  headline.disk_bytes_per_task = Per(settled.commit_bytes, runs);

  Report report;
  AddHeadline(report, headline);
  report.Add("count", runs, 0);
  report.Add("starts_per_s", runs / asleep.start_s, 1);
  report.Add("asleep_per_s", runs / asleep.asleep_s, 1);
  const std::optional<double> rss = setup.server().MemoryMib("VmRSS");
  report.Add("idle_rss_mib", idle_rss, 1);
  report.Add("asleep_rss_mib", rss, 1);
  report.Add("rss_growth_mib", Difference(rss, idle_rss), 1);
  const int64_t open = AddRestarts(report, setup, args.settle_seconds);
  report.Add("disk_bytes_per_run", setup.server().TableBytes() / runs, 1);
  AddCosts(report, spent, runs);
  LoadCounts counts;
  counts.started = count;
  // Those that sleep on after both restarts.
  counts.finished = open;
  counts.failed = count - open;
  AddCounts(report, counts);
  if (open != count) report.Add("first_failure", "runs are gone after the restarts");
  setup.AddTo(report);
  report.AddAll(machine);
  return report;
}

}  // namespace perdure::bench
