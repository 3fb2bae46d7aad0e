// WatchWorkflow: streams a run's events as they become durable.
#ifndef PERDURE_SERVER_API_WATCH_H_
#define PERDURE_SERVER_API_WATCH_H_

#include <grpcpp/support/server_callback.h>

#include <cstdint>

#include "absl/status/status.h"
#include "perdure/v1/workflow_service.pb.h"
#include "server/api/metrics.h"
#include "server/api/ring.h"

namespace perdure::api {

// The reactor of one call. With an error in `valid` it ends at once.
grpc::ServerWriteReactor<v1::WatchWorkflowResponse>* StartWatch(Ring* ring, ApiMetrics* metrics,
                                                                const v1::WatchWorkflowRequest& request,
                                                                uint64_t waiter, const absl::Status& valid);

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_WATCH_H_
