#include "server/engine/evolve.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/commands.h"
#include "server/engine/live.h"

namespace perdure::engine {
namespace {

const v1::Command* LastCommand(const v1::Event& event) {
  if (!event.has_advanced() || event.advanced().commands().empty()) return nullptr;
  return &*event.advanced().commands().rbegin();
}

void EvolveStarted(RunState& s, const EventPtr& event) {
  const v1::RunStarted& started = event->run_started();
  s.started_event = event;
  s.started_bytes = event->SpaceUsedLong();
  s.status = v1::RUN_STATUS_RUNNING;
  const int64_t begins = std::max(event->time_unix_ms(), started.not_before_unix_ms());
  if (started.run_timeout_ms() > 0) {
    s.deadlines.insert({Later(begins, started.run_timeout_ms()), DeadlineKind::kRunTimeout, 0});
  }
  if (started.execution_timeout_ms() > 0) {
    s.deadlines.insert({Later(started.first_started_unix_ms(), started.execution_timeout_ms()),
                        DeadlineKind::kExecutionTimeout, 0});
  }
}

void EvolveTimer(RunState& s, const v1::StartTimer& c, int64_t activation_time_ms) {
  const int64_t due = Later(activation_time_ms, c.delay_ms());
  s.timers.emplace(c.seq(), PendingTimer{due, c.name()});
  s.deadlines.insert({due, DeadlineKind::kTimer, c.seq()});
}

void EraseTimer(RunState& s, int64_t seq) {
  auto it = s.timers.find(seq);
  if (it == s.timers.end()) return;
  s.deadlines.erase({it->second.due_ms, DeadlineKind::kTimer, seq});
  s.timers.erase(it);
}

void EvolveTask(RunState& s, const EventPtr& event, const v1::ScheduleTask& c) {
  PendingTask task;
  // The command lives in its event; both stay for as long as the task is pending.
  task.command = std::shared_ptr<const v1::ScheduleTask>(event, &c);
  task.scheduled_ms = event->time_unix_ms();
  AddTask(s, c.seq(), std::move(task));
}

void EvolveCommand(RunState& s, const EventPtr& event, const v1::Command& command) {
  switch (command.body_case()) {
    case v1::Command::kScheduleTask:
      EvolveTask(s, event, command.schedule_task());
      s.last_seq = command.schedule_task().seq();
      break;
    case v1::Command::kStartTimer:
      EvolveTimer(s, command.start_timer(), event->advanced().activation_time_unix_ms());
      s.last_seq = command.start_timer().seq();
      break;
    case v1::Command::kRunStep:
      s.steps.emplace(command.run_step().seq(),
                      PendingStep{command.run_step().name(), event->advanced().activation_id()});
      s.last_seq = command.run_step().seq();
      break;
    case v1::Command::kCancelTask:
      if (command.cancel_task().mode() == v1::CancelTask::MODE_WAIT) {
        if (auto it = s.tasks.find(command.cancel_task().seq()); it != s.tasks.end()) {
          it->second.cancel_requested = true;
        }
      } else {
        EraseTask(s, command.cancel_task().seq());
      }
      break;
    case v1::Command::kCancelTimer:
      EraseTimer(s, command.cancel_timer().seq());
      break;
    case v1::Command::kCompleteRun:
    case v1::Command::kFailRun:
    case v1::Command::kCancelRun:
    case v1::Command::BODY_NOT_SET:
      break;
  }
}

void DropActivationNote(RunState& s) {
  if (!s.activation_note) return;
  s.note_bytes -= s.activation_note->ByteSizeLong();
  s.activation_note = nullptr;
}

void EvolveAdvanced(RunState& s, const EventPtr& event) {
  const v1::Advanced& advanced = event->advanced();
  s.consumed_through = advanced.consumed_through();
  s.last_activation_id = advanced.activation_id();
  s.last_advanced_id = event->event_id();
  DropActivationNote(s);
  while (!s.unconsumed.empty() && s.unconsumed.front()->event_id() <= s.consumed_through) {
    if (s.unconsumed.front()->has_signal_received()) --s.pending_signals;
    s.unconsumed_bytes -= s.unconsumed.front()->ByteSizeLong();
    s.unconsumed.pop_front();
  }
  for (const v1::Command& command : advanced.commands()) EvolveCommand(s, event, command);
}

void Close(RunState& s, const EventPtr& event) {
  s.status = StatusAfter(*event);
  s.closing_event = event;
  s.tasks.clear();
  s.timers.clear();
  s.steps.clear();
  s.unconsumed.clear();
  s.unconsumed_bytes = 0;
  s.task_bytes = 0;
  s.pending_signals = 0;
  s.deadlines.clear();
  s.ready.clear();
  s.hot_tasks = 0;
  s.activation_note = nullptr;
  s.note_bytes = 0;
  s.closing_bytes = event->ByteSizeLong();
}

// What a stimulus changes, besides that it waits to be delivered.
void EvolveStimulus(RunState& s, const EventPtr& event, const Limits& limits) {
  const auto ids_max = static_cast<size_t>(limits.request_ids_per_run_max);
  switch (event->body_case()) {
    case v1::Event::kRunStarted:
      EvolveStarted(s, event);
      break;
    case v1::Event::kTaskCompleted:
      EraseTask(s, event->task_completed().seq());
      break;
    case v1::Event::kTaskFailed:
      EraseTask(s, event->task_failed().seq());
      break;
    case v1::Event::kTaskCancelled:
      EraseTask(s, event->task_cancelled().seq());
      break;
    case v1::Event::kStepCompleted:
      s.steps.erase(event->step_completed().seq());
      break;
    case v1::Event::kTimerFired:
      EraseTimer(s, event->timer_fired().seq());
      break;
    case v1::Event::kSignalReceived:
      ++s.pending_signals;
      s.request_ids.Add(event->signal_received().request_id(), ids_max);
      break;
    case v1::Event::kCancelRequested:
      s.cancel_requested = true;
      s.request_ids.Add(event->cancel_requested().request_id(), ids_max);
      break;
    case v1::Event::kRunTerminated:
      s.request_ids.Add(event->run_terminated().request_id(), ids_max);
      break;
    default:
      break;
  }
}

std::string WhyNotStarted(const v1::RunStarted& started) {
  const int32_t attempt = started.attempt();
  return attempt < 0 || attempt > kAttemptMax ? absl::StrCat("it is attempt ", attempt) : "";
}

std::string WhyNotAdvanced(const RunState& s, const v1::Advanced& advanced) {
  if (advanced.consumed_through() < s.consumed_through || advanced.consumed_through() > s.last_event_id) {
    return absl::StrCat("it consumed events through ", advanced.consumed_through(), " of ", s.last_event_id);
  }
  int64_t last_seq = s.last_seq;
  for (int i = 0; i < advanced.commands_size(); ++i) {
    const v1::Command& c = advanced.commands(i);
    if (Begins(c) && SeqOf(c) != ++last_seq) {
      return absl::StrCat("its command ", i + 1, " has seq ", SeqOf(c), " instead of ", last_seq);
    }
  }
  return "";
}

}  // namespace

bool Closes(const v1::Event& event) { return StatusAfter(event) != v1::RUN_STATUS_RUNNING; }

v1::RunStatus StatusAfter(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kRunTerminated:
      return v1::RUN_STATUS_TERMINATED;
    case v1::Event::kRunTimedOut:
      return v1::RUN_STATUS_TIMED_OUT;
    case v1::Event::kRunAborted:
      return v1::RUN_STATUS_FAILED;
    case v1::Event::kAdvanced:
      break;
    default:
      return v1::RUN_STATUS_RUNNING;
  }
  const v1::Command* last = LastCommand(event);
  if (last == nullptr) return v1::RUN_STATUS_RUNNING;
  if (last->has_complete_run()) return v1::RUN_STATUS_COMPLETED;
  if (last->has_fail_run()) return v1::RUN_STATUS_FAILED;
  if (last->has_cancel_run()) return v1::RUN_STATUS_CANCELLED;
  return v1::RUN_STATUS_RUNNING;
}

