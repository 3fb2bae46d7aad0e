// Describe: a run's state for people.
#ifndef PERDURE_SERVER_ENGINE_DESCRIBE_H_
#define PERDURE_SERVER_ENGINE_DESCRIBE_H_

#include <string>

#include "perdure/v1/workflow_service.pb.h"
#include "server/engine/state.h"

namespace perdure::engine {

// Of each kind of pending item, so many are listed.
inline constexpr int kDescribedItemsMax = 100;

// "completed", "timed out": for messages.
std::string StatusWord(v1::RunStatus status);

// All but what dispatch knows (whether a worker hosts the types).
v1::DescribeWorkflowResponse Describe(const RunState& state);

// How the run ended: `result` or `failure` is set. For a closed state.
v1::GetResultResponse Outcome(const v1::Event& closing, const std::string& run_id);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_DESCRIBE_H_
