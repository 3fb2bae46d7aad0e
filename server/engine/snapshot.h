// A run's folded state as a record, so that loading it need not read its whole history.
#ifndef PERDURE_SERVER_ENGINE_SNAPSHOT_H_
#define PERDURE_SERVER_ENGINE_SNAPSHOT_H_

#include <string>

#include "server/engine/state.h"

namespace perdure::engine {

// Runs with more pending items or undelivered stimuli than this are folded from their log instead: writing
// them out again and again would cost more than it saves.
inline constexpr size_t kSnapshotItemsMax = 64;
inline constexpr size_t kSnapshotBytesMax = 64 << 10;

// The folded state. `through` is 0, and the rest empty, for a run past kSnapshotItemsMax or
// kSnapshotBytesMax: it is written at each checkpoint.
records::HeadRecord ToSnapshot(const RunState& state);

// Whether a state may be made of the record, whose `through` is not 0; otherwise the sentence says why not. A
// record may parse and still be none that ToSnapshot made.
std::string WhyNotASnapshot(const records::HeadRecord& head);

// Sets a fresh state (partition and run set) to what the record says. `head.through` must not be 0, and
// WhyNotASnapshot must have found nothing.
void FromSnapshot(const records::HeadRecord& head, const Limits& limits, RunState& state);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_SNAPSHOT_H_
