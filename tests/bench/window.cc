#include "tests/bench/window.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "tests/bench/samples.h"

namespace perdure::bench {
namespace {

using Maybe = std::optional<double>;

Maybe Minus(Maybe a, Maybe b) { return a && b ? Maybe(*a - *b) : std::nullopt; }

void SetCounters(Spent& spent, const Metrics& end, const Metrics& begin) {
  const auto delta = [&](std::string_view name, std::string_view label = "") {
    return end.Sum(name, label) - begin.Sum(name, label);
  };
  spent.tasks = delta("perdure_partition_tasks_total", "outcome=\"completed\"");
  spent.steps = delta("perdure_partition_steps_total");
  spent.runs_started = delta("perdure_partition_runs_started_total");
  spent.runs_completed = delta("perdure_partition_runs_closed_total", "status=\"completed\"");
  spent.commit_bytes = delta("perdure_commit_bytes_total");
  spent.commits = delta("perdure_commit_commits_total");
  spent.commit_entries = delta("perdure_commit_entries_total");
  spent.sync_seconds = delta("perdure_commit_sync_seconds_sum");
  spent.disk_growth_bytes = delta("perdure_storage_disk_bytes");
}

Maybe Times(Maybe value, double factor) { return value ? Maybe(*value * factor) : std::nullopt; }

}  // namespace

Maybe Spent::OwnCpuSeconds() const {
  if (!server_cpu_s || !worker_cpu_s || !client_cpu_s) return std::nullopt;
  return *server_cpu_s + *worker_cpu_s + *client_cpu_s;
}

Window::Window(Setup& setup)
    : setup_(setup),
      begin_(Clock::now()),
      server_(setup.server().Usage()),
      worker_cpu_s_(setup.WorkerCpuSeconds()),
      client_cpu_s_(CpuSeconds(getpid())) {}

Spent Window::Close() const {
  Spent spent;
  spent.seconds = SecondsSince(begin_);
  const ServerUsage end = setup_.server().Usage();
  spent.server_cpu_s = Minus(end.cpu_s, server_.cpu_s);
  spent.worker_cpu_s = Minus(setup_.WorkerCpuSeconds(), worker_cpu_s_);
  spent.client_cpu_s = Minus(CpuSeconds(getpid()), client_cpu_s_);
  if (end.metrics && server_.metrics) SetCounters(spent, *end.metrics, *server_.metrics);
  return spent;
}

Spent SpentSinceStart(Setup& setup, Clock::time_point begin) {
  Spent spent;
  spent.seconds = SecondsSince(begin);
  const ServerUsage end = setup.server().Usage();
  spent.server_cpu_s = end.cpu_s;
  if (end.metrics) SetCounters(spent, *end.metrics, Metrics());
  spent.disk_growth_bytes = std::nullopt;
  return spent;
}

void AddHeadline(Report& report, const Headline& headline) {
  report.Add("workload", std::string(headline.workload->name));
  report.Add("concurrency", static_cast<double>(headline.concurrency), 0);
  report.Add("seconds", headline.seconds, 2);
  report.Add("workflows_per_s", headline.workflows_per_s, 1);
  report.Add("tasks_per_s", headline.tasks_per_s, 1);
  const auto percentile = [&](double fraction) {
    return headline.latency_ms.empty() ? Maybe() : Maybe(Percentile(headline.latency_ms, fraction));
  };
  report.Add("p50_ms", percentile(0.50), 2);
  report.Add("p90_ms", percentile(0.90), 2);
  report.Add("p99_ms", percentile(0.99), 2);
  report.Add("server_cpu_us_per_task", headline.server_cpu_us_per_task, 1);
  report.Add("server_peak_rss_mib", headline.server_peak_rss_mib, 1);
  report.Add("disk_bytes_per_task", headline.disk_bytes_per_task, 1);
  report.Add("disk_bytes_source", std::string("perdure_commit_bytes_total"));
  report.Add("task_is_a", std::string(headline.workload->UnitName()));
}

void AddCosts(Report& report, const Spent& spent, Maybe tasks) {
  report.Add("worker_cpu_us_per_task", Times(Per(spent.worker_cpu_s, tasks), 1e6), 1);
  report.Add("client_cpu_us_per_task", Times(Per(spent.client_cpu_s, tasks), 1e6), 1);
  report.Add("server_cpu_pct", Times(Per(spent.server_cpu_s, spent.seconds), 100), 0);
  report.Add("worker_cpu_pct", Times(Per(spent.worker_cpu_s, spent.seconds), 100), 0);
  report.Add("client_cpu_pct", Times(Per(spent.client_cpu_s, spent.seconds), 100), 0);
  report.Add("commits_per_s", Per(spent.commits, spent.seconds), 1);
  report.Add("entries_per_commit", Per(spent.commit_entries, spent.commits), 1);
  report.Add("entries_per_task", Per(spent.commit_entries, tasks), 2);
  report.Add("sync_mean_ms", Times(Per(spent.sync_seconds, spent.commits), 1e3), 3);
  report.Add("disk_growth_mib", Times(spent.disk_growth_bytes, 1.0 / (1 << 20)), 1);
}

void AddCounts(Report& report, const LoadCounts& counts) {
  report.Add("workflows", static_cast<double>(counts.finished), 0);
  report.Add("failed", static_cast<double>(counts.failed), 0);
  report.Add("retries", static_cast<double>(counts.retries), 0);
}

Maybe Per(Maybe amount, Maybe count) {
  if (!amount || !count || *count <= 0) return std::nullopt;
  return *amount / *count;
}

std::vector<double> LatenciesMs(const std::vector<Finished>& finished, Clock::time_point begin,
                                Clock::time_point end) {
  std::vector<double> latencies;
  for (const Finished& one : finished) {
    if (one.begin < begin || one.end > end) continue;
    latencies.push_back(std::chrono::duration<double, std::milli>(one.end - one.begin).count());
  }
  std::sort(latencies.begin(), latencies.end());
  return latencies;
}

}  // namespace perdure::bench
