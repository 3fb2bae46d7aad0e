// Nothing is seen outside before it is durable: replies, work, acknowledgements. Failed commits and a full
// disk.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class ReleaseTest : public PartitionTest {
 protected:
  // What is outside so far: work, acknowledgements.
  size_t Released() {
    size_t n = server.outbox().work.size();
    for (const auto& [session, ids] : server.outbox().acked) n += ids.size();
    return n;
  }
  // Decides what is in the mailbox, and checks that nothing of it is released before the commit.
  void DrainAndCommit() {
    const size_t before = Released();
    server.Drain();
    EXPECT_EQ(Released(), before);
    EXPECT_TRUE(server.Commit());
  }
};

TEST_F(ReleaseTest, EveryStepOfARunIsReleasedByItsCommitOnly) {
  auto started = server.Start(StartOf("order-1"));
  server.Drain();
  EXPECT_FALSE(started.done());
  EXPECT_EQ(Released(), 0u);
  server.Commit();
  EXPECT_TRUE(started.done());

  const uint64_t advanced = worker.Advance(worker.TakeActivation("order-1"), {Schedule("charge")});
  server.Drain();
  EXPECT_FALSE(worker.Acked(advanced));
  EXPECT_FALSE(worker.Offered(Work::Kind::kTask));
  server.Commit();
  EXPECT_TRUE(worker.Acked(advanced));

  const v1::TaskDelivery task = worker.TakeTask("order-1", 1);
  const uint64_t completed = worker.Complete(task, "1");
  auto waiting = server.Result("order-1", 10'000);
  auto signalled = server.Signal("order-1", "paid");
  auto described = server.Describe("order-1");
  auto watched = server.Watch("order-1");
  server.Drain();
  EXPECT_FALSE(worker.Acked(completed));
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation));
  EXPECT_FALSE(signalled.done());
  // Even what changes nothing: it tells of what is not durable yet.
  EXPECT_FALSE(described.done());
  EXPECT_THAT(*watched, IsEmpty());
  server.Commit();
  EXPECT_TRUE(worker.Acked(completed) && signalled.done() && described.done());
  EXPECT_THAT(*watched, SizeIs(1));

  worker.Advance(worker.TakeActivation("order-1"), {Complete("7")});
  server.Drain();
  EXPECT_FALSE(waiting.done());
  EXPECT_THAT(*watched, SizeIs(1));
  server.Commit();
  EXPECT_EQ(waiting->result().data(), "7");
  EXPECT_TRUE(watched->back()->closed);
}

TEST_F(ReleaseTest, RefusalsWaitForWhatTheyAreAbout) {
  server.Start(StartOf("order-1"));
  auto second = server.Start(StartOf("order-1"));
  auto terminated = server.Terminate("order-1");
  auto too_late = server.Signal("order-1", "paid");
  auto result = server.Result("order-1");
  server.Drain();
  EXPECT_FALSE(second.done() || terminated.done() || too_late.done() || result.done());
  server.Commit();
  EXPECT_TRUE(absl::IsAlreadyExists(second.status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(too_late.status()));
  EXPECT_EQ(result->status(), v1::RUN_STATUS_TERMINATED);
}

TEST_F(ReleaseTest, StaleAnswersAreAcknowledgedToo) {
  worker.StartAndPlay(StartOf("order-1"), {Schedule("charge")});
  const v1::TaskDelivery task = worker.TakeTask("order-1", 1);
  const uint64_t first = worker.Complete(task, "1");
  const uint64_t again = worker.Complete(task, "2");
  v1::TaskDelivery unknown = task;
  unknown.mutable_token()->set_run(4'711);
  const uint64_t of_no_run = worker.Complete(unknown, "3");
  server.Settle();
  EXPECT_TRUE(worker.Acked(first) && worker.Acked(again) && worker.Acked(of_no_run));
  EXPECT_EQ(server.Metric("perdure_partition_stale_total"), 1);
  EXPECT_EQ(disk().History(1).back().task_completed().result().data(), "1");
}

TEST_F(ReleaseTest, TimersAndTimeoutsReleaseByTheirCommitOnly) {
  worker.StartAndPlay(StartOf("timer"), {Timer(100)});
  worker.StartAndPlay(StartOf("timeout").RunTimeout(100), {Timer(3'600'000)});
  auto result = server.Result("timeout", 10'000);
  server.Settle();
  FakeClock::Advance(100);
  DrainAndCommit();
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "timer"));
  EXPECT_EQ(result->status(), v1::RUN_STATUS_TIMED_OUT);
}

TEST_F(ReleaseTest, RecoveryReleasesByItsCommitOnly) {
  worker.StartAndPlay(StartOf("order-1"), {Timer(100)});
  server.Crash();
  FakeClock::Advance(100);
  server.Recover();
  EXPECT_EQ(Released(), 0u);
  EXPECT_TRUE(server.Commit());
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-1"));
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started", "advanced", "timer_fired"));
}

TEST_F(ReleaseTest, ASpeculativeTransitionIsLostWithTheOneItBuildsOn) {
  server.Start(StartOf("order-1"));
  server.Drain();
  server.Signal("order-1", "paid");
  server.Drain();
  server.Restart();
  server.Settle();
  EXPECT_THAT(disk().Runs(), IsEmpty());
}

TEST_F(ReleaseTest, OneCommitServesAllPartitions) {
  TestServer many(TestOptions(), 4);
  std::vector<Answer<v1::StartWorkflowResponse>> started;
  for (int i = 0; i < 32; ++i) started.push_back(many.Start(StartOf("order-" + std::to_string(i))));
  many.Drain();
  const uint64_t commits = many.store().Stats().commits;
  EXPECT_TRUE(many.Commit());
  EXPECT_EQ(many.store().Stats().commits, commits + 1);
  for (const auto& s : started) EXPECT_TRUE(s->started());
}

// ---- commits that fail ----

class FailedCommitTest : public ReleaseTest, public ::testing::WithParamInterface<bool> {};

TEST_P(FailedCommitTest, IsFatalAndReleasesNothing) {
  const bool written = GetParam();
  auto before = server.Start(StartOf("before"));
  server.Settle();
  const size_t released = Released();
  storage::FaultPlan plan;
  plan.FailCommit(1);
  if (written) plan.AfterWriting();
  server.store().Inject(plan);
  auto started = server.Start(StartOf("order-1").RequestId("r1"));
  server.Drain();
  const int fatal = TestServer::fatal_commits();
  EXPECT_FALSE(server.Commit());
  EXPECT_EQ(TestServer::fatal_commits(), fatal + 1);
  EXPECT_FALSE(started.done());
  EXPECT_EQ(Released(), released);
  // A later commit fails too: the page cache cannot be trusted.
  server.Signal("before", "paid");
  server.Drain();
  EXPECT_FALSE(server.Commit());
  EXPECT_EQ(Released(), released);

  // The next process takes what the disk holds. The client asks again and gets one run either way.
  server.Crash();
  server.store().Inject(storage::FaultPlan());
  server.store().Reopen();
  server.Recover();
  auto again = server.Start(StartOf("order-1").RequestId("r1"));
  server.Settle();
  EXPECT_EQ(again->started(), !written);
  EXPECT_THAT(disk().Runs(), SizeIs(2));
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "before"));
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-1"));
}

