// Runs one task function and makes its answer. Neither threads nor queues: the pool brings those.
#ifndef PERDURE_WORKER_SDK_SRC_TASKS_ANSWER_H_
#define PERDURE_WORKER_SDK_SRC_TASKS_ANSWER_H_

#include <cstdint>
#include <optional>

#include "perdure/registry.h"
#include "perdure/v1/worker_service.pb.h"
#include "worker-sdk/src/tasks/running_task.h"

namespace perdure::tasks {

// Calls the function that the registry has for the task. Results and failures larger than
// `payload_bytes_max` (0: no limit) become failures that say so. Throws nothing.
v1::TaskAnswer RunTask(const Registry& registry, RunningTask& task, const PayloadConverter* converter,
                       std::int64_t payload_bytes_max);

// The answer for a task that was told to stop before its function was called; unset: it was not told.
std::optional<v1::TaskAnswer> AnswerIfStopped(const RunningTask& task);

// For a task that is not run because the worker has too much in hand.
v1::TaskAnswer Overloaded(const v1::TaskDelivery& delivery, int tasks_max);

}  // namespace perdure::tasks

#endif  // PERDURE_WORKER_SDK_SRC_TASKS_ANSWER_H_
