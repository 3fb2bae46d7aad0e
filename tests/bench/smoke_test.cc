// Each workload once, small and short: it does its work, reports all keys, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/bench/child.h"
#include "tests/bench/proc.h"
#include "tests/bench/temp_dir.h"
#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

using nlohmann::json;

constexpr std::chrono::duration<double> kTimeout{120};
constexpr std::chrono::duration<double> kPollInterval{0.01};

constexpr const char* kKeys[] = {"workload",
                                 "concurrency",
                                 "seconds",
                                 "workflows_per_s",
                                 "tasks_per_s",
                                 "p50_ms",
                                 "p90_ms",
                                 "p99_ms",
                                 "server_cpu_us_per_task",
                                 "server_peak_rss_mib",
                                 "disk_bytes_per_task"};
constexpr const char* kEnvironmentKeys[] = {"fdatasync_p50_ms", "steal_pct", "directory", "file_system"};

class BenchSmokeTest : public ::testing::Test {
 protected:
  BenchSmokeTest() : directory_(std::filesystem::current_path()), output_(directory_.path() + "/output") {
    std::filesystem::create_directory(Base());
  }

  std::string Base() const { return directory_.path() + "/base"; }

  std::vector<std::string> Argv(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), PERDURE_BENCH);
    arguments.push_back("--dir=" + Base());
    return arguments;
  }

  // Runs it to its end; what it printed, which must be one JSON object.
  json RunJson(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    std::filesystem::remove(output_);
    Child bench(Argv(std::move(arguments)), output_);
    EXPECT_TRUE(bench.WaitExit(kTimeout));
    const std::string text = ReadFile(output_);
    EXPECT_EQ(bench.status(), 0) << text;
    json report = json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(report.is_object()) << text;
    return report;
  }

  void ExpectWorkDone(const json& report) {
    for (const char* key : kKeys) EXPECT_TRUE(report.contains(key)) << key << " in " << report;
    for (const char* key : kEnvironmentKeys) EXPECT_TRUE(report.contains(key)) << key << " in " << report;
    EXPECT_GT(report.value("workflows", 0), 0) << report;
    EXPECT_EQ(report.value("failed", -1), 0) << report;
    EXPECT_GT(report.value("disk_bytes_per_task", 0.0), 0) << report;
    EXPECT_TRUE(std::filesystem::is_empty(Base()));
  }

  const TempDir directory_;
  const std::string output_;
};

class BenchLoopTest : public BenchSmokeTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(BenchLoopTest, ReportsAllKeysAndLeavesNothing) {
  const json report = RunJson({GetParam(), "--concurrency=2", "--seconds=0.5", "--warmup=0.1"});
  ExpectWorkDone(report);
  EXPECT_EQ(report.value("workload", ""), GetParam());
  EXPECT_EQ(report.value("concurrency", 0), 2);
  EXPECT_GT(report.value("tasks_per_s", 0.0), 0) << report;
  EXPECT_GT(report.value("p99_ms", 0.0), 0) << report;
  EXPECT_GT(report.value("stored_bytes_per_task", 0.0), 0) << report;
}

