// How large a client's request may be, judged before it is parsed.
#ifndef PERDURE_SERVER_API_REQUEST_SIZE_H_
#define PERDURE_SERVER_API_REQUEST_SIZE_H_

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/core_codegen_interface.h>

#include <cstdint>

#include "server/api/validate.h"

namespace perdure::api {

struct RequestLimits {
  int64_t bytes_max = 0;
  // Messages in it, and texts of lists.
  int64_t entries_max = 0;
};

// No request that Validate lets pass is larger than this: twice the largest payload (a start with a signal
// holds two) and memo, with room for names.
RequestLimits RequestLimitsOf(const ApiLimits& limits);

// What is wrong with a request that does not fit: RESOURCE_EXHAUSTED.
absl::Status TooLarge(const RequestLimits& limits);

bool Fits(grpc_byte_buffer* request, const google::protobuf::Descriptor& type, const RequestLimits& limits);

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_REQUEST_SIZE_H_
