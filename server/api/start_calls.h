// The calls that start runs and are answered in more than one step.
#ifndef PERDURE_SERVER_API_START_CALLS_H_
#define PERDURE_SERVER_API_START_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include "absl/status/statusor.h"
#include "perdure/v1/workflow_service.pb.h"
#include "server/api/metrics.h"
#include "server/partition/partition.h"

namespace perdure::api {

// A start that waits for its run to close. Its client may go away meanwhile; then the waiter goes too. Frees
// itself once gRPC is done with it.
class WaitingStart final : public grpc::ServerUnaryReactor {
 public:
  WaitingStart(ApiMetrics* metrics, partition::Partition* partition, uint64_t waiter,
               v1::StartWorkflowResponse* response);
  void Answer(absl::StatusOr<v1::StartWorkflowResponse> started);
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  // Has gRPC run OnDone and OnCancel on the thread it is on, instead of handing them to another one. So both
  // must stay trivial and take no lock that is held around Answer, and this may be gone once Finish returns.
  // Not a public part of gRPC (1.51): look again when that changes.
  bool InternalInlineable() override { return true; }

  ApiMetrics* const metrics_;
  partition::Partition* const partition_;
  const uint64_t waiter_;
  v1::StartWorkflowResponse* const response_;
  const std::chrono::steady_clock::time_point begin_;
};

// Many starts in one call, answered by several partitions, in any order and on any thread. Shared by the
// replies.
class ManyStarts {
 public:
  ManyStarts(ApiMetrics* metrics, grpc::ServerUnaryReactor* reactor, int starts,
             v1::StartWorkflowsResponse* response);
  void Answer(int start, absl::StatusOr<v1::StartWorkflowResponse> started);

 private:
  ApiMetrics* const metrics_;
  grpc::ServerUnaryReactor* const reactor_;
  v1::StartWorkflowsResponse* const response_;
  const std::chrono::steady_clock::time_point begin_;
  std::atomic<int> left_;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_START_CALLS_H_
