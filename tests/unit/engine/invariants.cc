#include "tests/unit/engine/invariants.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"

namespace perdure::engine::testing {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

int64_t Plus(int64_t a, int64_t b) { return b > kNever - a ? kNever : a + b; }

bool InHandOrWaiting(TaskPhase phase) {
  return phase == TaskPhase::kReady || phase == TaskPhase::kQueued || phase == TaskPhase::kRunning ||
         phase == TaskPhase::kHeld;
}

// When something is due for the task, by what the API promises of the four timeouts.
int64_t ExpectedDue(const PendingTask& t) {
  const v1::TaskTimeouts& timeouts = t.command->timeouts();
  int64_t due = kNever;
  if (timeouts.schedule_to_close_ms() > 0) due = Plus(t.scheduled_ms, timeouts.schedule_to_close_ms());
  const bool running = t.phase == TaskPhase::kRunning;
  if (running && timeouts.start_to_close_ms() > 0) {
    due = std::min(due, Plus(t.started_ms, timeouts.start_to_close_ms()));
  }
  if (running && timeouts.heartbeat_ms() > 0)
    due = std::min(due, Plus(t.heartbeat_ms, timeouts.heartbeat_ms()));
  if (t.phase == TaskPhase::kBackingOff && t.note) due = std::min(due, t.note->not_before_unix_ms());
  const bool waits_for_worker = t.phase == TaskPhase::kQueued || t.phase == TaskPhase::kSpilled;
  if (waits_for_worker && t.attempt == 1 && timeouts.schedule_to_start_ms() > 0) {
    due = std::min(due, Plus(std::max(t.scheduled_ms, t.waiting_since_ms), timeouts.schedule_to_start_ms()));
  }
  return due == kNever ? 0 : due;
}

std::string CheckTask(const RunState& s, int64_t seq, const PendingTask& t, std::set<Deadline>& expected) {
  const auto wrong = [seq](const char* what) { return absl::StrCat("task ", seq, " ", what); };
  if (seq > s.last_seq) return wrong("has a seq past last_seq");
  if (t.phase == TaskPhase::kReady) return wrong("is ready, but was not handed out");
  if (t.phase == TaskPhase::kHeld && !s.hold_tasks)
    return wrong("is held, but nothing is going to release it");
  if (t.cancel_requested && t.phase != TaskPhase::kRunning && t.phase != TaskPhase::kHeld) {
    return wrong("is to be cancelled and no worker can have it, but it goes on");
  }
  const bool out = t.phase == TaskPhase::kQueued || t.phase == TaskPhase::kRunning;
  if (out && t.delivery == 0) return wrong("is out without a delivery number");
  if (t.phase != TaskPhase::kRunning && t.session != 0) return wrong("is not running, but has a session");
  const int64_t due = ExpectedDue(t);
  if (t.phase == TaskPhase::kBackingOff && due == 0) return wrong("backs off without an end");
  if (t.armed_ms != due) return absl::StrCat("task ", seq, " is armed for ", t.armed_ms, ", not for ", due);
  if (due != 0) expected.insert({due, DeadlineKind::kTask, seq});
  if (t.attempt > 1 && !t.note) return wrong("is past its first attempt, but has no note");
  if (t.note && t.note->attempt() != t.attempt) return wrong("has a note of another attempt");
  return "";
}

std::string CheckActivation(const RunState& s, std::set<Deadline>& expected) {
  const ActivationState& a = s.activation;
  switch (a.phase) {
    case ActivationPhase::kNone:
      if (!s.unconsumed.empty()) return "stimuli wait, but no activation is under way";
      if (!s.steps.empty() && !s.steps_in_hand) return "steps wait, but nobody runs them";
      if (!s.steps.empty() && s.affinity == 0) return "steps are in hand, but in nobody's";
      return "";
    case ActivationPhase::kQueued:
    case ActivationPhase::kRunning:
      if (a.delivery == 0) return "the activation is out without a delivery number";
      if (a.deliver_through < s.consumed_through) return "the activation delivers less than was consumed";
      return "";
    case ActivationPhase::kSpilled:
      return "";
    case ActivationPhase::kDelayed:
      expected.insert({s.started().not_before_unix_ms(), DeadlineKind::kActivation, 0});
      return s.last_advanced_id == 0 ? "" : "the start is delayed, but the run has advanced";
    case ActivationPhase::kBackingOff:
      if (!s.activation_note) return "the activation backs off without a note";
      expected.insert({s.activation_note->not_before_unix_ms(), DeadlineKind::kActivation, 0});
      return "";
  }
  return "the activation is in no known phase";
}

void ExpectRunTimeouts(const RunState& s, std::set<Deadline>& expected) {
  const v1::RunStarted& started = s.started();
  const int64_t begins = std::max(s.started_event->time_unix_ms(), started.not_before_unix_ms());
  if (started.run_timeout_ms() > 0) {
    expected.insert({Plus(begins, started.run_timeout_ms()), DeadlineKind::kRunTimeout, 0});
  }
  if (started.execution_timeout_ms() > 0) {
    expected.insert({Plus(started.first_started_unix_ms(), started.execution_timeout_ms()),
                     DeadlineKind::kExecutionTimeout, 0});
  }
}

std::string CheckClosed(const RunState& s) {
  if (!s.closing_event) return "the run is closed without a closing event";
  if (!s.tasks.empty() || !s.timers.empty() || !s.steps.empty())
    return "the run is closed, but items are pending";
  if (!s.unconsumed.empty()) return "the run is closed, but stimuli wait";
  if (!s.deadlines.empty()) return "the run is closed, but something is due";
  if (s.activation.phase != ActivationPhase::kNone)
    return "the run is closed, but its activation is under way";
  if (s.activation_note) return "the run is closed, but its activation has a note";
  return "";
}

// While a run is open, a note is stored for as long as its item is pending, and no longer.
int64_t NotesOf(const RunState& s) {
  const auto noted = [](const auto& entry) { return entry.second.note != nullptr; };
  return std::count_if(s.tasks.begin(), s.tasks.end(), noted) +
         static_cast<int64_t>(s.activation_note != nullptr);
}

std::string CheckCounters(const RunState& s, int64_t note_rows) {
  int64_t hot = 0;
  for (const auto& [seq, task] : s.tasks) hot += static_cast<int64_t>(InHandOrWaiting(task.phase));
  if (s.hot_tasks != hot) return absl::StrCat("hot_tasks is ", s.hot_tasks, ", a recount says ", hot);
  size_t bytes = 0;
  int64_t signals = 0;
  for (const EventPtr& event : s.unconsumed) {
    bytes += event->ByteSizeLong();
    signals += static_cast<int64_t>(event->has_signal_received());
  }
  if (s.unconsumed_bytes != bytes) {
    return absl::StrCat("unconsumed_bytes is ", s.unconsumed_bytes, ", a recount says ", bytes);
  }
  if (s.pending_signals != signals) {
    return absl::StrCat("pending_signals is ", s.pending_signals, ", a recount says ", signals);
  }
  if (s.tasks.empty() && s.task_bytes != 0)
    return absl::StrCat("no task is pending, but task_bytes is ", s.task_bytes);
  if (s.note_rows != note_rows)
    return absl::StrCat("note_rows is ", s.note_rows, ", but ", note_rows, " are stored");
  if (s.open() && NotesOf(s) != note_rows) {
    return absl::StrCat(note_rows, " notes are stored, but ", NotesOf(s), " items have one");
  }
  if (!s.ready.empty()) return "tasks are left in `ready`";
  return "";
}

}  // namespace

