// What a scrape says.
#include "server/ops/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure::ops {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricsTest, WritesCountersGaugesAndHistograms) {
  base::Histogram histogram;
  histogram.Observe(3);
  histogram.Observe(1000);
  Metrics metrics;
  metrics.Register([&](base::MetricSink& sink) {
    sink.Counter("perdure_t_things_total", "Things.", {{"kind", "a\"b"}}, 3);
    sink.Gauge("perdure_t_depth_items", "Depth.", {}, -2);
    sink.Histogram("perdure_t_wait_seconds", "Wait.", {}, histogram, 1e-6);
  });
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("# TYPE perdure_t_things_total counter\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_things_total{kind=\"a\\\"b\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_depth_items -2\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_wait_seconds_count 2\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_wait_seconds_bucket{le=\"4e-06\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_wait_seconds_bucket{le=\"+Inf\"} 2\n"));
}

TEST(MetricsTest, AddsUpEqualSamples) {
  base::Histogram histogram;
  histogram.Observe(1);
  Metrics metrics;
  for (int partition = 0; partition < 2; ++partition) {
    metrics.Register([&histogram, partition](base::MetricSink& sink) {
      sink.Counter("perdure_t_commits_total", "Commits.", {}, 5);
      sink.Counter("perdure_t_tasks_total", "Tasks.", {{"outcome", partition == 0 ? "failed" : "completed"}},
                   1);
      sink.Histogram("perdure_t_batch_items", "Batch.", {}, histogram);
    });
  }
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("perdure_t_commits_total 10\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_tasks_total{outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_tasks_total{outcome=\"completed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("perdure_t_batch_items_count 2\n"));
  EXPECT_EQ(text.find("# TYPE perdure_t_commits_total"), text.rfind("# TYPE perdure_t_commits_total"));
}

TEST(MetricsTest, IncludesTheProcess) {
  const std::string text = Metrics().Text();
  for (const char* name :
       {"process_resident_memory_bytes ", "process_cpu_seconds_total ", "process_open_fds ",
        "process_start_time_seconds ", "process_threads ", "perdure_build_info{version="}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name));
  }
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
}

}  // namespace
}  // namespace perdure::ops
