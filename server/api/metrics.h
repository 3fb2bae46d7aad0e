// RPC counts and latencies, by method and status.
#ifndef PERDURE_SERVER_API_METRICS_H_
#define PERDURE_SERVER_API_METRICS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "server/base/stats.h"

namespace perdure::api {

enum class Method : uint8_t {
  kStart,
  kSignal,
  kSignalWithStart,
  kCancel,
  kTerminate,
  kGetResult,
  kDescribe,
  kGetHistory,
  kList,
  kCount,
  kWatch,
  kGetServerInfo,
  kStartAndWait,
  kStartMany,
  kConnect,
  kMethods,
};

// Thread-safe.
struct ApiMetrics {
  static constexpr size_t kMethodCount = static_cast<size_t>(Method::kMethods);
  static constexpr size_t kCodeCount = 17;

  std::array<std::array<base::Counter, kCodeCount>, kMethodCount> calls;
  // A slow success and a fast refusal are different things: both by method and status.
  std::array<std::array<base::Histogram, kCodeCount>, kMethodCount> latency_us;
  // Begun and not ended: calls, long polls and streams.
  base::Gauge open;
  base::Gauge streams;
  base::Gauge watchers;
  // Of StartWorkflows calls, which are themselves OK.
  base::Counter refused_starts;

  // Counts a call that begins; each ends with one Record.
  std::chrono::steady_clock::time_point Begin();
  void Record(Method method, int code, std::chrono::steady_clock::time_point begin);
  void Collect(base::MetricSink& sink) const;
};

}  // namespace perdure::api

#endif  // PERDURE_SERVER_API_METRICS_H_
