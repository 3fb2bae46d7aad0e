// Clients that wait for results, and those that watch.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

class WaitsTest : public PartitionTest {
 protected:
  int64_t Waiters() { return server.Metric("perdure_partition_waiters"); }
};

TEST_F(WaitsTest, AResultIsThereAtOnceForAClosedRun) {
  worker.StartAndPlay(StartOf("order-1"), {Complete("42")});
  auto in_memory = server.Result("order-1", 10'000);
  server.Settle();
  server.Restart();
  auto on_disk = server.Result("order-1", 10'000);
  server.Settle();
  for (const auto& result : {in_memory, on_disk}) {
    EXPECT_EQ(result->status(), v1::RUN_STATUS_COMPLETED);
    EXPECT_EQ(result->result().data(), "42");
    EXPECT_EQ(result->close_time_unix_ms(), kStartMs);
  }
  EXPECT_EQ(in_memory->DebugString(), on_disk->DebugString());
  EXPECT_EQ(Waiters(), 0);
}

TEST_F(WaitsTest, AClientThatDoesNotWaitIsToldThatTheRunGoesOn) {
  auto started = server.Start(StartOf("order-1"));
  auto result = server.Result("order-1", 0);
  server.Settle();
  EXPECT_EQ(result->status(), v1::RUN_STATUS_RUNNING);
  EXPECT_EQ(result->run_id(), started->run_id());
}

TEST_F(WaitsTest, AWaitEndsWhenTheRunCloses) {
  server.Start(StartOf("order-1"));
  auto result = server.Result("order-1", 60'000);
  server.Settle();
  EXPECT_EQ(Waiters(), 1);
  server.Advance(1'000);
  EXPECT_FALSE(result.done());
  worker.Play("order-1", {FailWith(Error("Broken", "no stock"))});
  EXPECT_EQ(result->status(), v1::RUN_STATUS_FAILED);
  EXPECT_EQ(result->failure().message(), "no stock");
  EXPECT_EQ(Waiters(), 0);
  server.Advance(60'000);
}

TEST_F(WaitsTest, AWaitExpires) {
  auto started = server.Start(StartOf("order-1"));
  auto result = server.Result("order-1", 1'000);
  auto longer = server.Result("order-1", 5'000);
  server.Settle();
  server.Advance(999);
  EXPECT_FALSE(result.done());
  server.Advance(1);
  EXPECT_EQ(result->status(), v1::RUN_STATUS_RUNNING);
  EXPECT_EQ(result->run_id(), started->run_id());
  EXPECT_FALSE(longer.done());
  EXPECT_EQ(Waiters(), 1);
}

TEST_F(WaitsTest, AWaiterIsForgotten) {
  server.Start(StartOf("order-1"));
  auto gone = server.Result("order-1", 60'000, false, "", 5);
  auto stays = server.Result("order-1", 60'000, false, "", 6);
  server.Settle();
  server.Forget(5);
  server.Settle();
  EXPECT_TRUE(absl::IsCancelled(gone.status())) << gone.status();
  EXPECT_EQ(Waiters(), 1);
  worker.Play("order-1", {Complete()});
  EXPECT_TRUE(stays.ok());
  server.Forget(6);
  server.Advance(60'000);
}

TEST_F(WaitsTest, AWaitIsForTheRunEvenIfThatIsNotInMemory) {
  StartSleeper("order-1", 10'000);
  server.Checkpoint();
  server.Restart();
  auto result = server.Result("order-1", 60'000);
  server.Settle();
  EXPECT_EQ(server.Metric("perdure_partition_cached_runs"), 0);
  server.Advance(10'000);
  worker.Play("order-1", {Complete("1")});
  EXPECT_EQ(result->result().data(), "1");
}

TEST_F(WaitsTest, WaitersAreBounded) {
  PartitionOptions options = TestOptions();
  options.waiters_max = 2;
  TestServer bounded(options);
  bounded.Start(StartOf("order-1"));
  auto one = bounded.Result("order-1", 1'000);
  auto two = bounded.Result("order-1", 1'000);
  auto three = bounded.Result("order-1", 1'000);
  auto watched = bounded.Watch("order-1");
  auto at_once = bounded.Result("order-1");
  bounded.Settle();
  EXPECT_FALSE(one.done() || two.done());
  EXPECT_TRUE(absl::IsResourceExhausted(three.status())) << three.status();
  EXPECT_THAT(std::string(three.status().message()), HasSubstr("waiters_max is 2"));
  EXPECT_TRUE(absl::IsResourceExhausted(watched->at(0).status()));
  EXPECT_TRUE(at_once.ok());
}

class RetriedRunTest : public WaitsTest {
 protected:
  void StartRetried() {
    first = server.Start(StartOf("order-1").RequestId("r1").Retry(Policy().Initial(1'000).MaxAttempts(3)));
    server.Settle();
  }
  // Fails the run that is open, and waits for the one that follows.
  void FailOne() {
    worker.Play("order-1", {FailWith(Error("Broken"))});
    server.Advance(4'000);
  }
  Answer<v1::StartWorkflowResponse> first;
};

TEST_F(RetriedRunTest, AWaitFollowsTheRunsIfAskedTo) {
  StartRetried();
  auto first_only = server.Result("order-1", 60'000, false);
  auto followed = server.Result("order-1", 60'000, true);
  server.Settle();
  FailOne();
  EXPECT_EQ(first_only->status(), v1::RUN_STATUS_FAILED);
  EXPECT_EQ(first_only->run_id(), first->run_id());
  FailOne();
  EXPECT_FALSE(followed.done());
  worker.Play("order-1", {Complete("3")});
  EXPECT_EQ(followed->status(), v1::RUN_STATUS_COMPLETED);
  EXPECT_NE(followed->run_id(), first->run_id());
  EXPECT_EQ(Waiters(), 0);
}

TEST_F(RetriedRunTest, AWaitThatFollowsStillExpires) {
  StartRetried();
  auto followed = server.Result("order-1", 10'000, true);
  server.Settle();
  FailOne();
  EXPECT_FALSE(followed.done());
  server.Advance(10'000);
  EXPECT_EQ(followed->status(), v1::RUN_STATUS_RUNNING);
  EXPECT_EQ(followed->run_id(), disk().IdRow("order-1")->run_id());
}

TEST_F(RetriedRunTest, TheRunsThatFollowAreFoundFromTheFirstOnesId) {
  StartRetried();
  FailOne();
  worker.Play("order-1", {Complete("2")});
  for (int round = 0; round < 3; ++round) {
    auto followed = server.Result("order-1", 0, true, first->run_id());
    auto alone = server.Result("order-1", 0, false, first->run_id());
    server.Settle();
    EXPECT_EQ(followed->result().data(), "2") << "round " << round;
    EXPECT_EQ(alone->status(), v1::RUN_STATUS_FAILED);
    if (round == 0) server.Restart();
    // Then once more with the closed run loaded.
    server.Describe("order-1", first->run_id());
    server.Settle();
  }
}

TEST_F(RetriedRunTest, TheFollowingRunIsStartedInTheCommitThatClosesTheFirst) {
  StartRetried();
  const v1::Activation activation = worker.TakeActivation("order-1");
  server.Settle();
  worker.Advance(activation, {FailWith(Error("Broken"))});
  server.Drain();
  server.Restart();
  server.Settle();
  // Neither: the run is still open.
  EXPECT_THAT(disk().Runs(), SizeIs(1));
  worker.Play("order-1", {FailWith(Error("Broken"))});
  ASSERT_THAT(disk().Runs(), SizeIs(2));
  EXPECT_EQ(disk().ListRow(1)->next_run_id(), disk().IdRow("order-1")->run_id());
  EXPECT_EQ(disk().ListRow(2)->attempt(), 2);
  server.Restart();
  server.Advance(1'200);
  EXPECT_TRUE(worker.Offered(Work::Kind::kActivation, "order-1"));
}

TEST_F(WaitsTest, AWatcherHearsOfEachCommitUntilTheRunIsClosed) {
  server.Start(StartOf("order-1"));
  server.Settle();
  auto told = server.Watch("order-1");
  server.Settle();
  ASSERT_THAT(*told, SizeIs(1));
  EXPECT_EQ(told->at(0)->last_event_id, 1);
  EXPECT_FALSE(told->at(0)->closed);
  server.Signal("order-1", "paid");
  server.Settle();
  ASSERT_THAT(*told, SizeIs(2));
  EXPECT_EQ(told->at(1)->last_event_id, 2);
  server.Describe("order-1");
  server.Settle();
  EXPECT_THAT(*told, SizeIs(2));
  worker.Play("order-1", {});
  worker.Play("order-1", {Complete()});
  ASSERT_THAT(*told, SizeIs(4));
  EXPECT_EQ(told->at(3)->last_event_id, 4);
  EXPECT_TRUE(told->at(3)->closed);
  EXPECT_EQ(Waiters(), 0);
}

TEST_F(WaitsTest, AWatcherOfAClosedRunHearsOnce) {
  worker.StartAndPlay(StartOf("order-1"), {Complete()});
  server.Restart();
  auto told = server.Watch("order-1");
  server.Settle();
  ASSERT_THAT(*told, SizeIs(1));
  EXPECT_EQ(told->at(0)->last_event_id, 2);
  EXPECT_TRUE(told->at(0)->closed);
  EXPECT_EQ(Waiters(), 0);
}

TEST_F(WaitsTest, AWatcherIsForgotten) {
  server.Start(StartOf("order-1"));
  auto told = server.Watch("order-1", 9);
  server.Settle();
  server.Forget(9);
  server.Signal("order-1", "paid");
  server.Settle();
  EXPECT_THAT(*told, SizeIs(1));
  EXPECT_EQ(Waiters(), 0);
}

TEST_F(WaitsTest, AStoppingServerEndsAllWaits) {
  server.Start(StartOf("order-1"));
  auto result = server.Result("order-1", 60'000);
  auto told = server.Watch("order-1");
  server.Settle();
  server.Put(EndWaits{});
  server.Settle();
  EXPECT_TRUE(absl::IsUnavailable(result.status())) << result.status();
  ASSERT_THAT(*told, SizeIs(2));
  EXPECT_TRUE(absl::IsUnavailable(told->at(1).status()));
  EXPECT_EQ(Waiters(), 0);
  server.Advance(60'000);
  worker.Play("order-1", {Complete()});
  EXPECT_THAT(*told, SizeIs(2));
}

// Workflow code that blocks its thread on a stream that is well.
TEST_F(WaitsTest, AnActivationThatIsNeverAnsweredGoesToAnother) {
  server.Start(StartOf("order-1"));
  server.Settle();
  const v1::Activation stuck = worker.TakeActivation("order-1");
  server.Settle();
  server.Advance(server.options().limits.activation_timeout_ms - 1);
  EXPECT_FALSE(worker.Offered(Work::Kind::kActivation, "order-1"));
  for (int i = 0; i < 60 && !worker.Offered(Work::Kind::kActivation, "order-1"); ++i) server.Advance(1'000);
  const v1::Activation next = worker.TakeActivation("order-1");
  EXPECT_EQ(next.token().attempt(), 2);
  const uint64_t late = worker.Advance(stuck, {Complete("1")});
  server.Settle();
  EXPECT_TRUE(worker.Acked(late));
  auto described = server.Describe("order-1");
  server.Settle();
  EXPECT_EQ(described->summary().status(), v1::RUN_STATUS_RUNNING);
  EXPECT_THAT(described->pending_activation().last_failure().message(), HasSubstr("activation_timeout"));
}

}  // namespace
}  // namespace perdure::partition::testing
