#include "tests/unit/engine/compare.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace perdure::engine::testing {
namespace {

// Maps in a message have no order of their own, so that plain serialization may differ for equal messages.
std::string Bytes(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

template <typename T>
bool Same(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  if (a == b) return true;
  return a && b && Bytes(*a) == Bytes(*b);
}

// Collects the first difference.
class Diff {
 public:
  template <typename T>
  void Field(const char* name, const T& a, const T& b) {
    if (what_.empty() && a != b) what_ = absl::StrCat(name, ": ", a, " and ", b);
  }
  void Expect(bool same, const std::string& what) {
    if (what_.empty() && !same) what_ = what;
  }
  std::string what() const { return what_; }

 private:
  std::string what_;
};

void CompareTask(Diff& diff, int64_t seq, const PendingTask& a, const PendingTask& b) {
  diff.Expect(Same(a.command, b.command), absl::StrCat("task ", seq, ": the commands differ"));
  diff.Expect(a.scheduled_ms == b.scheduled_ms, absl::StrCat("task ", seq, ": scheduled_ms differs"));
  diff.Expect(a.cancel_requested == b.cancel_requested,
              absl::StrCat("task ", seq, ": cancel_requested differs"));
  diff.Expect(a.attempt == b.attempt,
              absl::StrCat("task ", seq, ": attempt ", a.attempt, " and ", b.attempt));
  diff.Expect(Same(a.note, b.note), absl::StrCat("task ", seq, ": the notes differ"));
}

void CompareItems(Diff& diff, const RunState& a, const RunState& b) {
  diff.Field("how many tasks", a.tasks.size(), b.tasks.size());
  diff.Field("how many timers", a.timers.size(), b.timers.size());
  diff.Field("how many steps", a.steps.size(), b.steps.size());
  diff.Field("how many unconsumed stimuli", a.unconsumed.size(), b.unconsumed.size());
  if (!diff.what().empty()) return;
  for (const auto& [seq, task] : a.tasks) {
    auto it = b.tasks.find(seq);
    diff.Expect(it != b.tasks.end(), absl::StrCat("task ", seq, " is pending in one only"));
    if (it != b.tasks.end()) CompareTask(diff, seq, task, it->second);
  }
  for (const auto& [seq, timer] : a.timers) {
    auto it = b.timers.find(seq);
    diff.Expect(it != b.timers.end() && it->second.due_ms == timer.due_ms && it->second.name == timer.name,
                absl::StrCat("timer ", seq, " differs"));
  }
  for (const auto& [seq, step] : a.steps) {
    auto it = b.steps.find(seq);
    diff.Expect(it != b.steps.end() && it->second.name == step.name && it->second.begun_in == step.begun_in,
                absl::StrCat("step ", seq, " differs"));
  }
  for (size_t i = 0; i < a.unconsumed.size(); ++i) {
    diff.Expect(Same(a.unconsumed[i], b.unconsumed[i]), absl::StrCat("unconsumed stimulus ", i, " differs"));
  }
}

}  // namespace

std::string FoldedDifference(const RunState& a, const RunState& b) {
  Diff diff;
  diff.Expect(Same(a.started_event, b.started_event), "the start events differ");
  diff.Field("status", static_cast<int>(a.status), static_cast<int>(b.status));
  diff.Field("last_event_id", a.last_event_id, b.last_event_id);
  diff.Field("last_advanced_id", a.last_advanced_id, b.last_advanced_id);
  diff.Field("consumed_through", a.consumed_through, b.consumed_through);
  diff.Field("last_activation_id", a.last_activation_id, b.last_activation_id);
  diff.Field("last_seq", a.last_seq, b.last_seq);
  diff.Field("history_bytes", a.history_bytes, b.history_bytes);
  diff.Field("cancel_requested", a.cancel_requested, b.cancel_requested);
  diff.Field("pending_signals", a.pending_signals, b.pending_signals);
  diff.Field("unconsumed_bytes", a.unconsumed_bytes, b.unconsumed_bytes);
  diff.Field("task_bytes", a.task_bytes, b.task_bytes);
  CompareItems(diff, a, b);
  diff.Expect(a.request_ids.in_order() == b.request_ids.in_order(), "the request ids differ");
  diff.Expect(Same(a.closing_event, b.closing_event), "the closing events differ");
  diff.Expect(Same(a.activation_note, b.activation_note), "the activation's notes differ");
  return diff.what();
}

std::string LiveDifference(const RunState& a, const RunState& b) {
  Diff diff;
  diff.Field("activation.phase", static_cast<int>(a.activation.phase), static_cast<int>(b.activation.phase));
  diff.Field("activation.delivery", a.activation.delivery, b.activation.delivery);
  diff.Field("activation.session", a.activation.session, b.activation.session);
  diff.Field("affinity", a.affinity, b.affinity);
  diff.Field("steps_in_hand", a.steps_in_hand, b.steps_in_hand);
  diff.Field("hold_tasks", a.hold_tasks, b.hold_tasks);
  diff.Field("hot_tasks", a.hot_tasks, b.hot_tasks);
  diff.Field("note_rows", a.note_rows, b.note_rows);
  diff.Expect(a.deadlines == b.deadlines, "the deadlines differ");
  diff.Field("how many tasks", a.tasks.size(), b.tasks.size());
  if (!diff.what().empty()) return diff.what();
  for (auto ia = a.tasks.begin(), ib = b.tasks.begin(); ia != a.tasks.end(); ++ia, ++ib) {
    const PendingTask& ta = ia->second;
    const PendingTask& tb = ib->second;
    diff.Expect(ta.phase == tb.phase && ta.delivery == tb.delivery && ta.session == tb.session &&
                    ta.started_ms == tb.started_ms && ta.heartbeat_ms == tb.heartbeat_ms,
                absl::StrCat("the live parts of task ", ia->first, " differ"));
  }
  return diff.what();
}

std::string DecisionBytes(const Decision& d) {
  std::string out = absl::StrCat(d.stale, "|", d.status.ToString(), "|");
  for (const EventPtr& event : d.events) absl::StrAppend(&out, "event:", Bytes(*event));
  for (const NotePtr& note : d.notes) absl::StrAppend(&out, "note:", Bytes(*note));
  for (const int64_t seq : d.dropped_notes) absl::StrAppend(&out, "dropped:", seq);
  for (const Work& work : d.work) {
    absl::StrAppend(&out, "work:", static_cast<int>(work.kind), work.queue, Bytes(work.token), work.session,
                    work.reason, work.activation ? Bytes(*work.activation) : "",
                    work.task ? Bytes(*work.task) : "");
  }
  if (d.next_run) absl::StrAppend(&out, "next:", Bytes(*d.next_run));
  if (d.activation_failure) absl::StrAppend(&out, "failure:", Bytes(*d.activation_failure));
  return out;
}

}  // namespace perdure::engine::testing
