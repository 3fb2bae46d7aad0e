// Metrics of this process, read from /proc.
#ifndef PERDURE_SERVER_OPS_PROCESS_METRICS_H_
#define PERDURE_SERVER_OPS_PROCESS_METRICS_H_

#include "server/base/stats.h"

namespace perdure::ops {

// process_resident_memory_bytes, process_virtual_memory_bytes, process_cpu_seconds_total, process_open_fds,
// process_max_fds, process_start_time_seconds, process_threads. What cannot be read is left out.
void CollectProcessMetrics(base::MetricSink& sink);

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_PROCESS_METRICS_H_
