// Options: retry policies, tasks, steps, starts. Classes with fluent setters, named as their getters.
//
//   auto options = perdure::TaskOptions()
//                      .StartToClose(std::chrono::seconds(30))
//                      .Retry(perdure::RetryPolicy().MaxAttempts(5).NonRetryable("CardDeclined"));
//   Receipt receipt = co_await ctx.Run(ProcessPayment, options, payment);
//
// They are classes and no aggregates on purpose: temporary aggregates inside a co_await expression are what
// some compilers get wrong. Errors: a setter throws std::invalid_argument for a value that makes no sense.
// Thread-safety: plain values.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_OPTIONS_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_OPTIONS_H_

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "perdure/name.h"
#include "perdure/payload.h"

namespace perdure {

// Timeouts and delays are in whole milliseconds; 0 means "none" where nothing else is said.
using Milliseconds = std::chrono::milliseconds;

namespace detail {
Milliseconds CheckedDuration(Milliseconds value, const char* what);
}  // namespace detail

// How failed attempts are retried. What is not set is the server's default, given in brackets.
class RetryPolicy {
 public:
  RetryPolicy() {}
  // One attempt, never retried.
  static RetryPolicy Never() { return RetryPolicy().MaxAttempts(1); }

  // Wait before the second attempt [200 ms].
  RetryPolicy& InitialInterval(Milliseconds value) {
    initial_interval_ = detail::CheckedDuration(value, "RetryPolicy::InitialInterval");
    return *this;
  }
  // Factor from one wait to the next, at least 1 [2].
  RetryPolicy& Backoff(double coefficient);
  // Longest wait [60 s].
  RetryPolicy& MaxInterval(Milliseconds value) {
    max_interval_ = detail::CheckedDuration(value, "RetryPolicy::MaxInterval");
    return *this;
  }
  // Attempts in all [0: no limit]. Without any policy a task has no limit either; a step, and a run, has one
  // attempt.
  RetryPolicy& MaxAttempts(int value);
  // Each wait is drawn from [1 - jitter, 1 + jitter] x the interval; 0 to 1 [0.1].
  RetryPolicy& Jitter(double value);
  // Failures of this type are not retried. May be called several times.
  RetryPolicy& NonRetryable(std::string type) {
    detail::CheckedName(type, "RetryPolicy::NonRetryable");
    non_retryable_types_.push_back(std::move(type));
    return *this;
  }

  Milliseconds InitialInterval() const { return initial_interval_; }
  double Backoff() const { return backoff_; }
  Milliseconds MaxInterval() const { return max_interval_; }
  int MaxAttempts() const { return max_attempts_; }
  std::optional<double> Jitter() const { return jitter_; }
  const std::vector<std::string>& NonRetryableTypes() const { return non_retryable_types_; }

 private:
  Milliseconds initial_interval_{0};
  double backoff_ = 0;
  Milliseconds max_interval_{0};
  int max_attempts_ = 0;
  std::optional<double> jitter_;
  std::vector<std::string> non_retryable_types_;
};

// What happens to a task when the scope that waits for it is cancelled.
enum class OnCancel {
  // The await throws Cancelled at once; the worker that runs the task is told, its answer is dropped.
  kTry,
  // The worker is told, and the await ends with whatever the task answers.
  kWait,
  // The await throws Cancelled at once; the task goes on and nobody hears of its result.
  kAbandon,
};

// How a task is run.
class TaskOptions {
 public:
  TaskOptions() {}

  // Another queue than the workflow's own.
  TaskOptions& TaskQueue(std::string value) {
    detail::CheckedText(value, "TaskOptions::TaskQueue");
    task_queue_ = std::move(value);
    return *this;
  }
  // From scheduling until a worker takes the first attempt.
  TaskOptions& ScheduleToStart(Milliseconds value) {
    schedule_to_start_ = detail::CheckedDuration(value, "TaskOptions::ScheduleToStart");
    return *this;
  }
  // One attempt.
  TaskOptions& StartToClose(Milliseconds value) {
    start_to_close_ = detail::CheckedDuration(value, "TaskOptions::StartToClose");
    return *this;
  }
  // All attempts together.
  TaskOptions& ScheduleToClose(Milliseconds value) {
    schedule_to_close_ = detail::CheckedDuration(value, "TaskOptions::ScheduleToClose");
    return *this;
  }
  // Longest silence between two heartbeats.
  TaskOptions& Heartbeat(Milliseconds value) {
    heartbeat_ = detail::CheckedDuration(value, "TaskOptions::Heartbeat");
    return *this;
  }
  TaskOptions& Retry(RetryPolicy value) {
    retry_ = std::move(value);
    return *this;
  }
  TaskOptions& OnCancel(perdure::OnCancel value) {
    on_cancel_ = value;
    return *this;
  }

