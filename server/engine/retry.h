// When a failed attempt is tried again.
#ifndef PERDURE_SERVER_ENGINE_RETRY_H_
#define PERDURE_SERVER_ENGINE_RETRY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "perdure/v1/common.pb.h"

namespace perdure::engine {

// How long to wait before the attempt after `attempt` (counted from 1), which ended with `failure`; nothing:
// there is no further attempt. `random` decides the jitter.
std::optional<int64_t> RetryDelayMs(const v1::RetryPolicy& policy, int32_t attempt,
                                    const v1::Failure& failure, uint64_t random);

// Whether the policy makes sense; otherwise what is wrong with it: "max_attempts is -1: ...".
std::string WhyInvalid(const v1::RetryPolicy& policy);

// Plain exponential backoff: initial, 2 x initial, ... up to `max`.
int64_t BackoffMs(int64_t initial_ms, int64_t max_ms, int32_t attempt);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_RETRY_H_
