// Failures and the exceptions that carry them.
//
// Everything that goes wrong across the wire is a Failure, a plain value that nests. In workflow code a
// failure arrives as an exception derived from perdure::Error; Try(...) hands it over as a Result instead.
//
//   // In a task: say what kind of error it is, and whether trying again can help.
//   throw perdure::ApplicationError("CardDeclined", "the bank said no").NonRetryable();
//   throw perdure::ApplicationError("Busy", "try later").RetryAfter(std::chrono::seconds(30));
//
//   // In a workflow.
//   try {
//     co_await ctx.Run(ProcessPayment, payment);
//   } catch (const perdure::TaskFailed& e) {
//     if (e.HasType("CardDeclined")) co_return Rejected(e.what());
//     throw;
//   }
//
// Any other exception works too: it becomes an application failure whose type is its class name.
// Thread-safety: plain values.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_ERRORS_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_ERRORS_H_

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "perdure/payload.h"

namespace perdure {

// The numbers are those of perdure.v1.Failure.Kind.
enum class FailureKind {
  kUnspecified = 0,
  kApplication = 1,     // user code threw
  kTimeout = 2,         // `timeout` says which
  kCancelled = 3,       // on request
  kTerminated = 4,      // by an operator or by an id conflict policy
  kWorkerLost = 5,      // the worker that had the task went away
  kTask = 6,            // a task failed for good; see the cause
  kStep = 7,            // a step failed for good; see the cause
  kNonDeterminism = 8,  // workflow code issued other commands than its history records
  kLimit = 9,           // a limit was passed; the message names it
  kWorkerError = 10,    // the worker could not decode a value, does not host the type, or misused the SDK
};

// The numbers are those of perdure.v1.Failure.Timeout.
enum class TimeoutKind {
  kNone = 0,
  kScheduleToStart = 1,
  kStartToClose = 2,
  kScheduleToClose = 3,
  kHeartbeat = 4,
  kRun = 5,
};

// "application", "timeout", ...
std::string_view FailureKindName(FailureKind kind);
// "schedule-to-start", ...
std::string_view TimeoutKindName(TimeoutKind kind);

// Why something failed; `cause` is the failure behind it.
struct Failure {
  FailureKind kind = FailureKind::kUnspecified;
  // Chosen by user code ("CardDeclined") or the exception's class name.
  std::string type;
  std::string message;
  bool non_retryable = false;
  // If positive: the error asks for the next attempt after this long.
  std::chrono::milliseconds retry_delay{0};
  Payload details;
  std::shared_ptr<const Failure> cause;
  TimeoutKind timeout = TimeoutKind::kNone;
  // Where: "task process_payment (seq 3, attempt 2)".
  std::string source;

  // The whole chain on one line: "task pay (seq 3, attempt 2) failed: CardDeclined: the bank said no".
  std::string Describe() const;
  // The innermost failure.
  const Failure& Root() const;
  // Whether this failure or one behind it has this type.
  bool HasType(std::string_view wanted) const;
  // Whether this failure or one behind it is of this kind.
  bool HasKind(FailureKind wanted) const;
};

// Base of the exceptions of this SDK; what() is failure().Describe().
class Error : public std::exception {
 public:
  explicit Error(Failure failure);
  const char* what() const noexcept override { return text_->c_str(); }
  const perdure::Failure& failure() const { return *failure_; }
  bool HasType(std::string_view type) const { return failure_->HasType(type); }
  bool HasKind(FailureKind kind) const { return failure_->HasKind(kind); }

 protected:
  void Change(Failure failure);

 private:
  std::shared_ptr<const perdure::Failure> failure_;
  std::shared_ptr<const std::string> text_;
};

// For task, step and workflow code to throw.
class ApplicationError : public Error {
 public:
  // `type` is what RetryPolicy::NonRetryable(...) and HasType() match.
  ApplicationError(std::string type, std::string message);

  // The server does not retry, whatever the policy says.
  ApplicationError& NonRetryable();
  // The next attempt comes after this long, in place of the policy's interval.
  ApplicationError& RetryAfter(std::chrono::milliseconds delay);
  // A value for whoever handles the failure: FromPayload<T>(e.failure().Root().details).
  template <class T>
  ApplicationError& Details(const T& value) {
    return DetailsPayload(ToPayload(value));
  }
  ApplicationError& CausedBy(const perdure::Failure& cause);

 private:
  ApplicationError& DetailsPayload(Payload details);
};

// An application error that is never retried.
class NonRetryableError : public ApplicationError {
 public:
  NonRetryableError(std::string type, std::string message)
      : ApplicationError(std::move(type), std::move(message)) {
    NonRetryable();
  }
};

// A task failed for good: not retryable, out of attempts, or out of time.
class TaskFailed : public Error {
 public:
  TaskFailed(perdure::Failure failure, std::string task_type, std::int64_t seq, int attempt);
  const std::string& TaskType() const { return task_type_; }
  std::int64_t Seq() const { return seq_; }
  // Which attempt was the last.
  int Attempt() const { return attempt_; }
  // What the task threw, or the timeout.
  const perdure::Failure& Cause() const { return failure().cause ? *failure().cause : failure(); }
  bool TimedOut() const { return Cause().kind == FailureKind::kTimeout; }

 private:
  std::string task_type_;
  std::int64_t seq_;
  int attempt_;
};

// A step threw, on its last attempt.
class StepFailed : public Error {
 public:
  StepFailed(perdure::Failure failure, std::string name, std::int64_t seq, int attempt);
  const std::string& Name() const { return name_; }
  std::int64_t Seq() const { return seq_; }
  int Attempt() const { return attempt_; }
  const perdure::Failure& Cause() const { return failure().cause ? *failure().cause : failure(); }

 private:
  std::string name_;
  std::int64_t seq_;
  int attempt_;
};

// WithTimeout ran out.
class TimeoutError : public Error {
 public:
  explicit TimeoutError(std::string message);
};

// What was waited for was cancelled: by a request to cancel the run, by its scope, or by Pending::Cancel().
class Cancelled : public Error {
 public:
  explicit Cancelled(std::string reason = "", Payload details = {});
  explicit Cancelled(perdure::Failure failure) : Error(std::move(failure)) {}
};

// For clients: a run did not complete. failure().kind says how: application, task, step (the run failed),
// cancelled, terminated, timeout.
class WorkflowFailed : public Error {
 public:
  WorkflowFailed(perdure::Failure failure, std::string workflow_id, std::string run_id);
  const std::string& WorkflowId() const { return workflow_id_; }
  const std::string& RunId() const { return run_id_; }

 private:
  std::string workflow_id_;
  std::string run_id_;
};

// A payload does not hold what it should; the message names the type and the field and shows an excerpt.
class DecodeError : public Error {
 public:
  explicit DecodeError(std::string message);
  explicit DecodeError(Failure failure) : Error(std::move(failure)) {}
};

// A value that its encoding cannot hold.
class EncodeError : public Error {
 public:
  explicit EncodeError(std::string message);
};

// The SDK was used in a way that cannot work: a Context on a thread that does not run its workflow, a Pending
// that was awaited twice. In workflow code it fails the activation, not the run: a fixed worker picks the run
// up.
class UsageError : public Error {
 public:
  explicit UsageError(std::string message);
};

// The failure that an exception stands for: an Error's own; for other exceptions an application failure with
// the class name as type, and with nested exceptions (std::throw_with_nested) as causes.
perdure::Failure FailureFrom(const std::exception_ptr& exception);
// Same, for use in a catch block.
perdure::Failure CurrentFailure();

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_ERRORS_H_
