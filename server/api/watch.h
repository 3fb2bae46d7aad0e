// WatchWorkflow: streams a run's events as they become durable.
#ifndef PERDURE_SERVER_API_WATCH_H_
#define PERDURE_SERVER_API_WATCH_H_

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "perdure/v1/workflow_service.pb.h"
#include "server/api/metrics.h"
#include "server/api/ring.h"

namespace perdure::api {

// What all watches of a service share.
struct Watches {
  Ring* ring = nullptr;
  ApiMetrics* metrics = nullptr;
  int64_t watchers_max = 1'000;
  // Open now, those included that are about to be refused.
  std::atomic<int64_t> open{0};
};

// The reactor of one call. With an error in `valid`, or if there are too many, it ends at once.
grpc::ServerWriteReactor<v1::WatchWorkflowResponse>* StartWatch(Watches* watches,
                                                                const v1::WatchWorkflowRequest& request,
                                                                uint64_t waiter, const absl::Status& valid);

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_WATCH_H_
