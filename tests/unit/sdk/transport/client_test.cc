// Client from outside: what it asks of a server, and what it makes of the answers.
#include "perdure/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/sdk/transport/client_fixture.h"

namespace perdure {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ClientTest, StartsWithTypedArgumentsAndOptions) {
  std::vector<v1::StartWorkflowRequest> seen;
  server_.start = [&](const v1::StartWorkflowRequest& request, v1::StartWorkflowResponse* response) {
    seen.push_back(request);
    response->set_run_id("run-" + std::to_string(seen.size()));
    response->set_started(true);
    return grpc::Status::OK;
  };
  Client& client = Make(ClientOptions().Namespace("shop"));
  const Order order{"o-1", 3};
  auto handle = client.Start(Fulfil, order,
                             StartOptions()
                                 .WorkflowId("order-42")
                                 .Reuse(IdReuse::kReject)
                                 .Conflict(IdConflict::kUseExisting)
                                 .RunTimeout(seconds(60))
                                 .Delay(seconds(5))
                                 .Retention(seconds(7))
                                 .Memo("who", std::string("me"))
                                 .Retry(RetryPolicy().MaxAttempts(3)));
  EXPECT_EQ(handle.WorkflowId(), "order-42");
  EXPECT_EQ(handle.RunId(), "run-1");
  EXPECT_TRUE(handle.Started());
  const v1::StartWorkflowRequest& request = seen[0];
  EXPECT_EQ(request.namespace_(), "shop");
  EXPECT_EQ(request.workflow_type(), "fulfil");
  EXPECT_EQ(request.task_queue(), "orders");
  EXPECT_EQ(request.identity(), "tester");
  EXPECT_EQ(request.input().data(), R"({"id":"o-1","units":3})");
  EXPECT_EQ(request.id_reuse_policy(), v1::ID_REUSE_POLICY_REJECT);
  EXPECT_EQ(request.id_conflict_policy(), v1::ID_CONFLICT_POLICY_USE_EXISTING);
  EXPECT_EQ(request.run_timeout_ms(), 60'000);
  EXPECT_EQ(request.start_delay_ms(), 5'000);
  EXPECT_EQ(request.retention_ms(), 7'000);
  EXPECT_EQ(request.retry_policy().max_attempts(), 3);
  EXPECT_EQ(request.memo().at("who").data(), "\"me\"");
  EXPECT_FALSE(request.request_id().empty());

  client.Start(TwoArgs, 7, "seven");
  EXPECT_EQ(seen[1].input().data(), R"([7,"seven"])");
  EXPECT_FALSE(seen[1].workflow_id().empty());
  EXPECT_NE(seen[1].request_id(), seen[0].request_id());
  client.Start(TwoArgs, StartOptions().TaskQueue("other"), 8, "eight");
  EXPECT_EQ(seen[2].task_queue(), "other");
  client.Start(TwoArgs, 9, "nine", StartOptions().WorkflowId("n"));
  EXPECT_EQ(seen[3].input().data(), R"([9,"nine"])");
  EXPECT_EQ(seen[3].workflow_id(), "n");
  client.Start(Nothing);
  EXPECT_EQ(seen[4].input().data(), "");
  client.Start(Nothing, StartOptions().WorkflowId("none"));
  EXPECT_EQ(seen[5].workflow_id(), "none");
  client.Start(Fulfil, {"braces", 1});
  EXPECT_EQ(seen[6].input().data(), R"({"id":"braces","units":1})");
}

TEST_F(ClientTest, RepeatsACallWithTheSameRequestId) {
  std::vector<std::string> request_ids;
  server_.start = [&](const v1::StartWorkflowRequest& request, v1::StartWorkflowResponse* response) {
    request_ids.push_back(request.request_id());
    switch (request_ids.size()) {
      case 1:
        return grpc::Status(grpc::UNAVAILABLE, "starting");
      case 2:
        return grpc::Status(grpc::RESOURCE_EXHAUSTED, "mailbox full");
      case 3:
        return grpc::Status(grpc::CANCELLED, "CANCELLED");
      default:
        response->set_run_id("run-1");
        return grpc::Status::OK;
    }
  };
  EXPECT_EQ(Make().Start(Fulfil, Order{}).RunId(), "run-1");
  ASSERT_EQ(request_ids.size(), 4u);
  EXPECT_FALSE(request_ids[0].empty());
  EXPECT_THAT(request_ids, Each(request_ids[0]));
}

TEST_F(ClientTest, FindsAServerThatComesUpLater) {
  server_.Listen();
  const int port = server_.port();
  server_.Kill();
  listen_ = false;
  Client& client = Make();
  auto started = client.StartAsync(Fulfil, Order{});
  EXPECT_EQ(started.wait_for(milliseconds(20)), std::future_status::timeout);
  testing::FakeWorkflowServer later(port);
  later.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse* response) {
    response->set_run_id("run-1");
    return grpc::Status::OK;
  };
  later.Listen();
  EXPECT_EQ(started.get().RunId(), "run-1");
}

TEST_F(ClientTest, GivesUpAtItsDeadlineAndSaysSo) {
  server_.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse*) {
    return grpc::Status(grpc::UNAVAILABLE, "recovering");
  };
  Client& client = Make(ClientOptions().Deadline(milliseconds(60)));
  try {
    client.Start(Fulfil, Order{});
    FAIL() << "no exception";
  } catch (const ServiceError& error) {
    EXPECT_EQ(error.Code(), StatusCode::kUnavailable);
    EXPECT_THAT(error.what(), HasSubstr("UNAVAILABLE: recovering [gave up on 127.0.0.1:"));
  }
}

TEST_F(ClientTest, ErrorsThatRepeatingCannotChangeAreThrownAtOnce) {
  std::atomic<int> calls{0};
  grpc::Status answer;
  server_.start = [&](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse*) {
    ++calls;
    return answer;
  };
  Client& client = Make();
  answer = grpc::Status(grpc::INVALID_ARGUMENT, "workflow_id is longer than 1000 bytes");
  EXPECT_THROW(client.Start(Fulfil, Order{}), InvalidArgument);
  answer = grpc::Status(grpc::PERMISSION_DENIED, "no");
  EXPECT_THROW(client.Start(Fulfil, Order{}), ServiceError);
  EXPECT_EQ(calls, 2);
}

TEST_F(ClientTest, SaysWhichRunIsInTheWay) {
  server_.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse*) {
    return grpc::Status(grpc::ALREADY_EXISTS, "run run-9 is open");
  };
  server_.result = [](const v1::GetResultRequest& request, v1::GetResultResponse* response) {
    EXPECT_EQ(request.wait_ms(), 0);
    response->set_status(v1::RUN_STATUS_RUNNING);
    response->set_run_id("run-9");
    return grpc::Status::OK;
  };
  Client& client = Make();
  const auto options = StartOptions().WorkflowId("order-42");
  for (const bool async : {false, true}) {
    try {
      if (async) {
        client.StartAsync(Fulfil, Order{}, options).get();
      } else {
        client.Start(Fulfil, Order{}, options);
      }
      FAIL() << "no exception";
    } catch (const AlreadyStarted& error) {
      EXPECT_EQ(error.WorkflowId(), "order-42");
      EXPECT_EQ(error.RunId(), "run-9");
    }
  }
}

