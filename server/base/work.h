// Work: what a partition hands to dispatch, and the name of the queue it waits in. Plain data, shared by
// the engine (which decides it), the partition (which releases it once durable) and dispatch.
#ifndef PERDURE_SERVER_BASE_WORK_H_
#define PERDURE_SERVER_BASE_WORK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "perdure/v1/worker_service.pb.h"

namespace perdure {

enum class WorkKind : uint8_t { kActivation = 0, kTask = 1 };

// Names one queue: everything of one kind and type that waits under one task queue of one namespace.
// Spelled "namespace \0 task queue \0 'w' or 't' \0 type", which is also how the store spells it.
inline std::string QueueKey(std::string_view ns, std::string_view task_queue, WorkKind kind,
                            std::string_view type) {
  std::string key;
  key.reserve(ns.size() + task_queue.size() + type.size() + 4);
  key.append(ns).push_back('\0');
  key.append(task_queue).push_back('\0');
  key.push_back(kind == WorkKind::kActivation ? 'w' : 't');
  key.push_back('\0');
  key.append(type);
  return key;
}

// One thing to do outside, once the commit that decided it is durable.
struct Work {
  enum class Kind : uint8_t {
    // Hand `activation` to a session that hosts its type; `session` is the one that holds the coroutine, or
    // 0.
    kActivation,
    // Hand `task` to a session that hosts its type.
    kTask,
    // Ask `session` to cancel the task of `token`.
    kCancelTask,
    // `token` is not wanted any more: forget it if it still waits in `queue`.
    kWithdraw,
    // `session` may drop the coroutine of the run of `token`.
    kEvict,
    // What the partition of `token` makes of `queue`'s backlog on disk: `count` items were offered again just
    // before this, and `more` says whether others wait.
    kRefilled,
  };
  Kind kind = Kind::kActivation;
  std::string queue;
  std::unique_ptr<v1::Activation> activation;
  std::unique_ptr<v1::TaskDelivery> task;
  v1::WorkToken token;
  uint64_t session = 0;
  std::string reason;
  int64_t count = 0;
  bool more = false;
};

// Answers to acknowledge, by session.
using Acks = absl::btree_map<uint64_t, std::vector<uint64_t>>;

}  // namespace perdure

#endif  // PERDURE_SERVER_BASE_WORK_H_
