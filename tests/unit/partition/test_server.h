// TestServer: partitions, a committer and a store, driven by hand: no thread, no wait, and a clock that the
// test moves. A test says at which point the process dies.
//
//   TestServer server;
//   auto started = server.Start(StartOf("order-1"));
//   server.Drain();                  // decided and staged
//   EXPECT_FALSE(started.done());
//   server.Commit();                 // durable and released
//   EXPECT_TRUE(started.ok());
//   server.Restart();                // all that was in memory is gone
#ifndef PERDURE_TESTS_UNIT_PARTITION_TEST_SERVER_H_
#define PERDURE_TESTS_UNIT_PARTITION_TEST_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/partition/committer.h"
#include "server/partition/partition.h"
#include "server/partition/reader.h"
#include "storage/memory_store.h"
#include "tests/unit/partition/answer.h"
#include "tests/unit/partition/fake_clock.h"
#include "tests/unit/partition/recorder.h"
#include "tests/unit/partition/requests.h"

namespace perdure::partition::testing {

// Seeded, on the fake clock, and without a wait for room on the disk.
PartitionOptions TestOptions();

class TestServer {
 public:
  explicit TestServer(PartitionOptions options = TestOptions(), uint32_t partitions = 1);
  ~TestServer();
  TestServer(const TestServer&) = delete;

  // ---- what clients ask for; answered once it is committed ----
  Answer<v1::StartWorkflowResponse> Start(v1::StartWorkflowRequest request);
  Answer<v1::SignalWorkflowResponse> Signal(const std::string& id, const std::string& name,
                                            const std::string& request_id = "",
                                            const std::string& run_id = "");
  Answer<v1::SignalWithStartWorkflowResponse> SignalWithStart(v1::StartWorkflowRequest start,
                                                              const std::string& name);
  Answer<v1::CancelWorkflowResponse> Cancel(const std::string& id, const std::string& request_id = "");
  Answer<v1::TerminateWorkflowResponse> Terminate(const std::string& id, const std::string& request_id = "",
                                                  const std::string& run_id = "");
  Answer<v1::DescribeWorkflowResponse> Describe(const std::string& id, const std::string& run_id = "");
  // `wait_ms` from now on the fake clock; `waiter` is for Forget.
  Answer<v1::GetResultResponse> Result(const std::string& id, int64_t wait_ms = 0, bool follow = false,
                                       const std::string& run_id = "", uint64_t waiter = 0);
  // What a watcher was told so far.
  using Told = std::shared_ptr<std::vector<absl::StatusOr<Progress>>>;
  Told Watch(const std::string& id, uint64_t waiter = 0);
  void Forget(uint64_t waiter);
  // Any message, to the partition of that number.
  void Put(Message message, uint32_t partition = 0);

  // ---- the machine ----
  // Every partition takes its mailbox, decides, and stages; nothing of it is durable.
  void Drain();
  // Makes durable and releases what is staged; false: nothing was, or the commit failed.
  bool Commit();
  // Until nothing is left to do now.
  void Settle();
  // Moves the clock, then settles.
  void Advance(int64_t ms);
  // Moves the clock to the next checkpoint and lets it end.
  void Checkpoint();

  // ---- the process dies ----
  // Drops all that is in memory: what is staged, and what was released but not looked at.
  void Crash();
  // Opens the store again: a new epoch. What each partition found is in recovered().
  void Recover(bool hold_tasks = false);
  void Restart(bool hold_tasks = false);
  const std::vector<RecoveryStats>& recovered() const { return recovered_; }
  // Commits that failed for good.
  static int fatal_commits();

  // ---- what is there ----
  storage::MemoryStore& store() { return store_; }
  Reader reader() const { return Reader(&store_, partitions_wanted_, reader_limits); }
  Partition& partition(uint32_t number = 0) { return *partitions_.at(number); }
  Committer& committer() { return *committer_; }
  Recorder& outbox() { return outbox_; }
  const PartitionOptions& options() const { return options_; }
  uint32_t partitions() const { return partitions_wanted_; }
  uint32_t PartitionFor(const std::string& workflow_id) const;
  // Of all partitions since the last crash, by the name it is exported under.
  int64_t Metric(const std::string& name) const;

  Reader::Limits reader_limits;

 private:
  const PartitionOptions options_;
  const uint32_t partitions_wanted_;
  storage::MemoryStore store_;
  Recorder outbox_;
  uint64_t epoch_ = 0;
  uint64_t next_waiter_ = 1'000'000;
  std::unique_ptr<Committer> committer_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::vector<RecoveryStats> recovered_;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_TEST_SERVER_H_
