// The fake behind its server.
#include "tests/unit/cli/fake_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <sstream>

#include "cmd/perdure/app.h"
#include "perdure/v1/workflow_service.grpc.pb.h"

namespace perdure::cli {
namespace {

using grpc::ServerContext;
using grpc::Status;

// Calls come one at a time: the tool waits for each.
class FakeService : public v1::WorkflowService::Service {
 public:
  explicit FakeService(FakeAnswers& answers) : a_(answers) {}

  Status StartWorkflow(ServerContext*, const v1::StartWorkflowRequest* q,
                       v1::StartWorkflowResponse* r) override {
    a_.start_request = *q;
    *r = a_.start;
    return Outcome();
  }
  Status SignalWorkflow(ServerContext*, const v1::SignalWorkflowRequest* q,
                        v1::SignalWorkflowResponse*) override {
    a_.signal_request = *q;
    return Outcome();
  }
  Status SignalWithStartWorkflow(ServerContext*, const v1::SignalWithStartWorkflowRequest* q,
                                 v1::SignalWithStartWorkflowResponse* r) override {
    a_.signal_with_start_request = *q;
    *r = a_.signal_with_start;
    return Outcome();
  }
  Status CancelWorkflow(ServerContext*, const v1::CancelWorkflowRequest* q,
                        v1::CancelWorkflowResponse*) override {
    a_.cancel_request = *q;
    return Outcome();
  }
  Status TerminateWorkflow(ServerContext*, const v1::TerminateWorkflowRequest* q,
                           v1::TerminateWorkflowResponse*) override {
    a_.terminate_request = *q;
    return Outcome();
  }
  Status GetResult(ServerContext*, const v1::GetResultRequest* q, v1::GetResultResponse* r) override {
    a_.result_requests.push_back(*q);
    if (a_.error_code != 0 || a_.results.empty()) return Outcome();
    *r = a_.results[std::min(a_.result_requests.size(), a_.results.size()) - 1];
    if (r->status() == v1::RUN_STATUS_UNSPECIFIED) return {grpc::StatusCode::UNAVAILABLE, "stopping"};
    return Status::OK;
  }
  Status DescribeWorkflow(ServerContext*, const v1::DescribeWorkflowRequest* q,
                          v1::DescribeWorkflowResponse* r) override {
    a_.describe_request = *q;
    *r = a_.description;
    return Outcome();
  }
  Status GetHistory(ServerContext*, const v1::GetHistoryRequest* q, v1::GetHistoryResponse* r) override {
    const size_t page = q->page_token().empty() ? 0 : std::stoul(q->page_token());
    if (page < a_.history.size()) *r = a_.history[page];
    if (page + 1 < a_.history.size()) r->set_next_page_token(std::to_string(page + 1));
    return Outcome();
  }
  Status ListWorkflows(ServerContext*, const v1::ListWorkflowsRequest* q,
                       v1::ListWorkflowsResponse* r) override {
    a_.list_requests.push_back(*q);
    const size_t page = q->page_token().empty() ? 0 : std::stoul(q->page_token());
    if (page < a_.lists.size()) *r = a_.lists[page];
    if (page + 1 < a_.lists.size()) r->set_next_page_token(std::to_string(page + 1));
    return Outcome();
  }
  Status CountWorkflows(ServerContext*, const v1::CountWorkflowsRequest*,
                        v1::CountWorkflowsResponse* r) override {
    *r = a_.count;
    return Outcome();
  }
  Status WatchWorkflow(ServerContext*, const v1::WatchWorkflowRequest* q,
                       grpc::ServerWriter<v1::WatchWorkflowResponse>* writer) override {
    a_.watch_requests.push_back(*q);
    if (a_.error_code != 0 || a_.watches.empty()) return Outcome();
    const size_t turn = std::min(a_.watch_requests.size(), a_.watches.size());
    writer->Write(a_.watches[turn - 1]);
    if (turn < a_.watches.size()) return {grpc::StatusCode::UNAVAILABLE, "stopping"};
    return Status::OK;
  }
  Status GetServerInfo(ServerContext*, const v1::GetServerInfoRequest*,
                       v1::GetServerInfoResponse* r) override {
    *r = a_.info;
    return Outcome();
  }

 private:
  Status Outcome() const {
    return a_.error_code == 0 ? Status::OK
                              : Status(static_cast<grpc::StatusCode>(a_.error_code), a_.error_message);
  }

  FakeAnswers& a_;
};

}  // namespace

class CliTest::Server {
 public:
  explicit Server(FakeAnswers& answers) : service_(answers) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~Server() { server_->Shutdown(std::chrono::system_clock::now()); }
  int port() const { return port_; }

 private:
  FakeService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

CliTest::CliTest() : server_(std::make_unique<Server>(answers_)) {
  address_ = "127.0.0.1:" + std::to_string(server_->port());
  setenv("TZ", "UTC", 1);
  tzset();
}

CliTest::~CliTest() = default;

Outcome CliTest::Run(std::vector<std::string> args) {
  std::istringstream in(stdin_);
  std::ostringstream out;
  std::ostringstream err;
  Environment environment{
      .in = in,
      .out = out,
      .err = err,
      .getenv = [this](const char* name) -> std::optional<std::string> {
        const std::string_view variable = name;
        if (variable == "PERDURE_ADDRESS") return address_;
        if (variable == "USER") return "ann";
        return std::nullopt;
      },
      .now_unix_ms = [this] { return kNow + paused_ms_; },
      .pause = [this](int64_t ms) { paused_ms_ += ms; },
      .random_id = [](int length) { return "r" + std::string(length - 1, '0'); },
      .width = 100,
      .terminal = terminal_,
  };
  Outcome outcome;
  outcome.exit_code = RunApp(args, environment);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

v1::Payload JsonPayload(const std::string& data) {
  v1::Payload payload;
  payload.set_encoding("json");
  payload.set_data(data);
  return payload;
}

}  // namespace perdure::cli
