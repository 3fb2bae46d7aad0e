// What happens beside the messages: deadlines, checkpoints, eviction, retention.
#include <algorithm>
#include <functional>
#include <utility>

#include "server/base/inject.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/partition/partition.h"
#include "storage/keyspace.h"

namespace perdure::partition {
namespace {

namespace records = engine::records;

// Work done beside the messages comes in slices of this size, so that no message waits long behind it.
constexpr size_t kSlice = 256;
constexpr size_t kDueSlice = 4'096;
constexpr size_t kEvictSlice = 1'024;
// Closed runs that expire within this of one another share an expiry row.
constexpr int64_t kExpiryBucketMs = 60'000;
constexpr size_t kExpiryRowRuns = 10'000;

}  // namespace

// ---- deadlines ----

void Partition::FireDue() {
  RefillWindow();
  for (size_t n = 0; n < kDueSlice; ++n) {
    const auto [due, run] = cache_.TakeDue(last_now_ms_);
    if (run == 0) return;
    const bool cached = cache_.Find(run) != nullptr;
    // Loading a run fires what is due by itself.
    absl::StatusOr<RunEntry*> entry = Acquire(run);
    if (!entry.ok()) {
      if (absl::IsNotFound(entry.status())) {
        staged_.batch.Delete(storage::TimerKey(number_, static_cast<uint64_t>(due), run));
      }
      continue;
    }
    if (cached) Run(**entry, engine::TickInput{});
  }
}

// Reads the next timer rows, so that all that is due up to window_end_ms_ is in memory.
void Partition::RefillWindow() {
  if (window_end_ms_ - last_now_ms_ > options_.timer_window_ms / 2) return;
  const int64_t held = static_cast<int64_t>(cache_.deadlines());
  const int64_t half = std::max<int64_t>(options_.timer_window_items_max / 2, 1);
  // Enough is held, and all of it falls due before what is still on disk.
  const bool due_now = cache_.next_due_ms() != 0 && cache_.next_due_ms() <= last_now_ms_;
  if (held > half && (window_end_ms_ >= last_now_ms_ || due_now)) return;
  const int64_t items_max = std::max(options_.timer_window_items_max - held, half);
  const int64_t end = last_now_ms_ + options_.timer_window_ms;
  const storage::KeyRange range =
      storage::TimerRange(number_, static_cast<uint64_t>(window_end_ms_ + 1), static_cast<uint64_t>(end + 1));
  auto it = store_->Scan(range.begin, range.end);
  int64_t items = 0;
  int64_t last_due = 0;
  for (; it->Valid(); it->Next()) {
    const absl::StatusOr<storage::TimerParts> parts = storage::ParseTimerKey(it->key());
    if (!parts.ok()) continue;
    const auto due = static_cast<int64_t>(parts->due_ms);
    if (items >= items_max && due != last_due) {
      window_end_ms_ = last_due;
      return;
    }
    last_due = due;
    ++items;
    cache_.ArmAbsent(due, parts->run);
  }
  if (!it->status().ok()) {
    base::LogError("timers cannot be read", {{"partition", number_}, {"error", it->status()}});
    return;
  }
  window_end_ms_ = end;
}

// Looks for workers that have an activation for too long. Not a deadline of each run: nearly all are answered
// within a millisecond.
void Partition::SweepActivations() {
  const int64_t timeout = options_.limits.activation_timeout_ms;
  next_activation_sweep_ms_ = last_now_ms_ + std::clamp<int64_t>(timeout / 8, 100, 5'000);
  std::vector<uint64_t> late;
  for (const uint64_t run : cache_.hot()) {
    const engine::ActivationState& a = cache_.runs().at(run)->state.activation;
    if (a.phase == engine::ActivationPhase::kRunning && last_now_ms_ >= engine::Later(a.since_ms, timeout)) {
      late.push_back(run);
    }
  }
  std::sort(late.begin(), late.end());
  for (const uint64_t run : late) {
    if (RunEntry* entry = cache_.Find(run)) Run(*entry, engine::ActivationSweepInput{});
  }
}

// ---- checkpoints ----

void Partition::AdvanceCheckpoint() {
  if (!checkpointing_) {
    if (last_now_ms_ < next_checkpoint_ms_) return;
    BeginCheckpoint();
    if (!checkpointing_) return;
  }
  for (size_t n = 0; n < kSlice && !to_checkpoint_.empty(); ++n) {
    const uint64_t run = to_checkpoint_.back();
    to_checkpoint_.pop_back();
    auto it = cache_.runs().find(run);
    if (it == cache_.runs().end()) continue;
    RunEntry& entry = *it->second;
    // One that changed since is in the next checkpoint's journal already.
    if (!entry.dirty || dirty_.contains(run) || entry.touched) continue;
    StageDerived(entry);
  }
  if (to_checkpoint_.empty()) EndCheckpoint();
  Flush();
}

void Partition::BeginCheckpoint() {
  next_checkpoint_ms_ = last_now_ms_ + options_.checkpoint_interval_ms;
  if (dirty_.empty() && closed_.empty()) return;
  checkpointing_ = true;
  checkpoint_begin_ = commit_;
  // In order: neighbours in the store are written together, and the same seed gives the same run in tests.
  to_checkpoint_.assign(dirty_.begin(), dirty_.end());
  std::sort(to_checkpoint_.begin(), to_checkpoint_.end(), std::greater<>());
  dirty_.clear();
  closed_before_checkpoint_ = std::exchange(closed_, {});
  PERDURE_FAILPOINT("checkpoint/begun");
}

// In one commit: the journal before the checkpoint goes, what it was still needed for is written.
void Partition::EndCheckpoint() {
  PERDURE_FAILPOINT("checkpoint/ending");
  checkpointing_ = false;
  metrics_.checkpoints.Add();
  const storage::KeyRange before = storage::DirtyRange(number_, 0, checkpoint_begin_);
  staged_.batch.DeleteRange(before.begin, before.end);
  // Runs that are in somebody's hands must be looked at after a crash though their rows are up to date.
  for (const uint64_t run : cache_.hot()) {
    if (!dirty_.contains(run)) newly_dirty_.push_back(run);
  }
  std::sort(newly_dirty_.begin(), newly_dirty_.end());
  newly_dirty_.insert(newly_dirty_.end(), unreadable_.begin(), unreadable_.end());
  if (newly_dirty_.empty() && newly_closed_.empty()) {
    records::DirtyRecord record;
    record.set_next_run(next_run_);
    staged_.batch.Put(storage::DirtyKey(number_, commit_), record.SerializeAsString());
  }
  std::vector<records::ClosedRun>& closed = closed_before_checkpoint_;
  std::sort(closed.begin(), closed.end(), [](const auto& a, const auto& b) {
    return std::pair(a.expires_unix_ms(), a.run()) < std::pair(b.expires_unix_ms(), b.run());
  });
  for (size_t i = 0; i < closed.size();) {
    records::ExpiryRecord record;
    const int64_t first = closed[i].expires_unix_ms();
    int64_t last = first;
    const uint64_t first_run = closed[i].run();
    while (i < closed.size() && closed[i].expires_unix_ms() <= engine::Later(first, kExpiryBucketMs) &&
           static_cast<size_t>(record.runs_size()) < kExpiryRowRuns) {
      last = closed[i].expires_unix_ms();
      *record.add_runs() = std::move(closed[i++]);
    }
    staged_.batch.Put(storage::ExpiryKey(number_, static_cast<uint64_t>(last), first_run),
                      record.SerializeAsString());
  }
  closed.clear();
}

// ---- eviction ----

void Partition::Evict() {
  const auto budget = static_cast<size_t>(options_.run_cache_bytes_max);
  if (cache_.bytes() <= budget) return;
  const uint64_t committed = committed_.load(std::memory_order_acquire);
  size_t visits = 0;
  cache_.FromOldest([&](RunEntry& entry) {
    if (++visits > kEvictSlice || cache_.bytes() <= budget) return false;
    if (entry.hot || entry.touched) {
      cache_.Find(entry.run());
    } else if (entry.dirty) {
      StageDerived(entry);
    } else if (entry.last_commit <= committed) {
      metrics_.evictions.Add();
      cache_.Drop(entry.run(), window_end_ms_);
    }
    return true;
  });
  Flush();
}

// ---- retention ----

void Partition::SweepExpired() {
  next_sweep_ms_ = last_now_ms_ + options_.retention_sweep_interval_ms;
  if (committed_.load(std::memory_order_acquire) < deleted_in_) return;
  deleted_.clear();
  const storage::KeyRange range = storage::ExpiryRange(number_, 0, static_cast<uint64_t>(last_now_ms_ + 1));
  auto it = store_->Scan(range.begin, range.end);
  std::vector<std::pair<uint64_t, std::string>> runs;
  std::vector<std::string> rows;
  for (; it->Valid() && static_cast<int64_t>(runs.size()) < options_.retention_batch_max; it->Next()) {
    records::ExpiryRecord record;
    if (record.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      for (const records::ClosedRun& r : record.runs()) {
        if (r.run() <= kRunMax) runs.emplace_back(r.run(), r.namespace_());
      }
    } else {
      base::LogError("an expiry record does not parse: its runs stay", {{"partition", number_}});
    }
    rows.emplace_back(it->key());
  }
  if (!it->status().ok()) {
    base::LogError("expired runs cannot be read", {{"partition", number_}, {"error", it->status()}});
  }
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  // The rows that name them go last: should one of the runs be unreadable, all of this is tried again.
  if (!runs.empty()) deleted_in_ = commit_;
  if (absl::Status s = StageDeletion(runs); !s.ok()) {
    base::LogError("expired runs cannot be deleted", {{"partition", number_}, {"error", s}});
    return;
  }
  for (const std::string& row : rows) staged_.batch.Delete(row);
}

// The latest run of a workflow id goes, and an earlier one with a longer retention may stay: the id leads to
// that then.
std::optional<engine::records::IdRecord> Partition::LatestLeft(const std::string& ns,
                                                               const records::IdRecord& id) const {
  for (int i = id.earlier_size() - 1; i >= 0; --i) {
    const std::optional<uint64_t> run = RunOf(id.earlier(i).run_id());
    if (!run || deleted_.contains(*run) || !store_->Get(storage::ListKey(number_, ns, *run)).ok()) continue;
    records::IdRecord before;
    before.set_run(*run);
    before.set_run_id(id.earlier(i).run_id());
    for (int k = 0; k < i; ++k) *before.add_earlier() = id.earlier(k);
    return before;
  }
  return std::nullopt;
}

// Histories go by range: neighbours in time are neighbours in the store.
absl::Status Partition::StageDeletion(const std::vector<std::pair<uint64_t, std::string>>& runs) {
  PERDURE_FAILPOINT("retention/deleting");
  for (const auto& [run, ns] : runs) deleted_.insert(run);
  for (size_t i = 0; i < runs.size();) {
    size_t end = i + 1;
    while (end < runs.size() && runs[end].first == runs[end - 1].first + 1 &&
           runs[end].second == runs[i].second) {
      ++end;
    }
    const uint64_t first = runs[i].first;
    const uint64_t last = runs[end - 1].first;
    const std::string& ns = runs[i].second;
    for (uint64_t run = first; run <= last; ++run) {
      absl::StatusOr<std::string> row = store_->Get(storage::ListKey(number_, ns, run));
      if (absl::IsNotFound(row.status())) continue;
      if (!row.ok()) {
        // From here on they stay, and can be looked up.
        for (; i < runs.size(); ++i) deleted_.erase(runs[i].first);
        return row.status();
      }
      records::ListRecord record;
      if (!record.ParseFromString(*row)) continue;
      const uint64_t cached = cache_.LatestRun(WorkflowKey(ns, record.workflow_id()));
      if (cached != 0 && cached != run) continue;
      const auto id_key = storage::IdKey(number_, ns, record.workflow_id());
      absl::StatusOr<std::string> id_row = store_->Get(id_key);
      records::IdRecord id;
      if (!id_row.ok() || !id.ParseFromString(*id_row) || id.run() != run) continue;
      if (const std::optional<records::IdRecord> before = LatestLeft(ns, id)) {
        staged_.batch.Put(id_key, before->SerializeAsString());
      } else {
        staged_.batch.Delete(id_key);
      }
    }
    for (uint64_t run = first; run <= last; ++run) cache_.Drop(run, 0);
    const storage::KeyRange logs = storage::RunsLogRange(number_, first, last + 1);
    staged_.batch.DeleteRange(logs.begin, logs.end);
    const storage::KeyRange rows = storage::ListRowsRange(number_, ns, first, last + 1);
    staged_.batch.DeleteRange(rows.begin, rows.end);
    metrics_.runs_deleted.Add(last - first + 1);
    i = end;
  }
  return absl::OkStatus();
}

}  // namespace perdure::partition