TEST_F(ClientTest, SignalsCancelsAndTerminates) {
  v1::SignalWorkflowRequest signal;
  v1::CancelWorkflowRequest cancel;
  v1::TerminateWorkflowRequest terminate;
  server_.signal = [&](const v1::SignalWorkflowRequest& request, v1::SignalWorkflowResponse*) {
    signal = request;
    return grpc::Status::OK;
  };
  server_.cancel = [&](const v1::CancelWorkflowRequest& request, v1::CancelWorkflowResponse*) {
    cancel = request;
    return grpc::Status::OK;
  };
  server_.terminate = [&](const v1::TerminateWorkflowRequest& request, v1::TerminateWorkflowResponse*) {
    terminate = request;
    return grpc::Status(grpc::FAILED_PRECONDITION, "the run is closed");
  };
  auto handle = Make().GetHandle(Fulfil, "order-42", "run-1");
  handle.Signal(Approve, "fine");
  EXPECT_EQ(signal.signal_name(), "approve");
  EXPECT_EQ(signal.input().data(), "\"fine\"");
  EXPECT_EQ(signal.execution().run_id(), "run-1");
  EXPECT_FALSE(signal.request_id().empty());
  handle.Signal(Poke);
  EXPECT_EQ(signal.signal_name(), "poke");
  handle.Cancel("too late");
  EXPECT_EQ(cancel.reason(), "too late");
  EXPECT_FALSE(cancel.request_id().empty());
  EXPECT_EQ(cancel.identity(), "tester");
  EXPECT_THROW(handle.Terminate("enough"), RunClosed);
  EXPECT_EQ(terminate.reason(), "enough");
}

