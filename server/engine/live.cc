#include "server/engine/live.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/base/inject.h"

namespace perdure::engine {
namespace {

bool Hot(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::kReady:
    case TaskPhase::kQueued:
    case TaskPhase::kRunning:
    case TaskPhase::kHeld:
      return true;
    case TaskPhase::kSpilled:
    case TaskPhase::kBackingOff:
      return false;
  }
  return true;
}

size_t TaskBytes(const PendingTask& task) {
  return sizeof(PendingTask) + 128 + task.command->input().data().size();
}

// The earliest moment at which something is due for the task; 0: never.
int64_t TaskDue(const PendingTask& t) {
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  int64_t due = kNever;
  const v1::TaskTimeouts& timeouts = t.command->timeouts();
  if (timeouts.schedule_to_close_ms() > 0) due = Later(t.scheduled_ms, timeouts.schedule_to_close_ms());
  switch (t.phase) {
    case TaskPhase::kRunning:
      if (timeouts.start_to_close_ms() > 0)
        due = std::min(due, Later(t.started_ms, timeouts.start_to_close_ms()));
      if (timeouts.heartbeat_ms() > 0) due = std::min(due, Later(t.heartbeat_ms, timeouts.heartbeat_ms()));
      break;
    case TaskPhase::kBackingOff:
      if (t.note) due = std::min(due, t.note->not_before_unix_ms());
      break;
    case TaskPhase::kReady:
    case TaskPhase::kQueued:
    case TaskPhase::kSpilled:
      if (t.attempt == 1 && timeouts.schedule_to_start_ms() > 0) {
        due = std::min(due,
                       Later(std::max(t.scheduled_ms, t.waiting_since_ms), timeouts.schedule_to_start_ms()));
      }
      break;
    case TaskPhase::kHeld:
      // A worker may have it already.
      break;
  }
  return due == kNever ? 0 : due;
}

void Disarm(RunState& s, int64_t seq, PendingTask& task) {
  if (task.armed_ms == 0) return;
  s.deadlines.erase({task.armed_ms, DeadlineKind::kTask, seq});
  task.armed_ms = 0;
}

}  // namespace

void Rearm(RunState& s, int64_t seq, PendingTask& task) {
  const int64_t due = TaskDue(task);
  if (due == task.armed_ms) return;
  Disarm(s, seq, task);
  if (due == 0) return;
  task.armed_ms = due;
  s.deadlines.insert({due, DeadlineKind::kTask, seq});
}

void AddTask(RunState& s, int64_t seq, PendingTask task) {
  auto [it, added] = s.tasks.emplace(seq, std::move(task));
  if (!added) return;
  s.task_bytes += TaskBytes(it->second);
  it->second.phase = TaskPhase::kReady;
  ++s.hot_tasks;
  s.ready.push_back(seq);
  Rearm(s, seq, it->second);
}

void EraseTask(RunState& s, int64_t seq) {
  auto it = s.tasks.find(seq);
  if (it == s.tasks.end()) return;
  Disarm(s, seq, it->second);
  if (Hot(it->second.phase)) --s.hot_tasks;
  s.task_bytes -= TaskBytes(it->second);
  if (it->second.note) s.note_bytes -= it->second.note->ByteSizeLong();
  s.tasks.erase(it);
}

void SetPhase(RunState& s, int64_t seq, PendingTask& task, TaskPhase phase) {
  s.hot_tasks += static_cast<int>(Hot(phase)) - static_cast<int>(Hot(task.phase));
  task.phase = phase;
  if (phase == TaskPhase::kReady) s.ready.push_back(seq);
  if (phase != TaskPhase::kRunning) {
    task.session = 0;
    task.identity = nullptr;
    task.started_ms = task.heartbeat_ms = 0;
  }
  Rearm(s, seq, task);
}

void DelayActivation(RunState& s, ActivationPhase phase, int64_t due_ms, int64_t now_ms) {
  s.activation = ActivationState{};
  s.activation.phase = phase;
  s.activation.since_ms = now_ms;
  s.deadlines.insert({due_ms, DeadlineKind::kActivation, 0});
}

void Revive(RunState& s, int64_t now_ms, bool hold_tasks) {
  s.activation = ActivationState{};
  s.affinity = 0;
  s.steps_in_hand = false;
  s.hold_tasks = hold_tasks;
  s.ready.clear();
  if (!s.open()) return;
  if (PERDURE_BUG(kForgetTimerAtRecovery)) {
    for (auto at = s.deadlines.begin(); at != s.deadlines.end();) {
      at = at->kind == DeadlineKind::kTimer ? s.deadlines.erase(at) : std::next(at);
    }
  }
  for (auto& [seq, task] : s.tasks) {
    task.delivery = 0;
    const bool waits = task.note && task.note->not_before_unix_ms() > now_ms;
    SetPhase(s, seq, task,
             waits ? TaskPhase::kBackingOff : (hold_tasks ? TaskPhase::kHeld : TaskPhase::kReady));
  }
  if (s.activation_note && s.activation_note->not_before_unix_ms() > now_ms) {
    DelayActivation(s, ActivationPhase::kBackingOff, s.activation_note->not_before_unix_ms(), now_ms);
  } else if (s.last_advanced_id == 0 && s.started().not_before_unix_ms() > now_ms) {
    DelayActivation(s, ActivationPhase::kDelayed, s.started().not_before_unix_ms(), now_ms);
  }
}

}  // namespace perdure::engine
