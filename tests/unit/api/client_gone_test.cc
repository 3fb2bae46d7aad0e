// Clients that go away in the middle: what waited for them is forgotten.
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::SizeIs;

class ClientGoneTest : public ServerTest {
 protected:
  double Metric(const std::string& name) { return server().Metrics()[name]; }

  // Holds up the next commit until GoOn.
  class HeldCommit {
   public:
    explicit HeldCommit(TestServer& server) {
      server.store().Inject(storage::FaultPlan().OnCommit([this] {
        std::unique_lock lock(mu_);
        arrived_ = true;
        cv_.notify_all();
        cv_.wait(lock, [this] { return go_on_; });
      }));
    }
    void AwaitCommit() {
      std::unique_lock lock(mu_);
      cv_.wait(lock, [this] { return arrived_; });
    }
    void GoOn() {
      std::lock_guard lock(mu_);
      go_on_ = true;
      cv_.notify_all();
    }

   private:
    std::mutex mu_;
    std::condition_variable cv_;
    bool arrived_ = false;
    bool go_on_ = false;
  };

  // A GetResult that waits, on a thread of its own.
  class Poll {
   public:
    Poll(v1::WorkflowService::Stub& client, const std::string& workflow_id) {
      thread_ = std::thread([this, &client, workflow_id] {
        v1::GetResultRequest request;
        request.mutable_execution()->set_workflow_id(workflow_id);
        request.set_wait_ms(60'000);
        v1::GetResultResponse response;
        status = client.GetResult(&context_, request, &response);
      });
    }
    ~Poll() { Join(); }
    void Cancel() { context_.TryCancel(); }
    void Join() {
      if (thread_.joinable()) thread_.join();
    }
    grpc::Status status;

   private:
    grpc::ClientContext context_;
    std::thread thread_;
  };
};

TEST_F(ClientGoneTest, GetResultIsForgotten) {
  Start("order-1");
  Poll poll(client(), "order-1");
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_partition_waiters") == 1; }));
  poll.Cancel();
  poll.Join();
  EXPECT_EQ(poll.status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_partition_waiters") == 0; }));
  ASSERT_TRUE(Terminate("order-1").ok());
}

TEST_F(ClientGoneTest, AResultThatComesAsItsClientGoesIsOnlyLost) {
  for (int i = 0; i < 30; ++i) {
    const std::string id = "order-" + std::to_string(i);
    Start(id);
    Poll poll(client(), id);
    std::thread terminator([&] { EXPECT_TRUE(Terminate(id).ok()); });
    poll.Cancel();
    terminator.join();
  }
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_partition_waiters") == 0; }));
  ExpectWorks();
}

TEST_F(ClientGoneTest, AStartGoesOnWithoutItsClient) {
  Start("warm-up");
  HeldCommit held(server());
  grpc::ClientContext context;
  std::thread starter([&] {
    v1::StartWorkflowResponse response;
    EXPECT_EQ(client().StartWorkflow(&context, StartOf("order-1"), &response).error_code(),
              grpc::StatusCode::CANCELLED);
  });
  held.AwaitCommit();
  context.TryCancel();
  starter.join();
  held.GoOn();
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_partition_runs_started_total") == 2; }));
  EXPECT_EQ(Describe("order-1").summary().workflow_id(), "order-1");
  server().store().Inject(storage::FaultPlan());
}

TEST_F(ClientGoneTest, AStartThatWaitsIsForgottenAlsoWhileItIsCommitted) {
  Start("warm-up");
  HeldCommit held(server());
  grpc::ClientContext context;
  std::thread starter([&] {
    v1::StartWorkflowRequest request = StartOf("order-1");
    request.set_wait_ms(60'000);
    v1::StartWorkflowResponse response;
    EXPECT_EQ(client().StartWorkflow(&context, request, &response).error_code(), grpc::StatusCode::CANCELLED);
  });
  held.AwaitCommit();
  context.TryCancel();
  starter.join();
  held.GoOn();
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_partition_runs_started_total") == 2; }));
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_partition_waiters") == 0; }));
  ExpectWorks();
  server().store().Inject(storage::FaultPlan());
}

TEST_F(ClientGoneTest, AWorkersStreamIsLostAndItsWorkReturned) {
  options.dispatch.reconnect_grace_ms = 50;
  Start("order-1");
  {
    RawWorker worker(channel(), WorkerHello("gone").Workflows({"order"}));
    worker.NextActivation();
    EXPECT_EQ(Metric("perdure_api_worker_streams"), 1);
  }
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_api_worker_streams") == 0; }));
  EXPECT_TRUE(Eventually([&] { return Metric("perdure_dispatch_sessions_lost_total") == 1; }));
  RawWorker other(channel(), WorkerHello("other").Workflows({"order"}));
  other.Advance(other.NextActivation(), {CompleteWith("done")});
  EXPECT_EQ(Result("order-1").result().data(), "done");
}

TEST_F(ClientGoneTest, StreamsThatComeAndGoInTheMiddleOfWorkLoseNothing) {
  options.dispatch.reconnect_grace_ms = 30;
  for (int i = 0; i < 20; ++i) Start("order-" + std::to_string(i));
  for (int i = 0; i < 30; ++i) {
    RawWorker worker(channel(), WorkerHello("flaky").Workflows({"order"}));
    if (i % 3 == 0) worker.NextActivation();
    if (i % 3 == 1) worker.Cancel();
  }
  RawWorker steady(channel(), WorkerHello("steady").Workflows({"order"}));
  for (int done = 0; done < 20; ++done) steady.Advance(steady.NextActivation(), {CompleteWith("done")});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Result("order-" + std::to_string(i)).result().data(), "done");
}

}  // namespace
}  // namespace perdure::api
