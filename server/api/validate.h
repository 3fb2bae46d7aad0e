// Validation: what requests must look like before they reach a partition. Errors are INVALID_ARGUMENT and
// name the field, its value (or size) and the limit.
#ifndef PERDURE_SERVER_API_VALIDATE_H_
#define PERDURE_SERVER_API_VALIDATE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::api {

struct ApiLimits {
  int64_t id_bytes_max = 1'000;
  int64_t name_bytes_max = 256;
  int64_t payload_bytes_max = 4 << 20;
  int64_t reason_bytes_max = 4'096;
  int64_t memo_entries_max = 64;
  int64_t memo_bytes_max = 64 << 10;
  int64_t non_retryable_types_max = 100;
  int64_t long_poll_ms_max = 60'000;
  int64_t page_size_max = 1'000;
  int64_t history_page_size_max = 10'000;
  int64_t watchers_max = 1'000;
  int64_t starts_per_call_max = 1'000;
};

absl::Status Validate(const v1::StartWorkflowRequest& request, const ApiLimits& limits);
// A start among many, or beside a signal: such a one cannot wait.
absl::Status ValidateInBatch(const v1::StartWorkflowRequest& request, const ApiLimits& limits);
// The starts themselves are not looked at.
absl::Status Validate(const v1::StartWorkflowsRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::SignalWorkflowRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::SignalWithStartWorkflowRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::CancelWorkflowRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::TerminateWorkflowRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::GetResultRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::DescribeWorkflowRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::GetHistoryRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::ListWorkflowsRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::CountWorkflowsRequest& request, const ApiLimits& limits);
absl::Status Validate(const v1::WatchWorkflowRequest& request, const ApiLimits& limits);

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_VALIDATE_H_
