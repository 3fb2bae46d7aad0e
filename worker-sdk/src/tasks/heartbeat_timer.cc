#include "worker-sdk/src/tasks/heartbeat_timer.h"

#include <utility>

namespace perdure::tasks {

HeartbeatTimer::~HeartbeatTimer() {
  {
    std::lock_guard lock(mu_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void HeartbeatTimer::At(Clock::time_point due, std::weak_ptr<RunningTask> task) {
  std::lock_guard lock(mu_);
  if (closing_) return;
  const bool first = due_.empty() || due < due_.begin()->first;
  due_.emplace(due, std::move(task));
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  if (first) changed_.notify_all();
}

void HeartbeatTimer::Run() {
  std::unique_lock lock(mu_);
  while (!closing_) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto next = due_.begin()->first;
    if (Clock::now() < next) {
      changed_.wait_until(lock, next);
      continue;
    }
    const std::weak_ptr<RunningTask> waiting = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    lock.unlock();
    std::optional<Clock::time_point> again;
    if (const std::shared_ptr<RunningTask> task = waiting.lock())
      again = task->SendDueHeartbeat(Clock::now());
    lock.lock();
    if (again.has_value()) due_.emplace(*again, waiting);
  }
}

}  // namespace perdure::tasks
