// Tasks: from ScheduleTask to its one outcome.
//
//   phase       | event                                   | next
//   ------------+-----------------------------------------+-----------------------------------------
//   ready       | the transition ends                     | queued (a new delivery), or TaskCancelled if that
//               |                                         |   was asked for
//   queued      | a session took it                       | running
//   queued      | the queue's window is full              | spilled
//   spilled     | there is room again                     | ready
//   running     | result                                  | TaskCompleted
//   running     | failure, timeout of the attempt, worker | backing off (a note is written), or TaskFailed if
//               |   lost                                  |   it is not retryable or attempts are exhausted
//   running     | "cancelled", after it was asked for     | TaskCancelled
//   running     | heartbeat                               | running (details go into the note)
//   backing off | the backoff is over                     | ready
//   held        | its worker came back with it            | running
//   held        | the hold is over                        | ready
//   any         | schedule-to-close                       | TaskFailed
//   ready,      | schedule-to-start, before the first     | TaskFailed
//    queued,    |   attempt was taken                     |
//    spilled    |                                         |
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/inject.h"
#include "server/engine/bounds.h"
#include "server/engine/decide.h"
#include "server/engine/live.h"
#include "server/engine/retry.h"
#include "server/engine/transition.h"

namespace perdure::engine {
namespace {

std::string Source(int64_t seq, const PendingTask& task) {
  return absl::StrCat("task ", task.command->task_type(), " (seq ", seq, ", attempt ", task.attempt, ")");
}

v1::Failure TimeoutFailure(v1::Failure::Timeout timeout, std::string message) {
  v1::Failure failure;
  failure.set_kind(v1::Failure::KIND_TIMEOUT);
  failure.set_timeout(timeout);
  failure.set_message(std::move(message));
  return failure;
}

// Ends the task with a failure that workflow code will see.
void EmitFailed(Transition& t, int64_t seq, v1::Failure failure) {
  const PendingTask& task = t.s.tasks.at(seq);
  auto event = t.NewEvent();
  v1::TaskFailed& failed = *event->mutable_task_failed();
  failed.set_seq(seq);
  failed.set_attempt(task.attempt);
  failed.set_started_unix_ms(task.started_ms);
  if (task.identity) failed.set_identity(*task.identity);
  if (failure.source().empty()) failure.set_source(Source(seq, task));
  *failed.mutable_failure() = std::move(failure);
  t.DropTaskNote(seq);
  t.Emit(std::move(event));
}

void EmitCompleted(Transition& t, int64_t seq, v1::Payload* result) {
  const PendingTask& task = t.s.tasks.at(seq);
  auto event = t.NewEvent();
  v1::TaskCompleted& completed = *event->mutable_task_completed();
  completed.set_seq(seq);
  *completed.mutable_result() = std::move(*result);
  completed.set_attempt(task.attempt);
  completed.set_started_unix_ms(task.started_ms);
  if (task.identity) completed.set_identity(*task.identity);
  t.DropTaskNote(seq);
  if (PERDURE_BUG(kApplyAnswerTwice)) {
    auto again = t.NewEvent();
    *again->mutable_task_completed() = completed;
    t.Emit(std::move(event));
    again->set_event_id(t.s.last_event_id + 1);
    return t.Emit(std::move(again));
  }
  t.Emit(std::move(event));
}

void WriteRetryNote(Transition& t, int64_t seq, const PendingTask& task, v1::Failure failure,
                    int64_t not_before) {
  auto note = std::make_shared<records::NoteRecord>();
  note->set_seq(seq);
  note->set_attempt(task.attempt + 1);
  note->set_not_before_unix_ms(not_before);
  if (task.note && task.note->has_heartbeat_details()) {
    *note->mutable_heartbeat_details() = task.note->heartbeat_details();
  }
  *note->mutable_last_failure() = std::move(failure);
  t.Write(std::move(note));
}

// The task that the token means, if it is the delivery that is current; else null.
PendingTask* Current(RunState& s, const v1::WorkToken& token) {
  if (!s.open()) return nullptr;
  auto it = s.tasks.find(token.seq());
  if (it == s.tasks.end()) return nullptr;
  PendingTask& task = it->second;
  const bool out = task.phase == TaskPhase::kQueued || task.phase == TaskPhase::kRunning;
  const bool current = task.delivery == token.delivery() && task.attempt == token.attempt();
  if (!out || (!current && !PERDURE_BUG(kSkipTokenCheck))) return nullptr;
  return &task;
}

Work Delivery(Transition& t, int64_t seq, PendingTask& task) {
  const v1::ScheduleTask& c = *task.command;
  const v1::RunStarted& started = t.s.started();
  Work work;
  work.kind = Work::Kind::kTask;
  const std::string& queue = c.task_queue().empty() ? started.task_queue() : c.task_queue();
  work.queue = QueueKey(started.namespace_(), queue, WorkKind::kTask, c.task_type());
  work.task = std::make_unique<v1::TaskDelivery>();
  v1::TaskDelivery& m = *work.task;
  *m.mutable_token() = t.Token(seq, task.attempt, task.delivery);
  m.set_workflow_id(started.workflow_id());
  m.set_run_id(started.run_id());
  m.set_workflow_type(started.workflow_type());
  m.set_task_type(c.task_type());
  m.set_task_queue(queue);
  m.set_seq(seq);
  *m.mutable_input() = c.input();
  m.set_attempt(task.attempt);
  if (c.has_timeouts()) *m.mutable_timeouts() = c.timeouts();
  m.set_scheduled_unix_ms(task.scheduled_ms);
  if (c.timeouts().schedule_to_close_ms() > 0) {
    m.set_deadline_unix_ms(Later(task.scheduled_ms, c.timeouts().schedule_to_close_ms()));
  }
  if (task.note) {
    if (task.note->has_heartbeat_details()) *m.mutable_heartbeat_details() = task.note->heartbeat_details();
    if (task.note->has_last_failure()) *m.mutable_last_failure() = task.note->last_failure();
  }
  return work;
}

}  // namespace

void ReleaseTasks(Transition& t) {
  if (t.s.ready.empty()) return;
  std::vector<int64_t> ready;
  ready.swap(t.s.ready);
  for (const int64_t seq : ready) {
    auto it = t.s.tasks.find(seq);
    if (it == t.s.tasks.end() || it->second.phase != TaskPhase::kReady) continue;
    if (it->second.cancel_requested) {
      // It was to be cancelled while a worker had it, and now none has.
      CancelPendingTask(t, seq);
      continue;
    }
    it->second.delivery = t.env.NextDelivery();
    SetPhase(t.s, seq, it->second, TaskPhase::kQueued);
    t.d.work.push_back(Delivery(t, seq, it->second));
  }
}

void CancelPendingTask(Transition& t, int64_t seq, v1::Payload* details) {
  const PendingTask& task = t.s.tasks.at(seq);
  auto event = t.NewEvent();
  v1::TaskCancelled& cancelled = *event->mutable_task_cancelled();
  cancelled.set_seq(seq);
  cancelled.set_attempt(task.attempt);
  if (task.identity) cancelled.set_identity(*task.identity);
  if (details != nullptr && static_cast<int64_t>(details->data().size()) <= t.env.limits->payload_bytes_max) {
    *cancelled.mutable_details() = std::move(*details);
  }
  t.DropTaskNote(seq);
  t.Emit(std::move(event));
}

void FailAttempt(Transition& t, int64_t seq, v1::Failure failure) {
  PendingTask& task = t.s.tasks.at(seq);
  CutToLimit(failure, *t.env.limits);
  if (failure.source().empty()) failure.set_source(Source(seq, task));
  if (task.cancel_requested) {
    if (failure.kind() == v1::Failure::KIND_APPLICATION) {
      EmitFailed(t, seq, std::move(failure));
    } else {
      CancelPendingTask(t, seq);
    }
    return;
  }
  const std::optional<int64_t> delay =
      RetryDelayMs(task.command->retry_policy(), task.attempt, failure, t.env.random);
  const int64_t close_ms = task.command->timeouts().schedule_to_close_ms();
  const bool too_late =
      delay && close_ms > 0 && Later(t.env.now_ms, *delay) >= Later(task.scheduled_ms, close_ms);
  if (!delay || too_late) {
    EmitFailed(t, seq, std::move(failure));
    return;
  }
  WriteRetryNote(t, seq, task, std::move(failure), Later(t.env.now_ms, *delay));
  SetPhase(t.s, seq, task, TaskPhase::kBackingOff);
}

void TaskDue(Transition& t, int64_t seq) {
  PendingTask& task = t.s.tasks.at(seq);
  const v1::TaskTimeouts& limits = task.command->timeouts();
  const int64_t now = t.env.now_ms;
  if (limits.schedule_to_close_ms() > 0 && now >= Later(task.scheduled_ms, limits.schedule_to_close_ms())) {
    t.Recall(seq, task, "schedule_to_close timeout");
    v1::Failure failure =
        TimeoutFailure(v1::Failure::TIMEOUT_SCHEDULE_TO_CLOSE,
                       absl::StrCat("not done within schedule_to_close (", limits.schedule_to_close_ms(),
                                    " ms), in ", task.attempt, task.attempt == 1 ? " attempt" : " attempts"));
    if (task.note && task.note->has_last_failure()) *failure.mutable_cause() = task.note->last_failure();
    EmitFailed(t, seq, std::move(failure));
  } else if (task.phase == TaskPhase::kBackingOff) {
    SetPhase(t.s, seq, task, TaskPhase::kReady);
  } else if (task.phase != TaskPhase::kRunning) {
    t.Recall(seq, task, "schedule_to_start timeout");
    EmitFailed(t, seq,
               TimeoutFailure(v1::Failure::TIMEOUT_SCHEDULE_TO_START,
                              absl::StrCat("no worker took it within schedule_to_start (",
                                           limits.schedule_to_start_ms(), " ms)")));
  } else if (limits.start_to_close_ms() > 0 && now >= Later(task.started_ms, limits.start_to_close_ms())) {
    t.Recall(seq, task, "start_to_close timeout");
    FailAttempt(t, seq,
                TimeoutFailure(v1::Failure::TIMEOUT_START_TO_CLOSE,
                               absl::StrCat("the attempt ran longer than start_to_close (",
                                            limits.start_to_close_ms(), " ms)")));
  } else {
    t.Recall(seq, task, "heartbeat timeout");
    FailAttempt(t, seq,
                TimeoutFailure(v1::Failure::TIMEOUT_HEARTBEAT,
                               absl::StrCat("no heartbeat for longer than the heartbeat timeout (",
                                            limits.heartbeat_ms(), " ms)")));
  }
}

Decision Decide(RunState& state, TaskAnswerInput input, const Env& env) {
  Transition t(state, env);
  v1::TaskAnswer& answer = input.answer;
  PendingTask* task = Current(state, answer.token());
  if (task == nullptr) return t.Stale();
  const int64_t seq = answer.token().seq();
  if (!task->identity) task->identity = input.identity;
  if (answer.has_cancelled() && !task->cancel_requested) {
    v1::Failure failure;
    failure.set_kind(v1::Failure::KIND_CANCELLED);
    failure.set_message("the task says it was cancelled, but the workflow had not asked for that");
    FailAttempt(t, seq, std::move(failure));
  } else if (answer.has_cancelled()) {
    CancelPendingTask(t, seq, answer.mutable_cancelled()->mutable_details());
  } else if (answer.has_failure()) {
    FailAttempt(t, seq, std::move(*answer.mutable_failure()));
  } else if (static_cast<int64_t>(answer.result().data().size()) > env.limits->payload_bytes_max) {
    v1::Failure failure;
    failure.set_kind(v1::Failure::KIND_LIMIT);
    failure.set_non_retryable(true);
    failure.set_message(absl::StrCat("the task's result has ", answer.result().data().size(),
                                     " bytes, the limit payload_bytes_max is ", env.limits->payload_bytes_max,
                                     "; keep large data elsewhere and return a reference"));
    FailAttempt(t, seq, std::move(failure));
  } else if (answer.has_result()) {
    EmitCompleted(t, seq, answer.mutable_result());
  } else {
    v1::Failure failure;
    failure.set_kind(v1::Failure::KIND_WORKER_ERROR);
    failure.set_message(
        "the worker's answer holds neither a result nor a failure; is its SDK newer than the server?");
    FailAttempt(t, seq, std::move(failure));
  }
  return t.Finish();
}

Decision Decide(RunState& state, HeartbeatInput input, const Env& env) {
  Transition t(state, env);
  PendingTask* task = Current(state, input.heartbeat.token());
  if (task == nullptr) return t.Stale();
  task->heartbeat_ms = env.now_ms;
  const int64_t seq = input.heartbeat.token().seq();
  Rearm(state, seq, *task);
  const auto bytes = static_cast<int64_t>(input.heartbeat.details().data().size());
  if (input.heartbeat.has_details() && bytes <= env.limits->payload_bytes_max) {
    auto note = std::make_shared<records::NoteRecord>();
    if (task->note) *note = *task->note;
    note->set_seq(seq);
    note->set_attempt(task->attempt);
    *note->mutable_heartbeat_details() = std::move(*input.heartbeat.mutable_details());
    t.Write(std::move(note));
  }
  return t.Finish();
}

Decision Decide(RunState& state, TakenOverInput input, const Env& env) {
  Transition t(state, env);
  auto it = state.open() ? state.tasks.find(input.token.seq()) : state.tasks.end();
  if (it == state.tasks.end() || it->second.attempt != input.token.attempt() ||
      it->second.phase == TaskPhase::kRunning || it->second.phase == TaskPhase::kBackingOff ||
      input.token.delivery() >= *env.next_delivery) {
    return t.Stale();
  }
  PendingTask& task = it->second;
  // It may wait in a queue for somebody else by now: first come.
  t.Recall(it->first, task, "its worker came back with it");
  task.delivery = input.token.delivery();
  task.started_ms = env.now_ms - std::clamp<int64_t>(input.running_ms, 0, env.now_ms);
  task.heartbeat_ms = env.now_ms;
  SetPhase(state, it->first, task, TaskPhase::kRunning);
  task.session = input.session;
  task.identity = std::move(input.identity);
  // The worker may not have heard of it before the restart.
  if (task.cancel_requested) t.Recall(it->first, task, "the workflow cancelled it");
  return t.Finish();
}

Decision Decide(RunState& state, ReleaseHeldInput, const Env& env) {
  Transition t(state, env);
  if (state.hold_tasks) {
    state.hold_tasks = false;
    for (auto& [seq, task] : state.tasks) {
      if (task.phase != TaskPhase::kHeld) continue;
      task.waiting_since_ms = env.now_ms;
      SetPhase(state, seq, task, TaskPhase::kReady);
    }
  }
  return t.Finish();
}

}  // namespace perdure::engine
