// Item: one delivery, from the queue it waits in to the answer that ends it. Inside this room only; guarded
// by the Dispatcher's lock.
//
// An item is one list node that moves from list to list as it changes place, so that it can be found and
// taken out anywhere at no cost.
//
//   place    | in the list       | leaves it when
//   ---------+-------------------+------------------------------------------------------------
//   waiting  | Queue::items      | a session takes it; it is withdrawn
//   unsent   | Session::unsent   | a frame carries it; it is taken back (stream lost, cancelled)
//   sent     | Session::sent     | it is answered; the session has lost it
//   answered | Session::answered | what became of the answer is durable
#ifndef PERDURE_SERVER_DISPATCH_ITEM_H_
#define PERDURE_SERVER_DISPATCH_ITEM_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "perdure/v1/worker_service.pb.h"
#include "server/base/work.h"

namespace perdure::dispatch {

struct Queue;
struct Session;

// One delivery: (partition, delivery number).
using DeliveryKey = std::pair<uint32_t, uint64_t>;
inline DeliveryKey KeyOf(const v1::WorkToken& t) { return {t.partition(), t.delivery()}; }

inline bool SameToken(const v1::WorkToken& a, const v1::WorkToken& b) {
  return a.partition() == b.partition() && a.run() == b.run() && a.seq() == b.seq() &&
         a.attempt() == b.attempt() && a.delivery() == b.delivery();
}

enum class Place : uint8_t { kWaiting, kUnsent, kSent, kAnswered };

struct Item {
  v1::WorkToken token;
  WorkKind kind = WorkKind::kTask;
  Place place = Place::kWaiting;
  // Where it waits; else null.
  Queue* queue = nullptr;
  // Who has it; else null.
  Session* session = nullptr;
  // What is delivered, until it is sent.
  std::unique_ptr<v1::Activation> activation;
  std::unique_ptr<v1::TaskDelivery> task;
  size_t bytes = 0;
  int64_t since_ms = 0;
  // For an activation: the history its worker may ask for.
  int64_t history_through = 0;
  // For a task in a worker's hands: its cancellation was asked for, with this reason.
  std::optional<std::string> cancel_reason;
  // Of an answer whose outcome is not durable yet.
  uint64_t answer_id = 0;
};
using ItemList = std::list<Item>;

}  // namespace perdure::dispatch

#endif  // PERDURE_SERVER_DISPATCH_ITEM_H_
