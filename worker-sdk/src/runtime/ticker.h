// Ticker: a thread that looks at something every so often while there is something to look at, and sleeps
// otherwise. For queues that wake as few threads as they can: it sees to what waits for too long all the
// same.
//
// Thread-safety: any thread. `look` is called on the ticker's thread with none of its locks held.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_TICKER_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_TICKER_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace perdure::runtime {

class Ticker {
 public:
  // `look` says whether to look again after `interval`; false: not until Arm. Without a thread it never
  // looks.
  Ticker(std::chrono::milliseconds interval, std::function<bool()> look, bool threaded = true)
      : interval_(interval), look_(std::move(look)) {
    if (threaded) thread_ = std::thread([this] { Loop(); });
  }
  ~Ticker() { Stop(); }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // Cheap while it is armed already.
  void Arm() {
    if (armed_.exchange(true)) return;
    const std::lock_guard lock(mutex_);
    changed_.notify_one();
  }

  // No look is under way after it, and none follows.
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Loop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (!armed_.load()) {
        changed_.wait(lock);
        continue;
      }
      changed_.wait_for(lock, interval_, [this] { return stopping_; });
      if (stopping_) return;
      lock.unlock();
      // Cleared before the look: what is armed during it is looked at again.
      armed_.store(false);
      if (look_()) armed_.store(true);
      lock.lock();
    }
  }

  const std::chrono::milliseconds interval_;
  const std::function<bool()> look_;
  std::atomic<bool> armed_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

// How long work may wait while threads are idle: those that are awake seem to be blocked then.
inline constexpr std::chrono::milliseconds kQueueWaitMax{1};

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_TICKER_H_
