// Watchdog: tells when workflow code holds its thread too long, since no other run is worked on there
// meanwhile.
//
// Thread-safety: each slot is for one thread; the watchdog reads them from a thread of its own.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_WATCHDOG_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_WATCHDOG_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace perdure::runtime {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;
  // What runs there, and for how long so far.
  using Report = std::function<void(const std::string& what, std::chrono::milliseconds held)>;

  Watchdog(std::size_t slots, std::chrono::milliseconds limit, Report report);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Enter(std::size_t slot, std::string what);
  void Leave(std::size_t slot);

 private:
  struct Slot {
    std::string what;
    Clock::time_point since;
    bool busy = false;
    bool reported = false;
  };

  void Loop();

  const std::chrono::milliseconds limit_;
  const Report report_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<Slot> slots_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_WATCHDOG_H_
