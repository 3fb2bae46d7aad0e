// Starting runs: what a start writes, what the id policies make of one that is there, and repeated requests.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class StartTest : public PartitionTest {
 protected:
  // Starts and closes a run.
  void RunToEnd(const std::string& id, v1::Command end) {
    worker.StartAndPlay(StartOf(id), {std::move(end)});
  }

  size_t OpenRuns() {
    size_t open = 0;
    for (const uint64_t run : disk().Runs()) open += disk().ListRow(run)->status() == v1::RUN_STATUS_RUNNING;
    return open;
  }
};

TEST_F(StartTest, WritesHistoryIdAndListRowInOneCommit) {
  auto started = server.Start(StartOf("order-1").Input("{}"));
  server.Drain();
  EXPECT_THAT(disk().Runs(), IsEmpty());
  const uint64_t commits = server.store().Stats().commits;
  ASSERT_TRUE(server.Commit());
  EXPECT_EQ(server.store().Stats().commits, commits + 1);

  EXPECT_TRUE(started->started());
  ASSERT_THAT(disk().Runs(), SizeIs(1));
  const uint64_t run = disk().Runs()[0];
  EXPECT_EQ(RunOf(started->run_id()), run);
  EXPECT_EQ(disk().IdRow("order-1")->run(), run);
  EXPECT_EQ(disk().ListRow(run)->status(), v1::RUN_STATUS_RUNNING);
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started"));
  EXPECT_TRUE(disk().ReadJournal().dirty.contains(run));
  // A burst writes nothing derived.
  EXPECT_EQ(disk().Count(KeyKind::kHead), 0u);
}

TEST_F(StartTest, WritesOneRowATransition) {
  worker.StartAndPlay(StartOf("order-1"), {Schedule("charge")});
  const v1::TaskDelivery task = worker.TakeTask("order-1", 1);
  worker.Complete(task, "1");
  const uint64_t entries = server.store().Stats().entries;
  server.Settle();
  // The run's rows are behind already, as the journal says.
  EXPECT_EQ(server.store().Stats().entries, entries + 1);
}

TEST_F(StartTest, IsRefusedWhileARunIsOpen) {
  auto first = server.Start(StartOf("order-1"));
  auto second = server.Start(StartOf("order-1"));
  server.Settle();
  EXPECT_TRUE(first.ok());
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(first->run_id()));
}

TEST_F(StartTest, UsesTheOpenRunIfAskedTo) {
  auto first = server.Start(StartOf("order-1"));
  server.Settle();
  auto second = server.Start(StartOf("order-1").Conflict(v1::ID_CONFLICT_POLICY_USE_EXISTING));
  server.Settle();
  EXPECT_EQ(second->run_id(), first->run_id());
  EXPECT_FALSE(second->started());
}

TEST_F(StartTest, TerminatesTheOpenRunInTheSameCommit) {
  auto first = server.Start(StartOf("order-1"));
  server.Settle();
  auto second = server.Start(StartOf("order-1").Conflict(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING));
  server.Drain();
  const uint64_t commits = server.store().Stats().commits;
  server.Commit();
  EXPECT_EQ(server.store().Stats().commits, commits + 1);
  EXPECT_NE(second->run_id(), first->run_id());
  EXPECT_EQ(disk().ListRow(*RunOf(first->run_id()))->status(), v1::RUN_STATUS_TERMINATED);
  EXPECT_EQ(disk().IdRow("order-1")->run_id(), second->run_id());
  EXPECT_EQ(OpenRuns(), 1u);
}

