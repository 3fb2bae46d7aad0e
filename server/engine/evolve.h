// Evolve: how a run's state follows from its history and its notes. The only thing that changes the folded
// part of a state, live and in recovery alike: a run's state IS the fold of its events.
#ifndef PERDURE_SERVER_ENGINE_EVOLVE_H_
#define PERDURE_SERVER_ENGINE_EVOLVE_H_

#include "server/engine/state.h"
#include "server/engine/types.h"

namespace perdure::engine {

// Events come in order, each id one more than the last. An event that does not fit the state is a corrupt
// history; WhyNotFoldable tells, and must have found nothing.
void Evolve(RunState& state, EventPtr event, const Limits& limits);
void Evolve(RunState& state, NotePtr note);

// Whether `event` may come next; otherwise the sentence says why not. For records read from disk.
std::string WhyNotFoldable(const RunState& state, const v1::Event& event);
// Whether `note` may stand under this seq; likewise.
std::string WhyNotFoldable(const records::NoteRecord& note, uint64_t seq);

// Whether the event, given what it holds, closes its run.
bool Closes(const v1::Event& event);
// The status that a closing event leads to.
v1::RunStatus StatusAfter(const v1::Event& event);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_EVOLVE_H_
