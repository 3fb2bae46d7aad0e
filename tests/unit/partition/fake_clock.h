// FakeClock: the time of the partitions under test. It moves only when a test says so.
#ifndef PERDURE_TESTS_UNIT_PARTITION_FAKE_CLOCK_H_
#define PERDURE_TESTS_UNIT_PARTITION_FAKE_CLOCK_H_

#include <cstdint>

namespace perdure::partition::testing {

inline constexpr int64_t kStartMs = 1'700'000'000'000;

// Each thread has a clock of its own, so that tests may run side by side.
class FakeClock {
 public:
  // For PartitionOptions.now_ms.
  static int64_t NowMs() { return now_ms_; }
  static void Set(int64_t ms) { now_ms_ = ms; }
  static void Advance(int64_t ms) { now_ms_ += ms; }

 private:
  static inline thread_local int64_t now_ms_ = kStartMs;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_FAKE_CLOCK_H_
