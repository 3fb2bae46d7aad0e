// WellFormed: a gRPC method handler that says INVALID_ARGUMENT to a request that does not parse, where gRPC's
// own says UNIMPLEMENTED without a message, and RESOURCE_EXHAUSTED to one that is too large to be parsed.
#ifndef PERDURE_SERVER_API_WELL_FORMED_H_
#define PERDURE_SERVER_API_WELL_FORMED_H_

#include <grpcpp/impl/codegen/core_codegen_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>

#include <utility>

#include "server/api/request_size.h"

namespace perdure::api {

// `Inner` is one of gRPC's callback handlers, for requests of type `Request`. `good` takes the requests that
// parse; `malformed` and `too_large`, made from reactors that end the call at once, the others.
template <typename Request, typename Inner>
class WellFormed final : public grpc::internal::MethodHandler {
 public:
  template <typename Good, typename Malformed, typename TooLarge>
  WellFormed(const RequestLimits& limits, Good good, Malformed malformed, TooLarge too_large)
      : limits_(limits),
        good_(std::move(good)),
        malformed_(std::move(malformed)),
        too_large_(std::move(too_large)) {}

  void RunHandler(const HandlerParameter& p) override {
    if (p.status.ok()) return good_.RunHandler(p);
    Inner& other = p.status.error_code() == kTooLarge ? too_large_ : malformed_;
    other.RunHandler(HandlerParameter(p.call, p.server_context, p.request, grpc::Status::OK, p.internal_data,
                                      p.call_requester));
  }
  void* Deserialize(grpc_call* call, grpc_byte_buffer* request, grpc::Status* status, void** data) override {
    if (Fits(request, *Request::descriptor(), limits_)) return good_.Deserialize(call, request, status, data);
    // The handler makes what it needs for the call when it parses: nothing, this time.
    grpc::g_core_codegen_interface->grpc_byte_buffer_destroy(request);
    request = grpc::g_core_codegen_interface->grpc_raw_byte_buffer_create(nullptr, 0);
    void* const empty = good_.Deserialize(call, request, status, data);
    *status = grpc::Status(kTooLarge, "");
    return empty;
  }

 private:
  // Parsing never gives this.
  static constexpr grpc::StatusCode kTooLarge = grpc::StatusCode::RESOURCE_EXHAUSTED;

  const RequestLimits limits_;
  Inner good_;
  Inner malformed_;
  Inner too_large_;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_WELL_FORMED_H_
