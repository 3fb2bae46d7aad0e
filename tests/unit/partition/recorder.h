// Recorder: where the committer under test releases to, and what the rooms count.
#ifndef PERDURE_TESTS_UNIT_PARTITION_RECORDER_H_
#define PERDURE_TESTS_UNIT_PARTITION_RECORDER_H_

#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/base/stats.h"
#include "server/partition/outbox.h"

namespace perdure::partition::testing {

// Keeps what was released, in order, until somebody takes it.
class Recorder : public Outbox {
 public:
  void Release(std::vector<Work> released, Acks acks) override {
    work.insert(work.end(), std::make_move_iterator(released.begin()),
                std::make_move_iterator(released.end()));
    for (const auto& [session, ids] : acks) acked[session].insert(ids.begin(), ids.end());
  }

  std::deque<Work> work;
  // Ever, by session.
  std::map<uint64_t, absl::flat_hash_set<uint64_t>> acked;
};

// Counters and gauges by name; those with labels are added up.
class MetricValues : public base::MetricSink {
 public:
  void Counter(std::string_view name, std::string_view, base::Labels, double value) override {
    Add(name, value);
  }
  void Gauge(std::string_view name, std::string_view, base::Labels, double value) override {
    Add(name, value);
  }
  void Histogram(std::string_view, std::string_view, base::Labels, const base::Histogram&, double) override {}

  int64_t Get(const std::string& name) const {
    auto it = values_.find(name);
    return it == values_.end() ? 0 : static_cast<int64_t>(it->second);
  }

 private:
  void Add(std::string_view name, double value) { values_[std::string(name)] += value; }

  std::map<std::string, double> values_;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_RECORDER_H_