TEST_F(StartTest, AfterAClosedRunTheReusePolicyDecides) {
  RunToEnd("completed", Complete());
  RunToEnd("failed", FailWith(Error("Broken")));
  // What is in memory and what is on disk must say the same.
  for (const bool reload : {false, true}) {
    if (reload) server.Restart();
    for (const char* id : {"completed", "failed"}) {
      auto rejected = server.Start(StartOf(id).Reuse(v1::ID_REUSE_POLICY_REJECT));
      server.Settle();
      EXPECT_TRUE(absl::IsAlreadyExists(rejected.status())) << id << ": " << rejected.status();
    }
    auto after_success = server.Start(StartOf("completed").Reuse(v1::ID_REUSE_POLICY_ALLOW_IF_FAILED));
    server.Settle();
    EXPECT_TRUE(absl::IsAlreadyExists(after_success.status())) << after_success.status();
  }
  auto after_failure = server.Start(StartOf("failed").Reuse(v1::ID_REUSE_POLICY_ALLOW_IF_FAILED));
  auto allowed = server.Start(StartOf("completed"));
  server.Settle();
  EXPECT_TRUE(after_failure->started());
  EXPECT_TRUE(allowed->started());
}

TEST_F(StartTest, ARepeatedRequestGetsTheSameRun) {
  const auto request = StartOf("order-1").RequestId("r1").Reuse(v1::ID_REUSE_POLICY_REJECT);
  auto first = server.Start(request);
  auto at_once = server.Start(request);
  server.Settle();
  server.Restart();
  auto after_crash = server.Start(request);
  server.Settle();
  worker.Play("order-1", {Complete()});
  auto when_closed = server.Start(request);
  server.Settle();
  server.Restart();
  auto when_closed_after_crash = server.Start(request);
  server.Settle();
  EXPECT_TRUE(first->started());
  for (const auto& again : {at_once, after_crash, when_closed, when_closed_after_crash}) {
    EXPECT_EQ(again->run_id(), first->run_id());
    EXPECT_FALSE(again->started());
  }
}

TEST_F(StartTest, ARequestThatWasLostBeforeItsCommitStartsOnce) {
  auto lost = server.Start(StartOf("order-1").RequestId("r1"));
  server.Drain();
  server.Restart();
  EXPECT_FALSE(lost.done());
  auto again = server.Start(StartOf("order-1").RequestId("r1"));
  server.Settle();
  EXPECT_TRUE(again->started());
  EXPECT_THAT(disk().Runs(), SizeIs(1));
}

TEST_F(StartTest, RunNumbersAreNotGivenOutAgain) {
  auto first = server.Start(StartOf("order-1"));
  worker.Play("order-1", {Complete()});
  // Neither a checkpoint, nor the closing of all runs, nor a crash makes the partition forget.
  server.Checkpoint();
  server.Restart();
  server.Checkpoint();
  server.Restart();
  auto second = server.Start(StartOf("order-2"));
  server.Settle();
  EXPECT_GT(*RunOf(second->run_id()), *RunOf(first->run_id()));
}

TEST_F(StartTest, SignalWithStartStartsAndSignalsInOneCommit) {
  auto both = server.SignalWithStart(StartOf("order-1").RequestId("r1"), "paid");
  server.Drain();
  server.Commit();
  EXPECT_TRUE(both->started());
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started", "signal_received"));
  EXPECT_EQ(disk().Count(KeyKind::kLog), 1u);
}

TEST_F(StartTest, SignalWithStartSignalsTheOpenRunAndOnlyOncePerRequest) {
  server.Start(StartOf("order-1"));
  server.Settle();
  auto first = server.SignalWithStart(StartOf("order-1").RequestId("r1"), "paid");
  server.Settle();
  server.Restart();
  auto again = server.SignalWithStart(StartOf("order-1").RequestId("r1"), "paid");
  server.Settle();
  EXPECT_FALSE(first->started());
  EXPECT_FALSE(again->started());
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started", "signal_received"));
}

TEST_F(StartTest, ARepeatedSignalWithStartDoesNotStartAnotherRunOnceTheSignalledOneIsClosed) {
  server.Start(StartOf("order-1"));
  auto first = server.SignalWithStart(StartOf("order-1").RequestId("r1"), "paid");
  server.Settle();
  worker.Play("order-1", {Complete()});
  auto again = server.SignalWithStart(StartOf("order-1").RequestId("r1"), "paid");
  server.Settle();
  EXPECT_EQ(again->run_id(), first->run_id());
  EXPECT_FALSE(again->started());
  EXPECT_THAT(disk().Runs(), SizeIs(1));
}

