// GrpcServer: the services behind one port, with health and reflection.
#ifndef PERDURE_SERVER_API_GRPC_SERVER_H_
#define PERDURE_SERVER_API_GRPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace perdure::api {

struct GrpcServerOptions {
  // "host:port"; port 0 takes a free one.
  std::string listen;
  int64_t frame_bytes_max = 64 << 20;
  // For what is received and not handed on yet, of all connections together; past it gRPC reads slower and
  // then ends streams.
  int64_t grpc_memory_bytes_max = 512 << 20;
};

class GrpcServer {
 public:
  // Listens at once. UNAVAILABLE names an address that cannot be had.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Listen(const GrpcServerOptions& options,
                                                            const std::vector<grpc::Service*>& services);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;

  // The address with the actual port.
  const std::string& address() const { return address_; }
  // What the health service says.
  void SetServing(bool serving);
  // Ends all calls; those still open after `grace_ms` are cancelled.
  void Shutdown(int64_t grace_ms);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, std::string address);

  std::unique_ptr<grpc::Server> server_;
  const std::string address_;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_GRPC_SERVER_H_