INSTANTIATE_TEST_SUITE_P(Workloads, BenchLoopTest,
                         ::testing::Values("noop", "chain10", "steps10", "fanout100", "signal"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(BenchSmokeTest, SleepersComeBackAfterRestarts) {
  const json report = RunJson({"sleepers", "--count=50", "--concurrency=4", "--settle=0.1"});
  ExpectWorkDone(report);
  EXPECT_EQ(report.value("open_runs_after_restart", 0), 50) << report;
  for (const char* key :
       {"idle_rss_mib", "rss_growth_mib", "restart_ms", "crash_restart_ms", "disk_bytes_per_run"}) {
    EXPECT_TRUE(report.contains(key)) << key << " in " << report;
  }
}

TEST_F(BenchSmokeTest, RecoveryGetsEveryResult) {
  const json report = RunJson({"recovery", "--count=50"});
  ExpectWorkDone(report);
  EXPECT_EQ(report.value("workflows", 0), 50) << report;
  for (const char* key :
       {"in_flight_at_kill", "restart_ms", "first_task_ms", "all_go_on_ms", "all_done_ms"}) {
    EXPECT_TRUE(report.contains(key)) << key << " in " << report;
  }
}

TEST_F(BenchSmokeTest, TheBareRingStandsBesideAFigure) {
  for (const char* workload : {"noop", "chain10", "steps10", "fanout100"}) {
    const json report = RunJson({workload, "--concurrency=2", "--seconds=0.3", "--warmup=0.1", "--ring"});
    ExpectWorkDone(report);
    EXPECT_GT(report.value("ring_tasks_per_s", 0.0), 0) << report;
    EXPECT_GT(report.value("of_ring", 0.0), 0) << report;
  }
}

TEST_F(BenchSmokeTest, AServerCanHoldRunsBeforeItIsMeasured) {
  const json report = RunJson({"noop", "--concurrency=2", "--seconds=0.3", "--warmup=0.1", "--stored=700"});
  ExpectWorkDone(report);
  EXPECT_EQ(report.value("stored", 0), 700);
  Child refused(Argv({"sleepers", "--stored=700"}), output_);
  ASSERT_TRUE(refused.WaitExit(kTimeout));
  EXPECT_EQ(WEXITSTATUS(*refused.status()), 2);
}

TEST_F(BenchSmokeTest, LimitsAreAllMeasured) {
  const json report = RunJson({"limits", "--concurrency=4", "--seconds=0.2", "--warmup=0.1"});
  for (const char* key : {"store_commit_p50_ms", "store_entries_per_s", "stream_round_trip_p50_ms",
                          "ring_noop_without_store_p50_ms", "ring_noop_p50_ms", "ring_chain10_task_p50_ms",
                          "ring_noop_runs_per_s", "ring_chain10_tasks_per_s", "ring_steps10_steps_per_s",
                          "ring_fanout100_tasks_per_s", "fdatasync_overwrite_p50_ms"}) {
    EXPECT_GT(report.value(key, 0.0), 0) << key << " in " << report;
  }
  EXPECT_TRUE(std::filesystem::is_empty(Base()));
}

TEST_F(BenchSmokeTest, RepeatsReportTheirSpread) {
  const json report = RunJson({"noop", "--concurrency=2", "--seconds=0.2", "--warmup=0", "--repeat=2"});
  ExpectWorkDone(report);
  EXPECT_EQ(report.value("repeat", 0), 2);
  EXPECT_EQ(report["spread"].value("workflows_per_s", json::array()).size(), 2) << report;
}

TEST_F(BenchSmokeTest, CleansUpWhenInterrupted) {
  Child bench(Argv({"noop", "--concurrency=2", "--seconds=600"}), output_);
  // The worker's ready file says that all processes are up.
  const auto all_up = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(Base())) {
      if (std::filesystem::exists(entry.path() / "worker.ready")) return true;
    }
    return !bench.Running();
  };
  ASSERT_TRUE(WaitUntil(all_up, kTimeout, kPollInterval));
  ASSERT_TRUE(bench.Running()) << ReadFile(output_);
  std::vector<pid_t> children;
  const std::string listing =
      ReadFile("/proc/" + std::to_string(bench.pid()) + "/task/" + std::to_string(bench.pid()) + "/children");
  for (std::istringstream in(listing); !in.eof();) {
    pid_t pid = 0;
    if (in >> pid) children.push_back(pid);
  }
  EXPECT_EQ(children.size(), 2) << listing;
  bench.Signal(SIGINT);
  ASSERT_TRUE(bench.WaitExit(kTimeout));
  EXPECT_EQ(WEXITSTATUS(*bench.status()), 130);
  for (const pid_t child : children) EXPECT_NE(kill(child, 0), 0) << child;
  EXPECT_TRUE(std::filesystem::is_empty(Base()));
}

TEST_F(BenchSmokeTest, RefusesWhatItDoesNotKnow) {
  Child bench(Argv({"no_such_workload"}), output_);
  ASSERT_TRUE(bench.WaitExit(kTimeout));
  EXPECT_EQ(WEXITSTATUS(*bench.status()), 2);
  EXPECT_THAT(ReadFile(output_), ::testing::HasSubstr("no workload 'no_such_workload'"));
}

}  // namespace
}  // namespace perdure::bench
