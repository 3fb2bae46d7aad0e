// Starts that wait for their outcome, and many starts in one call.
#include <thread>

#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

MATCHER_P2(Says, code, words, "") {
  *result_listener << arg.error_code() << ": " << arg.error_message();
  return arg.error_code() == code && arg.error_message().find(words) != std::string::npos;
}

class StartCallsTest : public ServerTest {
 protected:
  grpc::Status TryStart(const v1::StartWorkflowRequest& request, v1::StartWorkflowResponse* response) {
    grpc::ClientContext context;
    return client().StartWorkflow(&context, request, response);
  }
};

TEST_F(StartCallsTest, AStartThatWaitsAnswersWithTheOutcome) {
  RawWorker worker(channel(), WorkerHello("w").Workflows({"order"}));
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.set_request_id("abc");
  request.set_wait_ms(20'000);
  v1::StartWorkflowResponse response;
  std::thread start([&] { EXPECT_TRUE(TryStart(request, &response).ok()); });
  worker.Advance(worker.NextActivation(), {CompleteWith("done")});
  start.join();
  EXPECT_TRUE(response.started());
  EXPECT_EQ(response.outcome().status(), v1::RUN_STATUS_COMPLETED);
  EXPECT_EQ(response.outcome().result().data(), "done");
  EXPECT_EQ(response.outcome().run_id(), response.run_id());

  v1::StartWorkflowResponse again;
  ASSERT_TRUE(TryStart(request, &again).ok());
  EXPECT_FALSE(again.started());
  EXPECT_EQ(again.outcome().result().data(), "done") << "also for a client that lost the first answer";
}

TEST_F(StartCallsTest, AStartThatWaitsInVainHasStartedAllTheSame) {
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.set_wait_ms(1);
  v1::StartWorkflowResponse response;
  ASSERT_TRUE(TryStart(request, &response).ok());
  EXPECT_TRUE(response.started());
  EXPECT_EQ(response.outcome().status(), v1::RUN_STATUS_RUNNING);
  request.set_workflow_type("");
  EXPECT_THAT(TryStart(request, &response), Says(grpc::StatusCode::INVALID_ARGUMENT, "workflow_type"));
}

TEST_F(StartCallsTest, AStartThatCannotWaitHasStartedAllTheSame) {
  options.partition.waiters_max = 0;
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.set_wait_ms(20'000);
  v1::StartWorkflowResponse response;
  ASSERT_TRUE(TryStart(request, &response).ok());
  EXPECT_TRUE(response.started());
  EXPECT_EQ(response.outcome().status(), v1::RUN_STATUS_RUNNING);
  EXPECT_EQ(response.outcome().run_id(), response.run_id());
}

TEST_F(StartCallsTest, AStartThatWaitsForARunThatIsThereHearsOfThatOne) {
  const std::string run_id = Start("order-1");
  RawWorker worker(channel(), WorkerHello("w").Workflows({"order"}));
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.set_id_conflict_policy(v1::ID_CONFLICT_POLICY_USE_EXISTING);
  request.set_wait_ms(20'000);
  v1::StartWorkflowResponse response;
  std::thread start([&] { EXPECT_TRUE(TryStart(request, &response).ok()); });
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_partition_waiters"] == 1; }));
  worker.Advance(worker.NextActivation(), {CompleteWith("done")});
  start.join();
  EXPECT_FALSE(response.started());
  EXPECT_EQ(response.run_id(), run_id);
  EXPECT_EQ(response.outcome().result().data(), "done");
}

TEST_F(StartCallsTest, AServerThatStopsDoesNotWaitForStartsThatWait) {
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.set_wait_ms(60'000);
  grpc::Status status;
  // Made by this thread, before another one uses it.
  client();
  std::thread start([&] {
    v1::StartWorkflowResponse response;
    status = TryStart(request, &response);
  });
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_partition_waiters"] == 1; }));
  server().Stop(20'000);
  start.join();
  EXPECT_THAT(status, Says(grpc::StatusCode::UNAVAILABLE, "stopping"));
}

TEST_F(StartCallsTest, OnlyASingleStartWaits) {
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.set_wait_ms(-1);
  v1::StartWorkflowResponse response;
  EXPECT_THAT(TryStart(request, &response), Says(grpc::StatusCode::INVALID_ARGUMENT, "wait_ms"));
  request.set_wait_ms(10);
  v1::StartWorkflowsRequest many;
  *many.add_starts() = request;
  v1::StartWorkflowsResponse started;
  grpc::ClientContext context;
  ASSERT_TRUE(client().StartWorkflows(&context, many, &started).ok());
  EXPECT_EQ(started.results(0).code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(started.results(0).message(), HasSubstr("wait_ms is 10"));
  v1::SignalWithStartWorkflowRequest signal;
  *signal.mutable_start() = request;
  signal.set_signal_name("paid");
  v1::SignalWithStartWorkflowResponse signalled;
  grpc::ClientContext signal_context;
  EXPECT_THAT(client().SignalWithStartWorkflow(&signal_context, signal, &signalled),
              Says(grpc::StatusCode::INVALID_ARGUMENT, "start.wait_ms is 10"));
}

TEST_F(StartCallsTest, StartsOfOneIdInOneCallAreTakenInTheirOrder) {
  v1::StartWorkflowsRequest request;
  for (int i = 0; i < 3; ++i) *request.add_starts() = StartOf("order-1");
  request.mutable_starts(0)->set_request_id("a");
  request.mutable_starts(1)->set_request_id("a");
  request.mutable_starts(2)->set_request_id("b");
  v1::StartWorkflowsResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(client().StartWorkflows(&context, request, &response).ok());
  EXPECT_TRUE(response.results(0).response().started());
  EXPECT_EQ(response.results(1).response().run_id(), response.results(0).response().run_id());
  EXPECT_FALSE(response.results(1).response().started());
  EXPECT_EQ(response.results(2).code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(StartCallsTest, ManyStartsInOneCallSucceedAndFailEachForItself) {
  Start("order-3");
  v1::StartWorkflowsRequest request;
  for (int i = 0; i < 6; ++i) *request.add_starts() = StartOf("order-" + std::to_string(i));
  request.mutable_starts(4)->set_workflow_type("");
  v1::StartWorkflowsResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(client().StartWorkflows(&context, request, &response).ok());
  ASSERT_THAT(response.results(), SizeIs(6));
  for (const int i : {0, 1, 2, 5}) {
    EXPECT_EQ(response.results(i).code(), 0) << response.results(i).message();
    EXPECT_EQ(Describe("order-" + std::to_string(i)).summary().run_id(),
              response.results(i).response().run_id());
  }
  EXPECT_EQ(response.results(3).code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(response.results(4).code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(response.results(4).message(), HasSubstr("workflow_type"));
}

TEST_F(StartCallsTest, ManyStartsAreNotTooMany) {
  const auto call = [&](int starts) {
    v1::StartWorkflowsRequest request;
    for (int i = 0; i < starts; ++i) *request.add_starts() = StartOf("order-" + std::to_string(i));
    v1::StartWorkflowsResponse response;
    grpc::ClientContext context;
    const grpc::Status status = client().StartWorkflows(&context, request, &response);
    EXPECT_EQ(response.results_size(), status.ok() ? starts : 0);
    return status;
  };
  EXPECT_THAT(call(0), Says(grpc::StatusCode::INVALID_ARGUMENT, "starts is empty"));
  EXPECT_TRUE(call(1'000).ok());
  EXPECT_THAT(call(1'001), Says(grpc::StatusCode::INVALID_ARGUMENT, "starts_per_call_max is 1000"));
}

}  // namespace
}  // namespace perdure::api
