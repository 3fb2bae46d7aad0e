// What an event may say, given the state that the events before it lead to. Beyond what folding needs
// (engine::WhyNotFoldable): the engine keeps these rules when it writes, and a history that breaks one was
// not written by it.
#ifndef PERDURE_SERVER_VERIFY_HISTORY_RULES_H_
#define PERDURE_SERVER_VERIFY_HISTORY_RULES_H_

#include <string>

#include "server/engine/state.h"

namespace perdure::verify {

// `event` may be folded into `state`. What is wrong with it, as a sentence; empty: nothing is.
//   * An answer (to a task, a step, a timer) is of an item that is pending.
//   * An advance consumes what was there and was not consumed, in the answer to a later activation than the
//     one before; its commands are numbered on from the last seq, and only the last one may end the run.
std::string WhyAgainstRules(const engine::RunState& state, const v1::Event& event);

}  // namespace perdure::verify

#endif  // PERDURE_SERVER_VERIFY_HISTORY_RULES_H_
