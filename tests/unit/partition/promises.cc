#include "tests/unit/partition/promises.h"

#include "absl/strings/str_cat.h"
#include "server/engine/describe.h"
#include "server/engine/evolve.h"
#include "tests/unit/partition/disk.h"

namespace perdure::partition::testing {

void Promises::Started(const std::string& workflow_id, const std::string& request_id,
                       const v1::StartWorkflowResponse& response) {
  Start& start = starts_[request_id];
  start.workflow_id = workflow_id;
  start.begun += response.started();
  start.run_ids.insert(response.run_id());
}

void Promises::Signalled(const std::string& run_id, const std::string& request_id, bool accepted) {
  const auto [it, first] = signals_.insert({{run_id, request_id}, accepted});
  if (!first && it->second != accepted) {
    contradictions_.push_back(
        absl::StrCat("signal ", request_id, " was first ", it->second ? "taken" : "refused"));
  }
}

void Promises::Result(const v1::GetResultResponse& response) {
  if (response.status() == v1::RUN_STATUS_RUNNING) return;
  const auto [it, first] = results_.insert({response.run_id(), response.SerializeAsString()});
  if (!first && it->second != response.SerializeAsString()) {
    contradictions_.push_back(absl::StrCat("the result of run ", response.run_id(), " changed"));
  }
}

void Promises::Described(const v1::DescribeWorkflowResponse& response) {
  int64_t& events = events_[response.summary().run_id()];
  events = std::max(events, response.summary().history_events());
}

void Promises::Delivered(uint32_t partition, uint64_t run, const v1::Event& event) {
  const auto [it, first] = delivered_[{partition, run}].insert({event.event_id(), event.SerializeAsString()});
  if (!first && it->second != event.SerializeAsString()) {
    contradictions_.push_back(absl::StrCat("event ", event.event_id(), " of run ", run, " changed"));
  }
}

std::vector<std::string> Promises::Problems(const storage::ReadView& store, uint32_t partitions) const {
  std::vector<std::string> problems = contradictions_;
  Histories histories;
  for (uint32_t p = 0; p < partitions; ++p) {
    const Disk disk(store, p);
    for (const uint64_t run : disk.Runs()) {
      std::vector<v1::Event> history = disk.History(run);
      if (auto seen = delivered_.find({p, run}); seen != delivered_.end()) {
        for (const auto& [id, bytes] : seen->second) {
          const auto at = static_cast<size_t>(id) - 1;
          if (at >= history.size() || history[at].SerializeAsString() != bytes) {
            problems.push_back(
                absl::StrCat("event ", id, " of run ", run, " is not what its worker was given"));
          }
        }
      }
      histories[history.at(0).run_started().run_id()] = std::move(history);
    }
  }
  CheckStarts(histories, problems);
  CheckRequests(histories, problems);
  CheckResults(histories, problems);
  return problems;
}

void Promises::CheckStarts(const Histories& histories, std::vector<std::string>& problems) const {
  for (const auto& [request_id, start] : starts_) {
    if (start.begun > 1)
      problems.push_back(absl::StrCat("request ", request_id, " started more than one run"));
    std::set<std::string> first_runs;
    for (const std::string& run_id : start.run_ids) {
      auto it = histories.find(run_id);
      if (it == histories.end() || it->second[0].run_started().workflow_id() != start.workflow_id) {
        problems.push_back(absl::StrCat("run ", run_id, " was acknowledged and is not there"));
        continue;
      }
      first_runs.insert(it->second[0].run_started().first_run_id());
    }
    if (first_runs.size() > 1)
      problems.push_back(absl::StrCat("request ", request_id, " led to different runs"));
  }
}

void Promises::CheckRequests(const Histories& histories, std::vector<std::string>& problems) const {
  std::map<std::pair<std::string, std::string>, int> signals;
  for (const auto& [run_id, history] : histories) {
    int cancels = 0;
    for (const v1::Event& event : history) {
      if (event.has_signal_received()) ++signals[{run_id, event.signal_received().request_id()}];
      cancels += event.has_cancel_requested();
    }
    if (cancelled_.contains(run_id) && cancels != 1) {
      problems.push_back(absl::StrCat("run ", run_id, " was asked to end and has ", cancels, " such events"));
    }
    if (terminated_.contains(run_id) && !history.back().has_run_terminated()) {
      problems.push_back(absl::StrCat("run ", run_id, " was terminated and is not"));
    }
  }
  for (const auto& [key, accepted] : signals_) {
    if (signals[key] != (accepted ? 1 : 0)) {
      problems.push_back(absl::StrCat("signal ", key.second, ", ", accepted ? "taken" : "refused",
                                      ", is in the history ", signals[key], " times"));
    }
  }
  for (const auto& [key, times] : signals) {
    if (times > 1)
      problems.push_back(absl::StrCat("signal ", key.second, " is in the history ", times, " times"));
  }
}

void Promises::CheckResults(const Histories& histories, std::vector<std::string>& problems) const {
  for (const auto& [run_id, bytes] : results_) {
    auto it = histories.find(run_id);
    const bool same = it != histories.end() && engine::Closes(it->second.back()) &&
                      engine::Outcome(it->second.back(), run_id).SerializeAsString() == bytes;
    if (!same) problems.push_back(absl::StrCat("the result of run ", run_id, " is not what was replied"));
  }
  for (const auto& [run_id, events] : events_) {
    auto it = histories.find(run_id);
    if (it == histories.end() || static_cast<int64_t>(it->second.size()) < events) {
      problems.push_back(absl::StrCat("run ", run_id, " had ", events, " events when it was described"));
    }
  }
}

}  // namespace perdure::partition::testing
