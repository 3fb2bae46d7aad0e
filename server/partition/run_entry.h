// RunEntry: a run in memory, with what is staged of it. Inside this room only; owned by the RunCache.
#ifndef PERDURE_SERVER_PARTITION_RUN_ENTRY_H_
#define PERDURE_SERVER_PARTITION_RUN_ENTRY_H_

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/engine/policy.h"
#include "server/engine/state.h"

namespace perdure::partition {

// A run's number is part of its id, in 48 bits.
inline constexpr uint64_t kRunMax = (uint64_t{1} << 48) - 1;

struct RunEntry {
  engine::RunState state;

  // ---- staged by this drain, written by Flush ----
  bool touched = false;
  bool started_now = false;
  bool closed_now = false;
  std::vector<engine::EventPtr> events;
  // Null: the row is to be deleted.
  absl::flat_hash_map<int64_t, engine::NotePtr> notes;
  std::string next_run_id;
  // What was started under the workflow id before this run; known of a latest run only.
  std::vector<engine::EarlierStart> earlier_starts;

  // ---- what is on disk ----
  // Derived rows (head, timer) are behind the state.
  bool dirty = false;
  bool head_row = false;
  int64_t timer_row_ms = 0;
  // The last commit that holds something of this run; it stays in memory until that is durable.
  uint64_t last_commit = 0;

  // ---- the cache's ----
  int64_t armed_ms = 0;
  size_t bytes = 0;
  bool hot = false;
  std::list<uint64_t>::iterator lru;

  uint64_t run() const { return state.run; }
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_RUN_ENTRY_H_
