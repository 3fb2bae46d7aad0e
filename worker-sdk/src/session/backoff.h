// Exponential backoff with full jitter: each wait is drawn from [0, ceiling], and the ceiling doubles.
//
// Not thread-safe.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_BACKOFF_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_BACKOFF_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace perdure::session {

class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds initial, Milliseconds max, std::uint64_t seed)
      : initial_(initial), max_(max), ceiling_(initial), random_(seed) {}

  // The next wait.
  Milliseconds Next() {
    std::uniform_int_distribution<std::int64_t> draw(0, ceiling_.count());
    ceiling_ = std::min(ceiling_ * 2, max_);
    return Milliseconds(draw(random_));
  }

  // Something worked: start over.
  void Reset() { ceiling_ = initial_; }

 private:
  const Milliseconds initial_;
  const Milliseconds max_;
  Milliseconds ceiling_;
  std::mt19937_64 random_;
};

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_BACKOFF_H_