  const std::string& TaskQueue() const { return task_queue_; }
  Milliseconds ScheduleToStart() const { return schedule_to_start_; }
  Milliseconds StartToClose() const { return start_to_close_; }
  Milliseconds ScheduleToClose() const { return schedule_to_close_; }
  Milliseconds Heartbeat() const { return heartbeat_; }
  const std::optional<RetryPolicy>& Retry() const { return retry_; }
  perdure::OnCancel OnCancel() const { return on_cancel_; }

 private:
  std::string task_queue_;
  Milliseconds schedule_to_start_{0};
  Milliseconds start_to_close_{0};
  Milliseconds schedule_to_close_{0};
  Milliseconds heartbeat_{0};
  std::optional<RetryPolicy> retry_;
  perdure::OnCancel on_cancel_ = perdure::OnCancel::kTry;
};

// How a step is run.
class StepOptions {
 public:
  StepOptions() {}

  // Retried in this worker, between one commit and the next. Unset: one attempt.
  StepOptions& Retry(RetryPolicy value) {
    retry_ = std::move(value);
    return *this;
  }

  const std::optional<RetryPolicy>& Retry() const { return retry_; }

 private:
  std::optional<RetryPolicy> retry_;
};

// What a start may do when an earlier run under the same workflow id is closed.
enum class IdReuse { kAllow, kAllowIfFailed, kReject };
// What a start does when a run under the same workflow id is open.
enum class IdConflict { kFail, kUseExisting, kTerminateExisting };

// How a workflow is started.
class StartOptions {
 public:
  StartOptions() {}

  // 1 to 1,000 bytes. Unset: a random UUID.
  StartOptions& WorkflowId(std::string value) {
    workflow_id_ = std::move(value);
    return *this;
  }
  // Unset: the client's default task queue.
  StartOptions& TaskQueue(std::string value) {
    task_queue_ = std::move(value);
    return *this;
  }
  StartOptions& Reuse(IdReuse value) {
    reuse_ = value;
    return *this;
  }
  StartOptions& Conflict(IdConflict value) {
    conflict_ = value;
    return *this;
  }
  // Longest time for this run.
  StartOptions& RunTimeout(Milliseconds value) {
    run_timeout_ = detail::CheckedDuration(value, "StartOptions::RunTimeout");
    return *this;
  }
  // Longest time for this run and those that retries add.
  StartOptions& ExecutionTimeout(Milliseconds value) {
    execution_timeout_ = detail::CheckedDuration(value, "StartOptions::ExecutionTimeout");
    return *this;
  }
  // A failed run is followed by another one. Unset: it is not.
  StartOptions& Retry(RetryPolicy value) {
    retry_ = std::move(value);
    return *this;
  }
  // Hold the first activation back for this long.
  StartOptions& Delay(Milliseconds value) {
    delay_ = detail::CheckedDuration(value, "StartOptions::Delay");
    return *this;
  }
  // Keep the closed run for this long. 0: the server's default.
  StartOptions& Retention(Milliseconds value) {
    retention_ = detail::CheckedDuration(value, "StartOptions::Retention");
    return *this;
  }
  // Shown by `describe`, never interpreted. At most 64.
  template <class T>
  StartOptions& Memo(std::string key, const T& value) {
    memo_[std::move(key)] = ToPayload(value);
    return *this;
  }
  // Two starts with the same request id are one. Unset: the client makes one up for each call.
  StartOptions& RequestId(std::string value) {
    request_id_ = std::move(value);
    return *this;
  }

  const std::string& WorkflowId() const { return workflow_id_; }
  const std::string& TaskQueue() const { return task_queue_; }
  IdReuse Reuse() const { return reuse_; }
  IdConflict Conflict() const { return conflict_; }
  Milliseconds RunTimeout() const { return run_timeout_; }
  Milliseconds ExecutionTimeout() const { return execution_timeout_; }
  const std::optional<RetryPolicy>& Retry() const { return retry_; }
  Milliseconds Delay() const { return delay_; }
  Milliseconds Retention() const { return retention_; }
  const std::map<std::string, Payload>& Memo() const { return memo_; }
  const std::string& RequestId() const { return request_id_; }

 private:
  std::string workflow_id_;
  std::string task_queue_;
  IdReuse reuse_ = IdReuse::kAllow;
  IdConflict conflict_ = IdConflict::kFail;
  Milliseconds run_timeout_{0};
  Milliseconds execution_timeout_{0};
  std::optional<RetryPolicy> retry_;
  Milliseconds delay_{0};
  Milliseconds retention_{0};
  std::map<std::string, Payload> memo_;
  std::string request_id_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_OPTIONS_H_
