// Reading histograms.
#include "server/base/stats.h"

#include <algorithm>
#include <cmath>

namespace perdure::base {

Histogram::Snapshot Histogram::Read() const {
  Snapshot snapshot;
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < kBuckets; ++i) {
    snapshot.counts[i] = counts_[i].load(std::memory_order_relaxed);
    snapshot.count += snapshot.counts[i];
  }
  return snapshot;
}

uint64_t Histogram::Snapshot::Quantile(double fraction) const {
  if (count == 0) return 0;
  const auto rank =
      static_cast<uint64_t>(std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts[i];
    if (seen >= rank && seen > 0) return UpperBound(i);
  }
  return UpperBound(kBuckets - 1);
}

}  // namespace perdure::base
