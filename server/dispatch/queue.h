// Queue: the work of one kind and type that waits under one task queue. Inside this room only; guarded by the
// Dispatcher's lock.
#ifndef PERDURE_SERVER_DISPATCH_QUEUE_H_
#define PERDURE_SERVER_DISPATCH_QUEUE_H_

#include <cstdint>
#include <list>
#include <string>

#include "absl/container/btree_map.h"
#include "server/base/work.h"
#include "server/dispatch/item.h"

namespace perdure::dispatch {

// A session hosts a queue's type. In one of two lists: Queue::ready while the queue has no reason to think
// that the session is full, else Session::parked, until the session has credits again. A queue with items has
// no ready session. So neither a queue looks at full sessions again and again, nor a session at empty queues.
struct Subscription {
  Queue* queue = nullptr;
  Session* session = nullptr;
  bool parked = false;
};
using SubscriptionList = std::list<Subscription>;

// What one partition holds of a queue on disk, as far as is known here.
struct Backlog {
  // Asked to offer some, and the answer is not here yet.
  bool asked = false;
  // What that is likely to come to: room that others must not count on.
  int64_t asked_bytes = 0;
  // There are items on disk that are older than what is offered anew.
  bool more = true;
  // How many times the partition must still say that there is no more before that is believed: it may have
  // looked while items were on their way to disk.
  int doubts = 1;

  void Spilled();
  // False: there is no backlog any more.
  bool Answered(bool more_waits);
};

struct Queue {
  std::string key;
  WorkKind kind = WorkKind::kTask;
  // The window: what waits in memory, oldest first.
  ItemList items;
  size_t bytes = 0;
  SubscriptionList ready;
  // Connected ones that take new work, ready or parked.
  int sessions = 0;
  // By partition.
  absl::btree_map<uint32_t, Backlog> backlog;
  int64_t spilled = 0;
  // Of an item, lately; to guess how many of those on disk will fit.
  int64_t usual_bytes = 1;
  // It is in Dispatcher::wait_for_room_.
  bool waits_for_room = false;

  bool idle() const { return items.empty() && sessions == 0 && backlog.empty() && !waits_for_room; }
  // Whether older work than what is offered anew waits on disk.
  bool OlderOnDisk() const;
};

// The four parts of a queue key, for people.
struct QueueName {
  std::string ns, task_queue, kind, type;
};
QueueName ParseQueueKey(const std::string& key);
WorkKind KindOfQueue(const std::string& key);

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_QUEUE_H_
