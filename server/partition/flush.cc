// Staging: what one drain of the mailbox writes.
#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "server/base/inject.h"
#include "server/engine/snapshot.h"
#include "server/partition/partition.h"
#include "storage/keyspace.h"

namespace perdure::partition {
namespace {

namespace records = engine::records;

// A LogRecord, written event by event so that the events need not be copied into one.
std::string EncodeLog(const std::vector<engine::EventPtr>& events) {
  constexpr uint32_t kTag = records::LogRecord::kEventsFieldNumber << 3 | 2;
  size_t size = 0;
  for (const engine::EventPtr& event : events) {
    const size_t n = event->ByteSizeLong();
    size += 1 + google::protobuf::io::CodedOutputStream::VarintSize64(n) + n;
  }
  std::string out(size, '\0');
  auto* p = reinterpret_cast<uint8_t*>(out.data());
  for (const engine::EventPtr& event : events) {
    *p++ = static_cast<uint8_t>(kTag);
    p = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
        static_cast<uint32_t>(event->GetCachedSize()), p);
    p = event->SerializeWithCachedSizesToArray(p);
  }
  return out;
}

#ifdef PERDURE_INJECT
// A deliberate bug: the history tells of two things that came together the other way round.
void SwapFirstTwo(std::vector<engine::EventPtr>& events) {
  const auto stimulus = [](const v1::Event& e) {
    return e.has_task_completed() || e.has_signal_received() || e.has_timer_fired() || e.has_step_completed();
  };
  if (events.size() < 2 || !stimulus(*events[0]) || !stimulus(*events[1])) return;
  auto first = std::make_shared<v1::Event>(*events[1]);
  auto second = std::make_shared<v1::Event>(*events[0]);
  first->set_event_id(events[0]->event_id());
  second->set_event_id(events[1]->event_id());
  events[0] = std::move(first);
  events[1] = std::move(second);
}
#endif

}  // namespace

void Partition::MarkDirty(RunEntry& entry) {
  entry.dirty = true;
  if (!dirty_.insert(entry.run()).second) return;
  if (PERDURE_BUG(kDropDirtyRow) && entry.run() % 8 == 0) return;
  newly_dirty_.push_back(entry.run());
}

void Partition::Flush() {
  for (const uint64_t run : touched_) {
    if (RunEntry* entry = cache_.Find(run)) StageRun(*entry);
  }
  touched_.clear();
  if (!newly_dirty_.empty() || !newly_closed_.empty()) {
    records::DirtyRecord record;
    for (const uint64_t run : newly_dirty_) record.add_runs(run);
    for (records::ClosedRun& closed : newly_closed_) {
      closed_.push_back(closed);
      *record.add_closed() = std::move(closed);
    }
    record.set_next_run(next_run_);
    staged_.batch.Put(storage::DirtyKey(number_, commit_), record.SerializeAsString());
    newly_dirty_.clear();
    newly_closed_.clear();
  }
  if (staged_.empty()) return;
  if (!staged_.batch.empty()) {
    staged_.commit = commit_++;
    staged_.committed = &committed_;
  }
  PERDURE_FAILPOINT("partition/decided");
  committer_->Submit(std::exchange(staged_, Staged(number_)));
}

