// The server stops with calls and streams open: in bounded time, and everybody hears UNAVAILABLE.
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::HasSubstr;

class ShutdownTest : public ServerTest {
 protected:
  // Stops the server; how long that took.
  std::chrono::milliseconds StopIn(int64_t grace_ms) {
    const auto begin = std::chrono::steady_clock::now();
    server().Stop(grace_ms);
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  }
};

TEST_F(ShutdownTest, EndsWorkerStreams) {
  RawWorker worker(channel(), WorkerHello("w").Workflows({"order"}));
  RawWorker silent(channel());
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_api_worker_streams"] == 2; }));
  EXPECT_LT(StopIn(200), kPatience);
  const grpc::Status status = worker.WaitForEnd();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("stopping"));
  EXPECT_EQ(silent.WaitForEnd().error_code(), grpc::StatusCode::UNAVAILABLE) << "one that never said hello";
}

TEST_F(ShutdownTest, EndsPollsAndWatches) {
  Start("order-1");
  grpc::Status poll;
  grpc::Status watch;
  std::thread poller([&] {
    grpc::ClientContext context;
    v1::GetResultRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    request.set_wait_ms(60'000);
    v1::GetResultResponse response;
    poll = client().GetResult(&context, request, &response);
  });
  std::thread watcher([&] {
    grpc::ClientContext context;
    v1::WatchWorkflowRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    auto reader = client().WatchWorkflow(&context, request);
    v1::WatchWorkflowResponse page;
    while (reader->Read(&page)) {
    }
    watch = reader->Finish();
  });
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_partition_waiters"] == 2; }));
  EXPECT_LT(StopIn(10'000), std::chrono::seconds(8))
      << "it waited for the grace, though there was nothing to wait for";
  poller.join();
  watcher.join();
  EXPECT_EQ(poll.error_code(), grpc::StatusCode::UNAVAILABLE) << poll.error_message();
  EXPECT_EQ(watch.error_code(), grpc::StatusCode::UNAVAILABLE) << watch.error_message();
}

TEST_F(ShutdownTest, RefusesNewWorkWhileItDrains) {
  Start("order-1");
  server().ring().BeginDrain();
  grpc::ClientContext context;
  v1::StartWorkflowResponse response;
  const grpc::Status start = client().StartWorkflow(&context, StartOf("order-2"), &response);
  EXPECT_EQ(start.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(start.error_message(), HasSubstr("request_id"));
  EXPECT_EQ(Signal("order-1", "s").error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext result_context;
  v1::GetResultRequest result;
  result.mutable_execution()->set_workflow_id("order-1");
  result.set_wait_ms(60'000);
  v1::GetResultResponse outcome;
  EXPECT_EQ(client().GetResult(&result_context, result, &outcome).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext watch_context;
  v1::WatchWorkflowRequest watch;
  watch.mutable_execution()->set_workflow_id("order-1");
  EXPECT_EQ(client().WatchWorkflow(&watch_context, watch)->Finish().error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Describe("order-1").summary().workflow_id(), "order-1") << "reading goes on";
}

TEST_F(ShutdownTest, NobodyGetsInAfterwards) {
  Start("order-1");
  StopIn(100);
  grpc::ClientContext context;
  v1::StartWorkflowResponse response;
  EXPECT_EQ(client().StartWorkflow(&context, StartOf("order-2"), &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

// Whatever was going on, over and over.
TEST_F(ShutdownTest, InTheMiddleOfEverything) {
  for (int round = 0; round < 5; ++round) {
    auto server = std::make_unique<TestServer>(options);
    auto to_server = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
    auto stub = v1::WorkflowService::NewStub(to_server);
    std::atomic<bool> stop{false};
    std::atomic<int> started{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; !stop; ++i) {
          grpc::ClientContext context;
          v1::StartWorkflowResponse response;
          stub->StartWorkflow(&context, StartOf(std::to_string(t) + "-" + std::to_string(i)), &response);
          ++started;
        }
      });
      threads.emplace_back([&, t] {
        while (!stop) {
          grpc::ClientContext context;
          v1::WatchWorkflowRequest request;
          request.mutable_execution()->set_workflow_id(std::to_string(t) + "-0");
          auto reader = stub->WatchWorkflow(&context, request);
          v1::WatchWorkflowResponse page;
          reader->Read(&page);
          context.TryCancel();
          reader->Finish();
        }
      });
    }
    threads.emplace_back([&] {
      while (!stop) {
        RawWorker worker(to_server);
        if (!worker.WriteHello(WorkerHello("w").Workflows({"order"}))) continue;
        v1::ServerFrame frame;
        for (int n = 0; n < 3 && !stop && worker.Read(&frame); ++n) {
        }
      }
    });
    EXPECT_TRUE(Eventually([&] { return started > 20; }));
    const auto begin = std::chrono::steady_clock::now();
    server->Stop(500);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience);
    stop = true;
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace perdure::api
