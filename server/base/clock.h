// Clock: the server's one clock. Milliseconds since the Unix epoch that never go back.
//
// The wall clock may be set back at any time (by NTP, by hand, by a hypervisor). Deadlines that were computed
// before would then lie far ahead, and, where one room keeps the highest time seen and another does not, long
// ago. So: the steady clock, from the wall clock's time at the start on. When the wall clock is ahead of that
// (it was set forward, the machine slept) the clock follows at once; when it is behind, the clock goes on at
// its own pace until the wall clock has caught up.
#ifndef PERDURE_SERVER_BASE_CLOCK_H_
#define PERDURE_SERVER_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>

namespace perdure::base {

// Thread-safe. A thread that sees a time sees no earlier one later, and tells others by any ordinary means.
class Clock {
 public:
  // Milliseconds: of a clock that never goes back, and since the Unix epoch.
  using Source = int64_t (*)();

  Clock(Source steady_ms, Source wall_ms);

  int64_t NowMs();
  // How far this clock is ahead of the wall clock: 0, unless that was set back.
  int64_t AheadMs();

 private:
  const Source steady_ms_;
  const Source wall_ms_;
  // From the steady clock to this one; only grows.
  std::atomic<int64_t> offset_ms_;
};

// The process's clock, of the system's two. It starts with the first use.
Clock& ProcessClock();
int64_t NowMs();

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_CLOCK_H_
