#include "tests/unit/engine/compare.h"

#include "absl/strings/str_cat.h"
#include "server/verify/difference.h"

namespace perdure::engine::testing {

using verify::CanonicalBytes;
using verify::Difference;

std::string FoldedDifference(const RunState& a, const RunState& b) {
  return verify::FoldedDifference(a, b).Sentence();
}

std::string LiveDifference(const RunState& a, const RunState& b) {
  Difference diff;
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
  if (!diff.what().empty()) return diff.Sentence();
  for (auto ia = a.tasks.begin(), ib = b.tasks.begin(); ia != a.tasks.end(); ++ia, ++ib) {
    const PendingTask& ta = ia->second;
    const PendingTask& tb = ib->second;
    diff.Expect(ta.phase == tb.phase && ta.delivery == tb.delivery && ta.session == tb.session &&
                    ta.started_ms == tb.started_ms && ta.heartbeat_ms == tb.heartbeat_ms,
                absl::StrCat("the live parts of task ", ia->first, " differ"));
  }
  return diff.Sentence();
}

std::string DecisionBytes(const Decision& d) {
  std::string out = absl::StrCat(d.stale, "|", d.status.ToString(), "|");
  for (const EventPtr& event : d.events) absl::StrAppend(&out, "event:", CanonicalBytes(*event));
  for (const NotePtr& note : d.notes) absl::StrAppend(&out, "note:", CanonicalBytes(*note));
  for (const int64_t seq : d.dropped_notes) absl::StrAppend(&out, "dropped:", seq);
  for (const Work& work : d.work) {
    absl::StrAppend(&out, "work:", static_cast<int>(work.kind), work.queue, CanonicalBytes(work.token),
                    work.session, work.reason, work.activation ? CanonicalBytes(*work.activation) : "",
                    work.task ? CanonicalBytes(*work.task) : "");
  }
  if (d.next_run) absl::StrAppend(&out, "next:", CanonicalBytes(*d.next_run));
  if (d.activation_failure) absl::StrAppend(&out, "failure:", CanonicalBytes(*d.activation_failure));
  return out;
}

}  // namespace perdure::engine::testing
