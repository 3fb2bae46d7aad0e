// One attempt of a task in this worker, from its delivery to its answer: what stands behind a TaskContext.
//
// Thread-safety: all functions may be called from any thread.
#ifndef PERDURE_WORKER_SDK_SRC_TASKS_RUNNING_TASK_H_
#define PERDURE_WORKER_SDK_SRC_TASKS_RUNNING_TASK_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "perdure/task_context.h"
#include "perdure/v1/worker_service.pb.h"
#include "worker-sdk/src/tasks/heartbeat_throttle.h"

namespace perdure::tasks {

// Why an attempt should stop.
enum class StopCause {
  kNone,
  // The workflow, or somebody for it, cancelled the task.
  kRequested,
  // The server has no use for the attempt any more: nobody waits for an answer.
  kStale,
  // The worker is stopping and the time for draining has passed.
  kWorkerStopping,
  // Its time is up.
  kDeadline,
};

class RunningTask final : public detail::TaskContextImpl {
 public:
  using Clock = std::chrono::steady_clock;
  using SendHeartbeat = std::function<void(v1::TaskHeartbeat)>;
  // Asks for a call of SendDueHeartbeat at this time. Called under the task's lock.
  using Schedule = std::function<void(Clock::time_point)>;

  RunningTask(v1::TaskDelivery delivery, std::shared_ptr<const PayloadConverter> converter,
              std::shared_ptr<const LogSink> log, std::size_t details_bytes_max, SendHeartbeat send,
              Schedule schedule);

  const v1::TaskDelivery& delivery() const { return delivery_; }
  const v1::WorkToken& token() const { return delivery_.token(); }
  std::chrono::milliseconds Running() const;

  // The first cause counts.
  void Stop(StopCause cause, std::string reason);
  StopCause Stopped() const;

  // Sends the heartbeat that waits, if its time has come; returns when to ask again.
  std::optional<Clock::time_point> SendDueHeartbeat(Clock::time_point now);
  // No heartbeat goes out after this; with `flush`, what waits does before.
  void EndHeartbeats(bool flush);

  // detail::TaskContextImpl.
  const TaskInfo& Info() const override { return Told().info; }
  const Logger& Log() const override { return Told().log; }
  void Heartbeat(std::optional<Payload> details) override;
  const std::optional<Payload>& LastHeartbeat() const override;
  bool Cancelled() const override;
  std::string CancelReason() const override;
  bool WaitCancelled(std::chrono::milliseconds timeout) override;

 private:
  void Send(std::optional<HeartbeatThrottle::Beat> beat);
  bool PastDeadline() const;
  // What is told to task code that asks; most does not.
  struct ForTheCode {
    TaskInfo info;
    Logger log;
  };
  const ForTheCode& Told() const;

  const v1::TaskDelivery delivery_;
  const std::shared_ptr<const PayloadConverter> converter_;
  const std::shared_ptr<const LogSink> sink_;
  const std::optional<std::chrono::system_clock::time_point> deadline_;
  mutable std::once_flag told_once_;
  mutable std::optional<ForTheCode> told_;
  const std::size_t details_bytes_max_;
  const SendHeartbeat send_;
  const Schedule schedule_;
  const Clock::time_point begun_ = Clock::now();

  mutable std::mutex mu_;
  std::condition_variable stopped_;
  // All below: guarded by mu_.
  StopCause cause_ = StopCause::kNone;
  std::string reason_;
  bool ended_ = false;
  // The pool will call SendDueHeartbeat.
  bool scheduled_ = false;
  HeartbeatThrottle throttle_;
  // Decoded when first asked for.
  mutable std::optional<std::optional<Payload>> last_heartbeat_;
};

}  // namespace perdure::tasks

#endif  // PERDURE_WORKER_SDK_SRC_TASKS_RUNNING_TASK_H_
