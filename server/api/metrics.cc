#include "server/api/metrics.h"

namespace perdure::api {
namespace {

constexpr const char* kMethodNames[] = {
    "StartWorkflow",        "SignalWorkflow",    "SignalWithStartWorkflow",
    "CancelWorkflow",       "TerminateWorkflow", "GetResult",
    "DescribeWorkflow",     "GetHistory",        "ListWorkflows",
    "CountWorkflows",       "WatchWorkflow",     "GetServerInfo",
    "StartWorkflowAndWait", "StartWorkflows",    "Connect"};
constexpr const char* kCodeNames[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

}  // namespace

std::chrono::steady_clock::time_point ApiMetrics::Begin() {
  open.Add();
  return std::chrono::steady_clock::now();
}

void ApiMetrics::Record(Method method, int code, std::chrono::steady_clock::time_point begin) {
  const auto m = static_cast<size_t>(method);
  const auto c = static_cast<size_t>(code >= 0 && code < static_cast<int>(kCodeCount) ? code : 2);
  open.Sub();
  calls[m][c].Add();
  const auto took = std::chrono::steady_clock::now() - begin;
  latency_us[m][c].Observe(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

void ApiMetrics::Collect(base::MetricSink& sink) const {
  for (size_t m = 0; m < kMethodCount; ++m) {
    for (size_t c = 0; c < kCodeCount; ++c) {
      const uint64_t n = calls[m][c].value();
      if (n == 0) continue;
      const base::Label labels[] = {{"method", kMethodNames[m]}, {"status", kCodeNames[c]}};
      sink.Counter("perdure_api_calls_total", "RPCs ended, by method and status.", labels,
                   static_cast<double>(n));
      sink.Histogram("perdure_api_latency_seconds",
                     "Time of an RPC, by method and status; long polls and streams included.", labels,
                     latency_us[m][c], 1e-6);
    }
  }
  sink.Gauge("perdure_api_open_calls", "RPCs begun and not ended, long polls and streams included.", {},
             static_cast<double>(open.value()));
  sink.Counter("perdure_api_refused_starts_total", "Starts refused inside StartWorkflows calls that were OK.",
               {}, static_cast<double>(refused_starts.value()));
  sink.Gauge("perdure_api_watchers", "Open WatchWorkflow streams.", {},
             static_cast<double>(watchers.value()));
  sink.Gauge("perdure_api_worker_streams", "Open worker streams.", {}, static_cast<double>(streams.value()));
}

}  // namespace perdure::api
