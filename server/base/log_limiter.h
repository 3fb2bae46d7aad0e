// LogLimiter: keeps what happens again and again from filling the log. One line at once, then at most one per
// interval, which tells how many were left out.
//
//   if (const std::optional<uint64_t> left_out = limiter_.Admit(base::NowMs())) {
//     base::LogWarning("refusing work", {{"partition", p}, {"not_logged", *left_out}});
//   }
//
// Thread-safe, without a lock.
#ifndef PERDURE_SERVER_BASE_LOG_LIMITER_H_
#define PERDURE_SERVER_BASE_LOG_LIMITER_H_

#include <atomic>
#include <cstdint>
#include <optional>

namespace perdure::base {

class LogLimiter {
 public:
  static constexpr int64_t kIntervalMs = 5'000;

  // Log now, with this number of events since the last line that were not logged; or do not log.
  std::optional<uint64_t> Admit(int64_t now_ms) {
    int64_t next = next_ms_.load(std::memory_order_relaxed);
    if (now_ms < next || !next_ms_.compare_exchange_strong(next, now_ms + kIntervalMs)) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return left_out_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> next_ms_{INT64_MIN};
  std::atomic<uint64_t> left_out_{0};
};

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_LOG_LIMITER_H_
