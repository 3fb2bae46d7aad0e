// The daemon dies at each of its failpoints in turn, under load, and nothing is lost.
#include <gtest/gtest.h>
#include <perdure/client.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <vector>

#include "tests/e2e/process.h"
#include "tests/e2e/workflows.h"

namespace perdure::e2e {
namespace {

using std::chrono::seconds;

constexpr int kRuns = 40;
constexpr std::int64_t kTasks = 5;
constexpr std::int64_t kResult = kTasks * (kTasks + 1) * (2 * kTasks + 1) / 6;

// Where the process dies, and the how manyeth time it gets there.
struct Death {
  const char* failpoint;
  int time;
};
void PrintTo(const Death& death, std::ostream* out) { *out << death.failpoint << ":" << death.time; }

class FailpointTest : public testing::TestWithParam<Death> {
 protected:
  static std::vector<std::future<Handle<std::int64_t>>> StartAll(Client& client) {
    std::vector<std::future<Handle<std::int64_t>>> starts;
    for (int i = 0; i < kRuns; ++i) {
      starts.push_back(
          client.StartAsync(FanOut, StartOptions().WorkflowId("run-" + std::to_string(i)), kTasks));
    }
    return starts;
  }

  TempDir dir_;
  // Checkpoints and sweeps in quick succession, and closed runs that go within the test.
  Server server_{dir_,
                 {"--checkpoint-interval-ms", "100ms", "--reconnect-grace-ms", "500ms",
                  "--run-cache-bytes-max", "1MiB", "--retention-sweep-interval-ms", "100ms"}};
};

TEST_P(FailpointTest, LosesNothing) {
  const Death death = GetParam();
  Process worker({Program("perdure-e2e-worker"), "--address", server_.address()}, dir_.File("worker.log"));
  Client client(ClientOptions().Address(server_.address()).TaskQueue(kTaskQueue).Deadline(seconds(120)));
  // One that is gone before the others are looked at: its retention is over at once.
  client.Start(FanOut, StartOptions().WorkflowId("short").Retention(std::chrono::milliseconds(1)), 1)
      .Result(seconds(60));
  server_.Terminate();
  const bool up = server_.StartAs("perdured-failpoints", "PERDURE_FAILPOINTS",
                                  std::string(death.failpoint) + "=abort:" + std::to_string(death.time));
  std::vector<std::future<Handle<std::int64_t>>> starts = StartAll(client);
  if (up) {
    ASSERT_TRUE(WaitUntil([&] { return !server_.process().Running(); }, seconds(20)))
        << death.failpoint << " was not reached " << death.time << " times";
  }
  ASSERT_EQ(server_.process().EndedBySignal(), SIGKILL) << "it did not die of the failpoint:\n"
                                                        << server_.Log();
  server_.Verify();
  server_.Start();
  for (auto& start : starts) EXPECT_EQ(start.get().Result(seconds(120)), kResult);
  EXPECT_EQ(server_.Terminate(), 0);
  server_.Verify();
}

INSTANTIATE_TEST_SUITE_P(Deaths, FailpointTest,
                         testing::Values(Death{"start/store_opened", 1}, Death{"start/format_written", 1},
                                         Death{"start/epoch_drawn", 1}, Death{"recovery/journal_read", 1},
                                         Death{"recovery/journal_read", 2}, Death{"recovery/runs_read", 1},
                                         Death{"recovery/runs_read", 2}, Death{"partition/decided", 1},
                                         Death{"partition/decided", 8}, Death{"commit/begin", 1},
                                         Death{"commit/begin", 8}, Death{"commit/written", 1},
                                         Death{"commit/written", 8}, Death{"commit/dispatched", 1},
                                         Death{"commit/dispatched", 8}, Death{"commit/released", 1},
                                         Death{"commit/released", 8}, Death{"checkpoint/begun", 1},
                                         Death{"checkpoint/begun", 2}, Death{"checkpoint/ending", 1},
                                         Death{"checkpoint/ending", 2}, Death{"retention/deleting", 1}),
                         [](const auto& test) {
                           std::string name = test.param.failpoint;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name + "_" + std::to_string(test.param.time);
                         });

}  // namespace
}  // namespace perdure::e2e
