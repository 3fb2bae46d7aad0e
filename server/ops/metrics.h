// Metrics: gathers what the rooms' Collect functions report and writes it in Prometheus' text format.
#ifndef PERDURE_SERVER_OPS_METRICS_H_
#define PERDURE_SERVER_OPS_METRICS_H_

#include <functional>
#include <memory>
#include <string>

#include "server/base/stats.h"

namespace perdure::ops {

// Thread-safe. What the registered functions refer to must outlive every call of Text(): stop the HTTP server
// first.
class Metrics {
 public:
  using CollectFunction = std::function<void(base::MetricSink&)>;

  // Starts with the process's own metrics (process_*) and perdure_build_info.
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // `collect` is called at each scrape, one scrape at a time; it must not block for long.
  void Register(CollectFunction collect);

  // The Prometheus text exposition (version 0.0.4).
  std::string Text() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_METRICS_H_