INSTANTIATE_TEST_SUITE_P(Written, FailedCommitTest, ::testing::Bool());

// ---- a full disk ----

TEST_F(ReleaseTest, AFullDiskHoldsEverythingBackUntilThereIsRoom) {
  auto before = server.Start(StartOf("before"));
  server.Settle();
  const uint64_t used = server.store().Stats().disk_bytes;
  server.store().SetCapacity(used);
  auto started = server.Start(StartOf("order-1"));
  server.Drain();

  int tries = 0;
  bool seen_outside = false;
  server.store().Inject(storage::FaultPlan().OnCommit([&] {
    seen_outside |= started.done() || worker.Offered(Work::Kind::kActivation, "order-1");
    ++tries;
    if (tries == 3) {
      EXPECT_TRUE(server.committer().disk_full());
      server.store().SetCapacity(std::nullopt);
    }
  }));
  EXPECT_TRUE(server.Commit());
  EXPECT_EQ(tries, 3);
  EXPECT_FALSE(seen_outside);
  EXPECT_TRUE(started->started());
  EXPECT_FALSE(server.committer().disk_full());
  EXPECT_EQ(server.Metric("perdure_commit_full_disk_waits_total"), 2);
}

TEST_F(ReleaseTest, ACrashOnAFullDiskLosesOnlyWhatWasNotAnswered) {
  server.Start(StartOf("before"));
  server.Settle();
  server.store().SetCapacity(server.store().Stats().disk_bytes);
  auto started = server.Start(StartOf("order-1"));
  server.Drain();
  // The disk is full at the first try, and the process dies before the second: that one fails for good.
  int tries = 0;
  server.store().Inject(storage::FaultPlan().OnCommit([&] {
    if (++tries < 2) return;
    server.store().SetCapacity(std::nullopt);
    server.store().Inject(storage::FaultPlan().FailCommit(1));
  }));
  EXPECT_FALSE(server.Commit());
  EXPECT_FALSE(started.done());
  server.Crash();
  server.store().Inject(storage::FaultPlan());
  server.store().Reopen();
  server.Recover();
  server.Settle();
  EXPECT_THAT(disk().Runs(), SizeIs(1));
}

// The server is told to stop while its disk is full: nobody waits for ever.
TEST_F(ReleaseTest, StoppingOnAFullDiskTellsTheClients) {
  server.Start(StartOf("before"));
  server.Settle();
  const size_t released = Released();
  server.store().SetCapacity(server.store().Stats().disk_bytes);
  auto started = server.Start(StartOf("order-1"));
  auto described = server.Describe("before");
  auto watched = server.Watch("before");
  server.Drain();
  const int fatal = TestServer::fatal_commits();
  server.committer().GiveUpOnFullDisk();
  EXPECT_TRUE(server.Commit());
  EXPECT_TRUE(absl::IsUnavailable(started.status())) << started.status();
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("disk is full"));
  EXPECT_TRUE(absl::IsUnavailable(described.status()));
  EXPECT_TRUE(absl::IsUnavailable(watched->back().status()));

  // What builds on it is dropped too, though there would be room.
  server.store().SetCapacity(std::nullopt);
  auto after = server.Signal("order-1", "paid");
  server.Drain();
  server.Commit();
  EXPECT_TRUE(absl::IsUnavailable(after.status())) << after.status();
  EXPECT_EQ(Released(), released);
  EXPECT_EQ(TestServer::fatal_commits(), fatal);
  EXPECT_THAT(disk().Runs(), SizeIs(1));
}

}  // namespace
}  // namespace perdure::partition::testing
