#include "tests/unit/engine/stored_run.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "server/engine/evolve.h"
#include "server/engine/snapshot.h"

namespace perdure::engine::testing {
namespace {

absl::Status FoldRecord(const std::string& bytes, const Limits& limits, RunState& state) {
  records::LogRecord record;
  if (!record.ParseFromString(bytes)) return absl::DataLossError("a log record does not parse");
  for (v1::Event& event : *record.mutable_events()) {
    if (event.event_id() <= state.last_event_id) continue;
    if (std::string why = WhyNotFoldable(state, event); !why.empty()) return absl::DataLossError(why);
    Evolve(state, std::make_shared<const v1::Event>(std::move(event)), limits);
  }
  return absl::OkStatus();
}

}  // namespace

void StoredRun::Apply(const Decision& decision) {
  if (!decision.events.empty()) {
    records::LogRecord record;
    for (const EventPtr& event : decision.events) *record.add_events() = *event;
    log_.push_back(record.SerializeAsString());
  }
  for (const NotePtr& note : decision.notes) notes_[note->seq()] = note->SerializeAsString();
  for (const int64_t seq : decision.dropped_notes) notes_.erase(seq);
}

bool StoredRun::WriteHead(const RunState& state) {
  records::HeadRecord head = ToSnapshot(state);
  if (head.through() == 0) return false;
  head_ = head.SerializeAsString();
  return true;
}

absl::StatusOr<RunState> StoredRun::Load(const Limits& limits, bool use_head) const {
  RunState state;
  state.partition = kPartition;
  state.run = kRun;
  if (use_head && !head_.empty()) {
    records::HeadRecord head;
    if (!head.ParseFromString(head_)) return absl::DataLossError("the head does not parse");
    FromSnapshot(head, limits, state);
  }
  for (const std::string& bytes : log_) {
    if (absl::Status status = FoldRecord(bytes, limits, state); !status.ok()) return status;
  }
  for (const auto& [seq, bytes] : notes_) {
    auto note = std::make_shared<records::NoteRecord>();
    if (!note->ParseFromString(bytes)) return absl::DataLossError("a note does not parse");
    if (state.open()) Evolve(state, std::move(note));
  }
  state.note_rows = note_rows();
  return state;
}

std::vector<v1::Event> StoredRun::Events() const {
  std::vector<v1::Event> events;
  for (const std::string& bytes : log_) {
    records::LogRecord record;
    record.ParseFromString(bytes);
    for (v1::Event& event : *record.mutable_events()) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace perdure::engine::testing
