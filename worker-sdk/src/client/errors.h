// From gRPC statuses and closed runs to what clients throw.
#ifndef PERDURE_WORKER_SDK_SRC_CLIENT_ERRORS_H_
#define PERDURE_WORKER_SDK_SRC_CLIENT_ERRORS_H_

#include <grpcpp/support/status.h>

#include <exception>
#include <string>

#include "perdure/client_errors.h"
#include "perdure/payload.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::client {

// "UNAVAILABLE: ...", for a status that is not OK.
std::string WhatOf(const grpc::Status& status);
// The exception for a status that is not OK (ALREADY_EXISTS is for the caller, who knows the run).
std::exception_ptr ErrorOf(const grpc::Status& status);
// Throws it, unless the status is OK.
void ThrowUnlessOk(const grpc::Status& status);

// The exception for a run that closed without completing.
std::exception_ptr FailureOf(const v1::GetResultResponse& response, const std::string& workflow_id,
                             const PayloadConverter* converter);

}  // namespace perdure::client

#endif  // PERDURE_WORKER_SDK_SRC_CLIENT_ERRORS_H_
