// Queue: the work of one kind and type that waits under one task queue. Inside this room only; guarded by the
// Dispatcher's lock.
#ifndef PERDURE_SERVER_DISPATCH_QUEUE_H_
#define PERDURE_SERVER_DISPATCH_QUEUE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/base/work.h"

namespace perdure::dispatch {

struct Session;

struct Waiting {
  Work work;
  int64_t since_ms = 0;
  size_t bytes = 0;
};

struct Queue {
  std::string key;
  WorkKind kind = WorkKind::kTask;
  // The window: what waits in memory, oldest first.
  std::deque<Waiting> items;
  size_t bytes = 0;
  // Sessions that host the type.
  std::vector<Session*> sessions;
  size_t next_session = 0;
  // Partitions with items of this queue on disk, and those that were asked to offer some.
  absl::flat_hash_set<uint32_t> backlog;
  absl::flat_hash_set<uint32_t> refilling;
  int64_t spilled = 0;

  bool idle() const { return items.empty() && sessions.empty() && backlog.empty() && refilling.empty(); }
};

// The four parts of a queue key, for people.
struct QueueName {
  std::string ns, task_queue, kind, type;
};
QueueName ParseQueueKey(const std::string& key);

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_QUEUE_H_
