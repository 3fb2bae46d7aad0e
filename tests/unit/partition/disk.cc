#include "tests/unit/partition/disk.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/engine/evolve.h"
#include "server/engine/snapshot.h"

namespace perdure::partition::testing {
namespace {

using storage::KeyKind;

// Calls visit(key, value) for each row of the range.
template <typename Visitor>
void ForEach(const storage::ReadView& view, const storage::KeyRange& range, Visitor&& visit) {
  for (auto it = view.Scan(range.begin, range.end); it->Valid(); it->Next()) visit(it->key(), it->value());
}

template <typename Record>
std::optional<Record> Parse(std::string_view bytes) {
  Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return record;
}

}  // namespace

size_t Disk::Count(KeyKind kind) const { return Keys(kind).size(); }

std::vector<std::string> Disk::Keys(KeyKind kind) const {
  std::vector<std::string> keys;
  ForEach(view_, storage::KindRange(partition_, kind),
          [&](std::string_view key, std::string_view) { keys.emplace_back(key); });
  return keys;
}

std::vector<uint64_t> Disk::Runs() const {
  std::vector<uint64_t> runs;
  for (const std::string& key : Keys(KeyKind::kLog)) {
    const uint64_t run = storage::ParseLogKey(key)->run;
    if (runs.empty() || runs.back() != run) runs.push_back(run);
  }
  return runs;
}

std::vector<v1::Event> Disk::History(uint64_t run) const {
  std::vector<v1::Event> events;
  ForEach(view_, storage::LogRange(partition_, run), [&](std::string_view, std::string_view value) {
    auto record = Parse<records::LogRecord>(value);
    if (!record) return;
    for (v1::Event& event : *record->mutable_events()) events.push_back(std::move(event));
  });
  return events;
}

std::optional<records::ListRecord> Disk::ListRow(uint64_t run, const std::string& ns) const {
  const absl::StatusOr<std::string> row = view_.Get(storage::ListKey(partition_, ns, run));
  return row.ok() ? Parse<records::ListRecord>(*row) : std::nullopt;
}

std::optional<records::IdRecord> Disk::IdRow(const std::string& workflow_id, const std::string& ns) const {
  const absl::StatusOr<std::string> row = view_.Get(storage::IdKey(partition_, ns, workflow_id));
  return row.ok() ? Parse<records::IdRecord>(*row) : std::nullopt;
}

absl::StatusOr<engine::RunState> Disk::Fold(uint64_t run, bool use_head) const {
  const engine::Limits limits;
  engine::RunState state;
  state.partition = partition_;
  state.run = run;
  if (const absl::StatusOr<std::string> row = view_.Get(storage::HeadKey(partition_, run));
      use_head && row.ok()) {
    const auto head = Parse<records::HeadRecord>(*row);
    if (!head) return absl::DataLossError("the head does not parse");
    if (head->through() > 0) engine::FromSnapshot(*head, limits, state);
  }
  for (v1::Event& event : History(run)) {
    if (event.event_id() <= state.last_event_id) continue;
    if (std::string why = engine::WhyNotFoldable(state, event); !why.empty()) return absl::DataLossError(why);
    engine::Evolve(state, std::make_shared<const v1::Event>(std::move(event)), limits);
  }
  ForEach(view_, storage::NoteRange(partition_, run), [&](std::string_view, std::string_view value) {
    ++state.note_rows;
    if (state.open())
      engine::Evolve(state, std::make_shared<records::NoteRecord>(*Parse<records::NoteRecord>(value)));
  });
  return state;
}

Disk::Journal Disk::ReadJournal() const {
  Journal journal;
  ForEach(view_, storage::KindRange(partition_, KeyKind::kDirty),
          [&](std::string_view, std::string_view value) {
            const auto record = Parse<records::DirtyRecord>(value);
            for (const uint64_t run : record->runs()) journal.dirty.insert(run);
            for (const records::ClosedRun& closed : record->closed()) journal.closed.insert(closed.run());
            journal.next_run = std::max<uint64_t>(journal.next_run, record->next_run());
          });
  return journal;
}

std::vector<storage::ReadyParts> Disk::Ready() const {
  std::vector<storage::ReadyParts> ready;
  for (const std::string& key : Keys(KeyKind::kReady)) ready.push_back(*storage::ParseReadyKey(key));
  return ready;
}

}  // namespace perdure::partition::testing
