#include "server/partition/metrics.h"

namespace perdure::partition {
namespace {

double Value(const base::Counter& c) { return static_cast<double>(c.value()); }
double Value(const base::Gauge& g) { return static_cast<double>(g.value()); }

}  // namespace

void CommitMetrics::Collect(base::MetricSink& sink) const {
  sink.Counter("perdure_commit_commits_total", "Synced writes.", {}, Value(commits));
  sink.Counter("perdure_commit_entries_total", "Keys written.", {}, Value(entries));
  sink.Counter("perdure_commit_bytes_total", "Bytes of keys and values written.", {}, Value(bytes));
  sink.Counter("perdure_commit_full_disk_waits_total", "Times a commit waited for room on the disk.", {},
               Value(full_disk_waits));
  sink.Histogram("perdure_commit_sync_seconds", "Time of one synced write.", {}, sync_us, 1e-6);
  sink.Histogram("perdure_commit_entries_per_commit", "Keys in one synced write.", {}, entries_per_commit);
  sink.Histogram("perdure_commit_batches_per_commit", "Partition batches in one synced write.", {},
                 batches_per_commit);
  sink.Gauge("perdure_commit_staged_bytes", "Staged and not committed yet.", {}, Value(staged_bytes));
}

void PartitionMetrics::Collect(base::MetricSink& sink) const {
  sink.Counter("perdure_partition_transitions_total", "Inputs decided.", {}, Value(transitions));
  sink.Counter("perdure_partition_events_total", "Events appended to histories.", {}, Value(events));
  sink.Counter("perdure_partition_runs_started_total", "Runs started.", {}, Value(runs_started));
  const auto closed = [&](const char* status, const base::Counter& c) {
    const base::Label labels[] = {{"status", status}};
    sink.Counter("perdure_partition_runs_closed_total", "Runs closed.", labels, Value(c));
  };
  closed("completed", runs_completed);
  closed("failed", runs_failed);
  closed("cancelled", runs_cancelled);
  closed("terminated", runs_terminated);
  closed("timed_out", runs_timed_out);
  sink.Counter("perdure_partition_runs_deleted_total", "Closed runs deleted after their retention.", {},
               Value(runs_deleted));
  const auto tasks = [&](const char* outcome, const base::Counter& c) {
    const base::Label labels[] = {{"outcome", outcome}};
    sink.Counter("perdure_partition_tasks_total", "Tasks ended, by outcome.", labels, Value(c));
  };
  tasks("completed", tasks_completed);
  tasks("failed", tasks_failed);
  tasks("cancelled", tasks_cancelled);
  sink.Counter("perdure_partition_task_attempts_failed_total",
               "Attempts that failed and will be tried again.", {}, Value(task_attempts_failed));
  sink.Counter("perdure_partition_steps_total", "Steps recorded.", {}, Value(steps_completed));
  sink.Counter("perdure_partition_timers_fired_total", "Timers fired.", {}, Value(timers_fired));
  sink.Counter("perdure_partition_signals_total", "Signals recorded.", {}, Value(signals));
  sink.Counter("perdure_partition_activations_answered_total", "Advances recorded.", {},
               Value(activations_answered));
  sink.Counter("perdure_partition_activations_failed_total", "Activations that a worker could not carry out.",
               {}, Value(activations_failed));
  sink.Counter("perdure_partition_nondeterminism_total",
               "Activations that failed since workflow code is not deterministic.", {},
               Value(nondeterminism));
  sink.Counter("perdure_partition_stale_total", "Inputs dropped as stale.", {}, Value(stale));
  sink.Counter("perdure_partition_loads_total", "Runs read from disk.", {}, Value(loads));
  sink.Counter("perdure_partition_evictions_total", "Runs dropped from memory.", {}, Value(evictions));
  sink.Counter("perdure_partition_checkpoints_total", "Checkpoints finished.", {}, Value(checkpoints));
  sink.Counter("perdure_partition_derived_rows_total", "Derived rows written.", {}, Value(derived_rows));
  sink.Counter("perdure_partition_unreadable_runs_total", "Runs that could not be read.", {},
               Value(unreadable_runs));
  sink.Histogram("perdure_partition_drain_items", "Messages taken from a mailbox at once.", {}, drain_items);
  sink.Gauge("perdure_partition_cached_runs", "Runs in memory.", {}, Value(cached_runs));
  sink.Gauge("perdure_partition_cached_bytes", "Estimated memory of the runs in memory.", {},
             Value(cached_bytes));
  sink.Gauge("perdure_partition_hot_runs", "Runs with work queued or in a worker's hands.", {},
             Value(hot_runs));
  sink.Gauge("perdure_partition_wakeups", "Deadlines held in memory.", {}, Value(wakeups));
  sink.Gauge("perdure_partition_waiters", "Clients waiting for a result or watching.", {}, Value(waiters));
  sink.Gauge("perdure_partition_mailbox_items", "Messages waiting in mailboxes.", {}, Value(mailbox_items));
}

}  // namespace perdure::partition
