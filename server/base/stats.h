// Counters, gauges and histograms that rooms embed in their metrics structs, and the sink they are read
// through. Everything here is thread-safe and costs a few nanoseconds; nothing allocates or locks.
//
//   struct CommitMetrics {
//     base::Counter commits;
//     base::Histogram fsync_us;
//     void Collect(base::MetricSink& sink) const {
//       sink.Counter("perdure_partition_commits_total", "Batches committed.", {}, commits.value());
//       sink.Histogram("perdure_partition_fsync_seconds", "Time of one synced write.", {}, fsync_us, 1e-6);
//     }
//   };
//
// Names: perdure_<room>_<thing>_<unit or total>. Labels are small closed sets, never ids.
#ifndef PERDURE_SERVER_BASE_STATS_H_
#define PERDURE_SERVER_BASE_STATS_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/types/span.h"

namespace perdure::base {

// Only goes up.
class Counter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Goes up and down.
class Gauge {
 public:
  void Set(int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void Add(int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  void Sub(int64_t n = 1) { value_.fetch_sub(n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Counts values in buckets whose upper bounds are the powers of two from 1 to 2^(kBuckets - 2), the last
// being without bound. The unit is the caller's: microseconds reach 134 s, items and bytes 134 million.
class Histogram {
 public:
  static constexpr size_t kBuckets = 29;

  struct Snapshot {
    // Of each bucket alone, not cumulative.
    std::array<uint64_t, kBuckets> counts{};
    uint64_t count = 0;
    uint64_t sum = 0;

    // An upper bound of the value below which `fraction` (0 to 1) of the observations lie; 0 without any.
    uint64_t Quantile(double fraction) const;
  };

  void Observe(uint64_t v) {
    counts_[BucketOf(v)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(v, std::memory_order_relaxed);
  }
  // Counts and sum may be apart by observations made meanwhile.
  Snapshot Read() const;

  // Largest value in the bucket; the last bucket's is without meaning.
  static constexpr uint64_t UpperBound(size_t bucket) { return uint64_t{1} << bucket; }
  static constexpr size_t BucketOf(uint64_t v) {
    const size_t bucket = v <= 1 ? 0 : static_cast<size_t>(std::bit_width(v - 1));
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }

 private:
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> sum_{0};
};

struct Label {
  std::string_view name;
  std::string_view value;
};
using Labels = absl::Span<const Label>;

// What a room's Collect reports to. Samples with the same name and the same labels are added up, so that each
// partition can report its own. Strings need only live during the call. Not thread-safe.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  virtual void Counter(std::string_view name, std::string_view help, Labels labels, double value) = 0;
  virtual void Gauge(std::string_view name, std::string_view help, Labels labels, double value) = 0;
  // `scale` turns the histogram's unit into the exported one: 1e-6 for microseconds under a name that ends in
  // _seconds.
  virtual void Histogram(std::string_view name, std::string_view help, Labels labels,
                         const base::Histogram& histogram, double scale = 1) = 0;
};

}  // namespace perdure::base

#endif  // PERDURE_SERVER_BASE_STATS_H_
