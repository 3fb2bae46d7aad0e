// How a client learns what became of a run.
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

#include "perdure/client.h"
#include "tests/unit/sdk/transport/client_fixture.h"

namespace perdure {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ClientTest, ExecutesInOneCall) {
  server_.start = [&](const v1::StartWorkflowRequest& request, v1::StartWorkflowResponse* response) {
    EXPECT_EQ(request.wait_ms(), 1500);
    response->set_run_id("run-1");
    response->set_started(true);
    return Completed(response->mutable_outcome(), "\"shipped\"");
  };
  Client& client = Make(ClientOptions().LongPoll(milliseconds(1500)));
  EXPECT_EQ(client.Execute(Fulfil, Order{"o-1", 3}), "shipped");
  EXPECT_EQ(client.Execute(Fulfil, Order{"o-1", 3}, StartOptions().WorkflowId("order-42")), "shipped");
  EXPECT_EQ(client.Execute(Fulfil, StartOptions().WorkflowId("order-43"), Order{"o-1", 3}), "shipped");
}

TEST_F(ClientTest, ExecuteFailsAsAStartOrAsItsRun) {
  server_.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse* response) {
    response->set_run_id("run-1");
    response->mutable_outcome()->set_status(v1::RUN_STATUS_FAILED);
    response->mutable_outcome()->mutable_failure()->set_message("no such card");
    return grpc::Status::OK;
  };
  Client& client = Make();
  try {
    client.Execute(Fulfil, Order{"o-1", 3});
    FAIL() << "did not throw";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("no such card"));
  }
  server_.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse*) {
    return grpc::Status(grpc::ALREADY_EXISTS, "run run-0 is open");
  };
  EXPECT_THROW(client.Execute(Fulfil, Order{"o-1", 3}), AlreadyStarted);
}

TEST_F(ClientTest, ExecuteNamesTheRunThatItMayHaveStarted) {
  server_.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse*) {
    return grpc::Status(grpc::UNAVAILABLE, "stopping");
  };
  Client& client = Make(ClientOptions().Deadline(milliseconds(30)).LongPoll(milliseconds(1)));
  try {
    client.Execute(Fulfil, Order{"o-1", 3}, StartOptions().WorkflowId("order-42"));
    FAIL() << "did not throw";
  } catch (const ServiceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("workflow 'order-42' may have been started"));
  }
}

TEST_F(ClientTest, ExecutesARunThatTakesLonger) {
  for (const bool running : {true, false}) {
    server_.start = [&](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse* response) {
      response->set_run_id("run-1");
      if (running) response->mutable_outcome()->set_status(v1::RUN_STATUS_RUNNING);
      return grpc::Status::OK;
    };
    server_.result = [&](const v1::GetResultRequest& request, v1::GetResultResponse* response) {
      EXPECT_EQ(request.execution().run_id(), "run-1");
      return Completed(response, "\"shipped\"");
    };
    EXPECT_EQ(Make().Execute(Fulfil, Order{"o-1", 3}), "shipped");
    listen_ = false;
  }
}

TEST_F(ClientTest, AsksAgainUntilTheRunIsClosed) {
  std::vector<v1::GetResultRequest> asked;
  server_.result = [&](const v1::GetResultRequest& request, v1::GetResultResponse* response) {
    asked.push_back(request);
    if (asked.size() == 2) return grpc::Status(grpc::UNAVAILABLE, "stopping");
    if (asked.size() < 4) {
      response->set_status(v1::RUN_STATUS_RUNNING);
      response->set_run_id(request.execution().run_id());
      return grpc::Status::OK;
    }
    return Completed(response, "\"shipped\"");
  };
  Client& client = Make(ClientOptions().LongPoll(milliseconds(1500)));
  EXPECT_EQ(client.GetHandle(Fulfil, "order-42", "run-1").Result(), "shipped");
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[0].wait_ms(), 1500);
  EXPECT_TRUE(asked[0].follow_runs());
  EXPECT_EQ(asked[3].execution().workflow_id(), "order-42");
  EXPECT_EQ(asked[3].execution().run_id(), "run-1");
}

TEST_F(ClientTest, AResultIsThatOfTheRunThatWasTheLatestWhenItWasAskedFor) {
  std::vector<v1::GetResultRequest> asked;
  server_.result = [&](const v1::GetResultRequest& request, v1::GetResultResponse* response) {
    asked.push_back(request);
    if (asked.size() == 4) return Completed(response, "\"shipped\"");
    response->set_status(v1::RUN_STATUS_RUNNING);
    // The third one follows the first: it was retried.
    response->set_run_id(asked.size() < 3 ? "run-1" : "run-2");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Make().GetHandle(Fulfil, "order-42").Result(), "shipped");
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[0].execution().run_id(), "");
  EXPECT_EQ(asked[0].wait_ms(), 0);
  EXPECT_EQ(asked[1].execution().run_id(), "run-1");
  EXPECT_GT(asked[1].wait_ms(), 0);
  EXPECT_EQ(asked[2].execution().run_id(), "run-1");
  EXPECT_EQ(asked[3].execution().run_id(), "run-2");
}

