// Finding runs by name, and reading them back from disk.
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/engine/evolve.h"
#include "server/engine/live.h"
#include "server/engine/snapshot.h"
#include "server/partition/partition.h"
#include "storage/keyspace.h"

namespace perdure::partition {
namespace {

namespace records = engine::records;

absl::Status Unreadable(uint64_t run, std::string_view what) {
  return absl::DataLossError(
      absl::StrCat("run number ", run, " cannot be read from disk: ", std::string(what)));
}

std::vector<engine::EarlierStart> EarlierStarts(const records::IdRecord& record) {
  std::vector<engine::EarlierStart> earlier;
  for (const records::IdRecord::Start& start : record.earlier()) {
    earlier.push_back({start.request_id(), start.run_id()});
  }
  return earlier;
}

// Folds the events of [from, ...) into the state.
absl::Status FoldLog(const storage::ReadView& view, uint32_t partition, int64_t from,
                     const engine::Limits& limits, engine::RunState& state) {
  const storage::KeyRange range = storage::LogRangeFrom(partition, state.run, static_cast<uint64_t>(from));
  auto it = view.Scan(range.begin, range.end);
  for (; it->Valid(); it->Next()) {
    auto record = std::make_shared<records::LogRecord>();
    if (!record->ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return Unreadable(state.run, "a log record does not parse");
    }
    for (v1::Event& event : *record->mutable_events()) {
      if (std::string why = engine::WhyNotFoldable(state, event); !why.empty())
        return Unreadable(state.run, why);
      engine::Evolve(state, std::shared_ptr<const v1::Event>(record, &event), limits);
    }
  }
  return it->status();
}

}  // namespace

absl::Status Partition::RowsDisagree(const std::string& run_id, const char* status) {
  return absl::DataLossError(absl::StrCat("the list says that run ", run_id, " is ", status,
                                          ", and its history says that it is not"));
}

absl::StatusOr<std::unique_ptr<RunEntry>> Partition::Load(uint64_t run, bool hold_tasks) {
  if (deleted_.contains(run)) return absl::NotFoundError(absl::StrCat("run number ", run, " is deleted"));
  metrics_.loads.Add();
  auto entry = std::make_unique<RunEntry>();
  engine::RunState& state = entry->state;
  state.partition = number_;
  state.run = run;
  absl::StatusOr<std::string> head_row = store_->Get(storage::HeadKey(number_, run));
  if (head_row.ok()) {
    records::HeadRecord head;
    if (!head.ParseFromString(*head_row)) return Unreadable(run, "its head record does not parse");
    entry->head_row = true;
    entry->timer_row_ms = head.timer_row_unix_ms();
    if (head.through() != 0) {
      if (std::string why = engine::WhyNotASnapshot(head); !why.empty()) return Unreadable(run, why);
      engine::FromSnapshot(head, options_.limits, state);
    }
  } else if (!absl::IsNotFound(head_row.status())) {
    return head_row.status();
  }
  RETURN_IF_ERROR(FoldLog(*store_, number_, state.last_event_id + 1, options_.limits, state));
  if (state.started_event == nullptr)
    return absl::NotFoundError(absl::StrCat("run number ", run, " has no history"));
  // Another run would get its number.
  if (run >= next_run_) return Unreadable(run, "the journal says that there is no such number yet");
  const storage::KeyRange notes = storage::NoteRange(number_, run);
  auto it = store_->Scan(notes.begin, notes.end);
  for (; it->Valid(); it->Next()) {
    auto note = std::make_shared<records::NoteRecord>();
    if (!note->ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return Unreadable(run, "a note does not parse");
    }
    ASSIGN_OR_RETURN(const storage::NoteParts parts, storage::ParseNoteKey(it->key()));
    if (std::string why = engine::WhyNotFoldable(*note, parts.seq); !why.empty()) return Unreadable(run, why);
    ++state.note_rows;
    engine::Evolve(state, std::move(note));
  }
  RETURN_IF_ERROR(it->status());
  engine::Revive(state, last_now_ms_, hold_tasks);
  if (!state.open()) {
    // Which run follows it is not in its history.
    const v1::RunStarted& started = state.started();
    absl::StatusOr<Located> row = FromListRow(started.namespace_(), run, started.run_id());
    if (row.ok()) entry->next_run_id = std::move(row->next_run_id);
  }
  return entry;
}

// The run, in memory and up to date.
absl::StatusOr<RunEntry*> Partition::Acquire(uint64_t run) {
  if (RunEntry* entry = cache_.Find(run)) return entry;
  absl::StatusOr<std::unique_ptr<RunEntry>> loaded = Load(run, false);
  if (!loaded.ok()) {
    if (absl::IsDataLoss(loaded.status())) {
      metrics_.unreadable_runs.Add();
      base::LogError("run is unreadable: the others go on",
                     {{"partition", number_}, {"run", run}, {"error", loaded.status()}});
    }
    return loaded.status();
  }
  const v1::RunStarted& started = (*loaded)->state.started();
  // Whether it is the latest run under its id: only then may the id lead to it without asking the store.
  const std::string key = WorkflowKey(started.namespace_(), started.workflow_id());
  const bool latest = cache_.LatestRun(key) == 0 && IsLatest(**loaded);
  RunEntry& entry = cache_.Add(*std::move(loaded), latest);
  // Whatever fell due or became possible while it was not in memory.
  if (entry.state.open()) Run(entry, engine::TickInput{});
  if (entry.hot) MarkDirty(entry);
  return &entry;
}

bool Partition::IsLatest(RunEntry& entry) const {
  const v1::RunStarted& started = entry.state.started();
  absl::StatusOr<std::string> row =
      store_->Get(storage::IdKey(number_, started.namespace_(), started.workflow_id()));
  records::IdRecord record;
  if (!row.ok() || !record.ParseFromString(*row) || record.run() != entry.run()) return false;
  entry.earlier_starts = EarlierStarts(record);
  return true;
}

absl::StatusOr<Partition::Located> Partition::FromListRow(const std::string& ns, uint64_t run,
                                                          const std::string& run_id) {
  if (deleted_.contains(run)) return absl::NotFoundError("no such run");
  ASSIGN_OR_RETURN(const std::string row, store_->Get(storage::ListKey(number_, ns, run)));
  records::ListRecord record;
  if (!record.ParseFromString(row)) return Unreadable(run, "its list record does not parse");
  if (!run_id.empty() && record.run_id() != run_id) return absl::NotFoundError("no such run");
  return Located{run,
                 record.workflow_id(),
                 record.run_id(),
                 record.status(),
                 record.start_request_id(),
                 record.next_run_id(),
                 {}};
}

absl::StatusOr<std::optional<Partition::Located>> Partition::LocateLatest(const std::string& ns,
                                                                          const std::string& workflow_id) {
  if (const uint64_t run = cache_.LatestRun(WorkflowKey(ns, workflow_id)); run != 0) {
    const RunEntry& entry = *cache_.Find(run);
    const v1::RunStarted& started = entry.state.started();
    return Located{run,
                   workflow_id,
                   started.run_id(),
                   entry.state.status,
                   started.request_id(),
                   entry.next_run_id,
                   entry.earlier_starts};
  }
  absl::StatusOr<std::string> row = store_->Get(storage::IdKey(number_, ns, workflow_id));
  if (absl::IsNotFound(row.status())) return std::optional<Located>();
  if (!row.ok()) return row.status();
  records::IdRecord record;
  if (!record.ParseFromString(*row)) {
    return absl::DataLossError(absl::StrCat("the id record of workflow '", workflow_id, "' does not parse"));
  }
  absl::StatusOr<Located> located = FromListRow(ns, record.run(), record.run_id());
  if (absl::IsNotFound(located.status())) return std::optional<Located>();
  if (!located.ok()) return located.status();
  located->earlier_starts = EarlierStarts(record);
  return std::optional<Located>(*std::move(located));
}

absl::StatusOr<Partition::Located> Partition::Locate(const std::string& ns,
                                                     const v1::WorkflowExecution& execution) {
  const std::string& workflow_id = execution.workflow_id();
  const absl::Status no_workflow =
      absl::NotFoundError(absl::StrCat("no workflow '", workflow_id, "' in namespace '", ns, "'"));
  if (execution.run_id().empty()) {
    ASSIGN_OR_RETURN(const std::optional<Located> latest, LocateLatest(ns, workflow_id));
    if (!latest) return no_workflow;
    return *latest;
  }
  const absl::Status no_run = absl::NotFoundError(absl::StrCat(
      "workflow '", workflow_id, "' in namespace '", ns, "' has no run '", execution.run_id(), "'"));
  const std::optional<uint64_t> run = RunOf(execution.run_id());
  if (!run) return no_run;
  if (RunEntry* entry = cache_.Find(*run)) {
    const v1::RunStarted& started = entry->state.started();
    if (started.run_id() != execution.run_id() || started.workflow_id() != workflow_id ||
        started.namespace_() != ns) {
      return no_run;
    }
    return Located{
        *run, workflow_id, started.run_id(), entry->state.status, started.request_id(), entry->next_run_id,
        {}};
  }
  absl::StatusOr<Located> located = FromListRow(ns, *run, execution.run_id());
  if (absl::IsNotFound(located.status()) || (located.ok() && located->workflow_id != workflow_id))
    return no_run;
  return located;
}

absl::StatusOr<RunEntry*> Partition::AcquireFor(const std::string& ns,
                                                const v1::WorkflowExecution& execution) {
  ASSIGN_OR_RETURN(const Located located, Locate(ns, execution));
  return Acquire(located.run);
}

}  // namespace perdure::partition
