// StepPool: the threads on which steps run, and their retries. One thread works the queue off for as long as
// nothing waits for more than kQueueWaitMax: most steps take less than the wake-up of a thread.
//
// Thread-safety: all functions, from any thread. `done` is called on a pool thread, once for each step,
// unless the pool is destroyed first.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_STEP_POOL_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_STEP_POOL_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "perdure/errors.h"
#include "perdure/options.h"
#include "perdure/payload.h"
#include "worker-sdk/src/runtime/ticker.h"
#include "worker-sdk/src/runtime/watchdog.h"

namespace perdure::runtime {

struct StepOutcome {
  Payload result;
  // Set: it failed for good.
  std::optional<Failure> failure;
  int attempt = 1;
};

struct StepCall {
  // The step is also the source of its failure.
  BusyWith what;
  std::function<Payload()> body;
  // Unset: one attempt.
  std::optional<RetryPolicy> retry;
  std::function<void(StepOutcome)> done;
};

class StepPool {
 public:
  using Clock = std::chrono::steady_clock;

  // The watchdog has a slot for each thread, and must outlive the pool. Without threads, RunDue does the work
  // and the watchdog has one slot.
  StepPool(int threads_max, Watchdog& watchdog, Clock::time_point (*now)(), std::uint64_t random_seed)
      : threads_max_(threads_max),
        watchdog_(watchdog),
        now_(now),
        jitter_(random_seed == 0 ? std::random_device{}() : random_seed),
        ticker_(kQueueWaitMax, [this] { return WakeIfStalled(); }, threads_max > 0) {}
  // Waits for the steps that are running; those still waiting, also for a retry, are dropped.
  ~StepPool();
  StepPool(const StepPool&) = delete;
  StepPool& operator=(const StepPool&) = delete;

  void Run(StepCall call);
  // Takes no further steps and waits for those that run.
  void Stop();

  // One attempt, on the thread that calls this. False: none is due.
  bool RunDue();
  // When the next attempt is due, if there is one.
  std::optional<Clock::time_point> NextDue() const;

 private:
  struct Attempt {
    StepCall call;
    int number = 1;
    // Since when it could run.
    Clock::time_point since = {};
  };

  void Loop(std::size_t slot);
  bool IsDueLocked() const { return !due_.empty() && due_.begin()->first <= now_(); }
  void RunFirst(std::unique_lock<std::mutex>& lock, std::size_t slot);
  void RunAttempt(Attempt attempt);
  void Enqueue(Attempt attempt, Clock::time_point due);
  int AwakeLocked() const { return static_cast<int>(threads_.size()) - idle_ + woken_; }
  // Has one more thread look at the queue, if there may be one.
  void WakeLocked();
  bool WakeIfStalled();
  Milliseconds BackoffAfter(const RetryPolicy& policy, int attempt);

  const int threads_max_;
  Watchdog& watchdog_;
  Clock::time_point (*const now_)();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All below: guarded by mutex_.
  std::multimap<Clock::time_point, Attempt> due_;
  std::vector<std::thread> threads_;
  // Of the threads: those that wait, and how many of these were told to look.
  int idle_ = 0;
  int woken_ = 0;
  bool stopping_ = false;
  std::minstd_rand jitter_;
  Ticker ticker_;
};

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_STEP_POOL_H_
