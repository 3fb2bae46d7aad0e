#include "server/api/errors.h"

#include <string>

namespace perdure::api {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The codes have the same numbers by design.
  return {static_cast<grpc::StatusCode>(status.raw_code()),
          std::string(status.message().data(), status.message().size())};
}

}  // namespace perdure::api
