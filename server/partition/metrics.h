// What the partitions and the committer count.
#ifndef PERDURE_SERVER_PARTITION_METRICS_H_
#define PERDURE_SERVER_PARTITION_METRICS_H_

#include "server/base/stats.h"

namespace perdure::partition {

struct CommitMetrics {
  base::Counter commits;
  base::Counter entries;
  base::Counter bytes;
  base::Counter full_disk_waits;
  base::Histogram sync_us;
  base::Histogram entries_per_commit;
  base::Histogram batches_per_commit;
  base::Gauge staged_bytes;
  void Collect(base::MetricSink& sink) const;
};

struct PartitionMetrics {
  base::Counter transitions;
  base::Counter events;
  base::Counter runs_started;
  base::Counter runs_completed;
  base::Counter runs_failed;
  base::Counter runs_cancelled;
  base::Counter runs_terminated;
  base::Counter runs_timed_out;
  base::Counter runs_deleted;
  base::Counter tasks_completed;
  base::Counter tasks_failed;
  base::Counter tasks_cancelled;
  base::Counter task_attempts_failed;
  base::Counter steps_completed;
  base::Counter timers_fired;
  base::Counter signals;
  base::Counter activations_answered;
  base::Counter activations_failed;
  base::Counter nondeterminism;
  base::Counter stale;
  base::Counter loads;
  base::Counter evictions;
  base::Counter checkpoints;
  base::Counter derived_rows;
  base::Counter unreadable_runs;
  base::Histogram drain_items;
  base::Gauge cached_runs;
  base::Gauge cached_bytes;
  base::Gauge hot_runs;
  base::Gauge wakeups;
  base::Gauge waiters;
  base::Gauge mailbox_items;
  void Collect(base::MetricSink& sink) const;
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_METRICS_H_
