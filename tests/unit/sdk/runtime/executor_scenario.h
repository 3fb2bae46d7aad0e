// What the tests of the executor have in common.
#ifndef PERDURE_TESTS_UNIT_SDK_RUNTIME_EXECUTOR_SCENARIO_H_
#define PERDURE_TESTS_UNIT_SDK_RUNTIME_EXECUTOR_SCENARIO_H_

#include <utility>

#include "tests/unit/sdk/runtime/scenario.h"

namespace perdure::testing {

inline constexpr Task<int(int)> kWork{"work"};
inline constexpr Workflow<int(int)> kWorkflow{"workflow"};
inline constexpr Signal<int> kNumber{"number"};

template <class F>
Registry Hosting(F function) {
  Registry registry;
  registry.AddWorkflow(kWorkflow.Name(), detail::EraseWorkflow(kWorkflow, std::move(function)));
  return registry;
}

}  // namespace perdure::testing

#endif  // PERDURE_TESTS_UNIT_SDK_RUNTIME_EXECUTOR_SCENARIO_H_
