// Settings of the partitions and the committer.
#ifndef PERDURE_SERVER_PARTITION_OPTIONS_H_
#define PERDURE_SERVER_PARTITION_OPTIONS_H_

#include <cstdint>

#include "server/engine/types.h"

namespace perdure::partition {

struct PartitionOptions {
  engine::Limits limits;
  // Messages waiting in one mailbox; past it clients get RESOURCE_EXHAUSTED.
  int64_t mailbox_items_max = 65'536;
  // Payloads in those messages; past it likewise.
  int64_t mailbox_bytes_max = 128 << 20;
  // Runs in memory that workers have in hand or that wait for one, beyond run_cache_bytes_max: those cannot
  // leave. Past it clients get RESOURCE_EXHAUSTED.
  int64_t hot_runs_bytes_max = 512 << 20;
  // Writes staged but not committed, over all partitions; past it the partitions wait.
  int64_t staged_bytes_max = 64 << 20;
  // Runs kept in memory though nothing happens to them, per partition.
  int64_t run_cache_bytes_max = 16 << 20;
  // How long derived rows may lag behind; bounds recovery.
  int64_t checkpoint_interval_ms = 5'000;
  // Timers due within this window are held in memory, at most so many at a time.
  int64_t timer_window_ms = 60'000;
  int64_t timer_window_items_max = 100'000;
  // How long tasks wait, after a restart, for the workers that may be running them.
  int64_t reconnect_grace_ms = 3'000;
  int64_t retention_sweep_interval_ms = 1'000;
  // Runs deleted by one sweep.
  int64_t retention_batch_max = 10'000;
  // Clients waiting for results, and watching runs, per partition.
  int64_t waiters_max = 100'000;
  // How long the committer waits for room on a full disk before it tries again.
  int64_t full_disk_retry_ms = 500;
  // Milliseconds since the Unix epoch.
  int64_t (*now_ms)() = nullptr;
  // Seeds run ids and jitter. 0: from the system.
  uint64_t random_seed = 0;
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_OPTIONS_H_
