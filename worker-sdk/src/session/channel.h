// How workers and clients open gRPC channels.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_CHANNEL_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace perdure::session {

// Frames and payloads are far smaller; this is what both sides accept.
inline constexpr int kMessageBytesMax = 64 << 20;
inline constexpr int kKeepaliveIntervalMs = 10'000;
inline constexpr int kKeepaliveTimeoutMs = 10'000;

// A channel of its own connection, which comes back quickly after the server was away: gRPC's own backoff
// goes no further than a second.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& address);

// "UNAVAILABLE", for messages.
const char* StatusCodeName(grpc::StatusCode code);
// "UNAVAILABLE: connection refused".
std::string Describe(const grpc::Status& status);

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_CHANNEL_H_
