// Schedule: virtual time, and what happens in it. Everything in a simulation is a function called here, one
// after the other on one thread.
#ifndef PERDURE_TESTS_SIM_SCHEDULE_H_
#define PERDURE_TESTS_SIM_SCHEDULE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "tests/model/random.h"

namespace perdure::sim {

class Schedule {
 public:
  explicit Schedule(model::Rng* rng) : rng_(rng) {}

  // Of things due at the same time, chance says which is first.
  void After(int64_t delay_ms, std::function<void()> what) {
    entries_.push({now_ms_ + delay_ms, rng_->Next(), std::move(what)});
  }
  // The next thing happens, and time with it. False: nothing is left.
  bool Step() {
    if (entries_.empty()) return false;
    // A priority_queue shows its top as const; it goes at once.
    Entry next = std::move(const_cast<Entry&>(entries_.top()));
    entries_.pop();
    now_ms_ = next.due_ms;
    ++steps_;
    next.what();
    return true;
  }

  // Since the simulation began.
  int64_t now_ms() const { return now_ms_; }
  int64_t steps() const { return steps_; }

 private:
  struct Entry {
    int64_t due_ms;
    uint64_t tie;
    std::function<void()> what;
    bool operator<(const Entry& other) const {
      return std::pair(due_ms, tie) > std::pair(other.due_ms, other.tie);
    }
  };

  model::Rng* const rng_;
  std::priority_queue<Entry> entries_;
  int64_t now_ms_ = 0;
  int64_t steps_ = 0;
};

// The clocks that the code under simulation reads. It takes functions without state, hence one simulation at
// a time on a thread.
class Clocks {
 public:
  static void Begin(const Schedule* schedule);

  static int64_t ServerUnixMs();
  static std::chrono::steady_clock::time_point Worker();
  // The server's wall clock jumps: by how much it is ahead of the true time from now on.
  static void SetServerAhead(int64_t ms);
};

}  // namespace perdure::sim

#endif  // PERDURE_TESTS_SIM_SCHEDULE_H_