TEST_F(ClientTest, SignalsOrStarts) {
  v1::SignalWithStartWorkflowRequest seen;
  server_.signal_with_start = [&](const v1::SignalWithStartWorkflowRequest& request,
                                  v1::SignalWithStartWorkflowResponse* response) {
    seen = request;
    response->set_run_id("run-3");
    response->set_started(true);
    return grpc::Status::OK;
  };
  auto handle = Make().SignalWithStart(Approve, "yes", TwoArgs, StartOptions().WorkflowId("w"), 1, "one");
  EXPECT_EQ(handle.RunId(), "run-3");
  EXPECT_EQ(seen.signal_name(), "approve");
  EXPECT_EQ(seen.signal_input().data(), "\"yes\"");
  EXPECT_EQ(seen.start().workflow_id(), "w");
  EXPECT_EQ(seen.start().input().data(), R"([1,"one"])");
  EXPECT_FALSE(seen.start().request_id().empty());
}

TEST_F(ClientTest, DescribesInPlainValues) {
  server_.describe = [](const v1::DescribeWorkflowRequest&, v1::DescribeWorkflowResponse* response) {
    response->mutable_summary()->set_status(v1::RUN_STATUS_RUNNING);
    response->mutable_summary()->set_start_time_unix_ms(1'700'000'000'000);
    response->set_pending_task_count(1);
    v1::PendingTask& task = *response->add_pending_tasks();
    task.set_task_type("process_payment");
    task.set_state(v1::PendingTask::STATE_BACKING_OFF);
    task.set_attempt(4);
    task.mutable_last_failure()->set_message("timeout");
    response->add_notes("no connected worker hosts task type 'process_payment'");
    return grpc::Status::OK;
  };
  const RunDescription run = Make().GetHandle(Fulfil, "order-42").Describe();
  EXPECT_EQ(run.summary.status, RunStatus::kRunning);
  EXPECT_FALSE(run.summary.closed.has_value());
  ASSERT_EQ(run.pending_tasks.size(), 1u);
  EXPECT_EQ(run.pending_tasks[0].state, "backing off");
  EXPECT_EQ(run.pending_tasks[0].last_failure->message, "timeout");
  EXPECT_THAT(run.notes, ElementsAre(HasSubstr("process_payment")));
}

TEST_F(ClientTest, ListsPageByPage) {
  std::vector<v1::ListWorkflowsRequest> asked;
  server_.list = [&](const v1::ListWorkflowsRequest& request, v1::ListWorkflowsResponse* response) {
    asked.push_back(request);
    // The second page is empty: a call looks at a bounded number of rows.
    if (asked.size() != 2) response->add_workflows()->set_workflow_id("w" + std::to_string(asked.size()));
    if (asked.size() < 3) response->set_next_page_token("p" + std::to_string(asked.size()));
    return grpc::Status::OK;
  };
  server_.count = [](const v1::CountWorkflowsRequest&, v1::CountWorkflowsResponse* response) {
    response->set_count(42);
    return grpc::Status::OK;
  };
  Client& client = Make();
  const auto filter = ListFilter().Status(RunStatus::kFailed).WorkflowIdPrefix("order-");
  const std::vector<RunSummary> runs = client.List(filter, 10);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].workflow_id, "w3");
  EXPECT_EQ(asked[2].page_token(), "p2");
  EXPECT_THAT(asked[0].filter().statuses(), ElementsAre(v1::RUN_STATUS_FAILED));
  EXPECT_EQ(asked[0].filter().workflow_id_prefix(), "order-");
  EXPECT_EQ(client.Count(filter), 42);
}