TEST_F(ClientTest, AResultCanBeWaitedForInTheBackground) {
  server_.result = [](const v1::GetResultRequest&, v1::GetResultResponse* response) {
    return Completed(response, "\"shipped\"");
  };
  Client& client = Make();
  EXPECT_EQ(client.GetHandle(Fulfil, "order-42").ResultAsync().get(), "shipped");
  auto wrong_type = client.GetHandle(TwoArgs, "order-42").ResultAsync();
  EXPECT_THROW(wrong_type.get(), DecodeError);
}

TEST_F(ClientTest, StopsWaitingAfterTheTimeout) {
  server_.result = [](const v1::GetResultRequest& request, v1::GetResultResponse* response) {
    EXPECT_LE(request.wait_ms(), 30);
    response->set_status(v1::RUN_STATUS_RUNNING);
    return grpc::Status::OK;
  };
  auto handle = Make().GetHandle(Fulfil, "order-42");
  EXPECT_THROW(handle.Result(milliseconds(30)), TimeoutError);
  EXPECT_FALSE(handle.TryResult(milliseconds(1)).has_value());
}

TEST_F(ClientTest, AServerThatIsAwayIsNotWaitedForBeyondTheTimeout) {
  server_.result = [](const v1::GetResultRequest&, v1::GetResultResponse*) {
    return grpc::Status(grpc::UNAVAILABLE, "recovering");
  };
  const auto handle = Make().GetHandle(Fulfil, "order-42", "run-1");
  try {
    handle.Result(milliseconds(30));
    FAIL() << "no exception";
  } catch (const TimeoutError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("no word of workflow 'order-42' after 30 ms: UNAVAILABLE: recovering"));
  }
  EXPECT_TRUE(handle.TryResult(milliseconds(0)).error().HasKind(FailureKind::kTimeout));
}

TEST_F(ClientTest, ATimeoutOfZeroAsksOnce) {
  int asked = 0;
  server_.result = [&](const v1::GetResultRequest& request, v1::GetResultResponse* response) {
    ++asked;
    EXPECT_EQ(request.wait_ms(), 0);
    return Completed(response, "\"shipped\"");
  };
  EXPECT_EQ(Make().GetHandle(Fulfil, "order-42", "run-1").Result(milliseconds(0)), "shipped");
  EXPECT_EQ(asked, 1);
}

TEST_F(ClientTest, AFailedRunThrowsWithItsCauses) {
  server_.result = [](const v1::GetResultRequest&, v1::GetResultResponse* response) {
    response->set_status(v1::RUN_STATUS_FAILED);
    response->set_run_id("run-7");
    v1::Failure& failure = *response->mutable_failure();
    failure.set_kind(v1::Failure::KIND_TASK);
    failure.set_source("task process_payment (seq 3, attempt 2)");
    failure.mutable_cause()->set_kind(v1::Failure::KIND_APPLICATION);
    failure.mutable_cause()->set_type("CardDeclined");
    failure.mutable_cause()->set_message("no funds");
    return grpc::Status::OK;
  };
  auto handle = Make().GetHandle(Fulfil, "order-42");
  try {
    handle.Result();
    FAIL() << "no exception";
  } catch (const WorkflowFailed& error) {
    EXPECT_EQ(error.WorkflowId(), "order-42");
    EXPECT_EQ(error.RunId(), "run-7");
    EXPECT_TRUE(error.HasType("CardDeclined"));
    EXPECT_THAT(error.what(), HasSubstr("no funds"));
    EXPECT_THAT(error.what(), HasSubstr("process_payment"));
  }
  auto result = handle.TryResult();
  EXPECT_TRUE(result.HasType("CardDeclined"));
}

TEST_F(ClientTest, OtherEndsOfARunAreToldApart) {
  v1::RunStatus status = v1::RUN_STATUS_RUNNING;
  server_.result = [&](const v1::GetResultRequest&, v1::GetResultResponse* response) {
    response->set_status(status);
    return grpc::Status::OK;
  };
  auto handle = Make().GetHandle(Fulfil, "order-42");
  const std::pair<v1::RunStatus, FailureKind> cases[] = {
      {v1::RUN_STATUS_CANCELLED, FailureKind::kCancelled},
      {v1::RUN_STATUS_TERMINATED, FailureKind::kTerminated},
      {v1::RUN_STATUS_TIMED_OUT, FailureKind::kTimeout}};
  for (const auto& [wire, kind] : cases) {
    status = wire;
    EXPECT_TRUE(handle.TryResult().error().HasKind(kind)) << static_cast<int>(kind);
    EXPECT_EQ(static_cast<int>(handle.Status()), static_cast<int>(wire));
  }
}

