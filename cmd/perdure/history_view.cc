// Words for every kind of event and command.
#include "cmd/perdure/history_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cmd/perdure/failure_text.h"
#include "cmd/perdure/payload_text.h"
#include "cmd/perdure/text.h"
#include "cmd/perdure/time_text.h"
#include "server/base/units.h"

namespace perdure::cli {
namespace {

constexpr size_t kTitleColumns = 16;
// "   12     1.20s  ".
constexpr size_t kLeadColumns = 17;

std::string WithPayload(std::string text, const v1::Payload& payload) {
  const std::string line = PayloadLine(payload);
  if (!line.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", line);
  return text;
}

std::string WithCause(const v1::Failure& failure) {
  std::string text = FailureLine(failure);
  if (failure.has_cause()) absl::StrAppend(&text, "; caused by: ", FailureLine(RootCause(failure)));
  return text;
}

std::string ReasonBy(const std::string& reason, const std::string& identity) {
  return absl::StrCat(reason, reason.empty() || identity.empty() ? "" : ", ", identity.empty() ? "" : "by ",
                      identity);
}

template <typename Answer>
std::string Attempt(const std::string& numbered, const Answer& answer, int64_t end_unix_ms) {
  std::string text = absl::StrCat(numbered, ", attempt ", answer.attempt());
  if (answer.started_unix_ms() > 0) {
    absl::StrAppend(&text, ", ",
                    ShortDuration(std::max<int64_t>(Between(answer.started_unix_ms(), end_unix_ms), 0)));
  }
  return text;
}

}  // namespace

std::string HistoryView::Numbered(int64_t seq) const {
  const auto it = names_.find(seq);
  return it == names_.end() || it->second.empty() ? absl::StrCat("#", seq)
                                                  : absl::StrCat("#", seq, " ", it->second);
}

std::string HistoryView::Remember(int64_t seq, const std::string& name) {
  names_[seq] = name;
  return Numbered(seq);
}

HistoryView::Line HistoryView::StartedLine(const v1::RunStarted& started) {
  std::string text = absl::StrCat(started.workflow_type(), " on ", started.task_queue());
  if (started.attempt() > 1) absl::StrAppend(&text, ", attempt ", started.attempt());
  if (started.not_before_unix_ms() > start_unix_ms_) {
    absl::StrAppend(&text, ", held back ",
                    ShortDuration(Between(start_unix_ms_, started.not_before_unix_ms())));
  }
  return {"run started", WithPayload(std::move(text), started.input()), Tone::kStrong};
}

HistoryView::Line HistoryView::EventLine(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kRunStarted:
      return StartedLine(event.run_started());
    case v1::Event::kAdvanced: {
      const v1::Advanced& advanced = event.advanced();
      const std::string by = advanced.identity().empty() ? "" : absl::StrCat(", by ", advanced.identity());
      return {"advanced", absl::StrCat("up to event ", advanced.consumed_through(), by), Tone::kFaint};
    }
    case v1::Event::kTaskCompleted: {
      const v1::TaskCompleted& done = event.task_completed();
      return {"task completed",
              WithPayload(Attempt(Numbered(done.seq()), done, event.time_unix_ms()), done.result()),
              Tone::kGood};
    }
    case v1::Event::kTaskFailed: {
      const v1::TaskFailed& failed = event.task_failed();
      return {"task failed",
              absl::StrCat(Attempt(Numbered(failed.seq()), failed, event.time_unix_ms()), ": ",
                           WithCause(failed.failure())),
              Tone::kBad};
    }
    case v1::Event::kTaskCancelled:
      return {"task cancelled",
              WithPayload(Numbered(event.task_cancelled().seq()), event.task_cancelled().details()),
              Tone::kWarning};
    case v1::Event::kStepCompleted: {
      const v1::StepCompleted& step = event.step_completed();
      if (step.has_failure())
        return {"step failed", absl::StrCat(Numbered(step.seq()), ": ", WithCause(step.failure())),
                Tone::kBad};
      return {"step completed", WithPayload(Numbered(step.seq()), step.result()), Tone::kGood};
    }
    case v1::Event::kTimerFired:
      return {"timer fired", Numbered(event.timer_fired().seq())};
    case v1::Event::kSignalReceived:
      return {"signal received",
              WithPayload(event.signal_received().name(), event.signal_received().input())};
    case v1::Event::kCancelRequested:
      return {"cancel requested",
              ReasonBy(event.cancel_requested().reason(), event.cancel_requested().identity()),
              Tone::kWarning};
    case v1::Event::kRunTerminated:
      return {"run terminated", ReasonBy(event.run_terminated().reason(), event.run_terminated().identity()),
              Tone::kWarning};
    case v1::Event::kRunTimedOut:
      return {"run timed out", event.run_timed_out().execution() ? "execution timeout" : "run timeout",
              Tone::kBad};
    case v1::Event::kRunAborted:
      return {"run aborted", WithCause(event.run_aborted().failure()), Tone::kBad};
    case v1::Event::BODY_NOT_SET:
      break;
  }
  return {"unknown", "an event that this version of perdure does not know", Tone::kWarning};
}

HistoryView::Line HistoryView::CommandLine(const v1::Command& command) {
  switch (command.body_case()) {
    case v1::Command::kScheduleTask: {
      const v1::ScheduleTask& task = command.schedule_task();
      std::string text = Remember(task.seq(), task.task_type());
      if (!task.task_queue().empty()) absl::StrAppend(&text, " on ", task.task_queue());
      return {"schedule task", WithPayload(std::move(text), task.input())};
    }
    case v1::Command::kCancelTask:
      return {"cancel task",
              absl::StrCat(
                  Numbered(command.cancel_task().seq()),
                  command.cancel_task().mode() == v1::CancelTask::MODE_WAIT ? ", waits for its answer" : "")};
    case v1::Command::kStartTimer: {
      const v1::StartTimer& timer = command.start_timer();
      return {"start timer", absl::StrCat(Remember(timer.seq(), timer.name()), ", ",
                                          base::FormatDurationMs(timer.delay_ms()))};
    }
    case v1::Command::kCancelTimer:
      return {"cancel timer", Numbered(command.cancel_timer().seq())};
    case v1::Command::kRunStep:
      return {"run step", Remember(command.run_step().seq(), command.run_step().name())};
    case v1::Command::kCompleteRun:
      return {"complete run", PayloadLine(command.complete_run().result()), Tone::kGood};
    case v1::Command::kFailRun:
      return {"fail run", WithCause(command.fail_run().failure()), Tone::kBad};
    case v1::Command::kCancelRun:
      return {"cancel run", PayloadLine(command.cancel_run().details()), Tone::kWarning};
    case v1::Command::BODY_NOT_SET:
      break;
  }
  return {"unknown", "a command that this version of perdure does not know", Tone::kWarning};
}

std::string HistoryView::Lay(const std::string& lead, size_t title_width, const Line& line) const {
  std::string detail = Printable(line.detail);
  const int used = static_cast<int>(lead.size() + title_width + 1);
  if (!full_) detail = Cut(detail, std::max(width_ - used, 20));
  const std::string gap =
      detail.empty() ? "" : std::string(title_width + 1 - std::min(title_width, line.title.size()), ' ');
  return absl::StrCat(lead, style_(line.tone, line.title), gap, detail, "\n");
}

std::string HistoryView::Format(const v1::Event& event) {
  if (start_unix_ms_ == 0) start_unix_ms_ = event.time_unix_ms();
  const std::string offset = ShortDuration(Between(start_unix_ms_, event.time_unix_ms()));
  std::string out =
      Lay(absl::StrFormat("%5d  %8s  ", event.event_id(), offset), kTitleColumns, EventLine(event));
  if (!event.has_advanced()) return out;
  for (const v1::Command& command : event.advanced().commands()) {
    out += Lay(std::string(kLeadColumns + 2, ' '), kTitleColumns - 2, CommandLine(command));
  }
  return out;
}

}  // namespace perdure::cli
