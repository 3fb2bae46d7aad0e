// WatchWorkflow: a run's events as they become durable.
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A watching client; one thread.
class Watcher {
 public:
  Watcher(v1::WorkflowService::Stub& client, const std::string& workflow_id, int64_t from = 0) {
    context_.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::WatchWorkflowRequest request;
    request.mutable_execution()->set_workflow_id(workflow_id);
    request.set_from_event_id(from);
    reader_ = client.WatchWorkflow(&context_, request);
  }
  // Reads until `count` events are here in all.
  const std::vector<int64_t>& Read(size_t count) {
    v1::WatchWorkflowResponse page;
    while (events.size() < count && reader_->Read(&page)) {
      for (const v1::Event& event : page.events()) events.push_back(event.event_id());
      run_id = page.run_id();
    }
    return events;
  }
  grpc::Status Finish() {
    Read(SIZE_MAX);
    return reader_->Finish();
  }
  void Cancel() { context_.TryCancel(); }

  std::vector<int64_t> events;
  std::string run_id;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchWorkflowResponse>> reader_;
};

class WatchTest : public ServerTest {
 protected:
  double Waiters() { return server().Metrics()["perdure_partition_waiters"]; }
};

TEST_F(WatchTest, TellsWhatWasAndWhatComesAndEndsWithTheRun) {
  const std::string run_id = Start("order-1");
  ASSERT_TRUE(Signal("order-1", "one").ok());
  Watcher watcher(client(), "order-1");
  EXPECT_THAT(watcher.Read(2), ElementsAre(1, 2));
  EXPECT_EQ(watcher.run_id, run_id);
  ASSERT_TRUE(Signal("order-1", "two").ok());
  EXPECT_THAT(watcher.Read(3), ElementsAre(1, 2, 3));
  ASSERT_TRUE(Terminate("order-1").ok());
  EXPECT_TRUE(watcher.Finish().ok());
  EXPECT_THAT(watcher.events, ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(Eventually([&] { return Waiters() == 0; }));
}

TEST_F(WatchTest, BeginsWhereItIsAskedTo) {
  Start("order-1");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Signal("order-1", "s").ok());
  ASSERT_TRUE(Terminate("order-1").ok());
  Watcher watcher(client(), "order-1", 4);
  EXPECT_TRUE(watcher.Finish().ok());
  EXPECT_THAT(watcher.events, ElementsAre(4, 5));
  Watcher beyond(client(), "order-1", 1'000);
  EXPECT_TRUE(beyond.Finish().ok());
  EXPECT_THAT(beyond.events, IsEmpty());
}

TEST_F(WatchTest, OfAClosedRunEndsAfterItsHistory) {
  Start("order-1");
  ASSERT_TRUE(Terminate("order-1").ok());
  Watcher watcher(client(), "order-1");
  EXPECT_TRUE(watcher.Finish().ok());
  EXPECT_THAT(watcher.events, ElementsAre(1, 2));
}

TEST_F(WatchTest, OfNobodyIsNotFound) {
  Watcher watcher(client(), "nobody");
  EXPECT_EQ(watcher.Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Watcher(client(), "").Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(WatchTest, GoesThroughManyPages) {
  Start("order-1");
  for (int i = 0; i < 40; ++i) {
    grpc::ClientContext context;
    v1::SignalWorkflowRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    request.set_signal_name("large");
    request.mutable_input()->set_data(std::string(100'000, 'x'));
    v1::SignalWorkflowResponse response;
    ASSERT_TRUE(client().SignalWorkflow(&context, request, &response).ok());
  }
  ASSERT_TRUE(Terminate("order-1").ok());
  Watcher watcher(client(), "order-1");
  EXPECT_TRUE(watcher.Finish().ok());
  EXPECT_THAT(watcher.events, SizeIs(42));
  EXPECT_TRUE(std::is_sorted(watcher.events.begin(), watcher.events.end()));
}

TEST_F(WatchTest, ByManyAtOnceTellsEachOfThem) {
  Start("order-1");
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 20; ++i) watchers.push_back(std::make_unique<Watcher>(client(), "order-1"));
  EXPECT_TRUE(Eventually([&] { return Waiters() == 20; }));
  ASSERT_TRUE(Signal("order-1", "s").ok());
  ASSERT_TRUE(Terminate("order-1").ok());
  for (auto& watcher : watchers) {
    EXPECT_TRUE(watcher->Finish().ok());
    EXPECT_THAT(watcher->events, ElementsAre(1, 2, 3));
  }
}

TEST_F(WatchTest, IsForgottenWhenItsClientGoesAway) {
  Start("order-1");
  {
    Watcher watcher(client(), "order-1");
    EXPECT_THAT(watcher.Read(1), SizeIs(1));
    EXPECT_TRUE(Eventually([&] { return Waiters() == 1; }));
    watcher.Cancel();
    EXPECT_EQ(watcher.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(Eventually([&] { return Waiters() == 0; }));
}

// Not by its client, whom the partition hears of, but by the server itself.
TEST_F(WatchTest, IsForgottenWhenItFails) {
  Start("order-1");
  Watcher watcher(client(), "order-1");
  EXPECT_THAT(watcher.Read(1), SizeIs(1));
  EXPECT_TRUE(Eventually([&] { return Waiters() == 1; }));
  server().ring().pool().Stop();
  ASSERT_TRUE(Signal("order-1", "s").ok());
  EXPECT_EQ(watcher.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Eventually([&] { return Waiters() == 0; }));
}

TEST_F(WatchTest, SurvivesClientsThatComeAndGoWhileTheRunGoesOn) {
  Start("order-1");
  std::thread signals([&] {
    for (int i = 0; i < 200; ++i) Signal("order-1", "s");
  });
  for (int i = 0; i < 50; ++i) {
    Watcher watcher(client(), "order-1");
    watcher.Read(static_cast<size_t>(i % 3));
    watcher.Cancel();
    watcher.Finish();
  }
  signals.join();
  EXPECT_TRUE(Eventually([&] { return Waiters() == 0; }));
  ExpectWorks();
}

}  // namespace
}  // namespace perdure::api
