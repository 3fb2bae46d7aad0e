#include "server/engine/describe.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/engine/evolve.h"

namespace perdure::engine {
namespace {

v1::PendingTask::State StateOf(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::kReady:
    case TaskPhase::kQueued:
    case TaskPhase::kSpilled:
      return v1::PendingTask::STATE_QUEUED;
    case TaskPhase::kRunning:
      return v1::PendingTask::STATE_RUNNING;
    case TaskPhase::kBackingOff:
      return v1::PendingTask::STATE_BACKING_OFF;
    case TaskPhase::kHeld:
      return v1::PendingTask::STATE_HELD;
  }
  return v1::PendingTask::STATE_UNSPECIFIED;
}

v1::PendingActivation::State StateOf(ActivationPhase phase) {
  switch (phase) {
    case ActivationPhase::kNone:
      return v1::PendingActivation::STATE_UNSPECIFIED;
    case ActivationPhase::kDelayed:
      return v1::PendingActivation::STATE_DELAYED;
    case ActivationPhase::kQueued:
    case ActivationPhase::kSpilled:
      return v1::PendingActivation::STATE_QUEUED;
    case ActivationPhase::kRunning:
      return v1::PendingActivation::STATE_RUNNING;
    case ActivationPhase::kBackingOff:
      return v1::PendingActivation::STATE_BACKING_OFF;
  }
  return v1::PendingActivation::STATE_UNSPECIFIED;
}

// Details and failures in one description, together; past it they are left out or cut.
constexpr int64_t kDescribedBytesMax = 4 << 20;
constexpr size_t kCutMessageBytes = 1'000;

void DescribeFailure(const v1::Failure& failure, int64_t& budget, v1::Failure& out) {
  budget -= static_cast<int64_t>(failure.ByteSizeLong());
  if (budget >= 0) {
    out = failure;
    return;
  }
  out.set_kind(failure.kind());
  out.set_type(failure.type());
  out.set_message(failure.message().size() <= kCutMessageBytes ? failure.message()
                                                               : "(too long to be shown here)");
}

void DescribeTask(const RunState& s, int64_t seq, const PendingTask& task, int64_t& budget,
                  v1::PendingTask& out) {
  out.set_seq(seq);
  out.set_task_type(task.command->task_type());
  out.set_task_queue(task.command->task_queue().empty() ? s.started().task_queue()
                                                        : task.command->task_queue());
  out.set_state(StateOf(task.phase));
  out.set_attempt(task.attempt);
  out.set_scheduled_unix_ms(task.scheduled_ms);
  if (task.phase == TaskPhase::kBackingOff && task.note) {
    out.set_next_attempt_unix_ms(task.note->not_before_unix_ms());
  }
  if (task.note && task.note->has_last_failure()) {
    DescribeFailure(task.note->last_failure(), budget, *out.mutable_last_failure());
  }
  if (task.note && task.note->has_heartbeat_details()) {
    budget -= static_cast<int64_t>(task.note->heartbeat_details().ByteSizeLong());
    if (budget >= 0) *out.mutable_heartbeat_details() = task.note->heartbeat_details();
  }
  if (task.identity) out.set_identity(*task.identity);
  if (task.phase == TaskPhase::kRunning) {
    out.set_started_unix_ms(task.started_ms);
    out.set_last_heartbeat_unix_ms(task.heartbeat_ms);
  }
  out.set_cancel_requested(task.cancel_requested);
}

void DescribeActivation(const RunState& s, v1::PendingActivation& out) {
  const ActivationState& a = s.activation;
  out.set_state(StateOf(a.phase));
  out.set_attempt(s.activation_note ? s.activation_note->attempt() : 1);
  if (s.activation_note) *out.mutable_last_failure() = s.activation_note->last_failure();
  if (a.phase == ActivationPhase::kBackingOff || a.phase == ActivationPhase::kDelayed) {
    for (const Deadline& d : s.deadlines) {
      if (d.kind == DeadlineKind::kActivation) out.set_next_attempt_unix_ms(d.due_ms);
    }
  }
  if (a.identity) out.set_identity(*a.identity);
  out.set_since_unix_ms(a.since_ms);
}

}  // namespace

