// Wakes tasks whose heartbeats wait for their time. One thread, started with the first such heartbeat.
//
// Thread-safety: any thread.
#ifndef PERDURE_WORKER_SDK_SRC_TASKS_HEARTBEAT_TIMER_H_
#define PERDURE_WORKER_SDK_SRC_TASKS_HEARTBEAT_TIMER_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "worker-sdk/src/tasks/running_task.h"

namespace perdure::tasks {

class HeartbeatTimer {
 public:
  using Clock = RunningTask::Clock;

  HeartbeatTimer() = default;
  // Waits for a call that is being made; makes no more.
  ~HeartbeatTimer();
  HeartbeatTimer(const HeartbeatTimer&) = delete;
  HeartbeatTimer& operator=(const HeartbeatTimer&) = delete;

  // Calls SendDueHeartbeat at `due`, if the task is still there, and again for as long as it asks for it.
  void At(Clock::time_point due, std::weak_ptr<RunningTask> task);

 private:
  void Run();

  std::mutex mu_;
  std::condition_variable changed_;
  // All below: guarded by mu_.
  std::multimap<Clock::time_point, std::weak_ptr<RunningTask>> due_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace perdure::tasks

#endif  // PERDURE_WORKER_SDK_SRC_TASKS_HEARTBEAT_TIMER_H_