TEST_F(ClientTest, StartsManyAtOnceWithinItsBound) {
  constexpr int kInFlight = 8;
  std::atomic<int> under_way{0};
  std::atomic<int> most{0};
  server_.start = [&](const v1::StartWorkflowRequest& request, v1::StartWorkflowResponse* response) {
    const int now = ++under_way;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    response->set_run_id("run of " + request.workflow_id());
    --under_way;
    return grpc::Status::OK;
  };
  Client& client = Make(ClientOptions().MaxStartsInFlight(kInFlight));
  std::vector<std::future<Handle<std::string>>> starts;
  for (int i = 0; i < 500; ++i) {
    starts.push_back(client.StartAsync(Fulfil, Order{}, StartOptions().WorkflowId(std::to_string(i))));
  }
  for (int i = 0; i < 500; ++i) {
    const auto handle = starts[static_cast<std::size_t>(i)].get();
    EXPECT_EQ(handle.RunId(), "run of " + std::to_string(i));
  }
  EXPECT_LE(most, kInFlight);
}

TEST_F(ClientTest, ClosingEndsWhatIsUnderWay) {
  std::promise<void> asked;
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::once_flag once;
  server_.result = [&asked, &once, gone](const v1::GetResultRequest&, v1::GetResultResponse* response) {
    std::call_once(once, [&] { asked.set_value(); });
    gone.wait();
    response->set_status(v1::RUN_STATUS_RUNNING);
    return grpc::Status::OK;
  };
  auto handle = Make().GetHandle(Fulfil, "order-42");
  auto result = handle.ResultAsync();
  asked.get_future().wait();
  client_.reset();
  try {
    result.get();
    ADD_FAILURE() << "no exception";
  } catch (const ServiceError& error) {
    EXPECT_EQ(error.Code(), StatusCode::kCancelled);
  }
  EXPECT_THROW(handle.Cancel(), ServiceError);
  go.set_value();
}

TEST_F(ClientTest, ClientsComeAndGoWithCallsUnderWay) {
  // The last channel of a process ends gRPC's threads for callbacks and waits for them: were it destroyed on
  // one of these, the process would crash.
  std::promise<void> go;
  server_.result = [gone = go.get_future().share()](const v1::GetResultRequest&, v1::GetResultResponse*) {
    gone.wait();
    return grpc::Status::OK;
  };
  server_.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse*) {
    return grpc::Status::OK;
  };
  server_.Listen();
  for (int i = 0; i < 100; ++i) {
    std::future<std::string> result;
    {
      Client client(ClientOptions().Address(server_.address()));
      result = client.StartAsync(Fulfil, Order{}).get().ResultAsync();
    }
    EXPECT_THROW(result.get(), ServiceError);
  }
  go.set_value();
}

TEST_F(ClientTest, ClosingEndsACallThatWaitsForItsNextAttempt) {
  server_.Listen();
  server_.Kill();
  listen_ = false;
  auto started = Make().StartAsync(Fulfil, Order{});
  client_.reset();
  EXPECT_THROW(started.get(), ServiceError);
}

// Hides what payloads hold.
class Sealed final : public PayloadConverter {
 public:
  Payload Encode(Payload payload) const override {
    return {"sealed", "<" + payload.data + ">", payload.encoding};
  }
  Payload Decode(Payload payload) const override {
    if (payload.encoding != "sealed") return payload;
    return {payload.type, payload.data.substr(1, payload.data.size() - 2), ""};
  }
};

TEST_F(ClientTest, ConvertsPayloads) {
  v1::StartWorkflowRequest seen;
  server_.start = [&](const v1::StartWorkflowRequest& request, v1::StartWorkflowResponse*) {
    seen = request;
    return grpc::Status::OK;
  };
  server_.result = [](const v1::GetResultRequest&, v1::GetResultResponse* response) {
    Completed(response, "<5>");
    response->mutable_result()->set_encoding("sealed");
    response->mutable_result()->set_type("json");
    return grpc::Status::OK;
  };
  Client& client = Make(ClientOptions().Converter(std::make_shared<Sealed>()));
  auto handle = client.Start(TwoArgs, 1, "one");
  EXPECT_EQ(seen.input().data(), "<[1,\"one\"]>");
  EXPECT_EQ(handle.Result(), 5);
}

TEST_F(ClientTest, OptionsAreChecked) {
  EXPECT_THROW(ClientOptions().MaxStartsInFlight(0), std::invalid_argument);
  EXPECT_THROW(ClientOptions().LongPoll(milliseconds(0)), std::invalid_argument);
  EXPECT_THROW(ClientOptions().Deadline(milliseconds(-1)), std::invalid_argument);
}

}  // namespace
}  // namespace perdure
