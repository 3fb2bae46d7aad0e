// What must hold of every state between two inputs, whatever happened to the run.
#ifndef PERDURE_TESTS_UNIT_ENGINE_INVARIANTS_H_
#define PERDURE_TESTS_UNIT_ENGINE_INVARIANTS_H_

#include <cstdint>
#include <string>

#include "server/engine/state.h"

namespace perdure::engine::testing {

// The first rule that the state breaks, as a sentence; empty: none. `note_rows` is how many notes are stored.
//   * An open run has a wake-up for everything it waits for: its activation is out, or due, or it has nothing
//   to
//     tell; each task is out, spilled, held or backing off with a deadline; each timer has its deadline.
//   * The set of deadlines is exactly what timers, tasks, timeouts and the activation ask for.
//   * A closed run has nothing pending and nothing due.
//   * Counters equal a recount.
std::string BrokenInvariant(const RunState& state, int64_t note_rows);

}  // namespace perdure::engine::testing

#endif  // PERDURE_TESTS_UNIT_ENGINE_INVARIANTS_H_
