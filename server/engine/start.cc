// Starting a run, and what clients send to one that is there.
//
//   input      | run is open                       | run is closed
//   -----------+-----------------------------------+---------------------------------------------
//   signal     | SignalReceived                    | refused, unless the request id was seen before
//   cancel     | CancelRequested, once             | refused, unless the request id was seen before
//   terminate  | RunTerminated: closed             | refused, unless the request id was seen before
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/decide.h"
#include "server/engine/describe.h"
#include "server/engine/live.h"
#include "server/engine/transition.h"

namespace perdure::engine {
namespace {

absl::Status ClosedError(const RunState& s) {
  return absl::FailedPreconditionError(absl::StrCat("workflow '", s.started().workflow_id(), "', run ",
                                                    s.started().run_id(),
                                                    ", is closed: ", StatusWord(s.status)));
}

}  // namespace

Decision Decide(RunState& state, StartInput input, const Env& env) {
  Transition t(state, env);
  auto event = t.NewEvent();
  *event->mutable_run_started() = std::move(input.started);
  const int64_t not_before = event->run_started().not_before_unix_ms();
  t.Emit(std::move(event));
  if (not_before > env.now_ms) DelayActivation(state, ActivationPhase::kDelayed, not_before, env.now_ms);
  return t.Finish();
}

Decision Decide(RunState& state, SignalInput input, const Env& env) {
  Transition t(state, env);
  if (state.request_ids.Contains(input.signal.request_id())) return t.Finish();
  if (!state.open()) return t.Refuse(ClosedError(state));
  if (state.pending_signals >= env.limits->pending_signals_per_run_max) {
    return t.Refuse(absl::ResourceExhaustedError(absl::StrCat(
        "workflow '", state.started().workflow_id(), "' has ", state.pending_signals,
        " signals that its code has not seen yet, the limit pending_signals_per_run_max; send more slowly, "
        "or see why the run makes no progress (perdure workflow describe)")));
  }
  auto event = t.NewEvent();
  *event->mutable_signal_received() = std::move(input.signal);
  t.Emit(std::move(event));
  return t.Finish();
}

Decision Decide(RunState& state, CancelInput input, const Env& env) {
  Transition t(state, env);
  if (state.request_ids.Contains(input.cancel.request_id())) return t.Finish();
  if (!state.open()) return t.Refuse(ClosedError(state));
  // Asking twice is asking once.
  if (state.cancel_requested) return t.Finish();
  auto event = t.NewEvent();
  *event->mutable_cancel_requested() = std::move(input.cancel);
  t.Emit(std::move(event));
  return t.Finish();
}

Decision Decide(RunState& state, TerminateInput input, const Env& env) {
  Transition t(state, env);
  if (state.request_ids.Contains(input.terminate.request_id())) return t.Finish();
  if (!state.open()) return t.Refuse(ClosedError(state));
  auto event = t.NewEvent();
  *event->mutable_run_terminated() = std::move(input.terminate);
  t.Emit(std::move(event));
  return t.Finish();
}

}  // namespace perdure::engine
