// Session: one worker process, as dispatch sees it. Inside this room only; guarded by the Dispatcher's lock.
#ifndef PERDURE_SERVER_DISPATCH_SESSION_H_
#define PERDURE_SERVER_DISPATCH_SESSION_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "perdure/v1/worker_service.pb.h"
#include "server/base/work.h"
#include "server/dispatch/item.h"
#include "server/dispatch/queue.h"
#include "server/dispatch/upstream.h"

namespace perdure::dispatch {

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

// A history on its way to a worker, a chunk at a time.
struct Reading {
  HistoryRead next;
  // A chunk is being read; else it waits for room in the stream.
  bool running = false;
};

// What waits to be sent besides items.
struct Outgoing {
  std::deque<v1::TaskCancel> cancels;
  std::deque<v1::HistoryChunk> chunks;
  std::vector<v1::WorkToken> evict;
  std::vector<uint64_t> acks;
  size_t chunk_bytes = 0;
  // How many were asked for and refused since `chunks` was last empty.
  size_t refused_histories = 0;

  bool empty() const { return cancels.empty() && chunks.empty() && evict.empty() && acks.empty(); }
};

struct Session {
  SessionNumber number = 0;
  std::string id;
  PeerPtr peer;
  v1::Hello hello;    // without the lists in hand
  FrameSinkPtr sink;  // null: the stream is lost
  bool draining = false;
  int64_t connected_ms = 0;
  int64_t lost_ms = 0;

  // In hand; these take credits.
  ItemList unsent;
  ItemList sent;
  int activations_out = 0;
  int tasks_out = 0;
  size_t unsent_bytes = 0;
  // No credits any more, but the worker keeps the answer until it is acknowledged.
  ItemList answered;
  absl::flat_hash_map<uint64_t, ItemList::iterator> by_answer;

  Outgoing outgoing;
  absl::flat_hash_map<DeliveryKey, Reading> readings;
  int readings_running = 0;
  // Those that are not running, the next one first; some may be over already.
  std::deque<DeliveryKey> readings_waiting;
  // The types hosted, and those of them whose queues found this session full, by kind.
  absl::flat_hash_map<const Queue*, SubscriptionList::iterator> hosted;
  std::array<SubscriptionList, 2> parked;

  int& out(WorkKind kind) { return kind == WorkKind::kActivation ? activations_out : tasks_out; }
  size_t outgoing_bytes() const { return unsent_bytes + outgoing.chunk_bytes; }
  bool HasOutgoing() const { return !unsent.empty() || !outgoing.empty(); }
  bool CanTake(WorkKind kind, size_t outgoing_bytes_max) const {
    if (sink == nullptr || draining || outgoing_bytes() >= outgoing_bytes_max) return false;
    return kind == WorkKind::kActivation ? activations_out < hello.max_activations()
                                         : tasks_out < hello.max_tasks();
  }
  void AddChunk(v1::HistoryChunk chunk);
  void StopReading(const DeliveryKey& activation);
  void StopAllReading();
  // Moves the next frame's worth into `frame`, one item at least; items become sent.
  void FillFrame(v1::ServerFrame& frame, int items_max, size_t bytes_max);
};

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_SESSION_H_
