// Order: whether what clients were told of one workflow id fits one order of things.
//
// The history says in which order its runs began and ended: that is one line of moments. Each call took
// effect at one of them, somewhere between being asked and being told; what it was told says at which ones it
// can have been. The calls are linearizable if there is a choice for each that keeps them in the order of
// time: a call that was asked after another one was told comes no earlier. (As in Herlihy and Wing, with the
// order of the state changes known, so that no search is needed.)
#ifndef PERDURE_TESTS_SIM_ORDER_H_
#define PERDURE_TESTS_SIM_ORDER_H_

#include <string>
#include <vector>

#include "tests/sim/call.h"

namespace perdure::sim {

// One run of the workflow id, as its history tells it.
struct RunFacts {
  std::string run_id;
  // Of the start that began it, or the run that it retries.
  std::string request_id;
  v1::RunStatus status = v1::RUN_STATUS_RUNNING;
};

// `runs` in the order they began; each but the last is closed before the next begins. Returns a sentence for
// each call that has no place.
std::vector<std::string> OrderProblems(const std::vector<RunFacts>& runs, std::vector<const Call*> calls);

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_ORDER_H_
