#include "server/verify/difference.h"

#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/message.h"

namespace perdure::verify {
namespace {

using engine::PendingTask;
using engine::RunState;

// Of a message that differs, so much is shown.
constexpr size_t kShownBytes = 300;

std::string Shown(const google::protobuf::Message* message) {
  if (message == nullptr) return "none";
  std::string text = message->ShortDebugString();
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "...";
  return text.empty() ? "empty" : text;
}

void CompareTask(Difference& diff, const PendingTask& a, const PendingTask& b) {
  diff.Messages("the command", a.command.get(), b.command.get());
  diff.Field("scheduled_ms", a.scheduled_ms, b.scheduled_ms);
  diff.Field("cancel_requested", a.cancel_requested, b.cancel_requested);
  diff.Field("attempt", a.attempt, b.attempt);
  diff.Messages("the note", a.note.get(), b.note.get());
}

void CompareTimer(Difference& diff, const engine::PendingTimer& a, const engine::PendingTimer& b) {
  diff.Field("due_ms", a.due_ms, b.due_ms);
  diff.Field("name", a.name, b.name);
}

void CompareStep(Difference& diff, const engine::PendingStep& a, const engine::PendingStep& b) {
  diff.Field("name", a.name, b.name);
  diff.Field("begun_in", a.begun_in, b.begun_in);
}

// Of two maps of the same size.
template <typename Map, typename Compare>
void CompareItems(Difference& diff, const char* item, const Map& a, const Map& b, Compare&& compare) {
  for (const auto& [seq, value] : a) {
    if (diff.any()) return;
    diff.About(item, seq);
    auto it = b.find(seq);
    diff.Expect(it != b.end(), "is pending in one only");
    if (it != b.end()) compare(diff, value, it->second);
  }
}

void ComparePending(Difference& diff, const RunState& a, const RunState& b) {
  diff.Field("how many tasks", a.tasks.size(), b.tasks.size());
  diff.Field("how many timers", a.timers.size(), b.timers.size());
  diff.Field("how many steps", a.steps.size(), b.steps.size());
  diff.Field("how many unconsumed stimuli", a.unconsumed.size(), b.unconsumed.size());
  if (diff.any()) return;
  CompareItems(diff, "task", a.tasks, b.tasks, CompareTask);
  CompareItems(diff, "timer", a.timers, b.timers, CompareTimer);
  CompareItems(diff, "step", a.steps, b.steps, CompareStep);
  for (size_t i = 0; i < a.unconsumed.size(); ++i) {
    diff.About("unconsumed stimulus", static_cast<int64_t>(i));
    diff.Messages("the event", a.unconsumed[i].get(), b.unconsumed[i].get());
  }
  diff.About(nullptr, 0);
}

}  // namespace

std::string CanonicalBytes(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

std::string Difference::Sentence() const {
  if (first_.empty() && second_.empty()) return what_;
  return absl::StrCat(what_, ": ", first_, " and ", second_);
}

void Difference::Messages(std::string_view what, const google::protobuf::Message* a,
                          const google::protobuf::Message* b) {
  if (any() || a == b) return;
  if (a != nullptr && b != nullptr && CanonicalBytes(*a) == CanonicalBytes(*b)) return;
  Set(what, Shown(a), Shown(b));
}

void Difference::Set(std::string_view what, std::string first, std::string second) {
  what_ = item_ == nullptr ? std::string(what) : absl::StrCat(item_, " ", number_, ": ", std::string(what));
  first_ = std::move(first);
  second_ = std::move(second);
}

Difference FoldedDifference(const RunState& a, const RunState& b) {
  Difference diff;
  diff.Messages("the start event", a.started_event.get(), b.started_event.get());
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
  ComparePending(diff, a, b);
  diff.Field("how many request ids", a.request_ids.in_order().size(), b.request_ids.in_order().size());
  diff.Expect(a.request_ids.in_order() == b.request_ids.in_order(), "the request ids differ");
  diff.Messages("the closing event", a.closing_event.get(), b.closing_event.get());
  diff.Messages("the activation's note", a.activation_note.get(), b.activation_note.get());
  return diff;
}

}  // namespace perdure::verify
