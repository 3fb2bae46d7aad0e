#include "server/api/metrics.h"

namespace perdure::api {
namespace {

constexpr const char* kMethodNames[] = {"StartWorkflow",    "SignalWorkflow",    "SignalWithStartWorkflow",
                                        "CancelWorkflow",   "TerminateWorkflow", "GetResult",
                                        "DescribeWorkflow", "GetHistory",        "ListWorkflows",
                                        "CountWorkflows",   "WatchWorkflow",     "GetServerInfo",
                                        "Connect"};
constexpr const char* kCodeNames[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

}  // namespace

void ApiMetrics::Record(Method method, int code, std::chrono::steady_clock::time_point begin) {
  const auto m = static_cast<size_t>(method);
  calls[m][static_cast<size_t>(code >= 0 && code < static_cast<int>(kCodeCount) ? code : 2)].Add();
  const auto took = std::chrono::steady_clock::now() - begin;
  latency_us[m].Observe(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

void ApiMetrics::Collect(base::MetricSink& sink) const {
  for (size_t m = 0; m < kMethodCount; ++m) {
    bool used = false;
    for (size_t c = 0; c < kCodeCount; ++c) {
      const uint64_t n = calls[m][c].value();
      if (n == 0) continue;
      used = true;
      const base::Label labels[] = {{"method", kMethodNames[m]}, {"status", kCodeNames[c]}};
      sink.Counter("perdure_api_calls_total", "RPCs ended, by method and status.", labels,
                   static_cast<double>(n));
    }
    if (!used) continue;
    const base::Label labels[] = {{"method", kMethodNames[m]}};
    sink.Histogram("perdure_api_latency_seconds", "Time of an RPC, long polls and streams included.", labels,
                   latency_us[m], 1e-6);
  }
  sink.Gauge("perdure_api_worker_streams", "Open worker streams.", {}, static_cast<double>(streams.value()));
}

}  // namespace perdure::api
