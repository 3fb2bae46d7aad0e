// Workflows of the end-to-end tests.
#ifndef PERDURE_TESTS_E2E_WORKFLOWS_H_
#define PERDURE_TESTS_E2E_WORKFLOWS_H_

#include <perdure/context.h>
#include <perdure/task.h>
#include <perdure/workflow.h>

#include <cstdint>
#include <string>

namespace perdure::e2e {

inline constexpr Task<std::int64_t(std::int64_t)> Square{"square"};
// Takes so many milliseconds; appends a line to the ledger when it begins and when it ends.
inline constexpr Task<std::string(std::int64_t)> Long{"long"};
inline constexpr Task<std::string(std::string)> Echo{"echo"};
inline constexpr Task<std::string(std::string)> Shout{"shout"};

// The sum of the squares of 1 to n, each by a task of its own, all at once.
inline constexpr Workflow<std::int64_t(std::int64_t)> FanOut{"fan_out"};
inline constexpr Workflow<std::string(std::int64_t)> RunLong{"run_long"};
inline constexpr Workflow<void(std::int64_t)> Sleeper{"sleeper"};
// Echoes (or, in another version of the code, shouts), waits for the signal, echoes again.
inline constexpr Workflow<std::string(std::string)> Upgraded{"upgraded"};
inline constexpr Signal<std::string> Go{"go"};

inline constexpr char kTaskQueue[] = "e2e";

}  // namespace perdure::e2e

#endif  // PERDURE_TESTS_E2E_WORKFLOWS_H_