void Partition::StageRun(RunEntry& entry) {
  entry.touched = false;
  const uint64_t run = entry.run();
  if (!entry.events.empty()) {
#ifdef PERDURE_INJECT
    if (PERDURE_BUG(kReorderStimuli)) SwapFirstTwo(entry.events);
#endif
    staged_.batch.Put(storage::LogKey(number_, run, static_cast<uint64_t>(entry.events.front()->event_id())),
                      EncodeLog(entry.events));
    entry.events.clear();
  }
  for (const auto& [seq, note] : entry.notes) {
    const auto key = storage::NoteKey(number_, run, static_cast<uint64_t>(seq));
    if (!note) {
      staged_.batch.Delete(key);
    } else if (!entry.closed_now) {
      staged_.batch.Put(key, note->SerializeAsString());
    }
  }
  entry.notes.clear();
  if (entry.started_now) {
    const v1::RunStarted& started = entry.state.started();
    records::IdRecord id;
    id.set_run(run);
    id.set_run_id(started.run_id());
    for (const engine::EarlierStart& start : entry.earlier_starts) {
      records::IdRecord::Start& earlier = *id.add_earlier();
      earlier.set_request_id(start.request_id);
      earlier.set_run_id(start.run_id);
    }
    staged_.batch.Put(storage::IdKey(number_, started.namespace_(), started.workflow_id()),
                      id.SerializeAsString());
  }
  if (entry.closed_now) {
    StageClosed(entry);
  } else {
    if (entry.started_now) StageListRow(entry);
    if (entry.state.open()) MarkDirty(entry);
  }
  entry.started_now = false;
  entry.closed_now = false;
  entry.last_commit = commit_;
}

void Partition::StageListRow(RunEntry& entry) {
  const engine::RunState& s = entry.state;
  const v1::RunStarted& started = s.started();
  records::ListRecord row;
  row.set_workflow_id(started.workflow_id());
  row.set_run_id(started.run_id());
  row.set_workflow_type(started.workflow_type());
  row.set_task_queue(started.task_queue());
  row.set_status(s.status);
  row.set_start_time_unix_ms(s.started_event->time_unix_ms());
  row.set_attempt(started.attempt());
  row.set_start_request_id(started.request_id());
  if (s.closing_event) {
    const int64_t retention =
        started.retention_ms() > 0 ? started.retention_ms() : options_.limits.retention_default_ms;
    row.set_close_time_unix_ms(s.closing_event->time_unix_ms());
    row.set_expires_unix_ms(engine::Later(s.closing_event->time_unix_ms(), retention));
    row.set_history_events(s.last_event_id);
    row.set_history_bytes(s.history_bytes);
    row.set_next_run_id(entry.next_run_id);
    records::ClosedRun closed;
    closed.set_run(s.run);
    closed.set_expires_unix_ms(row.expires_unix_ms());
    closed.set_namespace_(started.namespace_());
    newly_closed_.push_back(std::move(closed));
  }
  staged_.batch.Put(storage::ListKey(number_, started.namespace_(), s.run), row.SerializeAsString());
}

// A closed run keeps its log and its list row, nothing else.
void Partition::StageClosed(RunEntry& entry) {
  StageListRow(entry);
  const uint64_t run = entry.run();
  if (entry.head_row) staged_.batch.Delete(storage::HeadKey(number_, run));
  if (entry.timer_row_ms != 0) {
    staged_.batch.Delete(storage::TimerKey(number_, static_cast<uint64_t>(entry.timer_row_ms), run));
  }
  // Each range that is deleted makes later reads dearer: only where rows are left.
  if (entry.state.note_rows > 0) {
    const storage::KeyRange notes = storage::NoteRange(number_, run);
    staged_.batch.DeleteRange(notes.begin, notes.end);
  }
  entry.head_row = false;
  entry.timer_row_ms = 0;
  entry.dirty = false;
  dirty_.erase(run);
}

// Head and timer row, as of now.
void Partition::StageDerived(RunEntry& entry) {
  const uint64_t run = entry.run();
  const int64_t due = entry.state.next_deadline_ms();
  if (entry.timer_row_ms != due) {
    if (entry.timer_row_ms != 0) {
      staged_.batch.Delete(storage::TimerKey(number_, static_cast<uint64_t>(entry.timer_row_ms), run));
    }
    if (due != 0) staged_.batch.Put(storage::TimerKey(number_, static_cast<uint64_t>(due), run), "");
    entry.timer_row_ms = due;
  }
  records::HeadRecord head = engine::ToSnapshot(entry.state);
  head.set_timer_row_unix_ms(due);
  staged_.batch.Put(storage::HeadKey(number_, run), head.SerializeAsString());
  metrics_.derived_rows.Add();
  entry.head_row = true;
  entry.dirty = false;
  entry.last_commit = commit_;
}

}  // namespace perdure::partition
