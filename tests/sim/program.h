// Programs: workflow code drawn at random from a grammar over what workflow code can do, carried in the run's
// input as JSON, and run by one coroutine that walks it. A new feature of the SDK joins by a new production
// in program.cc (Grow) and its meaning (Evaluate).
#ifndef PERDURE_TESTS_SIM_PROGRAM_H_
#define PERDURE_TESTS_SIM_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "perdure/context.h"
#include "perdure/json.h"
#include "perdure/registry.h"
#include "perdure/task.h"
#include "perdure/workflow.h"
#include "tests/model/random.h"

namespace perdure::sim {

// How a task behaves, whoever runs it.
struct TaskPlan {
  // What it returns is made of this alone, so that every attempt that succeeds returns the same.
  int64_t value = 0;
  int64_t duration_ms = 0;
  // The first attempts, so many each: fail; and before that, do not answer for a long time.
  int64_t failures = 0;
  int64_t hangs = 0;
  bool non_retryable = false;
  int64_t retry_after_ms = 0;
  int64_t heartbeats = 0;
  // What it does when it is to be cancelled: stop, or not care.
  bool stops = true;
};
PERDURE_JSON(TaskPlan, value, duration_ms, failures, hangs, non_retryable, retry_after_ms, heartbeats, stops)

struct Node {
  std::string op;
  // Milliseconds, counts, names: what the op makes of them.
  int64_t a = 0;
  int64_t b = 0;
  TaskPlan plan;
  std::vector<Node> parts;
};
PERDURE_JSON(Node, op, a, b, plan, parts)

inline constexpr Task<int64_t(TaskPlan)> kTask{"sim_task"};
inline constexpr Workflow<std::string(Node)> kProgram{"sim_program"};
inline constexpr int kSignals = 3;
// The name of a signal, from 0 to kSignals - 1.
std::string SignalName(int64_t number);

// What a task with that plan returns.
int64_t ResultOf(const TaskPlan& plan);

Node RandomProgram(model::Rng& rng);

// Adds the workflow.
void Host(Registry& registry);

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_PROGRAM_H_
