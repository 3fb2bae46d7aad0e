// What dispatch tells of a delivery: it was taken, it came back, it found no room. One token means one
// delivery of an activation (seq 0) or of a task; about any other delivery than the current one, it is stale.
#include <utility>

#include "server/engine/decide.h"
#include "server/engine/live.h"
#include "server/engine/transition.h"

namespace perdure::engine {
namespace {

bool CurrentActivation(const RunState& s, const v1::WorkToken& token) {
  return s.open() && token.seq() == 0 && s.activation.delivery == token.delivery() &&
         (s.activation.phase == ActivationPhase::kQueued || s.activation.phase == ActivationPhase::kRunning);
}

PendingTask* CurrentTask(RunState& s, const v1::WorkToken& token) {
  if (!s.open()) return nullptr;
  auto it = s.tasks.find(token.seq());
  if (it == s.tasks.end() || it->second.delivery != token.delivery()) return nullptr;
  const TaskPhase phase = it->second.phase;
  return phase == TaskPhase::kQueued || phase == TaskPhase::kRunning ? &it->second : nullptr;
}

}  // namespace

Decision Decide(RunState& state, TakenInput input, const Env& env) {
  Transition t(state, env);
  if (CurrentActivation(state, input.token)) {
    state.activation.phase = ActivationPhase::kRunning;
    state.activation.session = input.session;
    state.activation.identity = std::move(input.identity);
    state.activation.since_ms = env.now_ms;
  } else if (PendingTask* task = CurrentTask(state, input.token)) {
    task->started_ms = task->heartbeat_ms = env.now_ms;
    SetPhase(state, input.token.seq(), *task, TaskPhase::kRunning);
    task->session = input.session;
    task->identity = std::move(input.identity);
  } else {
    return t.Stale();
  }
  return t.Finish();
}

Decision Decide(RunState& state, ReturnedInput input, const Env& env) {
  Transition t(state, env);
  if (CurrentActivation(state, input.token)) {
    state.activation = ActivationState{};
    state.affinity = 0;
    state.steps_in_hand = false;
  } else if (PendingTask* task = CurrentTask(state, input.token)) {
    if (input.begun) {
      v1::Failure failure;
      failure.set_kind(v1::Failure::KIND_WORKER_LOST);
      failure.set_message(task->identity ? "the worker that ran it is gone: " + *task->identity
                                         : "the worker that ran it is gone");
      FailAttempt(t, input.token.seq(), std::move(failure));
    } else {
      SetPhase(state, input.token.seq(), *task, TaskPhase::kReady);
    }
  } else {
    return t.Stale();
  }
  return t.Finish();
}

Decision Decide(RunState& state, SpilledInput input, const Env& env) {
  Transition t(state, env);
  if (CurrentActivation(state, input.token)) {
    state.activation = ActivationState{};
    state.activation.phase = ActivationPhase::kSpilled;
    state.activation.since_ms = env.now_ms;
  } else if (PendingTask* task = CurrentTask(state, input.token)) {
    SetPhase(state, input.token.seq(), *task, TaskPhase::kSpilled);
  } else {
    return t.Stale();
  }
  return t.Finish();
}

Decision Decide(RunState& state, RedispatchInput input, const Env& env) {
  Transition t(state, env);
  if (input.seq == 0) {
    if (state.activation.phase != ActivationPhase::kSpilled) return t.Stale();
    state.activation = ActivationState{};
  } else {
    auto it = state.tasks.find(input.seq);
    if (it == state.tasks.end() || it->second.phase != TaskPhase::kSpilled) return t.Stale();
    SetPhase(state, input.seq, it->second, TaskPhase::kReady);
  }
  return t.Finish();
}

}  // namespace perdure::engine
