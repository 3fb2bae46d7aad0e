// Clients' requests: every method of WorkflowService against its validator. What is accepted keeps the
// documented limits, and is small enough for the check that runs before a request is parsed.
//
// Input: one byte for the method, then the request.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/impl/codegen/core_codegen_interface.h>
#include <grpcpp/impl/grpc_library.h>

#include <array>
#include <memory>

#include "server/api/request_size.h"
#include "server/api/validate.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/request_rules.h"
#include "tests/fuzz/seeds.h"

namespace perdure::fuzz {
namespace {

using google::protobuf::Message;

// Low, so that short inputs reach them.
api::ApiLimits LowLimits() {
  api::ApiLimits limits;
  limits.id_bytes_max = 24;
  limits.name_bytes_max = 16;
  limits.payload_bytes_max = 48;
  limits.reason_bytes_max = 32;
  limits.memo_entries_max = 3;
  limits.memo_bytes_max = 64;
  limits.non_retryable_types_max = 3;
  limits.page_size_max = 100;
  limits.history_page_size_max = 200;
  limits.starts_per_call_max = 3;
  return limits;
}

const api::ApiLimits kLimits = LowLimits();

struct Method {
  const Message* request;
  absl::Status (*validate)(const Message& request);
  bool batch = false;
};

template <typename Request>
absl::Status ValidateAs(const Message& request) {
  return api::Validate(static_cast<const Request&>(request), kLimits);
}

// As the service does: the call, then each start.
absl::Status ValidateBatch(const Message& message) {
  const auto& request = static_cast<const v1::StartWorkflowsRequest&>(message);
  if (absl::Status s = api::Validate(request, kLimits); !s.ok()) return s;
  for (const v1::StartWorkflowRequest& start : request.starts()) {
    if (absl::Status s = api::ValidateInBatch(start, kLimits); !s.ok()) return s;
    Check(start.wait_ms() == 0, "a start among many that waits");
  }
  return absl::OkStatus();
}

absl::Status ValidateNothing(const Message&) { return absl::OkStatus(); }

template <typename Request>
Method MethodOf() {
  return {&Request::default_instance(), &ValidateAs<Request>};
}

// In the order of the service's methods.
const std::array<Method, 13>& Methods() {
  static const std::array<Method, 13> methods = {
      MethodOf<v1::StartWorkflowRequest>(),
      MethodOf<v1::SignalWorkflowRequest>(),
      MethodOf<v1::SignalWithStartWorkflowRequest>(),
      MethodOf<v1::CancelWorkflowRequest>(),
      MethodOf<v1::TerminateWorkflowRequest>(),
      MethodOf<v1::GetResultRequest>(),
      MethodOf<v1::DescribeWorkflowRequest>(),
      MethodOf<v1::GetHistoryRequest>(),
      MethodOf<v1::ListWorkflowsRequest>(),
      MethodOf<v1::CountWorkflowsRequest>(),
      MethodOf<v1::WatchWorkflowRequest>(),
      Method{&v1::GetServerInfoRequest::default_instance(), &ValidateNothing},
      Method{&v1::StartWorkflowsRequest::default_instance(), &ValidateBatch, true},
  };
  static const bool whole = [] {
    const auto* service =
        v1::StartWorkflowRequest::descriptor()->file()->FindServiceByName("WorkflowService");
    Check(service->method_count() == static_cast<int>(methods.size()), "a method is missing here");
    for (int i = 0; i < service->method_count(); ++i) {
      const auto* type = methods[static_cast<size_t>(i)].request->GetDescriptor();
      Check(service->method(i)->input_type() == type, "not the request of ", service->method(i)->name());
    }
    return true;
  }();
  Check(whole);
  return methods;
}

const Method& MethodFor(uint8_t selector) { return Methods()[selector % Methods().size()]; }

bool Fits(const void* data, size_t size, const Method& method) {
  grpc::CoreCodegenInterface& core = *grpc::g_core_codegen_interface;
  grpc_slice slice = core.grpc_slice_from_copied_buffer(static_cast<const char*>(data), size);
  grpc_byte_buffer* buffer = core.grpc_raw_byte_buffer_create(&slice, 1);
  core.grpc_slice_unref(slice);
  const auto limits = method.batch ? api::BatchLimitsOf(kLimits) : api::RequestLimitsOf(kLimits);
  const bool fits = api::Fits(buffer, *method.request->GetDescriptor(), limits);
  core.grpc_byte_buffer_destroy(buffer);
  return fits;
}

void Try(const uint8_t* data, size_t size) {
  if (size == 0) return;
  const Method& method = MethodFor(data[0]);
  const std::unique_ptr<Message> request(method.request->New());
  if (!Fits(data + 1, size - 1, method)) return;
  // Requests are parsed by gRPC, which keeps protobuf's own limit of nesting.
  if (!request->ParseFromArray(data + 1, static_cast<int>(size - 1))) return;
  const absl::Status status = method.validate(*request);
  if (!status.ok()) {
    Check(absl::IsInvalidArgument(status) && !status.message().empty(), "it says ", status.ToString());
    return;
  }
  const std::string why = WhyNotAllowed(*request, kLimits);
  Check(why.empty(), "accepted, though ", why, "\n", request->ShortDebugString());
  if (method.batch) return;
  request->DiscardUnknownFields();
  const std::string text = request->SerializeAsString();
  Check(Fits(text.data(), text.size(), method), "valid, but refused as too large");
}

// For each method something that is valid.
constexpr const char* kSamples[] = {
    R"(namespace: "ns" workflow_id: "order-1" workflow_type: "order" task_queue: "main" request_id: "r"
       input { encoding: "json" data: "{}" type: "T" } identity: "me" run_timeout_ms: 1 execution_timeout_ms: 2
       id_reuse_policy: ID_REUSE_POLICY_REJECT id_conflict_policy: ID_CONFLICT_POLICY_USE_EXISTING
       retry_policy { initial_interval_ms: 1 backoff_coefficient: 2 max_interval_ms: 9 max_attempts: 3
                      jitter: 0.5 non_retryable_types: "E" }
       start_delay_ms: 1 retention_ms: 1 memo { key: "k" value { data: "v" } } wait_ms: 1)",
    R"(execution { workflow_id: "o" run_id: "r" } signal_name: "paid" input { data: "1" } request_id: "q")",
    R"(start { workflow_id: "o" workflow_type: "t" task_queue: "q" } signal_name: "s" signal_input {})",
    R"(execution { workflow_id: "o" } reason: "why" request_id: "r" identity: "me")",
    R"(execution { workflow_id: "o" } reason: "why" request_id: "r" identity: "me")",
    R"(execution { workflow_id: "o" } wait_ms: 5 follow_runs: true)",
    R"(execution { workflow_id: "o" })",
    R"(execution { workflow_id: "o" } page_size: 10 page_token: "r/5")",
    R"(filter { statuses: RUN_STATUS_RUNNING workflow_type: "t" task_queue: "q" workflow_id_prefix: "o"
                started_from_unix_ms: 1 started_before_unix_ms: 2 workflow_id: "o" }
       page_size: 10 page_token: "1.2")",
    R"(filter { statuses: RUN_STATUS_FAILED })",
    R"(execution { workflow_id: "o" } from_event_id: 1)",
    R"()",
    R"(starts { workflow_id: "a" workflow_type: "t" task_queue: "q" }
       starts { workflow_id: "b" workflow_type: "t" task_queue: "q" })",
};

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  for (size_t i = 0; i < std::size(kSamples); ++i) {
    const std::unique_ptr<Message> request(Methods()[i].request->New());
    Check(google::protobuf::TextFormat::ParseFromString(kSamples[i], request.get()), "sample ", i);
    std::string bytes(1, static_cast<char>(i));
    bytes += request->SerializeAsString();
    seeds.push_back({request->GetDescriptor()->name(), bytes});
  }
  return seeds;
}

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::fuzz::Try(data, size);
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (size == 0 || max_size == 0 || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::unique_ptr<google::protobuf::Message> request(perdure::fuzz::MethodFor(data[0]).request->New());
  return 1 + perdure::fuzz::MutateMessage(*request, data + 1, size - 1, max_size - 1, seed);
}
