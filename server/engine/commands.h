// Checks the commands of an advance before they become history.
#ifndef PERDURE_SERVER_ENGINE_COMMANDS_H_
#define PERDURE_SERVER_ENGINE_COMMANDS_H_

#include <cstdint>
#include <string>

#include "perdure/v1/worker_service.pb.h"
#include "server/engine/state.h"

namespace perdure::engine {

// Whether the command begins something that is then pending, under a seq of its own; and which one.
bool Begins(const v1::Command& command);
int64_t SeqOf(const v1::Command& command);

// What is wrong with the advance, as a sentence that names the command; empty: nothing.
std::string WhyInvalid(const RunState& state, const v1::Advance& advance, const Limits& limits);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_COMMANDS_H_
