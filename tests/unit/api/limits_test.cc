// What the API refuses to keep the server alive, and what it says then.
#include <latch>
#include <mutex>

#include "server/base/log.h"
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

MATCHER_P2(Says, code, words, "") {
  *result_listener << arg.error_code() << ": " << arg.error_message();
  return arg.error_code() == code && arg.error_message().find(words) != std::string::npos;
}

class LimitsTest : public ServerTest {
 protected:
  grpc::Status TryDescribe() {
    grpc::ClientContext context;
    v1::DescribeWorkflowRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    v1::DescribeWorkflowResponse response;
    return client().DescribeWorkflow(&context, request, &response);
  }
  grpc::Status TryResult() {
    grpc::ClientContext context;
    v1::GetResultRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    v1::GetResultResponse response;
    return client().GetResult(&context, request, &response);
  }
  grpc::Status TryWatch() {
    grpc::ClientContext context;
    v1::WatchWorkflowRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    auto reader = client().WatchWorkflow(&context, request);
    v1::WatchWorkflowResponse page;
    while (reader->Read(&page)) {
    }
    return reader->Finish();
  }
  grpc::Status TryCount() {
    grpc::ClientContext context;
    v1::CountWorkflowsResponse response;
    return client().CountWorkflows(&context, {}, &response);
  }
  grpc::Status TryHistory(int32_t page_size, v1::GetHistoryResponse* response) {
    grpc::ClientContext context;
    v1::GetHistoryRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    request.set_page_size(page_size);
    return client().GetHistory(&context, request, response);
  }
};

// ---- requests ----

TEST_F(LimitsTest, ARequestPastWhatCanBeValidIsNotParsed) {
  options.limits.payload_bytes_max = 10'000;
  options.limits.memo_bytes_max = 1'000;
  grpc::ClientContext context;
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.mutable_input()->set_data(std::string(2 << 20, 'x'));
  v1::StartWorkflowResponse response;
  EXPECT_THAT(client().StartWorkflow(&context, request, &response),
              Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "payload_bytes_max"));
  ExpectWorks();
}

TEST_F(LimitsTest, ARequestOfVeryManyEntriesIsNotParsed) {
  grpc::ClientContext context;
  v1::StartWorkflowRequest request = StartOf("order-1");
  for (int i = 0; i < 1'000'000; ++i) request.mutable_retry_policy()->add_non_retryable_types("");
  v1::StartWorkflowResponse response;
  EXPECT_THAT(client().StartWorkflow(&context, request, &response),
              Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "entries"));
  grpc::ClientContext watch_context;
  v1::WatchWorkflowRequest watch;
  for (int i = 0; i < 1'000'000; ++i) {
    watch.GetReflection()->MutableUnknownFields(&watch)->AddVarint(1'000, 1);
  }
  EXPECT_THAT(client().WatchWorkflow(&watch_context, watch)->Finish(),
              Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "entries"));
  ExpectWorks();
}

