// What happens when a deadline has passed. Deadlines of one run fire in the order they fall due.
#include "server/engine/decide.h"
#include "server/engine/live.h"
#include "server/engine/transition.h"

namespace perdure::engine {
namespace {

void TimeOut(Transition& t, bool execution) {
  auto event = t.NewEvent();
  event->mutable_run_timed_out()->set_execution(execution);
  t.Emit(std::move(event));
}

void FireTimer(Transition& t, int64_t seq) {
  auto event = t.NewEvent();
  event->mutable_timer_fired()->set_seq(seq);
  t.Emit(std::move(event));
}

void Fire(Transition& t, const Deadline& deadline) {
  switch (deadline.kind) {
    case DeadlineKind::kRunTimeout:
      return TimeOut(t, false);
    case DeadlineKind::kExecutionTimeout:
      return TimeOut(t, true);
    case DeadlineKind::kActivation:
      t.s.deadlines.erase(deadline);
      t.s.activation = ActivationState{};
      return;
    case DeadlineKind::kTimer:
      return FireTimer(t, deadline.seq);
    case DeadlineKind::kTask:
      return TaskDue(t, deadline.seq);
  }
}

}  // namespace

Decision Decide(RunState& state, TickInput, const Env& env) {
  Transition t(state, env);
  while (state.open() && !state.deadlines.empty() && state.deadlines.begin()->due_ms <= env.now_ms) {
    const Deadline deadline = *state.deadlines.begin();
    Fire(t, deadline);
  }
  return t.Finish();
}

}  // namespace perdure::engine
