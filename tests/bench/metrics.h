// The server's /metrics, read.
#ifndef PERDURE_TESTS_BENCH_METRICS_H_
#define PERDURE_TESTS_BENCH_METRICS_H_

#include <string>
#include <string_view>
#include <vector>

namespace perdure::bench {

class Metrics {
 public:
  Metrics() = default;
  // From Prometheus's text format; what is not a sample is skipped.
  explicit Metrics(std::string_view text);

  // All samples of this name added up; with `label` ("outcome=\"completed\"") those that carry it. 0: none.
  double Sum(std::string_view name, std::string_view label = "") const;

 private:
  struct Sample {
    std::string name;
    // What stands between the braces.
    std::string labels;
    double value = 0;
  };
  std::vector<Sample> samples_;
};

// GET /metrics from "host:port". Throws BenchError.
Metrics Scrape(const std::string& http_address);

}  // namespace perdure::bench

#endif  // PERDURE_TESTS_BENCH_METRICS_H_