TEST_F(LimitsTest, ABatchOfVeryManyStartsIsNotParsed) {
  v1::StartWorkflowsRequest request;
  for (int i = 0; i < 1'000'000; ++i) request.add_starts();
  v1::StartWorkflowsResponse response;
  grpc::ClientContext context;
  EXPECT_THAT(client().StartWorkflows(&context, request, &response),
              Says(grpc::StatusCode::INVALID_ARGUMENT, "2000 starts"));
  request.clear_starts();
  for (int i = 0; i < 200'000; ++i) {
    if (i % 1'000 == 0) *request.add_starts() = StartOf("order-" + std::to_string(i));
    request.mutable_starts(i / 1'000)->mutable_retry_policy()->add_non_retryable_types("");
  }
  grpc::ClientContext inside;
  EXPECT_THAT(client().StartWorkflows(&inside, request, &response),
              Says(grpc::StatusCode::INVALID_ARGUMENT, "entries in all their lists"));
  ExpectWorks();
}

TEST_F(LimitsTest, ABatchDoesNotPassTheMailboxsLimit) {
  options.mailbox_items_max = 10;
  options.partitions = 1;
  v1::StartWorkflowsRequest request;
  for (int i = 0; i < 100; ++i) *request.add_starts() = StartOf("order-" + std::to_string(i));
  v1::StartWorkflowsResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(client().StartWorkflows(&context, request, &response).ok());
  int started = 0;
  for (const auto& result : response.results()) started += result.code() == 0;
  EXPECT_EQ(started, 11);
  EXPECT_EQ(response.results(99).code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(response.results(99).message(), HasSubstr("mailbox_items_max"));
  EXPECT_EQ(server().Metrics()["perdure_api_refused_starts_total"], 89);
}

// The largest of all that Validate lets pass.
TEST_F(LimitsTest, TheLargestValidRequestGetsThrough) {
  v1::SignalWithStartWorkflowRequest request;
  v1::StartWorkflowRequest& start = *request.mutable_start();
  start = StartOf("order-1");
  const ApiLimits& limits = options.limits;
  start.mutable_input()->set_data(std::string(static_cast<size_t>(limits.payload_bytes_max), 'x'));
  request.mutable_signal_input()->set_data(std::string(static_cast<size_t>(limits.payload_bytes_max), 'x'));
  request.set_signal_name("paid");
  for (int64_t i = 0; i < limits.memo_entries_max; ++i) {
    v1::Payload& value = (*start.mutable_memo())[std::to_string(100 + i)];
    value.set_data(std::string(1'000, 'm'));
    value.set_encoding(std::string(64, 'e'));
    value.set_type(std::string(1'000, 't'));
  }
  for (int64_t i = 0; i < limits.non_retryable_types_max; ++i) {
    start.mutable_retry_policy()->add_non_retryable_types(std::string(256, 'n'));
  }
  grpc::ClientContext context;
  v1::SignalWithStartWorkflowResponse response;
  const grpc::Status status = client().SignalWithStartWorkflow(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(LimitsTest, SmallBuffersDoNotStopLargeMessages) {
  options.grpc_memory_bytes_max = 16 << 20;
  for (int i = 0; i < 8; ++i) {
    grpc::ClientContext context;
    v1::StartWorkflowRequest request = StartOf("order-" + std::to_string(i));
    request.mutable_input()->set_data(std::string(4 << 20, 'x'));
    v1::StartWorkflowResponse response;
    const grpc::Status status = client().StartWorkflow(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
}

// ---- reads ----

TEST_F(LimitsTest, AFullMailboxRefusesReads) {
  options.mailbox_items_max = -1;
  EXPECT_THAT(TryDescribe(), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "mailbox_items_max (-1)"));
  EXPECT_THAT(TryResult(), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "mailbox_items_max (-1)"));
  EXPECT_THAT(TryWatch(), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "mailbox_items_max (-1)"));
  EXPECT_TRUE(TryCount().ok()) << "it does not go through a mailbox";
}

TEST_F(LimitsTest, TooManyReadsNameTheirLimit) {
  options.reads_waiting_max = 0;
  Start("order-1");
  EXPECT_THAT(TryCount(), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "reads_waiting_max (0)"));
  EXPECT_THAT(TryWatch(), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "reads_waiting_max (0)"));
}

TEST_F(LimitsTest, TooManyWatchersAreRefusedUntilOneLeaves) {
  options.limits.watchers_max = 1;
  Start("order-1");
  {
    grpc::ClientContext context;
    v1::WatchWorkflowRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    auto first = client().WatchWorkflow(&context, request);
    v1::WatchWorkflowResponse page;
    ASSERT_TRUE(first->Read(&page));
    EXPECT_THAT(TryWatch(), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "watchers_max is 1"));
    EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_api_watchers"] == 1; }));
    context.TryCancel();
    first->Finish();
  }
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_api_watchers"] == 0; }));
  ASSERT_TRUE(Terminate("order-1").ok());
  EXPECT_TRUE(TryWatch().ok());
}

TEST_F(LimitsTest, PagesOfHistoriesAndListsHaveLimitsOfTheirOwn) {
  options.limits.history_page_size_max = 3;
  options.limits.page_size_max = 2;
  Start("order-1");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Signal("order-1", "s").ok());
  v1::GetHistoryResponse history;
  EXPECT_THAT(TryHistory(4, &history),
              Says(grpc::StatusCode::INVALID_ARGUMENT, "from 0 to history_page_size_max, 3"));
  ASSERT_TRUE(TryHistory(3, &history).ok());
  EXPECT_THAT(history.events(), SizeIs(3));
  ASSERT_TRUE(TryHistory(0, &history).ok());
  EXPECT_THAT(history.events(), SizeIs(3)) << "the default keeps to the limit";
  for (int i = 2; i < 5; ++i) Start("order-" + std::to_string(i));
  grpc::ClientContext context;
  v1::ListWorkflowsResponse list;
  ASSERT_TRUE(client().ListWorkflows(&context, {}, &list).ok());
  EXPECT_THAT(list.workflows(), SizeIs(2));
}

// Every reader of clients is busy, as with one dashboard that counts a million runs.
TEST_F(LimitsTest, ClientsThatReadDoNotHoldUpWorkersThatReplay) {
  options.dispatch.reconnect_grace_ms = 30;
  Start("order-1");
  {
    RawWorker first(channel(), WorkerHello("first").Workflows({"order"}));
    first.WaitForAck(first.Advance(first.NextActivation(), {StartTimerOf(1, 3'600'000)}));
  }
  ASSERT_TRUE(Signal("order-1", "s").ok());
  // Those that wait in the pool look at it when the test is over.
  const auto counted = std::make_shared<std::latch>(1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(server().ring().pool().Submit([counted] { counted->wait(); }));
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_api_reads_waiting"] == 8; }));
  RawWorker second(channel(), WorkerHello("second").Workflows({"order"}));
  const v1::Activation activation = second.NextActivation();
  v1::WorkerFrame request;
  *request.add_history_requests()->mutable_token() = activation.token();
  ASSERT_TRUE(second.Write(request));
  bool last = false;
  v1::ServerFrame frame;
  while (!last && second.Read(&frame)) {
    for (const v1::HistoryChunk& chunk : frame.history_chunks()) last = chunk.last();
  }
  EXPECT_TRUE(last) << "the replay waited for the clients";
  counted->count_down();
}

// ---- what people see ----

TEST_F(LimitsTest, AFullDiskIsSeen) {
  options.partition.full_disk_retry_ms = 10;
  const auto state = [&] {
    grpc::ClientContext context;
    v1::GetServerInfoResponse info;
    EXPECT_TRUE(client().GetServerInfo(&context, {}, &info).ok());
    return info.state();
  };
  Start("order-1");
  EXPECT_EQ(state(), "ready");
  EXPECT_EQ(server().Metrics()["perdure_api_disk_full"], 0);
  server().store().SetCapacity(1);
  std::thread waiter([&] { EXPECT_TRUE(Signal("order-1", "early").ok()); });
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_api_disk_full"] == 1; }));
  EXPECT_EQ(state(), "disk full");
  server().store().SetCapacity(std::nullopt);
  waiter.join();
  EXPECT_EQ(state(), "ready");
}

// The log, as text, without what is not of interest here.
std::mutex g_mu;
std::vector<std::string> g_lines;
void Keep(const base::LogEvent& event) {
  if (event.level < base::LogLevel::kWarning) return;
  const std::lock_guard lock(g_mu);
  g_lines.push_back(base::FormatLogText(event));
}
std::vector<std::string> Lines() {
  const std::lock_guard lock(g_mu);
  return std::exchange(g_lines, {});
}

class LimitsLogTest : public LimitsTest {
 protected:
  void Listen() {
    server();
    Lines();
    base::SetLogSink(&Keep);
  }
};

TEST_F(LimitsLogTest, AFullMailboxIsLoggedWithFiguresAndNotForEachCall) {
  options.mailbox_items_max = -1;
  Listen();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(Signal("order-1", "s").ok());
  EXPECT_THAT(Lines(), ElementsAre(AllOf(HasSubstr("a mailbox is full"), HasSubstr("partition="),
                                         HasSubstr("mailbox_items_max=-1"), HasSubstr("not_logged=0"))));
}

TEST_F(LimitsLogTest, AWorkerThatIsRefusedAgainAndAgainIsNotLoggedEachTime) {
  Listen();
  for (int i = 0; i < 10; ++i) {
    RawWorker worker(channel());
    worker.WriteHello(v1::Hello());
    EXPECT_THAT(worker.WaitForEnd(), Says(grpc::StatusCode::INVALID_ARGUMENT, "session_id"));
  }
  EXPECT_THAT(Lines(), ElementsAre(AllOf(HasSubstr("worker refused"), HasSubstr("session_id"))));
}

}  // namespace
}  // namespace perdure::api
