// The only file of the tool that sees gRPC.
#include "cmd/perdure/client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "perdure/v1/workflow_service.grpc.pb.h"

namespace perdure::cli {
namespace {

constexpr char kUnreachableUrl[] = "perdure/unreachable";

// gRPC's "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to
// remote host: Connection refused" -> "Connection refused".
std::string ConnectFailure(const std::string& message) {
  const size_t last = message.rfind(": ");
  return last == std::string::npos ? message : message.substr(last + 2);
}

absl::Status Convert(const grpc::Status& status, int64_t timeout_ms) {
  if (status.ok()) return absl::OkStatus();
  const std::string& message = status.error_message();
  const bool no_answer = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  const bool no_connection =
      status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      (message.starts_with("failed to connect") || message.find("DNS resolution") != std::string::npos ||
       message == "Socket closed" || message.find("onnection reset") != std::string::npos ||
       message.find("roken pipe") != std::string::npos || message == "Endpoint read failed");
  // gRPC's word for a call that came in while the server was stopping; nobody cancels calls here.
  if (status.error_code() == grpc::StatusCode::CANCELLED) {
    return absl::UnavailableError("the server is stopping");
  }
  if (!no_answer && !no_connection) {
    return {static_cast<absl::StatusCode>(status.error_code()), message};
  }
  absl::Status out = absl::UnavailableError(no_answer ? absl::StrCat("no answer within ", timeout_ms, " ms")
                                                      : ConnectFailure(message));
  out.SetPayload(kUnreachableUrl, absl::Cord("1"));
  return out;
}

void SetDeadline(grpc::ClientContext& context, int64_t timeout_ms) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
}

class GrpcClient : public Client {
 public:
  explicit GrpcClient(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    // A server that comes back is found within a second.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    stub_ = v1::WorkflowService::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  }

  absl::StatusOr<v1::StartWorkflowResponse> Start(const v1::StartWorkflowRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::StartWorkflow, r, t);
  }
  absl::StatusOr<v1::SignalWorkflowResponse> Signal(const v1::SignalWorkflowRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::SignalWorkflow, r, t);
  }
  absl::StatusOr<v1::SignalWithStartWorkflowResponse> SignalWithStart(
      const v1::SignalWithStartWorkflowRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::SignalWithStartWorkflow, r, t);
  }
  absl::StatusOr<v1::CancelWorkflowResponse> Cancel(const v1::CancelWorkflowRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::CancelWorkflow, r, t);
  }
  absl::StatusOr<v1::TerminateWorkflowResponse> Terminate(const v1::TerminateWorkflowRequest& r,
                                                          int64_t t) override {
    return Call(&v1::WorkflowService::Stub::TerminateWorkflow, r, t);
  }
  absl::StatusOr<v1::GetResultResponse> GetResult(const v1::GetResultRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::GetResult, r, t);
  }
  absl::StatusOr<v1::DescribeWorkflowResponse> Describe(const v1::DescribeWorkflowRequest& r,
                                                        int64_t t) override {
    return Call(&v1::WorkflowService::Stub::DescribeWorkflow, r, t);
  }
  absl::StatusOr<v1::GetHistoryResponse> GetHistory(const v1::GetHistoryRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::GetHistory, r, t);
  }
  absl::StatusOr<v1::ListWorkflowsResponse> List(const v1::ListWorkflowsRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::ListWorkflows, r, t);
  }
  absl::StatusOr<v1::CountWorkflowsResponse> Count(const v1::CountWorkflowsRequest& r, int64_t t) override {
    return Call(&v1::WorkflowService::Stub::CountWorkflows, r, t);
  }
  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(int64_t t) override {
    return Call(&v1::WorkflowService::Stub::GetServerInfo, v1::GetServerInfoRequest(), t);
  }

  absl::Status Watch(const v1::WatchWorkflowRequest& request, int64_t timeout_ms,
                     const std::function<void(const v1::WatchWorkflowResponse&)>& visit) override {
    grpc::ClientContext context;
    if (timeout_ms > 0) SetDeadline(context, timeout_ms);
    const auto reader = stub_->WatchWorkflow(&context, request);
    v1::WatchWorkflowResponse response;
    while (reader->Read(&response)) visit(response);
    return Convert(reader->Finish(), timeout_ms);
  }

 private:
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::WorkflowService::Stub::*method)(grpc::ClientContext*,
                                                                                  const Request&, Response*),
                                const Request& request, int64_t timeout_ms) {
    grpc::ClientContext context;
    SetDeadline(context, timeout_ms);
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return Convert(status, timeout_ms);
    return response;
  }

  std::unique_ptr<v1::WorkflowService::Stub> stub_;
};

}  // namespace

std::unique_ptr<Client> ConnectTo(const std::string& address) {
  return std::make_unique<GrpcClient>(address);
}

bool IsUnreachable(const absl::Status& status) { return status.GetPayload(kUnreachableUrl).has_value(); }

}  // namespace perdure::cli
