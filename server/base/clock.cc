#include "server/base/clock.h"

#include <algorithm>
#include <chrono>

namespace perdure::base {
namespace {

template <typename SystemClock>
int64_t Read() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock::now().time_since_epoch()).count();
}

}  // namespace

Clock::Clock(Source steady_ms, Source wall_ms)
    : steady_ms_(steady_ms), wall_ms_(wall_ms), offset_ms_(wall_ms() - steady_ms()) {}

int64_t Clock::NowMs() {
  // In this order: if the thread is held up in between, the clock may be late by that, but not early.
  const int64_t wall = wall_ms_();
  const int64_t steady = steady_ms_();
  int64_t offset = offset_ms_.load();
  while (offset < wall - steady && !offset_ms_.compare_exchange_weak(offset, wall - steady)) {
  }
  return steady + std::max(offset, wall - steady);
}

int64_t Clock::AheadMs() {
  // Both clocks are cut to whole milliseconds, each at its own moment.
  constexpr int64_t kRounding = 1;
  const int64_t ahead = NowMs() - wall_ms_();
  return ahead > kRounding ? ahead : 0;
}

Clock& ProcessClock() {
  static Clock clock(&Read<std::chrono::steady_clock>, &Read<std::chrono::system_clock>);
  return clock;
}

int64_t NowMs() { return ProcessClock().NowMs(); }

}  // namespace perdure::base
