// Thins out the heartbeats of one running task: at most one an interval goes out, and it is the latest.
//
// Pure: the caller passes the time in. Not thread-safe.
#ifndef PERDURE_WORKER_SDK_SRC_TASKS_HEARTBEAT_THROTTLE_H_
#define PERDURE_WORKER_SDK_SRC_TASKS_HEARTBEAT_THROTTLE_H_

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "perdure/payload.h"

namespace perdure::tasks {

// Without a heartbeat timeout, details are still worth sending, but not more often than this.
inline constexpr std::chrono::milliseconds kHeartbeatIntervalDefault{1000};
// However short the timeout is.
inline constexpr std::chrono::milliseconds kHeartbeatIntervalMin{10};

class HeartbeatThrottle {
 public:
  using Clock = std::chrono::steady_clock;
  struct Beat {
    // Unset: only a sign of life.
    std::optional<Payload> details;
  };

  // `timeout`: the task's heartbeat timeout, 0 for none.
  explicit HeartbeatThrottle(std::chrono::milliseconds timeout)
      : interval_(timeout.count() <= 0 ? kHeartbeatIntervalDefault
                                       : std::max(timeout / 3, kHeartbeatIntervalMin)) {}

  // The task said something. Set: send it now. Unset: it is kept until Due().
  std::optional<Beat> Offer(Clock::time_point now, std::optional<Payload> details) {
    if (!waiting_.has_value()) waiting_.emplace();
    // A mere sign of life does not wipe out details that wait.
    if (details.has_value()) waiting_->details = std::move(details);
    return TakeIfDue(now);
  }

  // What waits, if its time has come.
  std::optional<Beat> TakeIfDue(Clock::time_point now) {
    if (!waiting_.has_value() || (sent_.has_value() && now < *sent_ + interval_)) return std::nullopt;
    sent_ = now;
    return std::exchange(waiting_, std::nullopt);
  }

  // What waits, due or not: the task has ended.
  std::optional<Beat> TakeNow() { return std::exchange(waiting_, std::nullopt); }

  // When to call TakeIfDue; unset: nothing waits.
  std::optional<Clock::time_point> Due() const {
    if (!waiting_.has_value() || !sent_.has_value()) return std::nullopt;
    return *sent_ + interval_;
  }

  std::chrono::milliseconds interval() const { return interval_; }

 private:
  const std::chrono::milliseconds interval_;
  std::optional<Clock::time_point> sent_;
  std::optional<Beat> waiting_;
};

}  // namespace perdure::tasks

#endif  // PERDURE_WORKER_SDK_SRC_TASKS_HEARTBEAT_THROTTLE_H_