TEST_F(ClientTest, AMissingRunIsNotFound) {
  server_.result = [](const v1::GetResultRequest&, v1::GetResultResponse*) {
    return grpc::Status(grpc::NOT_FOUND, "no workflow 'order-42'");
  };
  EXPECT_THROW(Make().GetHandle(Fulfil, "order-42").Result(), NotFound);
}

// A workflow whose runs fail and are retried: each is closed but the last, which may be, too.
class RetriedRunTest : public ClientTest {
 protected:
  RetriedRunTest() {
    server_.start = [](const v1::StartWorkflowRequest&, v1::StartWorkflowResponse* response) {
      response->set_run_id("run-1");
      response->set_started(true);
      return grpc::Status::OK;
    };
    server_.result = [this](const v1::GetResultRequest& request, v1::GetResultResponse* response) {
      const bool last = request.follow_runs() || request.execution().run_id() == runs_.back();
      response->set_run_id(request.follow_runs() ? runs_.back() : request.execution().run_id());
      response->set_status(last ? last_status_ : v1::RUN_STATUS_FAILED);
      return grpc::Status::OK;
    };
    server_.signal = [this](const v1::SignalWorkflowRequest& r, v1::SignalWorkflowResponse*) {
      return Changed(r);
    };
    server_.cancel = [this](const v1::CancelWorkflowRequest& r, v1::CancelWorkflowResponse*) {
      return Changed(r);
    };
    server_.terminate = [this](const v1::TerminateWorkflowRequest& r, v1::TerminateWorkflowResponse*) {
      return Changed(r);
    };
    server_.describe = [this](const v1::DescribeWorkflowRequest& r, v1::DescribeWorkflowResponse* response) {
      const std::string& run = r.execution().run_id();
      response->mutable_summary()->set_run_id(run);
      response->mutable_summary()->set_status(run == runs_.back() ? last_status_ : v1::RUN_STATUS_FAILED);
      return grpc::Status::OK;
    };
  }

  template <typename Request>
  grpc::Status Changed(const Request& request) {
    const std::string& run = request.execution().run_id();
    request_ids_.insert(request.request_id());
    // The last one fails, and is retried, before the call comes.
    if (!next_run_.empty()) runs_.push_back(std::exchange(next_run_, ""));
    if (run != runs_.back() || last_status_ != v1::RUN_STATUS_RUNNING) {
      return grpc::Status(grpc::FAILED_PRECONDITION, "run " + run + " is closed");
    }
    changed_.push_back(run);
    return grpc::Status::OK;
  }

  std::vector<std::string> runs_{"run-1"};
  std::string next_run_;
  v1::RunStatus last_status_ = v1::RUN_STATUS_RUNNING;
  std::vector<std::string> changed_;
  std::set<std::string> request_ids_;
};

TEST_F(RetriedRunTest, AHandleReachesTheRunThatFollowed) {
  const auto handle = Make().Start(Fulfil, Order{});
  handle.Signal(Poke);
  runs_ = {"run-1", "run-2"};
  handle.Signal(Poke);
  runs_ = {"run-1", "run-2", "run-3"};
  handle.Cancel();
  handle.Terminate();
  EXPECT_THAT(changed_, ElementsAre("run-1", "run-2", "run-3", "run-3"));
  EXPECT_EQ(request_ids_.size(), 4u);
  EXPECT_EQ(handle.RunId(), "run-1");
  EXPECT_EQ(handle.Status(), RunStatus::kRunning);
  EXPECT_EQ(handle.Describe().summary.run_id, "run-3");
}

TEST_F(RetriedRunTest, ARunThatIsRetriedMeanwhileIsFollowedOnce) {
  const auto handle = Make().Start(Fulfil, Order{});
  runs_ = {"run-1", "run-2"};
  next_run_ = "run-3";
  handle.Signal(Poke);
  EXPECT_THAT(changed_, ElementsAre("run-3"));
  EXPECT_EQ(request_ids_.size(), 1u);
}

TEST_F(RetriedRunTest, AChainThatHasEndedIsClosed) {
  const auto handle = Make().Start(Fulfil, Order{});
  runs_ = {"run-1", "run-2"};
  last_status_ = v1::RUN_STATUS_FAILED;
  try {
    handle.Signal(Poke);
    FAIL() << "no exception";
  } catch (const RunClosed& error) {
    EXPECT_THAT(error.what(), HasSubstr("run-2 is closed"));
  }
  EXPECT_EQ(handle.Status(), RunStatus::kFailed);
  EXPECT_EQ(handle.Describe().summary.run_id, "run-2");
}

}  // namespace
}  // namespace perdure
