#include "server/verify/history_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace perdure::verify {
namespace {

using engine::RunState;

// The seq of a command that begins something; 0: it begins nothing.
int64_t SeqBegun(const v1::Command& command) {
  switch (command.body_case()) {
    case v1::Command::kScheduleTask:
      return command.schedule_task().seq();
    case v1::Command::kStartTimer:
      return command.start_timer().seq();
    case v1::Command::kRunStep:
      return command.run_step().seq();
    default:
      return 0;
  }
}

bool EndsRun(const v1::Command& command) {
  return command.has_complete_run() || command.has_fail_run() || command.has_cancel_run();
}

std::string WrongCommands(const RunState& s, const v1::Advanced& advanced) {
  int64_t last_seq = s.last_seq;
  for (int i = 0; i < advanced.commands_size(); ++i) {
    const v1::Command& command = advanced.commands(i);
    if (command.body_case() == v1::Command::BODY_NOT_SET) {
      return absl::StrCat("command ", i + 1, " is of a kind that this version does not know");
    }
    if (EndsRun(command) && i + 1 < advanced.commands_size()) {
      return absl::StrCat("command ", i + 1, " ends the run, but others follow it");
    }
    const bool begins = command.has_schedule_task() || command.has_start_timer() || command.has_run_step();
    if (!begins) continue;
    if (const int64_t seq = SeqBegun(command); seq != last_seq + 1) {
      return absl::StrCat("command ", i + 1, " has seq ", seq, ", but ", last_seq + 1, " is next");
    }
    ++last_seq;
  }
  return "";
}

std::string WrongAdvance(const RunState& s, const v1::Advanced& advanced) {
  const int64_t through = advanced.consumed_through();
  // Ids grow, so the search ends after what is consumed: cheap over the whole history.
  const auto seen = std::find_if(s.unconsumed.begin(), s.unconsumed.end(),
                                 [&](const engine::EventPtr& e) { return e->event_id() >= through; });
  const bool waits = seen != s.unconsumed.end() && (*seen)->event_id() == through;
  if (through != s.consumed_through && !waits) {
    return absl::StrCat("the advance consumes through event ", through,
                        ", which does not wait: events up to ", s.consumed_through, " were consumed before");
  }
  if (advanced.activation_id() <= s.last_activation_id) {
    return absl::StrCat("the advance answers activation ", advanced.activation_id(), ", but activation ",
                        s.last_activation_id, " was answered before");
  }
  return WrongCommands(s, advanced);
}

template <typename Items>
std::string NotPending(const Items& items, const char* item, int64_t seq) {
  if (items.contains(seq)) return "";
  return absl::StrCat("it answers ", item, " ", seq, ", which is not pending");
}

std::string Wrong(const RunState& s, const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kAdvanced:
      return WrongAdvance(s, event.advanced());
    case v1::Event::kTaskCompleted:
      return NotPending(s.tasks, "task", event.task_completed().seq());
    case v1::Event::kTaskFailed:
      return NotPending(s.tasks, "task", event.task_failed().seq());
    case v1::Event::kTaskCancelled:
      return NotPending(s.tasks, "task", event.task_cancelled().seq());
    case v1::Event::kStepCompleted:
      return NotPending(s.steps, "step", event.step_completed().seq());
    case v1::Event::kTimerFired:
      return NotPending(s.timers, "timer", event.timer_fired().seq());
    default:
      return "";
  }
}

}  // namespace

std::string WhyAgainstRules(const RunState& state, const v1::Event& event) {
  const std::string why = Wrong(state, event);
  return why.empty() ? why : absl::StrCat("event ", event.event_id(), ": ", why);
}

}  // namespace perdure::verify