std::string StatusWord(v1::RunStatus status) {
  constexpr absl::string_view kPrefix = "RUN_STATUS_";
  return absl::AsciiStrToLower(absl::StrReplaceAll(v1::RunStatus_Name(status), {{kPrefix, ""}, {"_", " "}}));
}

v1::DescribeWorkflowResponse Describe(const RunState& s) {
  v1::DescribeWorkflowResponse out;
  int64_t budget = kDescribedBytesMax;
  const v1::RunStarted& started = s.started();
  v1::WorkflowSummary& summary = *out.mutable_summary();
  summary.set_workflow_id(started.workflow_id());
  summary.set_run_id(started.run_id());
  summary.set_workflow_type(started.workflow_type());
  summary.set_task_queue(started.task_queue());
  summary.set_status(s.status);
  summary.set_start_time_unix_ms(s.started_event->time_unix_ms());
  if (s.closing_event) summary.set_close_time_unix_ms(s.closing_event->time_unix_ms());
  summary.set_attempt(started.attempt());
  summary.set_history_events(s.last_event_id);
  out.set_history_bytes(s.history_bytes);
  *out.mutable_started() = started;
  out.set_cancel_requested(s.cancel_requested);
  if (s.activation.phase != ActivationPhase::kNone) DescribeActivation(s, *out.mutable_pending_activation());
  out.set_pending_task_count(static_cast<int64_t>(s.tasks.size()));
  for (const auto& [seq, task] : s.tasks) {
    if (out.pending_tasks_size() >= kDescribedItemsMax) break;
    DescribeTask(s, seq, task, budget, *out.add_pending_tasks());
  }
  out.set_pending_timer_count(static_cast<int64_t>(s.timers.size()));
  for (const auto& [seq, timer] : s.timers) {
    if (out.pending_timers_size() >= kDescribedItemsMax) break;
    v1::PendingTimer& t = *out.add_pending_timers();
    t.set_seq(seq);
    t.set_name(timer.name);
    t.set_due_unix_ms(timer.due_ms);
  }
  for (const auto& [seq, step] : s.steps) {
    if (out.pending_steps_size() >= kDescribedItemsMax) break;
    v1::PendingStep& p = *out.add_pending_steps();
    p.set_seq(seq);
    p.set_name(step.name);
  }
  if (s.closing_event) {
    v1::GetResultResponse outcome = Outcome(*s.closing_event, started.run_id());
    if (outcome.has_result()) *out.mutable_result() = std::move(*outcome.mutable_result());
    if (outcome.has_failure()) *out.mutable_failure() = std::move(*outcome.mutable_failure());
  }
  return out;
}

v1::GetResultResponse Outcome(const v1::Event& closing, const std::string& run_id) {
  v1::GetResultResponse out;
  out.set_status(StatusAfter(closing));
  out.set_run_id(run_id);
  out.set_close_time_unix_ms(closing.time_unix_ms());
  if (closing.has_run_terminated()) {
    out.mutable_failure()->set_kind(v1::Failure::KIND_TERMINATED);
    const std::string& reason = closing.run_terminated().reason();
    out.mutable_failure()->set_message(reason.empty() ? "terminated, no reason given" : reason);
  } else if (closing.has_run_timed_out()) {
    out.mutable_failure()->set_kind(v1::Failure::KIND_TIMEOUT);
    out.mutable_failure()->set_timeout(v1::Failure::TIMEOUT_RUN);
    out.mutable_failure()->set_message(closing.run_timed_out().execution() ? "the execution timeout passed"
                                                                           : "the run timeout passed");
  } else if (closing.has_run_aborted()) {
    *out.mutable_failure() = closing.run_aborted().failure();
  } else if (closing.has_advanced()) {
    const v1::Command& last = *closing.advanced().commands().rbegin();
    if (last.has_complete_run()) {
      *out.mutable_result() = last.complete_run().result();
    } else if (last.has_fail_run()) {
      *out.mutable_failure() = last.fail_run().failure();
    } else if (last.has_cancel_run()) {
      out.mutable_failure()->set_kind(v1::Failure::KIND_CANCELLED);
      out.mutable_failure()->set_message("cancelled");
      *out.mutable_failure()->mutable_details() = last.cancel_run().details();
    }
  }
  return out;
}

}  // namespace perdure::engine
