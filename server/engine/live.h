// The live part of a state: who has what in hand, and when something is due. Lost with the process; Revive
// makes it up again after a load.
#ifndef PERDURE_SERVER_ENGINE_LIVE_H_
#define PERDURE_SERVER_ENGINE_LIVE_H_

#include <cstdint>

#include "server/engine/state.h"
#include "server/engine/types.h"

namespace perdure::engine {

// Adds a task that was just scheduled: ready to go.
void AddTask(RunState& state, int64_t seq, PendingTask task);
// Forgets a task. No effect if it is not pending.
void EraseTask(RunState& state, int64_t seq);

// Moves a task to another phase and re-arms its deadline.
void SetPhase(RunState& state, int64_t seq, PendingTask& task, TaskPhase phase);

// Makes the task's entry in `deadlines` right again after a change of its times.
void Rearm(RunState& state, int64_t seq, PendingTask& task);

// After folding a state that was loaded: nothing is in anybody's hands, backoffs and delays go on. With
// `hold_tasks`, tasks that may be running in a worker wait for ReleaseHeldInput. The next input must be a
// TickInput, which hands out what is ready.
void Revive(RunState& state, int64_t now_ms, bool hold_tasks);

// Sets the activation to waiting until `due_ms` (delayed or backing off).
void DelayActivation(RunState& state, ActivationPhase phase, int64_t due_ms, int64_t now_ms);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_LIVE_H_
