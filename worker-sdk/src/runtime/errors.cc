// Failures, their text, and the way from exceptions to failures.
#include "perdure/errors.h"

#include <cxxabi.h>

#include <typeinfo>
#include <utility>

namespace perdure {
namespace {

constexpr int kCauseDepthMax = 32;

Failure Plain(FailureKind kind, std::string type, std::string message) {
  Failure failure;
  failure.kind = kind;
  failure.type = std::move(type);
  failure.message = std::move(message);
  return failure;
}

Failure FromException(const std::exception_ptr& exception, int depth);

void AddNestedCause(Failure& failure, const std::exception& error, int depth) {
  const auto* nested = dynamic_cast<const std::nested_exception*>(&error);
  if (nested == nullptr || nested->nested_ptr() == nullptr || depth >= kCauseDepthMax) return;
  failure.cause = std::make_shared<const Failure>(FromException(nested->nested_ptr(), depth + 1));
}

// std::throw_with_nested throws a class of its own that derives from the user's and from
// std::nested_exception.
std::string ClassName(const std::exception& error) {
  std::string name = detail::TypeName(typeid(error));
  const std::string wrapper = "std::_Nested_exception<";
  if (name.rfind(wrapper, 0) == 0 && name.back() == '>') {
    name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
    while (!name.empty() && name.back() == ' ') name.pop_back();
  }
  return name;
}

Failure FromException(const std::exception_ptr& exception, int depth) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    Failure failure = error.failure();
    if (failure.cause == nullptr) AddNestedCause(failure, error, depth);
    return failure;
  } catch (const std::exception& error) {
    Failure failure = Plain(FailureKind::kApplication, ClassName(error), error.what());
    AddNestedCause(failure, error, depth);
    return failure;
  } catch (const std::string& text) {
    return Plain(FailureKind::kApplication, "std::string", text);
  } catch (const char* text) {
    return Plain(FailureKind::kApplication, "const char*", text);
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return Plain(FailureKind::kApplication, type != nullptr ? detail::TypeName(*type) : "unknown",
                 "an exception that is not a std::exception");
  }
}

void Append(std::string& text, const Failure& failure) {
  if (!failure.source.empty()) text += failure.source + " failed: ";
  switch (failure.kind) {
    case FailureKind::kTask:
    case FailureKind::kStep:
      // The source said it; a message of its own is given only if there is no cause to tell.
      if (failure.cause == nullptr || failure.source.empty()) text += failure.message;
      break;
    case FailureKind::kTimeout:
      text += "timed out";
      if (failure.timeout != TimeoutKind::kNone) {
        text += " (" + std::string(TimeoutKindName(failure.timeout)) + ")";
      }
      if (!failure.message.empty()) text += ": " + failure.message;
      break;
    case FailureKind::kApplication:
      text += failure.type;
      if (!failure.type.empty() && !failure.message.empty()) text += ": ";
      text += failure.message;
      break;
    default:
      text += FailureKindName(failure.kind);
      if (!failure.message.empty()) text += ": " + failure.message;
  }
}

}  // namespace

std::string_view FailureKindName(FailureKind kind) {
  switch (kind) {
    case FailureKind::kUnspecified:
      return "failure";
    case FailureKind::kApplication:
      return "application error";
    case FailureKind::kTimeout:
      return "timeout";
    case FailureKind::kCancelled:
      return "cancelled";
    case FailureKind::kTerminated:
      return "terminated";
    case FailureKind::kWorkerLost:
      return "worker lost";
    case FailureKind::kTask:
      return "task failed";
    case FailureKind::kStep:
      return "step failed";
    case FailureKind::kNonDeterminism:
      return "non-deterministic workflow code";
    case FailureKind::kLimit:
      return "limit passed";
    case FailureKind::kWorkerError:
      return "worker error";
  }
  return "failure";
}

