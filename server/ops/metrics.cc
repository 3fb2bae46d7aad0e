// A prometheus::Collectable that pulls from the rooms.
#include "server/ops/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>
#include <mutex>
#include <vector>

#include "server/base/version.h"
#include "server/ops/process_metrics.h"

namespace perdure::ops {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Builds metric families in the order they were first reported; equal samples are added up.
class FamilySink : public base::MetricSink {
 public:
  void Counter(std::string_view name, std::string_view help, base::Labels labels, double value) override {
    Sample(name, help, MetricType::Counter, labels).counter.value += value;
  }

  void Gauge(std::string_view name, std::string_view help, base::Labels labels, double value) override {
    Sample(name, help, MetricType::Gauge, labels).gauge.value += value;
  }

  void Histogram(std::string_view name, std::string_view help, base::Labels labels,
                 const base::Histogram& histogram, double scale) override {
    const base::Histogram::Snapshot snapshot = histogram.Read();
    ClientMetric::Histogram& out = Sample(name, help, MetricType::Histogram, labels).histogram;
    out.sample_count += snapshot.count;
    out.sample_sum += static_cast<double>(snapshot.sum) * scale;
    out.bucket.resize(base::Histogram::kBuckets);
    uint64_t cumulative = 0;
    for (size_t i = 0; i < base::Histogram::kBuckets; ++i) {
      const bool last = i + 1 == base::Histogram::kBuckets;
      cumulative += snapshot.counts[i];
      out.bucket[i].cumulative_count += cumulative;
      out.bucket[i].upper_bound = last ? std::numeric_limits<double>::infinity()
                                       : static_cast<double>(base::Histogram::UpperBound(i)) * scale;
    }
  }

  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  ClientMetric& Sample(std::string_view name, std::string_view help, MetricType type, base::Labels labels) {
    const auto [family_at, is_new] = family_index_.emplace(std::string(name), families_.size());
    if (is_new) families_.push_back({std::string(name), std::string(help), type, {}});
    MetricFamily& family = families_[family_at->second];
    std::string key(name);
    for (const base::Label& label : labels) {
      key.append(1, '\0').append(label.name).append(1, '\0').append(label.value);
    }
    const auto [sample_at, is_new_sample] = sample_index_.emplace(std::move(key), family.metric.size());
    if (is_new_sample) {
      ClientMetric& metric = family.metric.emplace_back();
      for (const base::Label& label : labels) {
        metric.label.push_back({std::string(label.name), std::string(label.value)});
      }
    }
    return family.metric[sample_at->second];
  }

  std::vector<MetricFamily> families_;
  std::map<std::string, size_t> family_index_;
  std::map<std::string, size_t> sample_index_;
};

}  // namespace

class Metrics::Impl : public prometheus::Collectable {
 public:
  void Register(CollectFunction collect) {
    const std::lock_guard lock(mutex_);
    functions_.push_back(std::move(collect));
  }

  std::vector<MetricFamily> Collect() const override {
    const std::lock_guard lock(mutex_);
    FamilySink sink;
    for (const CollectFunction& collect : functions_) collect(sink);
    return sink.Take();
  }

 private:
  // Held while collecting: one scrape at a time.
  mutable std::mutex mutex_;
  std::vector<CollectFunction> functions_;  // guarded by mutex_
};

Metrics::Metrics() : impl_(std::make_shared<Impl>()) {
  Register(&CollectProcessMetrics);
  Register([](base::MetricSink& sink) {
    sink.Gauge("perdure_build_info", "Always 1; the version is in the label.", {{"version", base::Version()}},
               1);
  });
}

Metrics::~Metrics() = default;

void Metrics::Register(CollectFunction collect) { impl_->Register(std::move(collect)); }

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(impl_->Collect()); }

}  // namespace perdure::ops
