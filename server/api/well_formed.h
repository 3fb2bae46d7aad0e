// WellFormed: a gRPC method handler that says INVALID_ARGUMENT to a request that does not parse. gRPC's own
// says UNIMPLEMENTED, without a message.
#ifndef PERDURE_SERVER_API_WELL_FORMED_H_
#define PERDURE_SERVER_API_WELL_FORMED_H_

#include <grpcpp/impl/codegen/server_callback_handlers.h>

#include <utility>

namespace perdure::api {

// `Inner` is one of gRPC's callback handlers. `good` takes the requests that parse; `malformed`, made from a
// reactor that ends the call at once, the others.
template <typename Inner>
class WellFormed final : public grpc::internal::MethodHandler {
 public:
  template <typename Good, typename Malformed>
  WellFormed(Good good, Malformed malformed) : good_(std::move(good)), malformed_(std::move(malformed)) {}

  void RunHandler(const HandlerParameter& p) override {
    if (p.status.ok()) return good_.RunHandler(p);
    malformed_.RunHandler(HandlerParameter(p.call, p.server_context, p.request, grpc::Status::OK,
                                           p.internal_data, p.call_requester));
  }
  void* Deserialize(grpc_call* call, grpc_byte_buffer* request, grpc::Status* status, void** data) override {
    return good_.Deserialize(call, request, status, data);
  }

 private:
  Inner good_;
  Inner malformed_;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_WELL_FORMED_H_