void Evolve(RunState& s, EventPtr event, const Limits& limits) {
  s.last_event_id = event->event_id();
  const size_t bytes = event->ByteSizeLong();
  s.history_bytes += static_cast<int64_t>(bytes);
  if (event->has_advanced()) {
    EvolveAdvanced(s, event);
  } else {
    EvolveStimulus(s, event, limits);
    s.unconsumed.push_back(event);
    s.unconsumed_bytes += bytes;
  }
  if (Closes(*event)) Close(s, event);
}

void Evolve(RunState& s, NotePtr note) {
  if (note->seq() == 0) {
    DropActivationNote(s);
    s.note_bytes += note->ByteSizeLong();
    s.activation_note = std::move(note);
    return;
  }
  auto it = s.tasks.find(note->seq());
  if (it == s.tasks.end()) return;
  if (it->second.note) s.note_bytes -= it->second.note->ByteSizeLong();
  s.note_bytes += note->ByteSizeLong();
  it->second.attempt = note->attempt();
  it->second.note = std::move(note);
}

std::string WhyNotFoldable(const RunState& s, const v1::Event& event) {
  if (event.event_id() != s.last_event_id + 1) {
    return absl::StrCat("event ", event.event_id(), " follows event ", s.last_event_id);
  }
  if (event.body_case() == v1::Event::BODY_NOT_SET) {
    return absl::StrCat("event ", event.event_id(), " has a kind that this version does not know");
  }
  if (event.has_run_started() != (event.event_id() == 1)) {
    return absl::StrCat("event ", event.event_id(), " is ", event.has_run_started() ? "a" : "no",
                        " start of the run");
  }
  if (s.closing_event) return absl::StrCat("event ", event.event_id(), " comes after the run closed");
  std::string why;
  if (event.has_run_started()) why = WhyNotStarted(event.run_started());
  if (event.has_advanced()) why = WhyNotAdvanced(s, event.advanced());
  return why.empty() ? why : absl::StrCat("event ", event.event_id(), ": ", why);
}

std::string WhyNotFoldable(const records::NoteRecord& note, uint64_t seq) {
  if (static_cast<uint64_t>(note.seq()) != seq)
    return absl::StrCat("the note of ", seq, " is that of ", note.seq());
  if (note.attempt() < 1 || note.attempt() > kAttemptMax)
    return absl::StrCat("the note of ", seq, " is of attempt ", note.attempt());
  return "";
}

}  // namespace perdure::engine
