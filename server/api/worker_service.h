// WorkerService: worker streams. Frames in go to dispatch, frames out come from it.
#ifndef PERDURE_SERVER_API_WORKER_SERVICE_H_
#define PERDURE_SERVER_API_WORKER_SERVICE_H_

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>

#include "perdure/v1/worker_service.grpc.pb.h"
#include "server/api/metrics.h"
#include "server/base/log_limiter.h"
#include "server/dispatch/dispatcher.h"

namespace perdure::api {

struct WorkerServiceOptions {
  int64_t frame_items_max = 10'000;
};

// Takes frames as bytes: with parsed messages, gRPC does not tell one that does not parse from the end of the
// stream.
class WorkerService final
    : public v1::WorkerService::WithRawCallbackMethod_Connect<v1::WorkerService::Service> {
 public:
  WorkerService(dispatch::Dispatcher* dispatcher, const WorkerServiceOptions& options, ApiMetrics* metrics)
      : dispatcher_(dispatcher), options_(options), metrics_(metrics) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* context) override;

 private:
  dispatch::Dispatcher* const dispatcher_;
  const WorkerServiceOptions options_;
  ApiMetrics* const metrics_;
  // Of workers that are refused: one that tries again and again must not fill the log.
  base::LogLimiter refusals_;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_WORKER_SERVICE_H_
