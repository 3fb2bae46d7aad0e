// Errors on the wire: the one place where absl's codes become gRPC's.
#ifndef PERDURE_SERVER_API_ERRORS_H_
#define PERDURE_SERVER_API_ERRORS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace perdure::api {

grpc::Status ToGrpc(const absl::Status& status);

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_ERRORS_H_