std::string BrokenInvariant(const RunState& s, int64_t note_rows) {
  if (std::string wrong = CheckCounters(s, note_rows); !wrong.empty()) return wrong;
  if (!s.open()) return CheckClosed(s);
  if (s.closing_event) return "the run is open, but has a closing event";
  std::set<Deadline> expected;
  ExpectRunTimeouts(s, expected);
  if (std::string wrong = CheckActivation(s, expected); !wrong.empty()) return wrong;
  for (const auto& [seq, task] : s.tasks) {
    if (std::string wrong = CheckTask(s, seq, task, expected); !wrong.empty()) return wrong;
  }
  for (const auto& [seq, timer] : s.timers) expected.insert({timer.due_ms, DeadlineKind::kTimer, seq});
  if (!std::equal(expected.begin(), expected.end(), s.deadlines.begin(), s.deadlines.end())) {
    std::string text = "the deadlines are";
    for (const Deadline& d : s.deadlines)
      absl::StrAppend(&text, " ", static_cast<int>(d.kind), "/", d.seq, "@", d.due_ms);
    absl::StrAppend(&text, ", but should be");
    for (const Deadline& d : expected)
      absl::StrAppend(&text, " ", static_cast<int>(d.kind), "/", d.seq, "@", d.due_ms);
    return text;
  }
  return "";
}

}  // namespace perdure::engine::testing