std::string_view TimeoutKindName(TimeoutKind kind) {
  switch (kind) {
    case TimeoutKind::kNone:
      return "none";
    case TimeoutKind::kScheduleToStart:
      return "schedule-to-start";
    case TimeoutKind::kStartToClose:
      return "start-to-close";
    case TimeoutKind::kScheduleToClose:
      return "schedule-to-close";
    case TimeoutKind::kHeartbeat:
      return "heartbeat";
    case TimeoutKind::kRun:
      return "run";
  }
  return "none";
}

std::string Failure::Describe() const {
  std::string text;
  int depth = 0;
  for (const Failure* failure = this; failure != nullptr && depth < kCauseDepthMax; ++depth) {
    if (!text.empty() && text.compare(text.size() - 2, 2, ": ") != 0) text += ": ";
    Append(text, *failure);
    failure = failure->cause.get();
  }
  return text;
}

const Failure& Failure::Root() const {
  const Failure* failure = this;
  while (failure->cause != nullptr) failure = failure->cause.get();
  return *failure;
}

bool Failure::HasType(std::string_view wanted) const {
  for (const Failure* failure = this; failure != nullptr; failure = failure->cause.get()) {
    if (failure->type == wanted) return true;
  }
  return false;
}

bool Failure::HasKind(FailureKind wanted) const {
  for (const Failure* failure = this; failure != nullptr; failure = failure->cause.get()) {
    if (failure->kind == wanted) return true;
  }
  return false;
}

Error::Error(Failure failure) { Change(std::move(failure)); }

void Error::Change(Failure failure) {
  failure_ = std::make_shared<const Failure>(std::move(failure));
  text_ = std::make_shared<const std::string>(failure_->Describe());
}

ApplicationError::ApplicationError(std::string type, std::string message)
    : Error(Plain(FailureKind::kApplication, std::move(type), std::move(message))) {}

ApplicationError& ApplicationError::NonRetryable() {
  Failure changed = failure();
  changed.non_retryable = true;
  Change(std::move(changed));
  return *this;
}

ApplicationError& ApplicationError::RetryAfter(std::chrono::milliseconds delay) {
  Failure changed = failure();
  changed.retry_delay = delay;
  Change(std::move(changed));
  return *this;
}

ApplicationError& ApplicationError::DetailsPayload(Payload details) {
  Failure changed = failure();
  changed.details = std::move(details);
  Change(std::move(changed));
  return *this;
}

ApplicationError& ApplicationError::CausedBy(const Failure& cause) {
  Failure changed = failure();
  changed.cause = std::make_shared<const Failure>(cause);
  Change(std::move(changed));
  return *this;
}

TaskFailed::TaskFailed(Failure failure, std::string task_type, std::int64_t seq, int attempt)
    : Error(std::move(failure)), task_type_(std::move(task_type)), seq_(seq), attempt_(attempt) {}

StepFailed::StepFailed(Failure failure, std::string name, std::int64_t seq, int attempt)
    : Error(std::move(failure)), name_(std::move(name)), seq_(seq), attempt_(attempt) {}

TimeoutError::TimeoutError(std::string message)
    : Error(Plain(FailureKind::kTimeout, "Timeout", std::move(message))) {}

Cancelled::Cancelled(std::string reason, Payload details)
    : Error([&] {
        Failure failure = Plain(FailureKind::kCancelled, "Cancelled", std::move(reason));
        failure.details = std::move(details);
        return failure;
      }()) {}

WorkflowFailed::WorkflowFailed(Failure failure, std::string workflow_id, std::string run_id)
    : Error(std::move(failure)), workflow_id_(std::move(workflow_id)), run_id_(std::move(run_id)) {}

DecodeError::DecodeError(std::string message)
    : Error(Plain(FailureKind::kWorkerError, "DecodeError", std::move(message))) {}

EncodeError::EncodeError(std::string message)
    : Error(Plain(FailureKind::kWorkerError, "EncodeError", std::move(message))) {}

UsageError::UsageError(std::string message)
    : Error(Plain(FailureKind::kWorkerError, "UsageError", std::move(message))) {}

Failure FailureFrom(const std::exception_ptr& exception) { return FromException(exception, 0); }

Failure CurrentFailure() { return FailureFrom(std::current_exception()); }

}  // namespace perdure
