// Decision: what one input leads to.
#ifndef PERDURE_SERVER_ENGINE_DECISION_H_
#define PERDURE_SERVER_ENGINE_DECISION_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "server/base/work.h"
#include "server/engine/types.h"

namespace perdure::engine {

// The state has already evolved by `events` and `notes` when a decision is handed back; the caller makes them
// durable and only then releases `work` and whatever answer the input asked for.
struct Decision {
  // To be appended to the history, in order.
  std::vector<EventPtr> events;
  // To be written over what was there under the same seq.
  std::vector<NotePtr> notes;
  // Notes that are not needed any more.
  std::vector<int64_t> dropped_notes;
  std::vector<Work> work;
  // The run that follows this one under the same workflow id (a retried run): `run_id` and `random_seed` are
  // for the caller to fill in.
  std::optional<v1::RunStarted> next_run;
  // The answer was to something that is not awaited any more; nothing changed.
  bool stale = false;
  // Why the input was refused; nothing changed.
  absl::Status status;
  // An activation failed: for the log and the metrics.
  std::optional<v1::Failure> activation_failure;
};

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_DECISION_H_
