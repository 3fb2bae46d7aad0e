// EngineHarness: one run, a clock that the test moves, and what a partition would have stored of it. Every
// input that goes in is followed by a check of all invariants and by a comparison of the live state with the
// fold of what is stored, so that each behaviour test tests those too.
//
//   EngineHarness h;
//   h.Start();
//   h.AnswerActivation({Schedule("charge")});
//   h.FailTask(1, Error("Timeout"));
//   h.Advance(200);
//   EXPECT_EQ(h.task(1).attempt(), 2);
//   h.CompleteTask(1, "42");
//
// Work that a decision hands out is taken by a worker session at once when a helper needs it to be.
#ifndef PERDURE_TESTS_UNIT_ENGINE_HARNESS_H_
#define PERDURE_TESTS_UNIT_ENGINE_HARNESS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "perdure/v1/worker_service.pb.h"
#include "server/engine/decide.h"
#include "server/engine/decision.h"
#include "server/engine/state.h"
#include "tests/unit/engine/commands.h"
#include "tests/unit/engine/stored_run.h"

namespace perdure::engine::testing {

inline constexpr SessionNumber kSession = 11;
inline constexpr SessionNumber kOtherSession = 12;
inline constexpr int64_t kStartTimeMs = 1'700'000'000'000;

// A start as the API would make it of a plain request at kStartTimeMs.
v1::RunStarted Started();

class EngineHarness {
 public:
  EngineHarness();

  // ---- what the test may set before or between inputs ----
  Limits limits;
  uint64_t random = 0;

  // ---- inputs ----
  const Decision& Start(v1::RunStarted started = Started());
  const Decision& Signal(std::string name, std::string request_id = "", std::string json = "null");
  const Decision& RequestCancel(std::string request_id = "", std::string reason = "");
  const Decision& Terminate(std::string request_id = "", std::string reason = "");

  const Decision& TakeActivation(SessionNumber session = kSession);
  // Takes the activation first if nobody did. Consumes all that it delivered.
  const Decision& AnswerActivation(std::vector<v1::Command> commands,
                                   std::vector<v1::StepCompleted> steps = {});
  const Decision& FailActivation(v1::Failure failure);
  const Decision& ReturnActivation(bool begun = true);
  // As it is, for answers that are wrong on purpose.
  const Decision& SendActivationAnswer(v1::ActivationAnswer answer, SessionNumber session = kSession);
  // The answer that AnswerActivation would send.
  v1::ActivationAnswer MakeAnswer(std::vector<v1::Command> commands) const;
  const Decision& AnswerStep(v1::StepCompleted step);
  const Decision& SendStepAnswer(v1::StepAnswer answer);
  const Decision& LoseCoroutine(SessionNumber session = kSession);

  const Decision& TakeTask(int64_t seq, SessionNumber session = kSession);
  // These take the task first if nobody did.
  const Decision& CompleteTask(int64_t seq, std::string json);
  const Decision& FailTask(int64_t seq, v1::Failure failure);
  const Decision& AnswerCancelled(int64_t seq, std::string json = "null");
  const Decision& Heartbeat(int64_t seq, std::optional<std::string> json = std::nullopt);
  const Decision& ReturnTask(int64_t seq, bool begun);
  const Decision& SendTaskAnswer(v1::TaskAnswer answer);

  const Decision& Spill(const v1::WorkToken& token);
  const Decision& Redispatch(int64_t seq);
  const Decision& TakeOver(const v1::WorkToken& token, int64_t running_ms = 0,
                           SessionNumber session = kSession);
  const Decision& ReleaseHeld();
  const Decision& Tick();

  template <typename Input>
  const Decision& Apply(Input input) {
    return Took(Decide(state_, std::move(input), MakeEnv()));
  }

  // ---- time ----
  int64_t now_ms() const { return now_ms_; }
  // Moves the clock on, with a tick at each deadline on the way and one at the end; last() is that one's.
  void Advance(int64_t ms);
  // Moves the clock without a tick.
  void Wait(int64_t ms) { now_ms_ += ms; }

  // ---- the process dies, or the run leaves memory ----
  // Folds the run from what is stored, with nothing in anybody's hands.
  const Decision& Restart(bool hold_tasks = false);
  // Writes a head and loads the run from it. Fails the test if the run has none.
  const Decision& EvictAndLoad();

  // ---- what came of it ----
  const RunState& state() const { return state_; }
  const StoredRun& stored() const { return stored_; }
  const Decision& last() const { return last_; }
  // What was handed out last; fails the test if nothing ever was.
  const v1::Activation& activation() const;
  const v1::TaskDelivery& task(int64_t seq) const;
  TaskPhase phase(int64_t seq) const;
  // The event that the last decision appended last.
  const v1::Event& last_event() const;

 private:
  Env MakeEnv();
  const Decision& Took(Decision decision);
  void Check();

  int64_t now_ms_ = kStartTimeMs;
  uint64_t next_delivery_ = 1'000;
  RunState state_;
  StoredRun stored_;
  Decision last_;
  std::optional<v1::Activation> activation_;
  std::map<int64_t, v1::TaskDelivery> tasks_;
};

// ---- what a decision says, in words ----

// "run_started", "advanced", "task_failed", ...
std::vector<std::string> Events(const Decision& decision);
// "activation 2", "task 3 attempt 1", "cancel task 3", "withdraw task 3", "withdraw activation", "evict".
std::vector<std::string> Works(const Decision& decision);

}  // namespace perdure::engine::testing

#endif  // PERDURE_TESTS_UNIT_ENGINE_HARNESS_H_
