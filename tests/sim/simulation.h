// Simulate: a whole system of Perdure, clients, server and workers, from one seed, in one thread and in
// virtual time.
//
//   const Outcome outcome = Simulate({.seed = 7});
//   if (!outcome.problems.empty()) ...
#ifndef PERDURE_TESTS_SIM_SIMULATION_H_
#define PERDURE_TESTS_SIM_SIMULATION_H_

#include "tests/sim/setup.h"

namespace perdure::sim {

// The same setup gives the same outcome, in whichever process. One at a time on a thread; a bug (Setup::bug)
// is set for the whole process meanwhile.
Outcome Simulate(const Setup& setup);

// The deliberate bugs by name: "release_before_commit".
struct NamedBug {
  const char* name;
  base::Bug bug;
};
const std::vector<NamedBug>& Bugs();

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_SIMULATION_H_
