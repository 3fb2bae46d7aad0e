// Subject: the engine under test, one run of it, with what a partition would have stored. Every input that
// goes in is followed by all checks; the first that fails stops the run.
#ifndef PERDURE_TESTS_MODEL_SUBJECT_H_
#define PERDURE_TESTS_MODEL_SUBJECT_H_

#include <cstdint>
#include <set>
#include <string>
#include <variant>

#include "server/engine/decide.h"
#include "server/engine/input.h"
#include "tests/model/coverage.h"
#include "tests/model/deliveries.h"
#include "tests/model/oracle.h"
#include "tests/model/profile.h"
#include "tests/unit/engine/stored_run.h"

namespace perdure::model {

using Input =
    std::variant<engine::StartInput, engine::SignalInput, engine::CancelInput, engine::TerminateInput,
                 engine::ActivationAnswerInput, engine::StepAnswerInput, engine::TaskAnswerInput,
                 engine::HeartbeatInput, engine::TakenInput, engine::TakenOverInput, engine::ReturnedInput,
                 engine::SpilledInput, engine::RedispatchInput, engine::CoroutineGoneInput, engine::TickInput,
                 engine::ReleaseHeldInput>;

// In the words of the API: "signal", "task answer", ...
const char* NameOf(const Input& input);

class Subject {
 public:
  // `profile`, `deliveries` and `coverage` must outlive it.
  Subject(const Profile& profile, Deliveries& deliveries, Coverage& coverage);

  // Decides, checks, stores, releases. False: something broke, and broken() says what. `in_the_mail`: see
  // Deliveries::Check.
  bool Take(const Input& input, int64_t now_ms, uint64_t random, const std::multiset<uint64_t>& in_the_mail);

  // The process dies and comes back: the state is folded from what is stored. The caller ticks next.
  bool Reload(int64_t now_ms, bool hold_tasks);
  // Writes a head; from now on reloads begin there.
  void WriteHead();
  // Compares the state with one folded from all that is stored.
  bool CheckStored();

  const engine::RunState& state() const { return state_; }
  const Oracle& oracle() const { return oracle_; }
  const engine::Decision& last() const { return last_; }
  const std::string& broken() const { return broken_; }
  bool Break(std::string what);

 private:
  engine::Decision DecideOnce(engine::RunState& state, Input input, int64_t now_ms, uint64_t random,
                              uint64_t& next_delivery) const;
  bool CheckTwin(engine::RunState& twin, const Input& input, int64_t now_ms, uint64_t random,
                 uint64_t next_delivery);
  bool CheckDecision(int64_t now_ms);
  bool TooEarly(int64_t seq, int64_t now_ms) const;
  bool CheckNextRun(int64_t now_ms);
  bool FoldIntoShadow();
  bool CheckState();

  const Profile& profile_;
  Deliveries& deliveries_;
  Coverage& coverage_;
  engine::RunState state_;
  // Evolved by what is stored only, never decided on.
  engine::RunState shadow_;
  engine::testing::StoredRun stored_;
  Oracle oracle_;
  uint64_t next_delivery_ = 1;
  engine::Decision last_;
  std::string broken_;
};

}  // namespace perdure::model

#endif  // PERDURE_TESTS_MODEL_SUBJECT_H_
