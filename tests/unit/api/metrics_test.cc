// What the API counts of its calls.
#include "server/api/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace perdure::api {
namespace {

using ::testing::Contains;
using ::testing::Pair;

// Samples as "name{label,label}"; of a histogram, how many values it has.
class Samples : public base::MetricSink {
 public:
  explicit Samples(const ApiMetrics& metrics) { metrics.Collect(*this); }
  void Counter(std::string_view name, std::string_view, base::Labels labels, double value) override {
    values[Key(name, labels)] += value;
  }
  void Gauge(std::string_view name, std::string_view, base::Labels labels, double value) override {
    values[Key(name, labels)] += value;
  }
  void Histogram(std::string_view name, std::string_view, base::Labels labels, const base::Histogram& h,
                 double) override {
    values[Key(name, labels)] += static_cast<double>(h.Read().count);
  }
  std::map<std::string, double> values;

 private:
  static std::string Key(std::string_view name, base::Labels labels) {
    std::string key(name);
    for (const base::Label& label : labels) key.append(" ").append(label.value);
    return key;
  }
};

// Fast refusals would make a slow server look fast.
TEST(ApiMetricsTest, LatencyIsByMethodAndStatus) {
  ApiMetrics metrics;
  metrics.Record(Method::kStart, 0, metrics.Begin());
  metrics.Record(Method::kStart, 0, metrics.Begin());
  metrics.Record(Method::kStart, 8, metrics.Begin());
  metrics.Record(Method::kSignal, 0, metrics.Begin());
  const Samples samples(metrics);
  EXPECT_THAT(samples.values, Contains(Pair("perdure_api_latency_seconds StartWorkflow OK", 2)));
  EXPECT_THAT(samples.values,
              Contains(Pair("perdure_api_latency_seconds StartWorkflow RESOURCE_EXHAUSTED", 1)));
  EXPECT_THAT(samples.values, Contains(Pair("perdure_api_latency_seconds SignalWorkflow OK", 1)));
  EXPECT_THAT(samples.values, Contains(Pair("perdure_api_calls_total StartWorkflow RESOURCE_EXHAUSTED", 1)));
}

TEST(ApiMetricsTest, CallsAreOpenFromBeginToRecord) {
  ApiMetrics metrics;
  const auto first = metrics.Begin();
  const auto second = metrics.Begin();
  EXPECT_THAT(Samples(metrics).values, Contains(Pair("perdure_api_open_calls", 2)));
  metrics.Record(Method::kStart, 0, first);
  metrics.Record(Method::kStart, 99, second);
  EXPECT_THAT(Samples(metrics).values, Contains(Pair("perdure_api_open_calls", 0)));
}

}  // namespace
}  // namespace perdure::api
