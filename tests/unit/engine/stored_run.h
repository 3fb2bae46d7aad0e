// StoredRun: what a partition keeps of one run, in the form it has on disk: one log record a transition, one
// note row a pending item, and a head if one was written. A crash leaves exactly this.
#ifndef PERDURE_TESTS_UNIT_ENGINE_STORED_RUN_H_
#define PERDURE_TESTS_UNIT_ENGINE_STORED_RUN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/decision.h"
#include "server/engine/state.h"
#include "server/engine/types.h"

namespace perdure::engine::testing {

inline constexpr uint32_t kPartition = 3;
inline constexpr uint64_t kRun = 77;

class StoredRun {
 public:
  // Makes what the decision wants kept durable.
  void Apply(const Decision& decision);

  // Writes a head, if the state has a snapshot to write. False: too much is pending for one.
  bool WriteHead(const RunState& state);
  bool has_head() const { return !head_.empty(); }

  // The state as recovery folds it: from the head if one is there and `use_head`, else from event 1; then the
  // notes. Not revived. An error: what is stored cannot be folded.
  absl::StatusOr<RunState> Load(const Limits& limits, bool use_head) const;

  // The whole history, as stored.
  std::vector<v1::Event> Events() const;
  int64_t note_rows() const { return static_cast<int64_t>(notes_.size()); }
  // Whether a note is stored under this seq.
  bool has_note(int64_t seq) const { return notes_.contains(seq); }

 private:
  std::vector<std::string> log_;
  std::map<int64_t, std::string> notes_;
  std::string head_;
};

}  // namespace perdure::engine::testing

#endif  // PERDURE_TESTS_UNIT_ENGINE_STORED_RUN_H_
