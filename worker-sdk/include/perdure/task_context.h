// TaskContext: what a task function can know and do beside its arguments. Take it as the first parameter:
//
//   worker.Host(CopyFiles, [](perdure::TaskContext& ctx, std::vector<std::string> files) {
//     std::size_t next = ctx.LastHeartbeat<std::size_t>().value_or(0);   // where the previous attempt was
//     for (; next < files.size(); ++next) {
//       ctx.ThrowIfCancelled();
//       Copy(files[next], ctx.IdempotencyKey());
//       ctx.Heartbeat(next + 1);
//     }
//   });
//
// A task runs at least once: an attempt may be repeated after a lost worker or a timeout. Hand
// IdempotencyKey() to the systems you call; it is the same for every attempt of the same task.
//
// Ownership: the worker's; valid until the task function returns. Thread-safety: all functions may be called
// from any thread while the task runs.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_TASK_CONTEXT_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_TASK_CONTEXT_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "perdure/errors.h"
#include "perdure/log.h"
#include "perdure/payload.h"

namespace perdure {

// Which task, and which attempt of it.
struct TaskInfo {
  std::string workflow_id;
  std::string run_id;
  std::string workflow_type;
  std::string task_type;
  std::string task_queue;
  std::int64_t seq = 0;
  // Counted from 1.
  int attempt = 1;
  std::chrono::system_clock::time_point scheduled;
  // When this attempt, or all of them, must have ended; the earlier of the two.
  std::optional<std::chrono::system_clock::time_point> deadline;
  // Why the previous attempt failed.
  std::optional<Failure> last_failure;
};

namespace detail {

// What the worker implements. Thread-safe.
class TaskContextImpl {
 public:
  virtual ~TaskContextImpl() = default;
  virtual const TaskInfo& Info() const = 0;
  virtual const Logger& Log() const = 0;
  // Details already encoded, converter not yet applied; without details only a sign of life.
  virtual void Heartbeat(std::optional<Payload> details) = 0;
  // What the previous attempt sent last, converter already applied.
  virtual const std::optional<Payload>& LastHeartbeat() const = 0;
  virtual bool Cancelled() const = 0;
  virtual std::string CancelReason() const = 0;
  // Blocks until cancelled or `timeout` has passed; whether it is cancelled.
  virtual bool WaitCancelled(std::chrono::milliseconds timeout) = 0;
};

}  // namespace detail

class TaskContext {
 public:
  explicit TaskContext(detail::TaskContextImpl& impl) : impl_(impl) {}
  TaskContext(const TaskContext&) = delete;
  TaskContext& operator=(const TaskContext&) = delete;

  const TaskInfo& Info() const { return impl_.Info(); }
  const std::string& WorkflowId() const { return Info().workflow_id; }
  const std::string& RunId() const { return Info().run_id; }
  const std::string& TaskType() const { return Info().task_type; }
  int Attempt() const { return Info().attempt; }
  const std::optional<std::chrono::system_clock::time_point>& Deadline() const { return Info().deadline; }
  const std::optional<Failure>& LastFailure() const { return Info().last_failure; }

  // "<run id>/<seq>": the same for every attempt of this task, and for no other task.
  std::string IdempotencyKey() const { return Info().run_id + "/" + std::to_string(Info().seq); }

  // A sign of life; needed when TaskOptions::Heartbeat was set. Cheap: calls are thinned out on the way.
  void Heartbeat() { impl_.Heartbeat(std::nullopt); }
  // With details: the next attempt, if there is one, reads them with LastHeartbeat().
  template <class T>
  void Heartbeat(const T& details) {
    impl_.Heartbeat(ToPayload(details));
  }
  // What the previous attempt sent last. Throws DecodeError if that was another type.
  template <class T>
  std::optional<T> LastHeartbeat() const {
    const std::optional<Payload>& details = impl_.LastHeartbeat();
    if (!details.has_value() || details->empty()) return std::nullopt;
    return FromPayload<T>(*details);
  }

  // Whether this attempt should stop: the workflow cancelled the task, its time is up, or the server gave up
  // on it.
  bool Cancelled() const { return impl_.Cancelled(); }
  // Blocks until cancelled or `timeout` has passed; whether it is cancelled.
  bool WaitCancelled(std::chrono::milliseconds timeout) { return impl_.WaitCancelled(timeout); }
  // Throws perdure::Cancelled if the attempt should stop. Let it out of the task function: that is the
  // answer.
  void ThrowIfCancelled() const {
    if (impl_.Cancelled()) throw perdure::Cancelled(impl_.CancelReason());
  }

  const Logger& Log() const { return impl_.Log(); }

 private:
  detail::TaskContextImpl& impl_;
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_TASK_CONTEXT_H_
