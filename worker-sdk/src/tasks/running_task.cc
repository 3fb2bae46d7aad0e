#include "worker-sdk/src/tasks/running_task.h"

#include <algorithm>
#include <utility>

#include "worker-sdk/src/runtime/convert.h"

namespace perdure::tasks {
namespace {

using std::chrono::milliseconds;
using SystemTime = std::chrono::system_clock::time_point;

SystemTime FromUnixMs(std::int64_t ms) { return SystemTime(milliseconds(ms)); }

// Of an attempt that begins now.
std::optional<SystemTime> DeadlineOf(const v1::TaskDelivery& delivery) {
  std::optional<SystemTime> deadline;
  if (delivery.timeouts().start_to_close_ms() > 0) {
    deadline = std::chrono::system_clock::now() + milliseconds(delivery.timeouts().start_to_close_ms());
  }
  if (delivery.deadline_unix_ms() > 0) {
    const SystemTime all = FromUnixMs(delivery.deadline_unix_ms());
    deadline = deadline.has_value() ? std::min(*deadline, all) : all;
  }
  return deadline;
}

TaskInfo InfoOf(const v1::TaskDelivery& delivery, std::optional<SystemTime> deadline,
                const PayloadConverter* converter) {
  TaskInfo info;
  info.workflow_id = delivery.workflow_id();
  info.run_id = delivery.run_id();
  info.workflow_type = delivery.workflow_type();
  info.task_type = delivery.task_type();
  info.task_queue = delivery.task_queue();
  info.seq = delivery.seq();
  info.attempt = delivery.attempt();
  info.scheduled = FromUnixMs(delivery.scheduled_unix_ms());
  info.deadline = deadline;
  if (delivery.has_last_failure()) info.last_failure = runtime::FromProto(delivery.last_failure(), converter);
  return info;
}

Logger LoggerOf(const v1::TaskDelivery& delivery, std::shared_ptr<const LogSink> sink) {
  return Logger(std::move(sink), {{"workflow_id", delivery.workflow_id()},
                                  {"run_id", delivery.run_id()},
                                  {"task", delivery.task_type()},
                                  {"seq", std::to_string(delivery.seq())},
                                  {"attempt", std::to_string(delivery.attempt())}});
}

}  // namespace

RunningTask::RunningTask(v1::TaskDelivery delivery, std::shared_ptr<const PayloadConverter> converter,
                         std::shared_ptr<const LogSink> log, std::size_t details_bytes_max,
                         SendHeartbeat send, Schedule schedule)
    : delivery_(std::move(delivery)),
      converter_(std::move(converter)),
      sink_(std::move(log)),
      deadline_(DeadlineOf(delivery_)),
      details_bytes_max_(details_bytes_max),
      send_(std::move(send)),
      schedule_(std::move(schedule)),
      throttle_(milliseconds(delivery_.timeouts().heartbeat_ms())) {}

const RunningTask::ForTheCode& RunningTask::Told() const {
  std::call_once(told_once_, [this] {
    told_.emplace(ForTheCode{InfoOf(delivery_, deadline_, converter_.get()), LoggerOf(delivery_, sink_)});
  });
  return *told_;
}

milliseconds RunningTask::Running() const {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begun_);
}

void RunningTask::Stop(StopCause cause, std::string reason) {
  {
    std::lock_guard lock(mu_);
    if (cause_ != StopCause::kNone) return;
    cause_ = cause;
    reason_ = std::move(reason);
  }
  stopped_.notify_all();
}

bool RunningTask::PastDeadline() const {
  return deadline_.has_value() && std::chrono::system_clock::now() >= *deadline_;
}

StopCause RunningTask::Stopped() const {
  std::lock_guard lock(mu_);
  if (cause_ != StopCause::kNone) return cause_;
  return PastDeadline() ? StopCause::kDeadline : StopCause::kNone;
}

bool RunningTask::Cancelled() const { return Stopped() != StopCause::kNone; }

std::string RunningTask::CancelReason() const {
  std::lock_guard lock(mu_);
  if (cause_ != StopCause::kNone) return reason_;
  return PastDeadline() ? "the attempt's time is up" : "";
}

bool RunningTask::WaitCancelled(milliseconds timeout) {
  std::unique_lock lock(mu_);
  const auto until = Clock::now() + timeout;
  const auto stopped = [this] { return cause_ != StopCause::kNone; };
  while (!stopped() && !PastDeadline() && Clock::now() < until) {
    auto wake = until;
    if (deadline_.has_value()) {
      // One millisecond more, since the two clocks are read one after the other.
      const auto left = *deadline_ - std::chrono::system_clock::now() + milliseconds(1);
      wake = std::min(wake, Clock::now() + std::chrono::duration_cast<Clock::duration>(left));
    }
    stopped_.wait_until(lock, wake, stopped);
  }
  return stopped() || PastDeadline();
}

void RunningTask::Heartbeat(std::optional<Payload> details) {
  if (details.has_value()) details = runtime::Encode(converter_.get(), *std::move(details));
  if (details.has_value() && details_bytes_max_ > 0 && details->data.size() > details_bytes_max_) {
    Log().Warn("heartbeat details dropped: larger than the server takes", "bytes", details->data.size(),
               "payload_bytes_max", details_bytes_max_);
    details.reset();
  }
  std::optional<HeartbeatThrottle::Beat> beat;
  {
    std::lock_guard lock(mu_);
    if (ended_) return;
    beat = throttle_.Offer(Clock::now(), std::move(details));
    const auto due = throttle_.Due();
    if (due.has_value() && !std::exchange(scheduled_, true)) schedule_(*due);
  }
  Send(std::move(beat));
}

std::optional<RunningTask::Clock::time_point> RunningTask::SendDueHeartbeat(Clock::time_point now) {
  std::optional<HeartbeatThrottle::Beat> beat;
  std::optional<Clock::time_point> due;
  {
    std::lock_guard lock(mu_);
    if (ended_) return std::nullopt;
    beat = throttle_.TakeIfDue(now);
    due = throttle_.Due();
    scheduled_ = due.has_value();
  }
  Send(std::move(beat));
  return due;
}

void RunningTask::EndHeartbeats(bool flush) {
  std::optional<HeartbeatThrottle::Beat> beat;
  {
    std::lock_guard lock(mu_);
    ended_ = true;
    beat = throttle_.TakeNow();
  }
  if (flush && beat.has_value() && beat->details.has_value()) Send(std::move(beat));
}

void RunningTask::Send(std::optional<HeartbeatThrottle::Beat> beat) {
  if (!beat.has_value()) return;
  v1::TaskHeartbeat heartbeat;
  *heartbeat.mutable_token() = delivery_.token();
  if (beat->details.has_value()) *heartbeat.mutable_details() = runtime::ToProto(*std::move(beat->details));
  send_(std::move(heartbeat));
}

const std::optional<Payload>& RunningTask::LastHeartbeat() const {
  std::lock_guard lock(mu_);
  if (!last_heartbeat_.has_value()) {
    std::optional<Payload> details;
    if (delivery_.has_heartbeat_details()) {
      details = runtime::Decode(converter_.get(), runtime::FromProto(delivery_.heartbeat_details()));
    }
    last_heartbeat_ = std::move(details);
  }
  return *last_heartbeat_;
}

}  // namespace perdure::tasks
