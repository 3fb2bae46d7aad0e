// Counters, gauges and the histogram's buckets.
#include "server/base/stats.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace perdure::base {
namespace {

TEST(HistogramTest, BucketsHoldValuesUpToTheirBound) {
  EXPECT_EQ(Histogram::BucketOf(0), 0u);
  EXPECT_EQ(Histogram::BucketOf(1), 0u);
  for (size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    EXPECT_EQ(Histogram::BucketOf(Histogram::UpperBound(i)), i);
    EXPECT_EQ(Histogram::BucketOf(Histogram::UpperBound(i) + 1), i + 1);
  }
  EXPECT_EQ(Histogram::BucketOf(~uint64_t{0}), Histogram::kBuckets - 1);
}

TEST(HistogramTest, QuantileIsAnUpperBound) {
  Histogram histogram;
  EXPECT_EQ(histogram.Read().Quantile(0.99), 0u);
  for (int i = 0; i < 99; ++i) histogram.Observe(100);
  histogram.Observe(5000);
  const Histogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.count, 100u);
  EXPECT_EQ(snapshot.sum, 99u * 100 + 5000);
  EXPECT_EQ(snapshot.Quantile(0.5), 128u);
  EXPECT_EQ(snapshot.Quantile(0.99), 128u);
  EXPECT_EQ(snapshot.Quantile(1.0), 8192u);
}

TEST(StatsTest, CountsFromSeveralThreads) {
  Counter counter;
  Gauge gauge;
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        counter.Add();
        gauge.Add(2);
        gauge.Sub();
        histogram.Observe(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4000u);
  EXPECT_EQ(gauge.value(), 4000);
  EXPECT_EQ(histogram.Read().counts[0], 4000u);
}

}  // namespace
}  // namespace perdure::base
