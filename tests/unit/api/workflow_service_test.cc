// The client's calls, over the wire, against real partitions.
#include "tests/unit/api/raw_call.h"
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

class WorkflowServiceTest : public ServerTest {
 protected:
  grpc::Status TryStart(const v1::StartWorkflowRequest& request, v1::StartWorkflowResponse* response) {
    grpc::ClientContext context;
    return client().StartWorkflow(&context, request, response);
  }
  v1::GetHistoryResponse History(const v1::GetHistoryRequest& request) {
    grpc::ClientContext context;
    v1::GetHistoryResponse response;
    const grpc::Status status = client().GetHistory(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::ListWorkflowsResponse List(const v1::ListWorkflowsRequest& request) {
    grpc::ClientContext context;
    v1::ListWorkflowsResponse response;
    const grpc::Status status = client().ListWorkflows(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(WorkflowServiceTest, StartsARunForWhichNoWorkerIsThere) {
  v1::StartWorkflowResponse response;
  ASSERT_TRUE(TryStart(StartOf("order-1"), &response).ok());
  EXPECT_TRUE(response.started());
  const v1::DescribeWorkflowResponse about = Describe("order-1");
  EXPECT_EQ(about.summary().run_id(), response.run_id());
  EXPECT_EQ(about.summary().status(), v1::RUN_STATUS_RUNNING);
  EXPECT_FALSE(about.pending_activation().hosted());
  ASSERT_THAT(about.notes(), SizeIs(1));
  EXPECT_THAT(about.notes(0),
              AllOf(HasSubstr("no connected worker"), HasSubstr("'order'"), HasSubstr("'main'")));
}

TEST_F(WorkflowServiceTest, ARepeatedRequestIdStartsOnce) {
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.set_request_id("abc");
  v1::StartWorkflowResponse first;
  v1::StartWorkflowResponse second;
  ASSERT_TRUE(TryStart(request, &first).ok());
  ASSERT_TRUE(TryStart(request, &second).ok());
  EXPECT_EQ(first.run_id(), second.run_id());
  EXPECT_FALSE(second.started());
  request.set_request_id("def");
  EXPECT_THAT(TryStart(request, &second), Says(grpc::StatusCode::ALREADY_EXISTS, first.run_id()));
}

TEST_F(WorkflowServiceTest, RunsFromStartToResult) {
  Start("order-1");
  RawWorker worker(channel(), WorkerHello("w").Workflows({"order"}).Tasks({"charge"}));
  worker.Advance(worker.NextActivation(), {ScheduleTaskOf(1, "charge")});
  const v1::TaskDelivery task = worker.NextTask();
  EXPECT_EQ(task.workflow_id(), "order-1");
  const v1::DescribeWorkflowResponse about = Describe("order-1");
  ASSERT_THAT(about.pending_tasks(), SizeIs(1));
  EXPECT_EQ(about.pending_tasks(0).identity(), "identity of w");
  EXPECT_TRUE(about.pending_tasks(0).hosted());
  EXPECT_THAT(about.notes(), IsEmpty());
  worker.AnswerTask(task.token(), "paid");
  const v1::Activation second = worker.NextActivation();
  ASSERT_THAT(second.events(), SizeIs(1));
  EXPECT_EQ(second.events(0).task_completed().result().data(), "paid");
  worker.Advance(second, {CompleteWith("done")});
  const v1::GetResultResponse result = Result("order-1");
  EXPECT_EQ(result.status(), v1::RUN_STATUS_COMPLETED);
  EXPECT_EQ(result.result().data(), "done");
}

TEST_F(WorkflowServiceTest, GetResultReturnsInTimeForItsClient) {
  Start("order-1");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(700));
  v1::GetResultRequest request;
  request.mutable_execution()->set_workflow_id("order-1");
  request.set_wait_ms(60'000);
  v1::GetResultResponse response;
  const grpc::Status status = client().GetResult(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.status(), v1::RUN_STATUS_RUNNING);
}

TEST_F(WorkflowServiceTest, GetResultWithoutAWaitAnswersAtOnce) {
  Start("order-1");
  EXPECT_EQ(Result("order-1", 0).status(), v1::RUN_STATUS_RUNNING);
}

TEST_F(WorkflowServiceTest, LongPollsAreCutToTheLimit) {
  options.limits.long_poll_ms_max = 50;
  Start("order-1");
  EXPECT_EQ(Result("order-1", 60'000).status(), v1::RUN_STATUS_RUNNING);
}

TEST_F(WorkflowServiceTest, TooManyWaitersAreRefused) {
  options.partition.waiters_max = 0;
  Start("order-1");
  grpc::ClientContext context;
  v1::GetResultRequest request;
  request.mutable_execution()->set_workflow_id("order-1");
  request.set_wait_ms(1'000);
  v1::GetResultResponse response;
  EXPECT_THAT(client().GetResult(&context, request, &response),
              Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "waiters_max"));
}

TEST_F(WorkflowServiceTest, SignalsReachTheRun) {
  Start("order-1");
  ASSERT_TRUE(Signal("order-1", "paid", "request-1").ok());
  ASSERT_TRUE(Signal("order-1", "paid", "request-1").ok());
  RawWorker worker(channel(), WorkerHello("w").Workflows({"order"}));
  const v1::Activation first = worker.NextActivation();
  worker.Advance(first, {});
  if (first.events_size() == 1) {
    const v1::Activation second = worker.NextActivation();
    ASSERT_THAT(second.events(), SizeIs(1));
    EXPECT_EQ(second.events(0).signal_received().name(), "paid");
  } else {
    ASSERT_THAT(first.events(), SizeIs(2));
    EXPECT_EQ(first.events(1).signal_received().name(), "paid");
  }
}

TEST_F(WorkflowServiceTest, SignalWithStartStartsOnce) {
  v1::SignalWithStartWorkflowRequest request;
  *request.mutable_start() = StartOf("order-1");
  request.set_signal_name("paid");
  v1::SignalWithStartWorkflowResponse response;
  grpc::ClientContext first;
  ASSERT_TRUE(client().SignalWithStartWorkflow(&first, request, &response).ok());
  EXPECT_TRUE(response.started());
  const std::string run_id = response.run_id();
  grpc::ClientContext second;
  ASSERT_TRUE(client().SignalWithStartWorkflow(&second, request, &response).ok());
  EXPECT_FALSE(response.started());
  EXPECT_EQ(response.run_id(), run_id);
}

TEST_F(WorkflowServiceTest, CancelAsksAndTerminateEnds) {
  Start("order-1");
  v1::CancelWorkflowRequest cancel;
  cancel.mutable_execution()->set_workflow_id("order-1");
  cancel.set_reason("changed my mind");
  v1::CancelWorkflowResponse cancelled;
  grpc::ClientContext context;
  ASSERT_TRUE(client().CancelWorkflow(&context, cancel, &cancelled).ok());
  EXPECT_TRUE(Describe("order-1").cancel_requested());
  ASSERT_TRUE(Terminate("order-1").ok());
  EXPECT_EQ(Result("order-1").status(), v1::RUN_STATUS_TERMINATED);
  EXPECT_THAT(Signal("order-1", "late"), Says(grpc::StatusCode::FAILED_PRECONDITION, ""));
  EXPECT_THAT(Terminate("order-1"), Says(grpc::StatusCode::FAILED_PRECONDITION, ""));
}

TEST_F(WorkflowServiceTest, UnknownWorkflowsAreNotFound) {
  EXPECT_THAT(Signal("nobody", "hello"), Says(grpc::StatusCode::NOT_FOUND, "'nobody'"));
  EXPECT_THAT(Terminate("nobody"), Says(grpc::StatusCode::NOT_FOUND, "'nobody'"));
  grpc::ClientContext context;
  v1::GetHistoryRequest request;
  request.mutable_execution()->set_workflow_id("nobody");
  v1::GetHistoryResponse response;
  EXPECT_THAT(client().GetHistory(&context, request, &response),
              Says(grpc::StatusCode::NOT_FOUND, "'nobody'"));
}

TEST_F(WorkflowServiceTest, ARunIdOfAnotherWorkflowIsNotFound) {
  const std::string run_id = Start("order-1");
  Start("order-2");
  for (const std::string& id :
       {run_id, std::string("nonsense"), std::string("00000000-0000-8000-8000-000000000000")}) {
    grpc::ClientContext context;
    v1::DescribeWorkflowRequest request;
    request.mutable_execution()->set_workflow_id("order-2");
    request.mutable_execution()->set_run_id(id);
    v1::DescribeWorkflowResponse response;
    EXPECT_THAT(client().DescribeWorkflow(&context, request, &response),
                Says(grpc::StatusCode::NOT_FOUND, id));
  }
}

TEST_F(WorkflowServiceTest, WhatIsWrongWithARequestIsSaid) {
  v1::StartWorkflowResponse response;
  EXPECT_THAT(TryStart({}, &response), Says(grpc::StatusCode::INVALID_ARGUMENT, "workflow_id is empty"));
  v1::StartWorkflowRequest request = StartOf(std::string(1001, 'x'));
  EXPECT_THAT(TryStart(request, &response), Says(grpc::StatusCode::INVALID_ARGUMENT, "id_bytes_max is 1000"));
  request = StartOf("order-1");
  request.mutable_input()->set_data(std::string((4 << 20) + 1, 'x'));
  EXPECT_THAT(TryStart(request, &response), Says(grpc::StatusCode::INVALID_ARGUMENT, "payload_bytes_max"));
  EXPECT_THAT(Signal("order-1", ""), Says(grpc::StatusCode::INVALID_ARGUMENT, "signal_name"));
}

TEST_F(WorkflowServiceTest, ARequestThatIsTooLargeForTheWireIsRefused) {
  options.frame_bytes_max = 5 << 20;
  v1::StartWorkflowRequest request = StartOf("order-1");
  request.mutable_input()->set_data(std::string(6 << 20, 'x'));
  v1::StartWorkflowResponse response;
  EXPECT_THAT(TryStart(request, &response), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, ""));
  ExpectWorks();
}

// gRPC by itself would say UNIMPLEMENTED, and nothing more.
TEST_F(WorkflowServiceTest, ARequestThatDoesNotParseIsInvalid) {
  const char* const methods[] = {"StartWorkflow",    "SignalWorkflow",    "SignalWithStartWorkflow",
                                 "CancelWorkflow",   "TerminateWorkflow", "GetResult",
                                 "DescribeWorkflow", "GetHistory",        "ListWorkflows",
                                 "CountWorkflows",   "WatchWorkflow"};
  for (const std::string method : methods) {
    SCOPED_TRACE(method);
    // Field 1 of each is a text or a message; here its length is past the end.
    std::string answer;
    EXPECT_THAT(
        RawCall(channel(), "/perdure.v1.WorkflowService/" + method, std::string("\x0a\x7f") + "abc", &answer),
        Says(grpc::StatusCode::INVALID_ARGUMENT, "perdure.v1." + method + "Request"));
  }
  std::string answer;
  EXPECT_THAT(RawCall(channel(), "/perdure.v1.WorkflowService/GetServerInfo", "\xff\xff", &answer),
              Says(grpc::StatusCode::INVALID_ARGUMENT, "perdure.v1.GetServerInfoRequest"));
  EXPECT_THAT(RawCall(channel(), "/perdure.v1.WorkflowService/StartWorkflow", "\x12\x02\xff\xfe", &answer),
              Says(grpc::StatusCode::INVALID_ARGUMENT, "UTF-8"));
  EXPECT_GE(server().Metrics()["perdure_api_calls_total"], 13);
  ExpectWorks();
}

TEST_F(WorkflowServiceTest, EachMethodDoesWhatItsNameSays) {
  // Its handlers are installed by number; this is what would notice if the numbers were others.
  Start("order-1");
  std::string answer;
  v1::DescribeWorkflowRequest describe;
  describe.mutable_execution()->set_workflow_id("order-1");
  ASSERT_TRUE(RawCall(channel(), "/perdure.v1.WorkflowService/DescribeWorkflow", describe.SerializeAsString(),
                      &answer)
                  .ok());
  v1::DescribeWorkflowResponse described;
  ASSERT_TRUE(described.ParseFromString(answer));
  EXPECT_EQ(described.started().workflow_id(), "order-1");
  ASSERT_TRUE(RawCall(channel(), "/perdure.v1.WorkflowService/CountWorkflows", "", &answer).ok());
  v1::CountWorkflowsResponse count;
  ASSERT_TRUE(count.ParseFromString(answer));
  EXPECT_EQ(count.count(), 1);
  ASSERT_TRUE(RawCall(channel(), "/perdure.v1.WorkflowService/GetServerInfo", "", &answer).ok());
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(info.ParseFromString(answer));
  EXPECT_EQ(info.partitions(), 2);
}

TEST_F(WorkflowServiceTest, HistoryComesInPages) {
  const std::string run_id = Start("order-1");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Signal("order-1", "s" + std::to_string(i)).ok());
  v1::GetHistoryRequest request;
  request.mutable_execution()->set_workflow_id("order-1");
  request.set_page_size(4);
  std::vector<int64_t> ids;
  std::vector<int> sizes;
  do {
    const v1::GetHistoryResponse page = History(request);
    EXPECT_EQ(page.run_id(), run_id);
    sizes.push_back(page.events_size());
    for (const v1::Event& event : page.events()) ids.push_back(event.event_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_THAT(sizes, ElementsAre(4, 4, 3));
}

TEST_F(WorkflowServiceTest, PageTokensOfNobodyAreRefused) {
  Start("order-1");
  for (const char* token : {"x", "a/b/c", "a/0", "a/-1", "/", "a/99999999999999999999"}) {
    grpc::ClientContext context;
    v1::GetHistoryRequest request;
    request.mutable_execution()->set_workflow_id("order-1");
    request.set_page_token(token);
    v1::GetHistoryResponse response;
    EXPECT_THAT(client().GetHistory(&context, request, &response),
                Says(grpc::StatusCode::INVALID_ARGUMENT, std::string("page_token '") + token + "'"));
  }
  for (const char* token : {"x", "1", "1.2.3", "1.-2"}) {
    grpc::ClientContext context;
    v1::ListWorkflowsRequest request;
    request.set_page_token(token);
    v1::ListWorkflowsResponse response;
    EXPECT_THAT(client().ListWorkflows(&context, request, &response),
                Says(grpc::StatusCode::INVALID_ARGUMENT, std::string("page_token '") + token + "'"));
  }
}

TEST_F(WorkflowServiceTest, ListsReadTheirOwnWrites) {
  for (int i = 0; i < 5; ++i) Start("order-" + std::to_string(i));
  ASSERT_TRUE(Terminate("order-3").ok());
  v1::ListWorkflowsRequest request;
  request.mutable_filter()->add_statuses(v1::RUN_STATUS_RUNNING);
  request.set_page_size(3);
  std::vector<std::string> ids;
  do {
    const v1::ListWorkflowsResponse page = List(request);
    for (const v1::WorkflowSummary& row : page.workflows()) ids.push_back(row.workflow_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ::testing::UnorderedElementsAre("order-0", "order-1", "order-2", "order-4"));

  grpc::ClientContext context;
  v1::CountWorkflowsResponse count;
  ASSERT_TRUE(client().CountWorkflows(&context, {}, &count).ok());
  EXPECT_EQ(count.count(), 5);
  EXPECT_EQ(count.by_status().at("RUN_STATUS_TERMINATED"), 1);
}

TEST_F(WorkflowServiceTest, NamespacesAreApart) {
  Start("order-1");
  v1::StartWorkflowRequest other = StartOf("order-1");
  other.set_namespace_("other");
  v1::StartWorkflowResponse response;
  ASSERT_TRUE(TryStart(other, &response).ok());
  EXPECT_TRUE(response.started());
  v1::ListWorkflowsRequest list;
  list.set_namespace_("other");
  EXPECT_THAT(List(list).workflows(), SizeIs(1));
}

TEST_F(WorkflowServiceTest, ServerInfoTellsWhoIsConnected) {
  RawWorker worker(channel(), WorkerHello("w").Workflows({"order"}, 7).Tasks({"charge"}, 9));
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(client().GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.version(), "test");
  EXPECT_EQ(info.state(), "ready");
  EXPECT_EQ(info.partitions(), 2);
  ASSERT_THAT(info.sessions(), SizeIs(1));
  EXPECT_EQ(info.sessions(0).session_id(), "w");
  EXPECT_EQ(info.sessions(0).max_tasks(), 9);
  EXPECT_TRUE(info.sessions(0).connected());
  EXPECT_THAT(info.queues(), SizeIs(2));
}

TEST_F(WorkflowServiceTest, AFullMailboxRefusesChanges) {
  options.mailbox_items_max = -1;
  v1::StartWorkflowResponse response;
  EXPECT_THAT(TryStart(StartOf("order-1"), &response),
              Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "mailbox_items_max"));
  EXPECT_THAT(Signal("order-1", "s"), Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "mailbox_items_max"));
}

TEST_F(WorkflowServiceTest, AFullDiskRefusesChangesUntilThereIsRoom) {
  options.partition.full_disk_retry_ms = 10;
  Start("order-1");
  server().store().SetCapacity(1);
  // Taken before it was known, this one waits for room.
  grpc::Status waiting;
  std::thread waiter([&] { waiting = Signal("order-1", "early"); });
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_commit_full_disk_waits_total"] > 0; }));
  v1::StartWorkflowResponse response;
  EXPECT_THAT(TryStart(StartOf("order-2"), &response),
              Says(grpc::StatusCode::RESOURCE_EXHAUSTED, "disk is full"));
  server().store().SetCapacity(std::nullopt);
  waiter.join();
  EXPECT_TRUE(waiting.ok()) << waiting.error_message();
  EXPECT_TRUE(TryStart(StartOf("order-2"), &response).ok());
}

}  // namespace
}  // namespace perdure::api
