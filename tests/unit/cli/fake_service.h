// A WorkflowService that answers what a test tells it to, behind a real gRPC server, and runs the tool
// against it.
#ifndef PERDURE_TESTS_UNIT_CLI_FAKE_SERVICE_H_
#define PERDURE_TESTS_UNIT_CLI_FAKE_SERVICE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cmd/perdure/environment.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::cli {

// Answers are set before a call; the last request of each kind is kept.
struct FakeAnswers {
  // Set: every call ends with this gRPC code and message.
  int error_code = 0;
  std::string error_message;

  v1::StartWorkflowRequest start_request;
  v1::StartWorkflowResponse start;
  v1::SignalWorkflowRequest signal_request;
  v1::SignalWithStartWorkflowRequest signal_with_start_request;
  v1::SignalWithStartWorkflowResponse signal_with_start;
  v1::CancelWorkflowRequest cancel_request;
  v1::TerminateWorkflowRequest terminate_request;
  // Answered in turn, the last one again and again. A status of UNSPECIFIED: UNAVAILABLE, "stopping".
  std::vector<v1::GetResultResponse> results;
  std::vector<v1::GetResultRequest> result_requests;
  v1::DescribeWorkflowRequest describe_request;
  v1::DescribeWorkflowResponse description;
  // One page each; page n has token "n".
  std::vector<v1::GetHistoryResponse> history;
  std::vector<v1::ListWorkflowsRequest> list_requests;
  std::vector<v1::ListWorkflowsResponse> lists;
  v1::CountWorkflowsResponse count;
  // One stream each: its events, then UNAVAILABLE, except the last, which ends well.
  std::vector<v1::WatchWorkflowResponse> watches;
  std::vector<v1::WatchWorkflowRequest> watch_requests;
  v1::GetServerInfoResponse info;
};

// Outcome of one run of the tool.
struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class CliTest : public ::testing::Test {
 protected:
  CliTest();
  ~CliTest() override;

  // Runs the tool with these arguments against the fake. The clock stands at kNow but for pauses; ids are
  // "r00...".
  Outcome Run(std::vector<std::string> args);

  static constexpr int64_t kNow = 1'795'382'865'000;  // 2026-11-22 21:27:45 UTC

  FakeAnswers answers_;
  std::string stdin_;
  std::string address_;
  bool terminal_ = false;
  int64_t paused_ms_ = 0;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

v1::Payload JsonPayload(const std::string& data);

}  // namespace perdure::cli

#endif  // PERDURE_TESTS_UNIT_CLI_FAKE_SERVICE_H_
