// The daemon dies at each of its failpoints in turn, under load, or its disk fails there, and nothing is
// lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <perdure/client.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/process.h"
#include "tests/e2e/workflows.h"

namespace perdure::e2e {
namespace {

using std::chrono::seconds;

// Runs, and tasks of each.
struct Load {
  int runs;
  std::int64_t tasks;
  std::int64_t Result() const { return tasks * (tasks + 1) * (2 * tasks + 1) / 6; }
};
constexpr Load kSmall{40, 5};
// More than the store's write buffer holds, so that tables are written under way.
constexpr Load kLarge{160, 150};

// Where the process dies or fails, and the how manyeth time it gets there.
struct Fault {
  const char* failpoint;
  int time;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.failpoint << ":" << fault.time; }

std::string NameOf(const testing::TestParamInfo<Fault>& test) {
  std::string name = test.param.failpoint;
  std::replace(name.begin(), name.end(), '/', '_');
  return name + "_" + std::to_string(test.param.time);
}

class FaultTest : public testing::Test {
 protected:
  // One run is gone before the others are looked at: its retention is over at once.
  void SetUp() override {
    client_.Start(FanOut, StartOptions().WorkflowId("short").Retention(std::chrono::milliseconds(1)), 1)
        .Result(seconds(60));
    server_.Terminate();
  }

  // With the server down: the client tries again until it is up.
  void StartAll(const char* failpoint) {
    const std::string_view name = failpoint;
    load_ = name.starts_with("table") || name.starts_with("manifest") ? kLarge : kSmall;
    for (int i = 0; i < load_.runs; ++i) {
      starts_.push_back(
          client_.StartAsync(FanOut, StartOptions().WorkflowId("run-" + std::to_string(i)), load_.tasks));
    }
  }
  // False: it died before it took calls.
  bool StartWith(const std::string& failpoints) {
    return server_.StartAs("perdured-failpoints", "PERDURE_FAILPOINTS", failpoints);
  }
  // With the fault behind it.
  void ExpectNothingLost() {
    server_.Verify();
    server_.Start();
    for (auto& start : starts_) EXPECT_EQ(start.get().Result(seconds(120)), load_.Result());
    EXPECT_EQ(server_.Terminate(), 0);
    server_.Verify();
  }

  TempDir dir_;
  // Checkpoints and sweeps in quick succession, and closed runs that go within the test.
  Server server_{
      dir_,
      {"--checkpoint-interval-ms", "100ms", "--reconnect-grace-ms", "500ms", "--run-cache-bytes-max", "1MiB",
       "--retention-sweep-interval-ms", "100ms", "--memory-budget-bytes", "16MiB"}};
  Process worker_{{Program("perdure-e2e-worker"), "--address", server_.address()}, dir_.File("worker.log")};
  Client client_{ClientOptions().Address(server_.address()).TaskQueue(kTaskQueue).Deadline(seconds(120))};
  Load load_ = kSmall;
  std::vector<std::future<Handle<std::int64_t>>> starts_;
};

class FailpointTest : public FaultTest, public testing::WithParamInterface<Fault> {};

TEST_P(FailpointTest, LosesNothing) {
  const Fault death = GetParam();
  StartAll(death.failpoint);
  if (StartWith(std::string(death.failpoint) + "=abort:" + std::to_string(death.time))) {
    ASSERT_TRUE(WaitUntil([&] { return !server_.process().Running(); }, seconds(20)))
        << death.failpoint << " was not reached " << death.time << " times";
  }
  ASSERT_EQ(server_.process().EndedBySignal(), SIGKILL) << "it did not die of the failpoint:\n"
                                                        << server_.Log();
  ExpectNothingLost();
}

INSTANTIATE_TEST_SUITE_P(Deaths, FailpointTest,
                         testing::Values(Fault{"start/store_opened", 1}, Fault{"start/format_written", 1},
                                         Fault{"start/epoch_drawn", 1}, Fault{"recovery/journal_read", 1},
                                         Fault{"recovery/journal_read", 2}, Fault{"recovery/runs_read", 1},
                                         Fault{"recovery/runs_read", 2}, Fault{"partition/decided", 1},
                                         Fault{"partition/decided", 8}, Fault{"commit/begin", 1},
                                         Fault{"commit/begin", 8}, Fault{"commit/written", 1},
                                         Fault{"commit/written", 8}, Fault{"commit/dispatched", 1},
                                         Fault{"commit/dispatched", 8}, Fault{"commit/released", 1},
                                         Fault{"commit/released", 8}, Fault{"checkpoint/begun", 1},
                                         Fault{"checkpoint/begun", 2}, Fault{"checkpoint/ending", 1},
                                         Fault{"checkpoint/ending", 2}, Fault{"retention/deleting", 1}),
                         NameOf);

// In the store's files: with a write half made, or made and not synced, or just behind the sync.
INSTANTIATE_TEST_SUITE_P(
    InTheStore, FailpointTest,
    testing::Values(Fault{"log/append", 1}, Fault{"log/append", 40}, Fault{"log/torn", 1},
                    Fault{"log/torn", 40}, Fault{"log/appended", 40}, Fault{"log/sync", 40},
                    Fault{"log/synced", 1}, Fault{"log/synced", 40}, Fault{"table/append", 3},
                    Fault{"table/torn", 3}, Fault{"table/sync", 1}, Fault{"table/sync", 2},
                    Fault{"table/synced", 1}, Fault{"table/synced", 2}, Fault{"manifest/append", 1},
                    Fault{"manifest/torn", 1}, Fault{"manifest/torn", 4}, Fault{"manifest/sync", 1},
                    Fault{"manifest/sync", 4}, Fault{"manifest/synced", 1}, Fault{"manifest/synced", 4},
                    Fault{"file/torn", 1}, Fault{"file/synced", 1}, Fault{"file/rename", 1},
                    Fault{"file/renamed", 1}, Fault{"file/renamed", 2}),
    NameOf);

// ---- a disk that fails ----

class DiskErrorTest : public FaultTest, public testing::WithParamInterface<Fault> {};

// What is on the disk is unknown then: the server says so, and ends without having told anybody that the
// commit was done. Whoever runs it starts it again.
TEST_P(DiskErrorTest, LosesNothing) {
  const Fault error = GetParam();
  StartAll(error.failpoint);
  StartWith(std::string(error.failpoint) + "=error:" + std::to_string(error.time));
  const int status = server_.process().Wait(seconds(20));
  EXPECT_EQ(status, 70) << server_.Log();
  EXPECT_THAT(server_.Log(), testing::HasSubstr(std::string("failpoint ") + error.failpoint));
  ExpectNothingLost();
}

INSTANTIATE_TEST_SUITE_P(Errors, DiskErrorTest,
                         testing::Values(Fault{"log/append", 40}, Fault{"log/sync", 40},
                                         Fault{"table/append", 3}, Fault{"table/sync", 2},
                                         Fault{"manifest/append", 6}, Fault{"manifest/sync", 4}),
                         NameOf);

}  // namespace
}  // namespace perdure::e2e
