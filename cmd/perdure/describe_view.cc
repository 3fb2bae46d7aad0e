// Sections of a description; those without content are left out.
#include "cmd/perdure/describe_view.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "cmd/perdure/failure_text.h"
#include "cmd/perdure/json_output.h"
#include "cmd/perdure/payload_text.h"
#include "cmd/perdure/status_text.h"
#include "cmd/perdure/table.h"
#include "cmd/perdure/text.h"
#include "cmd/perdure/time_text.h"
#include "server/base/units.h"

namespace perdure::cli {
namespace {

// Writes "  label        value" lines.
class Fields {
 public:
  Fields(const Style& style, int width) : style_(style), width_(width) {}

  void Add(absl::string_view label, const std::string& value, Tone tone = Tone::kPlain) {
    if (value.empty()) return;
    const std::string text = Cut(Printable(value), std::max(width_ - kValueColumn, 20));
    absl::StrAppend(&out_, "  ", style_(Tone::kFaint, Std(label)),
                    std::string(kValueColumn - 2 - label.size(), ' '), style_(tone, text), "\n");
  }
  // A value of several lines, already printable.
  void AddLines(absl::string_view label, const std::vector<std::string>& lines, Tone tone) {
    std::string head = absl::StrCat("  ", style_(Tone::kFaint, Std(label)),
                                    std::string(kValueColumn - 2 - label.size(), ' '));
    for (const std::string& line : lines) {
      absl::StrAppend(&out_, head, style_(tone, line), "\n");
      head = std::string(kValueColumn, ' ');
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  static constexpr int kValueColumn = 16;

  const Style& style_;
  const int width_;
  std::string out_;
};

std::string StateWord(const std::string& name) {
  std::string word = EnumWord(name, "State");
  std::replace(word.begin(), word.end(), '_', ' ');
  return word;
}

std::string Joined(std::initializer_list<std::string> parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!part.empty()) absl::StrAppend(&out, out.empty() ? "" : ", ", part);
  }
  return out;
}

std::string Labelled(absl::string_view label, int64_t ms) {
  return ms > 0 ? absl::StrCat(label, " ", base::FormatDurationMs(ms)) : "";
}

std::string Summary(const v1::DescribeWorkflowResponse& d, const Style& style, int width, int64_t now_ms) {
  const v1::WorkflowSummary& s = d.summary();
  const v1::RunStarted& started = d.started();
  Fields fields(style, width);
  const std::string asked =
      d.cancel_requested() && s.close_time_unix_ms() == 0 ? ", cancellation requested" : "";
  fields.Add("status", StatusText(s.status()) + asked, StatusTone(s.status()));
  fields.Add("type", s.workflow_type());
  fields.Add("task queue", s.task_queue());
  fields.Add("run", s.run_id());
  if (s.attempt() > 1)
    fields.Add("attempt", absl::StrCat(s.attempt(), ", first run ", started.first_run_id()));
  const std::string by = started.identity().empty() ? "" : absl::StrCat(" by ", started.identity());
  fields.Add("started", FullTime(s.start_time_unix_ms(), now_ms) + by);
  if (s.close_time_unix_ms() > 0) {
    fields.Add("closed",
               absl::StrCat(FullTime(s.close_time_unix_ms(), now_ms), ", took ",
                            ShortDuration(Between(s.start_time_unix_ms(), s.close_time_unix_ms()))));
  }
  fields.Add("timeouts", Joined({Labelled("run", started.run_timeout_ms()),
                                 Labelled("execution", started.execution_timeout_ms())}));
  fields.Add("retention", started.retention_ms() > 0 ? base::FormatDurationMs(started.retention_ms()) : "");
  fields.Add("history",
             absl::StrCat(Plural(s.history_events(), "event"), ", ", Plural(d.history_bytes(), "byte")));
  fields.Add("input", PayloadLine(started.input()));
  const std::map<std::string, v1::Payload> memo(started.memo().begin(), started.memo().end());
  for (const auto& [key, value] : memo) fields.Add("memo", absl::StrCat(key, " = ", PayloadLine(value)));
  fields.Add("result", PayloadLine(d.result()), Tone::kGood);
  if (d.has_failure()) fields.AddLines("failure", FailureLines(d.failure()), Tone::kBad);
  return absl::StrCat(style(Tone::kStrong, Printable(s.workflow_id())), "\n", fields.Take());
}

std::string Notes(const v1::DescribeWorkflowResponse& d, const Style& style) {
  std::string out;
  for (const std::string& note : d.notes())
    absl::StrAppend(&out, "  ", style(Tone::kWarning, Printable(note)), "\n");
  return out.empty() ? "" : absl::StrCat("\n", style(Tone::kStrong, "Notes"), "\n", out);
}

std::string Activation(const v1::DescribeWorkflowResponse& d, const Style& style, int width, int64_t now_ms) {
  if (!d.has_pending_activation()) return "";
  const v1::PendingActivation& a = d.pending_activation();
  Fields fields(style, width);
  const std::string since =
      a.since_unix_ms() > 0 ? absl::StrCat("for ", ShortDuration(Between(a.since_unix_ms(), now_ms))) : "";
  const std::string hosted = a.hosted() ? "" : "no connected worker hosts the type";
  fields.Add("state", Joined({StateWord(v1::PendingActivation::State_Name(a.state())), since, hosted}));
  if (a.attempt() > 1) fields.Add("attempt", absl::StrCat(a.attempt()));
  fields.Add("next attempt", FullTime(a.next_attempt_unix_ms(), now_ms));
  fields.Add("worker", a.identity());
  if (a.has_last_failure()) fields.AddLines("last failure", FailureLines(a.last_failure()), Tone::kBad);
  return absl::StrCat("\n", style(Tone::kStrong, "Activation"), "\n", fields.Take());
}

std::string Tasks(const v1::DescribeWorkflowResponse& d, const Style& style, int64_t now_ms) {
  if (d.pending_tasks().empty()) return "";
  Table table({{"SEQ", Table::Align::kRight},
               {"TYPE"},
               {"QUEUE"},
               {"STATE"},
               {"ATTEMPT", Table::Align::kRight},
               {"SCHEDULED"},
               {"NEXT ATTEMPT"},
               {"HEARTBEAT"},
               {"WORKER"},
               {"NOTE"}});
  for (const v1::PendingTask& task : d.pending_tasks()) {
    const bool backing_off = task.state() == v1::PendingTask::STATE_BACKING_OFF;
    table.Add(
        {absl::StrCat(task.seq()),
         task.task_type(),
         task.task_queue() == d.summary().task_queue() ? "" : task.task_queue(),
         {backing_off ? Tone::kWarning : Tone::kPlain, StateWord(v1::PendingTask::State_Name(task.state()))},
         absl::StrCat(task.attempt()),
         RelativeTime(task.scheduled_unix_ms(), now_ms),
         backing_off ? RelativeTime(task.next_attempt_unix_ms(), now_ms) : "",
         RelativeTime(task.last_heartbeat_unix_ms(), now_ms),
         task.identity(),
         Joined({task.hosted() ? "" : "no connected worker hosts it",
                 task.cancel_requested() ? "cancellation requested" : ""})});
    if (task.has_last_failure()) {
      for (const std::string& line : FailureLines(task.last_failure()))
        table.AddNote(Tone::kBad, "     " + line);
    }
  }
  const int64_t count = std::max<int64_t>(d.pending_task_count(), d.pending_tasks_size());
  const std::string shown =
      count > d.pending_tasks_size() ? absl::StrCat(", the first ", d.pending_tasks_size()) : "";
  return absl::StrCat("\n", style(Tone::kStrong, absl::StrCat("Tasks (", count, " pending", shown, ")")),
                      "\n", table.Format(style, 2));
}

std::string Timers(const v1::DescribeWorkflowResponse& d, const Style& style, int64_t now_ms) {
  if (d.pending_timers().empty()) return "";
  Table table({{"SEQ", Table::Align::kRight}, {"NAME"}, {"DUE"}});
  for (const v1::PendingTimer& timer : d.pending_timers()) {
    table.Add({absl::StrCat(timer.seq()), timer.name(), FullTime(timer.due_unix_ms(), now_ms)});
  }
  const int64_t count = std::max<int64_t>(d.pending_timer_count(), d.pending_timers_size());
  return absl::StrCat("\n", style(Tone::kStrong, absl::StrCat("Timers (", count, " pending)")), "\n",
                      table.Format(style, 2));
}

std::string Steps(const v1::DescribeWorkflowResponse& d, const Style& style) {
  if (d.pending_steps().empty()) return "";
  Table table({{"SEQ", Table::Align::kRight}, {"NAME"}});
  for (const v1::PendingStep& step : d.pending_steps()) table.Add({absl::StrCat(step.seq()), step.name()});
  return absl::StrCat("\n",
                      style(Tone::kStrong, absl::StrCat("Steps (", d.pending_steps_size(), " pending)")),
                      "\n", table.Format(style, 2));
}

}  // namespace

std::string FormatDescription(const v1::DescribeWorkflowResponse& d, const Style& style, int width,
                              int64_t now_unix_ms) {
  return absl::StrCat(Summary(d, style, width, now_unix_ms), Notes(d, style),
                      Activation(d, style, width, now_unix_ms), Tasks(d, style, now_unix_ms),
                      Timers(d, style, now_unix_ms), Steps(d, style));
}

}  // namespace perdure::cli
