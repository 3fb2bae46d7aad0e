#include "worker-sdk/src/tasks/answer.h"

#include <exception>
#include <string>
#include <utility>

#include "perdure/errors.h"
#include "worker-sdk/src/runtime/convert.h"

namespace perdure::tasks {
namespace {

// Of a failure that is too large: what is left of its message.
constexpr std::size_t kMessageBytesKept = 4096;

// Cuts UTF-8 text between two characters.
void CutText(std::string& text) {
  if (text.size() <= kMessageBytesKept) return;
  std::size_t end = kMessageBytesKept;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
}

Failure WorkerFailure(FailureKind kind, std::string type, std::string message) {
  Failure failure;
  failure.kind = kind;
  failure.type = std::move(type);
  failure.message = std::move(message);
  return failure;
}

Failure NotHosted(const std::string& task_type) {
  return WorkerFailure(FailureKind::kWorkerError, "NotHosted",
                       "this worker does not host task type '" + task_type + "'");
}

Failure TooLarge(const std::string& what, std::size_t bytes, std::int64_t bytes_max) {
  Failure failure =
      WorkerFailure(FailureKind::kLimit, "PayloadTooLarge",
                    what + " has " + std::to_string(bytes) + " bytes; the server takes at most " +
                        std::to_string(bytes_max) +
                        " (payload_bytes_max): pass large values by reference, or raise the limit");
  failure.non_retryable = true;
  return failure;
}

// The answer to an exception that says no more than "I was told to stop".
v1::TaskAnswer StoppedAnswer(StopCause cause, const Cancelled* cancelled, const PayloadConverter* converter) {
  v1::TaskAnswer answer;
  Failure failure;
  switch (cause) {
    case StopCause::kRequested: {
      v1::TaskWasCancelled* was = answer.mutable_cancelled();
      if (cancelled != nullptr && !cancelled->failure().details.empty()) {
        *was->mutable_details() = runtime::ToProto(runtime::Encode(converter, cancelled->failure().details));
      }
      return answer;
    }
    case StopCause::kDeadline:
      failure = WorkerFailure(FailureKind::kTimeout, "", "the attempt ended itself when its time was up");
      failure.timeout = TimeoutKind::kStartToClose;
      break;
    case StopCause::kWorkerStopping:
    case StopCause::kStale:
    case StopCause::kNone:
      failure = WorkerFailure(FailureKind::kWorkerLost, "WorkerStopped",
                              "the worker stopped before the task had ended");
      break;
  }
  *answer.mutable_failure() = runtime::ToProto(failure, converter);
  return answer;
}

void SetFailure(v1::TaskAnswer& answer, const Failure& failure, const PayloadConverter* converter,
                std::int64_t bytes_max) {
  *answer.mutable_failure() = runtime::ToProto(failure, converter);
  const auto bytes = answer.failure().ByteSizeLong();
  if (bytes_max <= 0 || bytes <= static_cast<std::size_t>(bytes_max)) return;
  // What it says first is kept; what is attached is not.
  v1::Failure& cut = *answer.mutable_failure();
  cut.clear_details();
  cut.clear_cause();
  CutText(*cut.mutable_message());
  cut.mutable_message()->append(" [the failure had " + std::to_string(bytes) +
                                " bytes and was cut; payload_bytes_max is " + std::to_string(bytes_max) +
                                "]");
}

void SetResult(v1::TaskAnswer& answer, Payload result, const PayloadConverter* converter,
               std::int64_t bytes_max) {
  Payload encoded = runtime::Encode(converter, std::move(result));
  if (bytes_max > 0 && encoded.data.size() > static_cast<std::size_t>(bytes_max)) {
    SetFailure(answer, TooLarge("the task's result", encoded.data.size(), bytes_max), converter, bytes_max);
    return;
  }
  *answer.mutable_result() = runtime::ToProto(std::move(encoded));
}

v1::TaskAnswer Call(const Registry& registry, RunningTask& task, const PayloadConverter* converter,
                    std::int64_t bytes_max) {
  v1::TaskAnswer answer;
  const detail::TaskFunction* function = registry.FindTask(task.delivery().task_type());
  if (function == nullptr) {
    SetFailure(answer, NotHosted(task.delivery().task_type()), converter, bytes_max);
    return answer;
  }
  try {
    TaskContext context(task);
    const Payload input = runtime::Decode(converter, runtime::FromProto(task.delivery().input()));
    SetResult(answer, (*function)(context, input), converter, bytes_max);
  } catch (const Cancelled& cancelled) {
    const StopCause cause = task.Stopped();
    if (cause != StopCause::kNone) return StoppedAnswer(cause, &cancelled, converter);
    SetFailure(answer, CurrentFailure(), converter, bytes_max);
  } catch (...) {
    SetFailure(answer, CurrentFailure(), converter, bytes_max);
  }
  return answer;
}

}  // namespace

v1::TaskAnswer RunTask(const Registry& registry, RunningTask& task, const PayloadConverter* converter,
                       std::int64_t payload_bytes_max) {
  v1::TaskAnswer answer;
  try {
    answer = Call(registry, task, converter, payload_bytes_max);
  } catch (...) {
    // A converter that fails on the failure itself.
    *answer.mutable_failure() = runtime::ToProto(CurrentFailure());
  }
  *answer.mutable_token() = task.token();
  return answer;
}

std::optional<v1::TaskAnswer> AnswerIfStopped(const RunningTask& task) {
  const StopCause cause = task.Stopped();
  if (cause == StopCause::kNone) return std::nullopt;
  v1::TaskAnswer answer = StoppedAnswer(cause, nullptr, nullptr);
  *answer.mutable_token() = task.token();
  return answer;
}

v1::TaskAnswer Overloaded(const v1::TaskDelivery& delivery, int tasks_max) {
  v1::TaskAnswer answer;
  *answer.mutable_token() = delivery.token();
  *answer.mutable_failure() = runtime::ToProto(
      WorkerFailure(FailureKind::kWorkerError, "Overloaded",
                    "this worker runs at most " + std::to_string(tasks_max) + " tasks at once"));
  return answer;
}

}  // namespace perdure::tasks
