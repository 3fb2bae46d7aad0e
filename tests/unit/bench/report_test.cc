#include "tests/bench/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/bench/samples.h"

namespace perdure::bench {
namespace {

using nlohmann::json;

Report With(double rate, std::optional<double> memory) {
  Report report;
  report.Add("workload", "noop");
  report.Add("concurrency", 64.0, 0);
  report.Add("rate", rate, 1);
  report.Add("memory", memory, 1);
  return report;
}

TEST(BenchSamplesTest, PercentileIsTheNearestRank) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(Percentile(values, 0), 1);
  EXPECT_EQ(Percentile(values, 0.5), 5);
  EXPECT_EQ(Percentile(values, 0.9), 9);
  EXPECT_EQ(Percentile(values, 0.99), 10);
  EXPECT_EQ(Percentile({7}, 0.5), 7);
}

TEST(BenchSamplesTest, SpreadHasTheMiddleOfOddAndEvenCounts) {
  const Spread odd = SpreadOf({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.min, 1);
  EXPECT_EQ(odd.max, 3);
  EXPECT_EQ(SpreadOf({4, 1, 2, 3}).median, 2.5);
}

TEST(BenchReportTest, OneReportIsAFlatObject) {
  const json out = json::parse(ToJson({With(1234.5, std::nullopt)}));
  EXPECT_EQ(out, (json{{"workload", "noop"}, {"concurrency", 64}, {"rate", 1234.5}, {"memory", nullptr}}));
}

TEST(BenchReportTest, SeveralReportsGiveMedianAndSpreadOfWhatVaried) {
  const json out = json::parse(ToJson({With(10, 1.0), With(30, std::nullopt), With(20, 3.0)}));
  EXPECT_EQ(out["rate"], 20);
  EXPECT_EQ(out["memory"], 2);
  EXPECT_EQ(out["repeat"], 3);
  EXPECT_EQ(out["spread"], (json{{"rate", {10, 30}}, {"memory", {1, 3}}}));
}

TEST(BenchReportTest, BrokenTextStillMakesJson) {
  Report report;
  report.Add("first_failure", std::string("a\xff"));
  EXPECT_FALSE(json::parse(ToJson({report}), nullptr, false).is_discarded());
}

TEST(BenchReportTest, TheTableIsAligned) {
  EXPECT_EQ(ToTable({With(1234.5, std::nullopt)}),
            "workload       noop\n"
            "concurrency      64\n"
            "rate         1234.5\n"
            "memory            -\n");
  EXPECT_EQ(ToTable({With(10, 1.0), With(20, 1.0)}),
            "             median  least  most\n"
            "workload       noop\n"
            "concurrency      64\n"
            "rate           15.0   10.0  20.0\n"
            "memory          1.0\n");
}

}  // namespace
}  // namespace perdure::bench
