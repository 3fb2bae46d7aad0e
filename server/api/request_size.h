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
  // Messages directly in it, and texts of its lists; and in all.
  int64_t outer_max = 0;
  int64_t entries_max = 0;
  // It holds many requests.
  bool batch = false;
};

// No request that Validate lets pass is larger than this: twice the largest payload (a start with a signal
// holds two) and memo, with room for names.
RequestLimits RequestLimitsOf(const ApiLimits& limits);
// Of StartWorkflows: as many bytes, and for each start a share of entries that is enough for most.
RequestLimits BatchLimitsOf(const ApiLimits& limits);

// What is wrong with a request that does not fit: RESOURCE_EXHAUSTED, or INVALID_ARGUMENT for a batch, which
// can be sent in parts.
absl::Status TooLarge(const RequestLimits& limits);

bool Fits(grpc_byte_buffer* request, const google::protobuf::Descriptor& type, const RequestLimits& limits);

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_REQUEST_SIZE_H_
