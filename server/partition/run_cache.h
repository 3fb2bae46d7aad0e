// RunCache: the runs in memory, in order of use, and the deadlines of this partition.
//
// A run stays while it is hot (work in a queue or in a worker's hands), while its derived rows are behind,
// and until what was written of it is durable; beyond that, the least recently used leave when the cache is
// over its budget. Not thread-safe: the partition's thread owns it.
#ifndef PERDURE_SERVER_PARTITION_RUN_CACHE_H_
#define PERDURE_SERVER_PARTITION_RUN_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/partition/run_entry.h"

namespace perdure::partition {

// Names a workflow within a partition: namespace, 0, workflow id.
std::string WorkflowKey(std::string_view ns, std::string_view workflow_id);

class RunCache {
 public:
  bool Holds(uint64_t run) const { return runs_.contains(run); }
  // Null if it is not in memory. Counts as a use.
  RunEntry* Find(uint64_t run);
  // The latest run of the workflow, if that one is in memory; 0: not known here.
  uint64_t LatestRun(const std::string& workflow_key) const;

  // Adds a run that is not there yet. Its state has its start.
  RunEntry& Add(std::unique_ptr<RunEntry> entry, bool latest);
  // After a change of the state: brings size, heat and deadline up to date.
  void Update(RunEntry& entry);
  // Drops a run. Its deadline stays if it is at most `keep_deadline_ms` (the window held in memory).
  void Drop(uint64_t run, int64_t keep_deadline_ms);

  // Visits the runs from the least recently used on, until `visit` returns false. It may drop the run it is
  // given, or use it (Find).
  template <typename Visitor>
  void FromOldest(Visitor&& visit) {
    size_t left = lru_.size();
    for (auto it = lru_.begin(); left > 0 && it != lru_.end(); --left) {
      const uint64_t run = *it++;
      if (!visit(*runs_.at(run))) return;
    }
  }

  // Deadlines: (due, run). A run in memory has its next one here; of others, those within the window.
  void ArmAbsent(int64_t due_ms, uint64_t run) { deadlines_.insert({due_ms, run}); }
  int64_t next_due_ms() const { return deadlines_.empty() ? 0 : deadlines_.begin()->first; }
  // Takes the next (due, run) that is due by `now_ms`; run 0: none.
  std::pair<int64_t, uint64_t> TakeDue(int64_t now_ms);

  size_t size() const { return runs_.size(); }
  size_t bytes() const { return bytes_; }
  size_t deadlines() const { return deadlines_.size(); }
  const absl::flat_hash_set<uint64_t>& hot() const { return hot_; }
  const absl::flat_hash_map<uint64_t, std::unique_ptr<RunEntry>>& runs() const { return runs_; }

 private:
  absl::flat_hash_map<uint64_t, std::unique_ptr<RunEntry>> runs_;
  absl::flat_hash_map<std::string, uint64_t> latest_;
  std::list<uint64_t> lru_;
  absl::flat_hash_set<uint64_t> hot_;
  absl::btree_set<std::pair<int64_t, uint64_t>> deadlines_;
  size_t bytes_ = 0;
};

}  // namespace perdure::partition

#endif  // PERDURE_SERVER_PARTITION_RUN_CACHE_H_
