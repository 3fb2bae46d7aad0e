// What dispatch counts.
#ifndef PERDURE_SERVER_DISPATCH_METRICS_H_
#define PERDURE_SERVER_DISPATCH_METRICS_H_

#include "server/base/stats.h"

namespace perdure::dispatch {

struct DispatchMetrics {
  base::Counter activations_delivered;
  base::Counter tasks_delivered;
  base::Counter activations_sticky;
  base::Counter frames_sent;
  base::Counter frames_received;
  base::Counter answers;
  base::Counter stale_answers;
  base::Counter spilled;
  base::Counter sessions_opened;
  base::Counter sessions_resumed;
  base::Counter sessions_lost;
  // In the hands of those.
  base::Counter activations_lost;
  base::Counter tasks_lost;
  base::Counter history_requests;
  base::Histogram queue_wait_ms;

  void Collect(base::MetricSink& sink) const;
};

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_METRICS_H_
