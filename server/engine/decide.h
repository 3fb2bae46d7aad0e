// Decide: what a run does about one input.
//
//   engine::Decision d = engine::Decide(state, engine::SignalInput{...}, env);
//
// Pure: the same state, input and env give the same decision. The state is evolved in place, by the
// decision's own events (Evolve), so that a caller that does not go on with a decision must throw the state
// away too.
#ifndef PERDURE_SERVER_ENGINE_DECIDE_H_
#define PERDURE_SERVER_ENGINE_DECIDE_H_

#include "server/engine/decision.h"
#include "server/engine/input.h"
#include "server/engine/state.h"

namespace perdure::engine {

Decision Decide(RunState& state, StartInput input, const Env& env);
Decision Decide(RunState& state, SignalInput input, const Env& env);
Decision Decide(RunState& state, CancelInput input, const Env& env);
Decision Decide(RunState& state, TerminateInput input, const Env& env);
Decision Decide(RunState& state, ActivationAnswerInput input, const Env& env);
Decision Decide(RunState& state, StepAnswerInput input, const Env& env);
Decision Decide(RunState& state, TaskAnswerInput input, const Env& env);
Decision Decide(RunState& state, HeartbeatInput input, const Env& env);
Decision Decide(RunState& state, TakenInput input, const Env& env);
Decision Decide(RunState& state, TakenOverInput input, const Env& env);
Decision Decide(RunState& state, ReturnedInput input, const Env& env);
Decision Decide(RunState& state, SpilledInput input, const Env& env);
Decision Decide(RunState& state, RedispatchInput input, const Env& env);
Decision Decide(RunState& state, CoroutineGoneInput input, const Env& env);
Decision Decide(RunState& state, ActivationSweepInput input, const Env& env);
Decision Decide(RunState& state, TickInput input, const Env& env);
Decision Decide(RunState& state, ReleaseHeldInput input, const Env& env);

}  // namespace perdure::engine

#endif  // PERDURE_SERVER_ENGINE_DECIDE_H_
