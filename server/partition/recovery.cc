// Recovery: going on where the last process stopped. Reads the dirty journal, the runs it names, and the head
// of each queue's backlog; how many runs exist beside those does not matter.
#include <chrono>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "server/base/inject.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/partition/partition.h"
#include "storage/keyspace.h"

namespace perdure::partition {
namespace {

namespace records = engine::records;

// Commits are counted, and no server lives that long.
constexpr uint64_t kCommitMax = uint64_t{1} << 60;

// What the journal says.
struct Journal {
  absl::btree_set<uint64_t> runs;
  absl::btree_map<uint64_t, records::ClosedRun> closed;
  uint64_t next_run = 1;
  uint64_t last_commit = 0;
};

absl::StatusOr<Journal> ReadJournal(const storage::ReadView& view, uint32_t partition) {
  Journal journal;
  const storage::KeyRange range = storage::DirtyRange(partition, 0, UINT64_MAX);
  auto it = view.Scan(range.begin, range.end);
  for (; it->Valid(); it->Next()) {
    const absl::StatusOr<storage::DirtyParts> parts = storage::ParseDirtyKey(it->key());
    records::DirtyRecord record;
    if (!parts.ok() || !record.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return absl::DataLossError("a record of the dirty journal cannot be read");
    }
    if (parts->commit > kCommitMax || record.next_run() > kRunMax)
      return absl::DataLossError("a record of the dirty journal counts further than any server does");
    journal.last_commit = parts->commit;
    for (const uint64_t run : record.runs()) journal.runs.insert(run);
    for (const records::ClosedRun& closed : record.closed()) journal.closed[closed.run()] = closed;
    journal.next_run = std::max<uint64_t>(journal.next_run, record.next_run());
  }
  RETURN_IF_ERROR(it->status());
  for (const auto& [run, closed] : journal.closed) journal.runs.erase(run);
  return journal;
}

// The queues that have a backlog on disk: one seek for each.
absl::StatusOr<std::vector<std::string>> Backlogs(const storage::ReadView& view, uint32_t partition) {
  std::vector<std::string> queues;
  const storage::KeyRange range = storage::KindRange(partition, storage::KeyKind::kReady);
  std::string from(range.begin);
  for (;;) {
    auto it = view.Scan(from, range.end);
    if (!it->Valid()) {
      RETURN_IF_ERROR(it->status());
      return queues;
    }
    ASSIGN_OR_RETURN(const storage::ReadyParts parts, storage::ParseReadyKey(it->key()));
    queues.push_back(parts.queue);
    from = std::string(storage::ReadyRange(partition, parts.queue).end);
  }
}

}  // namespace

absl::StatusOr<RecoveryStats> Partition::Recover(bool hold_tasks) {
  const auto begin = std::chrono::steady_clock::now();
  RecoveryStats stats;
  const int64_t now = Now();
  next_checkpoint_ms_ = now + options_.checkpoint_interval_ms;
  window_end_ms_ = -1;
  ASSIGN_OR_RETURN(const Journal journal, ReadJournal(*store_, number_));
  PERDURE_FAILPOINT("recovery/journal_read");
  next_run_ = journal.next_run;
  commit_ = journal.last_commit + 1;
  committed_.store(journal.last_commit, std::memory_order_release);
  for (const auto& [run, closed] : journal.closed) closed_.push_back(closed);
  stats.closed = static_cast<int64_t>(closed_.size());
  for (const uint64_t run : journal.runs) {
    absl::StatusOr<std::unique_ptr<RunEntry>> loaded = Load(run, hold_tasks);
    if (!loaded.ok()) {
      if (absl::IsNotFound(loaded.status())) continue;
      ++stats.unreadable;
      unreadable_.push_back(run);
      metrics_.unreadable_runs.Add();
      base::LogError("run is unreadable: the others go on",
                     {{"partition", number_}, {"run", run}, {"error", loaded.status()}});
      continue;
    }
    if (!(*loaded)->state.open()) continue;
    const bool latest = IsLatest(**loaded);
    RunEntry& entry = cache_.Add(*std::move(loaded), latest);
    ++stats.runs;
    if (entry.state.hot_tasks > 0 && hold_tasks) {
      stats.held_tasks += entry.state.hot_tasks;
      held_.push_back(run);
    }
    // It is in the journal already, and stays there until a checkpoint has written its rows.
    entry.dirty = true;
    dirty_.insert(run);
    Run(entry, engine::TickInput{});
  }
  if (!held_.empty()) release_held_ms_ = now + options_.reconnect_grace_ms;
  ASSIGN_OR_RETURN(const std::vector<std::string> backlogs, Backlogs(*store_, number_));
  for (const std::string& queue : backlogs) {
    Work backlog;
    backlog.kind = Work::Kind::kRefilled;
    backlog.queue = queue;
    backlog.token.set_partition(number_);
    backlog.more = true;
    staged_.work.push_back(std::move(backlog));
  }
  PERDURE_FAILPOINT("recovery/runs_read");
  Flush();
  stats.ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
  return stats;
}

}  // namespace perdure::partition
