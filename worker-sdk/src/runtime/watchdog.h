// Watchdog: knows what the threads of a pool are busy with, and tells when one of them takes too long:
// workflow code, since no other run is worked on there meanwhile, and steps, since they are meant to be
// short.
//
// Thread-safety: each slot is for one thread; the watchdog reads them from a thread of its own.
#ifndef PERDURE_WORKER_SDK_SRC_RUNTIME_WATCHDOG_H_
#define PERDURE_WORKER_SDK_SRC_RUNTIME_WATCHDOG_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace perdure::runtime {

struct RunNames {
  std::string workflow_type;
  std::string workflow_id;
  std::string run_id;
};

// What a thread works for.
struct BusyWith {
  // Shared by all that is done for the run.
  std::shared_ptr<const RunNames> run;
  // Of the step; 0: the workflow's own code.
  std::int64_t seq = 0;
  std::string step;

  // "step validate (seq 3)".
  std::string StepText() const;
};

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;
  // What runs there, and for how long so far.
  using Report = std::function<void(const BusyWith& what, std::chrono::milliseconds held)>;

  // A limit of 0: nothing is reported.
  Watchdog(std::size_t slots, std::chrono::milliseconds limit, Report report);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Enter(std::size_t slot, BusyWith what);
  void Leave(std::size_t slot);
  // For people: "step validate (seq 3) of order-42 for 1200 ms".
  std::vector<std::string> Busy() const;

 private:
  struct Slot {
    BusyWith what;
    Clock::time_point since;
    bool busy = false;
    bool reported = false;
  };

  void Loop();

  const std::chrono::milliseconds limit_;
  const Report report_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<Slot> slots_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace perdure::runtime

#endif  // PERDURE_WORKER_SDK_SRC_RUNTIME_WATCHDOG_H_
