// Types that the whole engine speaks of. The engine is pure: no clock, no thread, no I/O, no logging.
#ifndef PERDURE_SERVER_ENGINE_TYPES_H_
#define PERDURE_SERVER_ENGINE_TYPES_H_

#include <cstdint>
#include <limits>
#include <memory>

#include "perdure/internal/v1/records.pb.h"
#include "perdure/v1/history.pb.h"

namespace perdure::engine {

namespace records = ::perdure::internal::v1;

// One fact of a history, shared between the state, the log writer and activations; never changed once made.
using EventPtr = std::shared_ptr<const v1::Event>;
using NotePtr = std::shared_ptr<const records::NoteRecord>;

// Limits that the engine enforces. Each error that one of these causes names it.
struct Limits {
  int64_t payload_bytes_max = 4 << 20;
  int64_t commands_per_advance_max = 20'000;
  int64_t pending_items_per_run_max = 50'000;
  int64_t pending_signals_per_run_max = 10'000;
  int64_t request_ids_per_run_max = 1'000;
  int64_t history_events_max = 200'000;
  int64_t history_bytes_max = 512LL << 20;
  // One activation delivers at most so much; the rest comes with the next one.
  int64_t activation_events_max = 1'000;
  int64_t activation_bytes_max = 4 << 20;
  int64_t activation_retry_initial_ms = 1'000;
  int64_t activation_retry_max_ms = 60'000;
  // A worker that has an activation for longer is given up on: workflow code that blocks, or loops.
  int64_t activation_timeout_ms = 300'000;
  int64_t retention_default_ms = 7LL * 24 * 3600 * 1000;
  int64_t name_bytes_max = 256;
};

// Numbers that only grow (events, seqs, bytes; attempts) stay below these for as long as a run lives, and so
// can be counted on from. For records read from disk.
inline constexpr int64_t kCountMax = int64_t{1} << 60;
inline constexpr int32_t kAttemptMax = int32_t{1} << 30;

// What the engine is given besides state and input: the time, chance, and a source of delivery numbers.
struct Env {
  int64_t now_ms = 0;
  // Drawn anew for each transition; the only chance there is (jitter).
  uint64_t random = 0;
  // Delivery numbers are unique for as long as a data directory lives (see Partition).
  uint64_t* next_delivery = nullptr;
  const Limits* limits = nullptr;

  uint64_t NextDelivery() const { return (*next_delivery)++; }
};

// A point in time `ms` after another, or the end of time if that comes first: user code may well ask for the
// longest sleep there is.
inline int64_t Later(int64_t time_ms, int64_t ms) {
  constexpr int64_t kEndOfTime = std::numeric_limits<int64_t>::max();
  if (ms <= 0) return time_ms;
  return time_ms > kEndOfTime - ms ? kEndOfTime : time_ms + ms;
}

// Session number 0: none.
using SessionNumber = uint64_t;

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_TYPES_H_