// The run that got the signal failed and was retried before the repetition came.
TEST_F(StartTest, ARepeatedSignalWithStartDoesNotSignalTheRunThatRetriesTheFirst) {
  const auto request = StartOf("order-1").RequestId("r1").Retry(Policy().Initial(1).MaxAttempts(2));
  server.SignalWithStart(request, "paid");
  server.Settle();
  worker.Play("order-1", {FailWith(Error("Broken"))});
  server.Advance(10);
  ASSERT_EQ(disk().Runs().size(), 2u);
  auto open = server.SignalWithStart(request, "paid");
  server.Settle();
  EXPECT_TRUE(open.ok()) << open.status();
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started"));
  worker.Play("order-1", {FailWith(Error("Broken"))});
  auto closed = server.SignalWithStart(request, "paid");
  server.Settle();
  EXPECT_TRUE(closed.ok()) << closed.status();
  EXPECT_FALSE(closed->started());
  EXPECT_THAT(disk().Runs(), SizeIs(2));
}

// A run that is not in memory may be past its deadline though its list row says that it is open.
class OverdueRunTest : public StartTest {
 protected:
  void SetUp() override {
    worker.StartAndPlay(StartOf("order-1").RunTimeout(10'000).Retry(Policy().Initial(60'000)),
                        {Timer(3'600'000)});
    server.Checkpoint();
    server.Restart();
    ASSERT_EQ(server.Metric("perdure_partition_cached_runs"), 0);
    FakeClock::Advance(10'000);
  }
};

TEST_F(OverdueRunTest, TerminateExistingLeavesOneOpenRun) {
  auto started = server.Start(StartOf("order-1").Conflict(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING));
  server.Settle();
  EXPECT_TRUE(started->started());
  EXPECT_EQ(OpenRuns(), 1u);
  EXPECT_EQ(disk().IdRow("order-1")->run_id(), started->run_id());
}

TEST_F(OverdueRunTest, SignalWithStartSignalsTheRunThatFollows) {
  auto both = server.SignalWithStart(StartOf("order-1"), "paid");
  server.Settle();
  EXPECT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(OpenRuns(), 1u);
  EXPECT_EQ(disk().IdRow("order-1")->run_id(), both->run_id());
}

// A's first reply was lost; B started another run meanwhile. A asks again.
TEST_F(StartTest, ARepeatedRequestDoesNotUndoALaterOne) {
  const auto terminate = v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING;
  auto a = server.Start(StartOf("order-1").RequestId("a").Conflict(terminate));
  auto b = server.Start(StartOf("order-1").RequestId("b").Conflict(terminate));
  server.Settle();
  for (const bool restarted : {false, true}) {
    if (restarted) server.Restart();
    auto again = server.Start(StartOf("order-1").RequestId("a").Conflict(terminate));
    server.Settle();
    EXPECT_EQ(again->run_id(), a->run_id());
    EXPECT_FALSE(again->started());
    EXPECT_EQ(disk().IdRow("order-1")->run_id(), b->run_id());
    EXPECT_EQ(OpenRuns(), 1u);
  }
}

TEST_F(StartTest, RemembersTheLatestStartsOfAnId) {
  const auto terminate = v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING;
  for (int i = 0; i < 30; ++i) {
    server.Start(StartOf("order-1").RequestId("r" + std::to_string(i)).Conflict(terminate));
    server.Settle();
  }
  EXPECT_EQ(disk().IdRow("order-1")->earlier_size(), static_cast<int>(engine::kEarlierStartsMax));
  auto again = server.Start(StartOf("order-1").RequestId("r25").Conflict(terminate));
  server.Settle();
  EXPECT_FALSE(again->started());
}

}  // namespace
}  // namespace perdure::partition::testing
