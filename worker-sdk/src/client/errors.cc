#include "worker-sdk/src/client/errors.h"

#include "perdure/client_types.h"
#include "perdure/errors.h"
#include "worker-sdk/src/runtime/convert.h"
#include "worker-sdk/src/session/channel.h"

namespace perdure {

std::string_view StatusCodeName(StatusCode code) {
  return session::StatusCodeName(static_cast<grpc::StatusCode>(code));
}

std::string_view RunStatusName(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning:
      return "running";
    case RunStatus::kCompleted:
      return "completed";
    case RunStatus::kFailed:
      return "failed";
    case RunStatus::kCancelled:
      return "cancelled";
    case RunStatus::kTerminated:
      return "terminated";
    case RunStatus::kTimedOut:
      return "timed out";
    case RunStatus::kContinued:
      return "continued";
    case RunStatus::kUnspecified:
      break;
  }
  return "unknown";
}

ServiceError::ServiceError(StatusCode code, const std::string& message)
    : std::runtime_error(std::string(StatusCodeName(code)) + ": " + message),
      code_(code),
      message_(message) {}

namespace client {

std::string WhatOf(const grpc::Status& status) {
  return ServiceError(static_cast<StatusCode>(status.error_code()), status.error_message()).what();
}

std::exception_ptr ErrorOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::INVALID_ARGUMENT:
      return std::make_exception_ptr(InvalidArgument(status.error_message()));
    case grpc::NOT_FOUND:
      return std::make_exception_ptr(NotFound(status.error_message()));
    case grpc::FAILED_PRECONDITION:
      return std::make_exception_ptr(RunClosed(status.error_message()));
    case grpc::ALREADY_EXISTS:
      return std::make_exception_ptr(AlreadyStarted(status.error_message(), "", ""));
    default:
      return std::make_exception_ptr(
          ServiceError(static_cast<StatusCode>(status.error_code()), status.error_message()));
  }
}

void ThrowUnlessOk(const grpc::Status& status) {
  if (!status.ok()) std::rethrow_exception(ErrorOf(status));
}

std::exception_ptr FailureOf(const v1::GetResultResponse& response, const std::string& workflow_id,
                             const PayloadConverter* converter) {
  Failure failure = runtime::FromProto(response.failure(), converter);
  if (failure.kind == FailureKind::kUnspecified) {
    switch (response.status()) {
      case v1::RUN_STATUS_CANCELLED:
        failure.kind = FailureKind::kCancelled;
        break;
      case v1::RUN_STATUS_TERMINATED:
        failure.kind = FailureKind::kTerminated;
        break;
      case v1::RUN_STATUS_TIMED_OUT:
        failure.kind = FailureKind::kTimeout;
        failure.timeout = TimeoutKind::kRun;
        break;
      default:
        break;
    }
  }
  if (failure.message.empty() && failure.cause == nullptr) {
    failure.message = "the run was " + std::string(RunStatusName(static_cast<RunStatus>(response.status())));
  }
  return std::make_exception_ptr(WorkflowFailed(std::move(failure), workflow_id, response.run_id()));
}

}  // namespace client
}  // namespace perdure
