// Client: WorkflowService over gRPC, without gRPC's headers.
#ifndef PERDURE_CMD_PERDURE_CLIENT_H_
#define PERDURE_CMD_PERDURE_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::cli {

// One connection, made with the first call. Each call ends after `timeout_ms`. Statuses carry gRPC's codes;
// a server that cannot be reached or does not answer is Unavailable with IsUnreachable() true.
class Client {
 public:
  virtual ~Client() = default;

  virtual absl::StatusOr<v1::StartWorkflowResponse> Start(const v1::StartWorkflowRequest& request,
                                                          int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::SignalWorkflowResponse> Signal(const v1::SignalWorkflowRequest& request,
                                                            int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::SignalWithStartWorkflowResponse> SignalWithStart(
      const v1::SignalWithStartWorkflowRequest& request, int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::CancelWorkflowResponse> Cancel(const v1::CancelWorkflowRequest& request,
                                                            int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::TerminateWorkflowResponse> Terminate(const v1::TerminateWorkflowRequest& request,
                                                                  int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::GetResultResponse> GetResult(const v1::GetResultRequest& request,
                                                          int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::DescribeWorkflowResponse> Describe(const v1::DescribeWorkflowRequest& request,
                                                                int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::GetHistoryResponse> GetHistory(const v1::GetHistoryRequest& request,
                                                            int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::ListWorkflowsResponse> List(const v1::ListWorkflowsRequest& request,
                                                         int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::CountWorkflowsResponse> Count(const v1::CountWorkflowsRequest& request,
                                                           int64_t timeout_ms) = 0;
  virtual absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(int64_t timeout_ms) = 0;

  // Calls `visit` for each message until the stream ends. `timeout_ms` 0: for as long as it takes.
  virtual absl::Status Watch(const v1::WatchWorkflowRequest& request, int64_t timeout_ms,
                             const std::function<void(const v1::WatchWorkflowResponse&)>& visit) = 0;
};

// Nothing is sent yet. `address` is HOST:PORT.
std::unique_ptr<Client> ConnectTo(const std::string& address);

// Whether a status says that no server answered (as opposed to a server that refused).
bool IsUnreachable(const absl::Status& status);

}  // namespace perdure::cli

#endif  // PERDURE_CMD_PERDURE_CLIENT_H_
