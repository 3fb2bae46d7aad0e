// What clients send to runs that are there, closed, unknown, or not in memory.
#include "tests/unit/partition/fixture.h"

namespace perdure::partition::testing {
namespace {

using ClientsTest = PartitionTest;

TEST_F(ClientsTest, UnknownWorkflowsAndRunsAreNotFound) {
  server.Start(StartOf("order-1"));
  server.Settle();
  const std::string other_run = MakeRunId(77, 1, 2);
  auto signal = server.Signal("nobody", "paid");
  auto signal_run = server.Signal("order-1", "paid", "", other_run);
  auto signal_garbage = server.Signal("order-1", "paid", "", "not a run id");
  auto cancel = server.Cancel("nobody");
  auto terminate = server.Terminate("nobody");
  auto describe = server.Describe("nobody");
  auto result = server.Result("nobody", 1'000);
  auto watch = server.Watch("nobody");
  server.Settle();
  for (const absl::Status& status :
       {signal.status(), signal_run.status(), signal_garbage.status(), cancel.status(), terminate.status(),
        describe.status(), result.status(), watch->at(0).status()}) {
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
  }
}

TEST_F(ClientsTest, ARunIsNotFoundUnderAnotherWorkflowId) {
  auto one = server.Start(StartOf("order-1"));
  server.Start(StartOf("order-2"));
  server.Settle();
  auto in_memory = server.Describe("order-2", one->run_id());
  server.Settle();
  EXPECT_TRUE(absl::IsNotFound(in_memory.status())) << in_memory.status();
  worker.Play("order-1", {Complete()});
  server.Restart();
  auto on_disk = server.Describe("order-2", one->run_id());
  server.Settle();
  EXPECT_TRUE(absl::IsNotFound(on_disk.status())) << on_disk.status();
}

TEST_F(ClientsTest, ClosedRunsRefuseSignalsCancelsAndTerminations) {
  worker.StartAndPlay(StartOf("order-1"), {Complete()});
  for (const bool reload : {false, true}) {
    if (reload) server.Restart();
    auto signal = server.Signal("order-1", "paid");
    auto cancel = server.Cancel("order-1");
    auto terminate = server.Terminate("order-1");
    server.Settle();
    for (const absl::Status& status : {signal.status(), cancel.status(), terminate.status()}) {
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    }
  }
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started", "advanced"));
}

TEST_F(ClientsTest, RepeatedRequestsChangeNothingAndSucceedEvenOnceTheRunIsClosed) {
  server.Start(StartOf("order-1"));
  server.Signal("order-1", "paid", "s1");
  server.Cancel("order-1", "c1");
  server.Settle();
  server.Restart();
  auto signal = server.Signal("order-1", "paid", "s1");
  auto cancel = server.Cancel("order-1", "c1");
  auto terminate = server.Terminate("order-1", "t1");
  server.Settle();
  server.Restart();
  auto signal_closed = server.Signal("order-1", "paid", "s1");
  auto terminate_closed = server.Terminate("order-1", "t1");
  server.Settle();
  EXPECT_TRUE(signal.ok() && cancel.ok() && terminate.ok());
  EXPECT_TRUE(signal_closed.ok()) << signal_closed.status();
  EXPECT_TRUE(terminate_closed.ok()) << terminate_closed.status();
  EXPECT_THAT(Kinds("order-1"),
              ElementsAre("run_started", "signal_received", "cancel_requested", "run_terminated"));
}

TEST_F(ClientsTest, SignalsReachTheRunTheyName) {
  auto first = server.Start(StartOf("order-1"));
  server.Settle();
  server.Start(StartOf("order-1").Conflict(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING));
  server.Settle();
  auto to_the_old_one = server.Signal("order-1", "paid", "", first->run_id());
  auto to_the_latest = server.Signal("order-1", "paid");
  server.Settle();
  EXPECT_TRUE(absl::IsFailedPrecondition(to_the_old_one.status())) << to_the_old_one.status();
  EXPECT_TRUE(to_the_latest.ok());
  EXPECT_THAT(Kinds("order-1"), ElementsAre("run_started", "signal_received"));
}

TEST_F(ClientsTest, DescribeSaysTheSameOfARunThatHadToBeLoaded) {
  worker.StartAndPlay(StartOf("order-1"), {Timer(3'600'000, "nap"), Timer(7'200'000)});
  server.Signal("order-1", "paid", "s1");
  server.Settle();
  worker.Play("order-1", {});
  server.Checkpoint();
  auto in_memory = server.Describe("order-1");
  server.Settle();
  server.Restart();
  ASSERT_EQ(server.Metric("perdure_partition_cached_runs"), 0);
  auto loaded = server.Describe("order-1");
  server.Settle();
  EXPECT_EQ(server.Metric("perdure_partition_loads_total"), 1);
  EXPECT_EQ(loaded->DebugString(), in_memory->DebugString());
  EXPECT_EQ(loaded->pending_timers(0).name(), "nap");
  EXPECT_EQ(loaded->summary().history_events(), 4);
}

TEST_F(ClientsTest, DescribesAClosedRunFromDisk) {
  worker.StartAndPlay(StartOf("order-1"), {Complete("42")});
  server.Restart();
  auto described = server.Describe("order-1");
  server.Settle();
  EXPECT_EQ(described->summary().status(), v1::RUN_STATUS_COMPLETED);
  EXPECT_EQ(described->result().data(), "42");
}

TEST_F(ClientsTest, NamespacesAreApart) {
  auto ours = server.Start(StartOf("order-1"));
  auto theirs = server.Start(StartOf("order-1").Namespace("other"));
  server.Settle();
  EXPECT_TRUE(ours->started());
  EXPECT_TRUE(theirs->started());
  EXPECT_NE(ours->run_id(), theirs->run_id());
  server.Terminate("order-1");
  server.Settle();
  v1::DescribeWorkflowRequest request;
  request.set_namespace_("other");
  *request.mutable_execution() = Execution("order-1");
  Answer<v1::DescribeWorkflowResponse> described;
  server.Put(DescribeRequest{request, described.reply()});
  server.Settle();
  EXPECT_EQ(described->summary().status(), v1::RUN_STATUS_RUNNING);
}

}  // namespace
}  // namespace perdure::partition::testing
