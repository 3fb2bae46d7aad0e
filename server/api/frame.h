// Worker frames on the wire.
#ifndef PERDURE_SERVER_API_FRAME_H_
#define PERDURE_SERVER_API_FRAME_H_

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>

#include "absl/status/status.h"
#include "perdure/v1/worker_service.pb.h"

namespace perdure::api {

// INVALID_ARGUMENT if the bytes are no frame, or one of more than `items_max` items; that is found out before
// it is parsed. Takes what is in `bytes`.
absl::Status ParseFrame(grpc::ByteBuffer& bytes, int64_t items_max, v1::WorkerFrame& frame);

void SerializeFrame(const v1::ServerFrame& frame, grpc::ByteBuffer& bytes);

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_FRAME_H_
