// Session: one worker process, as dispatch sees it. Inside this room only; guarded by the Dispatcher's lock.
#ifndef PERDURE_SERVER_DISPATCH_SESSION_H_
#define PERDURE_SERVER_DISPATCH_SESSION_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "perdure/v1/worker_service.pb.h"
#include "server/base/work.h"
#include "server/dispatch/upstream.h"

namespace perdure::dispatch {

struct Queue;

// The stream of a session, seen from dispatch. Thread-safe; called without the Dispatcher's lock.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // There is something to send: call Dispatcher::TakeFrame when the stream can write.
  virtual void Wake() = 0;
  // End the stream with this status.
  virtual void Abort(absl::Status status) = 0;
};
using FrameSinkPtr = std::shared_ptr<FrameSink>;

// One delivery: (partition, delivery number).
using DeliveryKey = std::pair<uint32_t, uint64_t>;
inline DeliveryKey KeyOf(const v1::WorkToken& t) { return {t.partition(), t.delivery()}; }

// What is in a session's hands.
struct Out {
  v1::WorkToken token;
  WorkKind kind = WorkKind::kTask;
  // For an activation: the history its worker may ask for.
  int64_t history_through = 0;
};

// Waits to be sent.
struct Outgoing {
  std::deque<std::unique_ptr<v1::Activation>> activations;
  std::deque<std::unique_ptr<v1::TaskDelivery>> tasks;
  std::deque<v1::TaskCancel> cancels;
  std::deque<v1::HistoryChunk> chunks;
  std::vector<v1::WorkToken> evict;
  std::vector<uint64_t> acks;
  size_t bytes = 0;

  bool empty() const {
    return activations.empty() && tasks.empty() && cancels.empty() && chunks.empty() && evict.empty() &&
           acks.empty();
  }
  // Moves the next frame's worth into `frame`: at most about `bytes_max` and `items_max` of each kind.
  void MoveTo(v1::ServerFrame& frame, size_t items_max, size_t bytes_max);
};

struct Session {
  SessionNumber number = 0;
  std::string id;
  PeerPtr peer;
  v1::Hello hello;  // without the lists in hand
  FrameSinkPtr sink;  // null: the stream is lost
  bool draining = false;
  int64_t connected_ms = 0;
  int64_t lost_ms = 0;
  int activations_out = 0;
  int tasks_out = 0;
  absl::flat_hash_map<DeliveryKey, Out> out;
  Outgoing outgoing;
  std::vector<Queue*> queues;
  // Where the next search for waiting work begins.
  size_t next_queue = 0;

  bool CanTake(WorkKind kind, size_t outgoing_bytes_max) const {
    if (sink == nullptr || draining || outgoing.bytes >= outgoing_bytes_max) return false;
    return kind == WorkKind::kActivation ? activations_out < hello.max_activations()
                                         : tasks_out < hello.max_tasks();
  }
  void Add(const Out& item);
  // Returns the credit; false if it was not out.
  bool Remove(const DeliveryKey& key);
};

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_SESSION_H_
