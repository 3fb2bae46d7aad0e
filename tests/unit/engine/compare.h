// Deep comparison of states and decisions.
#ifndef PERDURE_TESTS_UNIT_ENGINE_COMPARE_H_
#define PERDURE_TESTS_UNIT_ENGINE_COMPARE_H_

#include <string>

#include "server/engine/decision.h"
#include "server/engine/state.h"

namespace perdure::engine::testing {

// The first difference between the folded parts of two states, as a sentence; empty: they are equal.
std::string FoldedDifference(const RunState& a, const RunState& b);

// The first difference between the live parts, deadlines included; empty: they are equal.
std::string LiveDifference(const RunState& a, const RunState& b);

// All that a decision says, as bytes: equal decisions have equal bytes.
std::string DecisionBytes(const Decision& decision);

}  // namespace perdure::engine::testing

#endif  // PERDURE_TESTS_UNIT_ENGINE_COMPARE_H_
