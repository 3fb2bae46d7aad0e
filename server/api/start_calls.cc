#include "server/api/start_calls.h"

#include <string>
#include <utility>

#include "server/api/errors.h"

namespace perdure::api {

WaitingStart::WaitingStart(ApiMetrics* metrics, partition::Partition* partition, uint64_t waiter,
                           v1::StartWorkflowResponse* response)
    : metrics_(metrics),
      partition_(partition),
      waiter_(waiter),
      response_(response),
      begin_(metrics->Begin()) {}

void WaitingStart::Answer(absl::StatusOr<v1::StartWorkflowResponse> started) {
  if (started.ok()) *response_ = *std::move(started);
  metrics_->Record(Method::kStartAndWait, started.status().raw_code(), begin_);
  Finish(ToGrpc(started.status()));
}

void WaitingStart::OnCancel() { partition_->Put(partition::Forget{waiter_}); }

ManyStarts::ManyStarts(ApiMetrics* metrics, grpc::ServerUnaryReactor* reactor, int starts,
                       v1::StartWorkflowsResponse* response)
    : metrics_(metrics), reactor_(reactor), response_(response), begin_(metrics->Begin()), left_(starts) {
  for (int i = 0; i < starts; ++i) response->add_results();
}

void ManyStarts::Answer(int start, absl::StatusOr<v1::StartWorkflowResponse> started) {
  v1::StartWorkflowsResponse::Result& result = *response_->mutable_results(start);
  if (started.ok()) {
    *result.mutable_response() = *std::move(started);
  } else {
    result.set_code(started.status().raw_code());
    result.set_message(std::string(started.status().message()));
    metrics_->refused_starts.Add();
  }
  // The last one sees what the others wrote.
  if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  metrics_->Record(Method::kStartMany, static_cast<int>(absl::StatusCode::kOk), begin_);
  reactor_->Finish(grpc::Status::OK);
}

}  // namespace perdure::api
