#include "server/partition/run_cache.h"

namespace perdure::partition {

std::string WorkflowKey(std::string_view ns, std::string_view workflow_id) {
  std::string key;
  key.reserve(ns.size() + 1 + workflow_id.size());
  key.append(ns).push_back('\0');
  key.append(workflow_id);
  return key;
}

RunEntry* RunCache::Find(uint64_t run) {
  auto it = runs_.find(run);
  if (it == runs_.end()) return nullptr;
  lru_.splice(lru_.end(), lru_, it->second->lru);
  return it->second.get();
}

uint64_t RunCache::LatestRun(const std::string& workflow_key) const {
  auto it = latest_.find(workflow_key);
  return it == latest_.end() ? 0 : it->second;
}

RunEntry& RunCache::Add(std::unique_ptr<RunEntry> entry, bool latest) {
  RunEntry& added = *entry;
  const uint64_t run = added.run();
  added.lru = lru_.insert(lru_.end(), run);
  if (latest) {
    latest_[WorkflowKey(added.state.started().namespace_(), added.state.started().workflow_id())] = run;
  }
  runs_[run] = std::move(entry);
  Update(added);
  return added;
}

void RunCache::Update(RunEntry& entry) {
  const size_t bytes = entry.state.bytes();
  bytes_ += bytes - entry.bytes;
  entry.bytes = bytes;
  if (const bool hot = entry.state.hot(); hot != entry.hot) {
    entry.hot = hot;
    if (hot) {
      hot_.insert(entry.run());
    } else {
      hot_.erase(entry.run());
    }
  }
  if (const int64_t due = entry.state.next_deadline_ms(); due != entry.armed_ms) {
    if (entry.armed_ms != 0) deadlines_.erase({entry.armed_ms, entry.run()});
    if (due != 0) deadlines_.insert({due, entry.run()});
    entry.armed_ms = due;
  }
}

void RunCache::Drop(uint64_t run, int64_t keep_deadline_ms) {
  auto it = runs_.find(run);
  if (it == runs_.end()) return;
  RunEntry& entry = *it->second;
  bytes_ -= entry.bytes;
  lru_.erase(entry.lru);
  hot_.erase(run);
  if (entry.armed_ms > keep_deadline_ms) deadlines_.erase({entry.armed_ms, run});
  auto latest =
      latest_.find(WorkflowKey(entry.state.started().namespace_(), entry.state.started().workflow_id()));
  if (latest != latest_.end() && latest->second == run) latest_.erase(latest);
  runs_.erase(it);
}

std::pair<int64_t, uint64_t> RunCache::TakeDue(int64_t now_ms) {
  if (deadlines_.empty() || deadlines_.begin()->first > now_ms) return {0, 0};
  const std::pair<int64_t, uint64_t> due = *deadlines_.begin();
  deadlines_.erase(deadlines_.begin());
  auto it = runs_.find(due.second);
  if (it != runs_.end() && it->second->armed_ms == due.first) it->second->armed_ms = 0;
  return due;
}

}  // namespace perdure::partition
