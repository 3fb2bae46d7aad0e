// Activations: telling workflow code what happened, and taking its answer.
//
//   phase       | event                                      | next
//   ------------+--------------------------------------------+------------------------------------------
//   none        | there are stimuli, or steps nobody runs     | queued (a new delivery)
//   delayed     | the start delay is over                     | none
//   queued      | a session took it                           | running
//   queued      | the queue's window is full                  | spilled
//   spilled     | there is room again                         | none
//   queued,     | answered with an advance                    | none, or the run is closed
//    running    | answered with a failure                     | backing off (a note is written)
//               | its session is lost                         | none
//   running     | activation_timeout                          | backing off (a note is written)
//   backing off | the backoff is over                         | none
//
// From `none`, stimuli that are waiting lead straight to the next activation.
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/inject.h"
#include "server/engine/bounds.h"
#include "server/engine/commands.h"
#include "server/engine/decide.h"
#include "server/engine/evolve.h"
#include "server/engine/live.h"
#include "server/engine/retry.h"
#include "server/engine/transition.h"

namespace perdure::engine {
namespace {

bool Out(const ActivationState& a) {
  return a.phase == ActivationPhase::kQueued || a.phase == ActivationPhase::kRunning;
}

void BackOff(Transition& t, v1::Failure failure) {
  const int32_t failed = t.s.activation_note ? t.s.activation_note->attempt() : 1;
  const int64_t wait =
      BackoffMs(t.env.limits->activation_retry_initial_ms, t.env.limits->activation_retry_max_ms, failed);
  CutToLimit(failure, *t.env.limits);
  t.d.activation_failure = failure;
  auto note = std::make_shared<records::NoteRecord>();
  note->set_seq(0);
  note->set_attempt(failed + 1);
  note->set_not_before_unix_ms(t.env.now_ms + wait);
  *note->mutable_last_failure() = std::move(failure);
  t.Write(std::move(note));
  t.s.affinity = 0;
  t.s.steps_in_hand = false;
  DelayActivation(t.s, ActivationPhase::kBackingOff, t.env.now_ms + wait, t.env.now_ms);
}

v1::Failure WorkerError(std::string message) {
  v1::Failure failure;
  failure.set_kind(v1::Failure::KIND_WORKER_ERROR);
  failure.set_message(std::move(message));
  return failure;
}

// Cancel commands reach beyond the history: to the worker that runs the task. Before the advance is emitted.
// The code may have cancelled a task more than once in one advance.
void CarryOutCancels(Transition& t, const v1::Advanced& advanced) {
  absl::flat_hash_set<int64_t> recalled;
  absl::flat_hash_set<int64_t> dropped;
  for (const v1::Command& command : advanced.commands()) {
    if (!command.has_cancel_task()) continue;
    auto it = t.s.tasks.find(command.cancel_task().seq());
    if (it == t.s.tasks.end()) continue;
    const auto& [seq, task] = *it;
    const bool wait = command.cancel_task().mode() == v1::CancelTask::MODE_WAIT;
    if ((!wait || task.phase == TaskPhase::kRunning) && recalled.insert(seq).second) {
      t.Recall(seq, task, "the workflow cancelled it");
    }
    if (!wait && dropped.insert(seq).second) t.DropTaskNote(seq);
  }
}

// Tasks that were to be cancelled, with the workflow waiting for the outcome, and that no worker has. After
// the advance was emitted.
void CancelUnstarted(Transition& t, const v1::Advanced& advanced) {
  for (const v1::Command& command : advanced.commands()) {
    if (!command.has_cancel_task() || command.cancel_task().mode() != v1::CancelTask::MODE_WAIT) continue;
    auto it = t.s.tasks.find(command.cancel_task().seq());
    if (it == t.s.tasks.end()) continue;
    // A held one may be running: its worker comes back with it, or the hold ends.
    const TaskPhase phase = it->second.phase;
    if (phase != TaskPhase::kRunning && phase != TaskPhase::kHeld) {
      t.Recall(it->first, it->second, "the workflow cancelled it");
      CancelPendingTask(t, it->first);
    }
  }
}

void CompleteSteps(Transition& t, v1::Advance& advance) {
  for (v1::StepCompleted& step : *advance.mutable_steps()) {
    if (!t.s.open() || !t.s.steps.contains(step.seq())) continue;
    if (step.has_failure()) CutToLimit(*step.mutable_failure(), *t.env.limits);
    auto event = t.NewEvent();
    *event->mutable_step_completed() = std::move(step);
    t.Emit(std::move(event));
  }
}

void TakeAdvance(Transition& t, ActivationAnswerInput& input) {
  v1::Advance& advance = *input.answer.mutable_advance();
  const ActivationState a = t.s.activation;
  t.s.activation = ActivationState{};
  t.s.affinity = input.session;
  t.DropActivationNote();
  auto event = t.NewEvent();
  v1::Advanced& advanced = *event->mutable_advanced();
  advanced.set_consumed_through(a.deliver_through);
  advanced.set_activation_time_unix_ms(a.time_ms);
  advanced.set_activation_id(a.delivery);
  if (input.identity) advanced.set_identity(*input.identity);
  if (input.build_id) advanced.set_build_id(*input.build_id);
  advanced.mutable_commands()->Swap(advance.mutable_commands());
  if (!advanced.commands().empty() && advanced.commands().rbegin()->has_fail_run()) {
    CutToLimit(*advanced.mutable_commands()->rbegin()->mutable_fail_run()->mutable_failure(), *t.env.limits);
  }
  // The end of a run recalls all that is out anyway.
  if (!Closes(*event)) CarryOutCancels(t, advanced);
  const EventPtr kept = event;
  t.Emit(std::move(event));
  if (!t.s.open()) return;
  if (!t.s.steps.empty()) t.s.steps_in_hand = true;
  CompleteSteps(t, advance);
  CancelUnstarted(t, kept->advanced());
}

}  // namespace

Decision Decide(RunState& state, ActivationAnswerInput input, const Env& env) {
  Transition t(state, env);
  const ActivationState& a = state.activation;
  const bool current = a.delivery == input.answer.token().delivery() || PERDURE_BUG(kSkipTokenCheck);
  if (!state.open() || !Out(a) || !current) return t.Stale();
  if (input.answer.has_failure()) {
    BackOff(t, std::move(*input.answer.mutable_failure()));
    return t.Finish();
  }
  if (!input.answer.has_advance()) {
    BackOff(t, WorkerError("the worker's answer to the activation holds neither an advance nor a failure"));
    return t.Finish();
  }
  if (input.answer.advance().consumed_through() != a.deliver_through) {
    BackOff(t, WorkerError(absl::StrCat("the worker says it consumed events through ",
                                        input.answer.advance().consumed_through(),
                                        ", but the activation delivered ", a.deliver_through)));
    return t.Finish();
  }
  if (std::string why = WhyInvalid(state, input.answer.advance(), *env.limits); !why.empty()) {
    BackOff(t, WorkerError(std::move(why)));
    return t.Finish();
  }
  TakeAdvance(t, input);
  return t.Finish();
}

Decision Decide(RunState& state, StepAnswerInput input, const Env& env) {
  Transition t(state, env);
  v1::StepCompleted& step = *input.answer.mutable_step();
  const auto pending = state.steps.find(step.seq());
  if (!state.open() || pending == state.steps.end()) return t.Stale();
  const uint64_t delivery = input.answer.token().delivery();
  if (delivery < pending->second.begun_in || delivery >= *env.next_delivery) return t.Stale();
  if (static_cast<int64_t>(step.result().data().size()) > env.limits->payload_bytes_max) {
    v1::Failure failure;
    failure.set_kind(v1::Failure::KIND_LIMIT);
    failure.set_message(absl::StrCat("the step's result has ", step.result().data().size(),
                                     " bytes, the limit payload_bytes_max is ",
                                     env.limits->payload_bytes_max));
    failure.set_non_retryable(true);
    *step.mutable_failure() = std::move(failure);
  }
  if (step.has_failure()) CutToLimit(*step.mutable_failure(), *env.limits);
  auto event = t.NewEvent();
  *event->mutable_step_completed() = std::move(step);
  t.Emit(std::move(event));
  return t.Finish();
}

Decision Decide(RunState& state, CoroutineGoneInput input, const Env& env) {
  Transition t(state, env);
  if (state.affinity == input.session) {
    state.affinity = 0;
    state.steps_in_hand = false;
  }
  return t.Finish();
}

// The credit is not given back: the worker's thread is still busy with it, and its late answer is stale.
Decision Decide(RunState& state, ActivationSweepInput, const Env& env) {
  Transition t(state, env);
  const ActivationState& a = state.activation;
  if (!state.open() || a.phase != ActivationPhase::kRunning ||
      env.now_ms < Later(a.since_ms, env.limits->activation_timeout_ms)) {
    return t.Stale();
  }
  v1::Failure failure;
  failure.set_kind(v1::Failure::KIND_TIMEOUT);
  failure.set_message(absl::StrCat("the worker", a.identity ? absl::StrCat(" ", *a.identity) : "",
                                   " did not answer the activation within activation_timeout (",
                                   env.limits->activation_timeout_ms,
                                   " ms): does workflow code block its thread, or loop?"));
  BackOff(t, std::move(failure));
  return t.Finish();
}

void ReleaseActivation(Transition& t) {
  RunState& s = t.s;
  if (s.activation.phase != ActivationPhase::kNone) return;
  if (s.unconsumed.empty() && (s.steps.empty() || s.steps_in_hand)) return;
  ActivationState& a = s.activation;
  a.delivery = t.env.NextDelivery();
  a.phase = ActivationPhase::kQueued;
  a.time_ms = a.since_ms = t.env.now_ms;
  const int32_t attempt = s.activation_note ? s.activation_note->attempt() : 1;

  Work work;
  work.kind = Work::Kind::kActivation;
  const v1::RunStarted& started = s.started();
  work.queue =
      QueueKey(started.namespace_(), started.task_queue(), WorkKind::kActivation, started.workflow_type());
  work.session = s.affinity;
  work.activation = std::make_unique<v1::Activation>();
  v1::Activation& m = *work.activation;
  *m.mutable_token() = t.Token(0, attempt, a.delivery);
  m.set_workflow_id(started.workflow_id());
  m.set_run_id(started.run_id());
  m.set_workflow_type(started.workflow_type());
  m.set_time_unix_ms(a.time_ms);
  m.set_activation_id(a.delivery);
  m.set_previous_activation_id(s.last_activation_id);
  m.set_history_through(s.last_advanced_id);
  m.set_attempt(attempt);
  a.deliver_through = s.consumed_through;
  int64_t bytes = 0;
  for (const EventPtr& event : s.unconsumed) {
    bytes += static_cast<int64_t>(event->ByteSizeLong());
    if (m.events_size() > 0 && (m.events_size() >= t.env.limits->activation_events_max ||
                                bytes > t.env.limits->activation_bytes_max)) {
      break;
    }
    *m.add_events() = *event;
    a.deliver_through = event->event_id();
  }
  m.set_deliver_through(a.deliver_through);
  for (const auto& [seq, step] : s.steps) m.add_pending_steps(seq);
  t.d.work.push_back(std::move(work));
}

}  // namespace perdure::engine
