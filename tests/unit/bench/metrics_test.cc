#include "tests/bench/metrics.h"

#include <gtest/gtest.h>

namespace perdure::bench {
namespace {

constexpr const char* kText =
    "# HELP tasks_total Tasks ended.\n"
    "# TYPE tasks_total counter\n"
    "tasks_total{outcome=\"completed\"} 40\n"
    "tasks_total{outcome=\"failed\"} 2\n"
    "tasks_total_more 1000\n"
    "bytes 1.5e+09\n"
    "no_value\n"
    "last 7";

TEST(BenchMetricsTest, AddsUpTheSamplesOfAName) {
  const Metrics metrics(kText);
  EXPECT_EQ(metrics.Sum("tasks_total"), 42);
  EXPECT_EQ(metrics.Sum("tasks_total", "outcome=\"failed\""), 2);
  EXPECT_EQ(metrics.Sum("bytes"), 1.5e9);
  EXPECT_EQ(metrics.Sum("last"), 7);
  EXPECT_EQ(metrics.Sum("absent"), 0);
}

TEST(BenchMetricsTest, NothingIsNothing) { EXPECT_EQ(Metrics("").Sum("tasks_total"), 0); }

}  // namespace
}  // namespace perdure::bench
