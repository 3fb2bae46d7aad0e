#include "server/engine/commands.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/engine/retry.h"

namespace perdure::engine {
namespace {

std::string WrongName(const char* field, const std::string& name, const Limits& limits) {
  if (name.empty()) return absl::StrCat(field, " is empty");
  if (static_cast<int64_t>(name.size()) > limits.name_bytes_max) {
    return absl::StrCat(field, " has ", name.size(), " bytes, the limit name_bytes_max is ",
                        limits.name_bytes_max);
  }
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return absl::StrCat(field, " has a control character (byte ", static_cast<int>(c), ")");
    }
  }
  return "";
}

std::string TooLong(const char* field, const v1::Payload& payload, const Limits& limits) {
  if (static_cast<int64_t>(payload.data().size()) <= limits.payload_bytes_max) return "";
  return absl::StrCat(field, " has ", payload.data().size(), " bytes, the limit payload_bytes_max is ",
                      limits.payload_bytes_max, "; keep large data elsewhere and pass a reference");
}

std::string WrongTask(const v1::ScheduleTask& c, const Limits& limits) {
  if (auto why = WrongName("task_type", c.task_type(), limits); !why.empty()) return why;
  if (!c.task_queue().empty()) {
    if (auto why = WrongName("task_queue", c.task_queue(), limits); !why.empty()) return why;
  }
  if (auto why = TooLong("input", c.input(), limits); !why.empty()) return why;
  const v1::TaskTimeouts& t = c.timeouts();
  if (t.schedule_to_start_ms() < 0 || t.start_to_close_ms() < 0 || t.schedule_to_close_ms() < 0 ||
      t.heartbeat_ms() < 0) {
    return "a timeout is negative";
  }
  return WhyInvalid(c.retry_policy());
}

bool Cancels(const v1::Command& c) { return c.has_cancel_task() || c.has_cancel_timer(); }

std::string WrongCommand(const v1::Command& c, bool last, int64_t last_seq, const Limits& limits) {
  switch (c.body_case()) {
    case v1::Command::kScheduleTask:
      return WrongTask(c.schedule_task(), limits);
    case v1::Command::kStartTimer:
      if (c.start_timer().delay_ms() < 0) return "delay_ms is negative";
      return c.start_timer().name().empty() ? "" : WrongName("name", c.start_timer().name(), limits);
    case v1::Command::kRunStep:
      return WrongName("name", c.run_step().name(), limits);
    case v1::Command::kCancelTask:
      return c.cancel_task().seq() > last_seq ? "it names a seq that was not issued yet" : "";
    case v1::Command::kCancelTimer:
      return c.cancel_timer().seq() > last_seq ? "it names a seq that was not issued yet" : "";
    case v1::Command::kCompleteRun:
      if (!last) return "it is not the last command of its advance";
      return TooLong("result", c.complete_run().result(), limits);
    case v1::Command::kFailRun:
      return last ? "" : "it is not the last command of its advance";
    case v1::Command::kCancelRun:
      if (!last) return "it is not the last command of its advance";
      return TooLong("details", c.cancel_run().details(), limits);
    case v1::Command::BODY_NOT_SET:
      return "the server does not know its kind; is the worker's SDK newer than the server?";
  }
  return "";
}

// However much is pending, it must stay possible to cancel all of it and to end the run.
std::string TooMany(const RunState& s, const v1::Advance& advance, const Limits& limits) {
  const auto& commands = advance.commands();
  const int64_t cancels = std::count_if(commands.begin(), commands.end(), Cancels);
  if (commands.size() - cancels > limits.commands_per_advance_max) {
    return absl::StrCat("the workflow issued ", commands.size() - cancels,
                        " commands in one activation, the limit commands_per_advance_max is ",
                        limits.commands_per_advance_max, "; await some of them before issuing more");
  }
  if (cancels > limits.pending_items_per_run_max) {
    return absl::StrCat("the workflow cancelled ", cancels,
                        " tasks and timers in one activation, the limit pending_items_per_run_max is ",
                        limits.pending_items_per_run_max);
  }
  const int64_t begun = std::count_if(commands.begin(), commands.end(), Begins);
  const auto pending = static_cast<int64_t>(s.tasks.size() + s.timers.size() + s.steps.size()) + begun;
  if (begun > 0 && pending > limits.pending_items_per_run_max) {
    return absl::StrCat("the run would have up to ", pending,
                        " pending tasks, timers and steps, the limit pending_items_per_run_max is ",
                        limits.pending_items_per_run_max, "; await some of them before issuing more");
  }
  return "";
}

}  // namespace

bool Begins(const v1::Command& c) { return c.has_schedule_task() || c.has_start_timer() || c.has_run_step(); }

int64_t SeqOf(const v1::Command& c) {
  if (c.has_schedule_task()) return c.schedule_task().seq();
  if (c.has_start_timer()) return c.start_timer().seq();
  if (c.has_run_step()) return c.run_step().seq();
  return 0;
}

std::string WhyInvalid(const RunState& s, const v1::Advance& advance, const Limits& limits) {
  if (std::string why = TooMany(s, advance, limits); !why.empty()) return why;
  int64_t last_seq = s.last_seq;
  for (int i = 0; i < advance.commands_size(); ++i) {
    const v1::Command& c = advance.commands(i);
    std::string why;
    if (Begins(c)) {
      const int64_t seq = SeqOf(c);
      if (seq != last_seq + 1) why = absl::StrCat("its seq is ", seq, " but ", last_seq + 1, " is next");
      last_seq = seq;
    }
    if (why.empty()) why = WrongCommand(c, i + 1 == advance.commands_size(), last_seq, limits);
    if (!why.empty()) return absl::StrCat("command ", i + 1, " of the advance cannot be accepted: ", why);
  }
  for (const v1::StepCompleted& step : advance.steps()) {
    if (auto why = TooLong("the result of a step", step.result(), limits); !why.empty()) return why;
  }
  return "";
}

}  // namespace perdure::engine
